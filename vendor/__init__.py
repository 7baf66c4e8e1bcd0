"""A vendor's kit: checks an installation with a vendor's own login, and watches what a vendor's devices hear."""

from vendor.command import main

__all__ = ["main"]
