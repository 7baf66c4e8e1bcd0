"""Watching over people: rules over a window, judged when readings have changed, away from the hot path."""
