"""The channels, a file each: ``of(settings, database)`` gives one, or None where the settings name none."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import notifications.channels
from notifications.channel import Channel
from phr.config import Settings
from phr.database import Database


def channels(settings: Settings, database: Database) -> list[Channel]:
    """Those that this installation has. Raises SettingInvalid for the half of one."""
    names = sorted(info.name for info in pkgutil.iter_modules(notifications.channels.__path__))
    made = (import_module(f"notifications.channels.{name}").of(settings, database) for name in names)
    return [one for one in made if one is not None]
