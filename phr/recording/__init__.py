"""THE ONE DOOR IN: a batch of deliveries is stored, looked at by the rules, and what they found is raised."""

from phr.recording.delivery import LISTED_REJECTIONS, Delivery, Verdict
from phr.recording.recorder import Recorder

__all__ = ["LISTED_REJECTIONS", "Delivery", "Recorder", "Verdict"]
