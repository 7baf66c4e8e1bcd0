"""A house with a cuff."""

from tests.recording.conftest import house

__all__ = ["house"]
