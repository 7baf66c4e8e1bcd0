"""Composition root and command line; nobody imports it."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from phr import log_lines
from phr.config import Settings, load
from phr.errors import PhrError

COMMANDS = {
    "dev": "everything on this machine: servers, API, ingest, scheduler (what `make run` runs)",
    "api": "the HTTP API",
    "ingest": "one ingest worker; `ingest drain SLOT` retires a slot",
    "scheduler": "one scheduler",
    "migrate": "brings a database's documents and indexes to the form of this version; `dev` does it by itself",
    "backup": "the whole record as it is now, into a directory; nothing has to stop for it",
    "restore": "a backup into an empty database, compared; `--check` proves it in a server of its own",
    "simulate": "homes full of devices that publish over MQTT",
    "admin": "people, vendors, devices, tokens; prints JSON",
    "import": "a file into a person's record, or an import taken back; prints JSON",
    "export": "a person's whole record into a file",
    "audit": "`audit verify` finds lines of the access log that were changed, removed or moved",
    "care": "`care explain ALERT`: why it fired; `care rules`: what is signed, what is silent; prints JSON",
    "education": "`education check`: articles that are refused, hard to read, out of date or without a translation; "
    "`education import FOLDER`: articles of the installation, as drafts; `education list`, `publish`, `withdraw`; "
    "`education effect 2026-Q3`: what went with reading, as totals",
    "vendor": "checks an installation, or a device, from its vendor's side",
    "settings": "every PHR_* setting, its value and where it came from",
}


def main(argv: Sequence[str]) -> int:
    """Runs one command. What the operator can act on becomes one line on standard error and exit status 1."""
    # `admin --help` and `simulate --help` belong to the command, so only the first word is parsed here.
    command = _parser().parse_args(argv[:1]).command
    try:
        settings = load(os.environ)
        log_lines.configure(settings.log_level, settings.log_format)
        code = _RUN[command](list(argv[1:]), settings)
        sys.stdout.flush()
    except PhrError as error:
        print(f"{command}: {error.detail}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read it has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    lines = "\n".join(f"  {name:10} {what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="app.py", epilog=f"commands:\n{lines}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    return parser


def _part(module: str) -> Any:
    """A part of the house, loaded when its command runs: a worker should not carry the API's memory, or wait for it."""
    return importlib.import_module(module)


def _dev(_argv: list[str], settings: Settings) -> int:
    return int(_part("ops.family").run(settings, _part("ops.welcome").speak))


def _api(_argv: list[str], settings: Settings) -> int:
    return int(_part("ops.api_server").run(settings))


def _ingest(argv: list[str], settings: Settings) -> int:
    if argv:
        return int(_part("ingest.drain").main(argv, settings))
    return int(_part("ingest.respawn").main(settings))


def _scheduler(_argv: list[str], settings: Settings) -> int:
    return int(_part("notifications.scheduler").main(settings))


def _migrate(_argv: list[str], settings: Settings) -> int:
    return int(_part("ops.migrating").main(settings))


def _backup(argv: list[str], settings: Settings) -> int:
    return int(_part("ops.backup").main(argv, settings))


def _restore(argv: list[str], settings: Settings) -> int:
    return int(_part("ops.restore").main(argv, settings))


def _simulate(argv: list[str], settings: Settings) -> int:
    return int(_part("simulator").main(argv, settings, _part("ops.provision").provisioner(settings)))


def _admin(argv: list[str], settings: Settings) -> int:
    return int(_part("ops.admin").main(argv, settings))


def _import(argv: list[str], settings: Settings) -> int:
    return int(_part("ops.import_command").main(argv, settings))


def _export(argv: list[str], settings: Settings) -> int:
    return int(_part("ops.export_command").main(argv, settings))


def _audit(argv: list[str], settings: Settings) -> int:
    return int(_part("ops.audit").main(argv, settings))


def _care(argv: list[str], settings: Settings) -> int:
    return int(_part("ops.care").main(argv, settings))


def _education(argv: list[str], settings: Settings) -> int:
    return int(_part("ops.education").main(argv, settings))


def _vendor(argv: list[str], _settings: Settings) -> int:
    return int(_part("vendor").main(argv))


def _settings(_argv: list[str], settings: Settings) -> int:
    for row in settings.described():
        print(json.dumps(row, ensure_ascii=False))
    return 0


_RUN: dict[str, Callable[[list[str], Settings], int]] = {
    "dev": _dev,
    "api": _api,
    "ingest": _ingest,
    "scheduler": _scheduler,
    "migrate": _migrate,
    "backup": _backup,
    "restore": _restore,
    "simulate": _simulate,
    "admin": _admin,
    "import": _import,
    "export": _export,
    "audit": _audit,
    "care": _care,
    "education": _education,
    "vendor": _vendor,
    "settings": _settings,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
