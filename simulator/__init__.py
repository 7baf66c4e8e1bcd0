"""Plays believable homes over real MQTT, so that there is something to look at and something to load with."""

from simulator.command import main

__all__ = ["main"]
