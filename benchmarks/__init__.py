"""Measurements: one file per figure, and the load they are measured under."""
