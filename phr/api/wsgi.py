"""What a WSGI server loads: phr.api.wsgi:application, built from the environment."""

from __future__ import annotations

import os

from phr import memory
from phr.api.application import create
from phr.config import load

application = create(load(os.environ))
memory.settle()
