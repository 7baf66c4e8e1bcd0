"""What a WSGI server loads: phr.api.wsgi:application, built from the environment."""

from __future__ import annotations

import os

from phr import log_lines, memory
from phr.api.application import create
from phr.config import load

settings = load(os.environ)
log_lines.configure(settings.log_level, settings.log_format)
application = create(settings)
memory.settle()
