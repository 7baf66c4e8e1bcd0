"""WHAT BECOMES OF AN ALERT: one episode however many readings, seen by somebody or handed on, over when it is over."""
