"""Brings new logins to a running mosquitto: it reads its files again where that is harmless, else it is restarted.

At SIGHUP mosquitto 2.0.11 checks the sessions of clients that are away as well, by the password that it still has of
them: none after its own start, none of a certificate, a wrong one after a change. A session that fails is put into the
list of those that run out a second time; once its client is back, that entry points to memory that was freed, and
the broker ends at some later moment (``session_expiry.c``; tried: SIGSEGV or SIGABRT from a dozen sessions on).
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ingest import broker
from ingest.login import wait_for_login
from phr import private_files
from phr.errors import ServerUnavailable

LOCK_FILE = "lock"
STATE_FILE = "since-start.json"


class State(msgspec.Struct, frozen=True):
    """What the broker has been through since its start. ``is_pending``: files were written, and maybe not read."""

    has_old_sessions: bool = False  # from before its start
    reloads: int = 0
    is_pending: bool = False


@dataclass(frozen=True, slots=True)
class Logins:
    """``entries``: MQTT user name to password hash; ``certified``: common names of certificates that hold.

    ``has_certificates``: also where none of them holds any more but one may have left a session.
    """

    entries: Mapping[str, str]
    certified: Sequence[str] = ()
    has_certificates: bool = False


def note_start(data_dir: Path) -> None:
    """Called right before the broker's process is started on these files."""
    store = broker.folder(data_dir) / broker.STORE / "mosquitto.db"
    _write_state(data_dir, State(has_old_sessions=store.exists()))


def update(data_dir: Path, read: Callable[[], Logins], write_tls: Callable[[], None], timeout_s: float = 30.0) -> bool:
    """Writes the files; once a broker that runs on them has taken them: whether that took a restart.

    Several at once wait for each other. A broker to which the files say nothing new is left alone.

    Who keeps the broker alive starts it again where it has to be restarted. Raises ServerUnavailable where it does not
    take them in time.
    """
    canary = secrets.token_urlsafe(16)
    with _lock(data_dir):
        state, before = _state(data_dir), _contents(data_dir)
        _write_state(data_dir, msgspec.structs.replace(state, is_pending=True))
        logins = read()
        entries = {**logins.entries, broker.CANARY_USER: broker.password_hash(canary)}
        broker.write_password_file(data_dir, entries, logins.certified)
        write_tls()
        after, pid = _contents(data_dir), broker.running_pid(data_dir)
        if pid is None or (before == after and not state.is_pending):
            _write_state(data_dir, msgspec.structs.replace(state, is_pending=False))
            return False
        if is_harmless(before.lines, after.lines, state, has_certificates=logins.has_certificates):
            os.kill(pid, signal.SIGHUP)
            _wait(data_dir, canary, timeout_s)
            _write_state(data_dir, State(state.has_old_sessions, state.reloads + 1))
            return False
        os.kill(pid, signal.SIGTERM)
        _wait(data_dir, canary, timeout_s)  # whoever has started it has noted so
        return True


def is_harmless(before: Mapping[str, str], after: Mapping[str, str], state: State, *, has_certificates: bool) -> bool:
    """True where no session of one who is away fails its check for the second time since the broker's start.

    ``before``, ``after``: user name to line of the password file.
    """
    stays = all(after.get(name) == line for name, line in before.items())
    is_known = not state.has_old_sessions or state.reloads == 0
    return stays and is_known and not has_certificates and not state.is_pending


@dataclass(frozen=True, slots=True)
class _Contents:
    lines: Mapping[str, str]
    others: Sequence[bytes]


def _contents(data_dir: Path) -> _Contents:
    """What the files say of others than the server, whose own lines are new each time."""
    home = broker.folder(data_dir)
    text = _bytes(home / broker.PASSWORD_FILE).decode()
    lines = dict(line.split(":", 1) for line in text.splitlines())
    return _Contents(
        {name: line for name, line in lines.items() if name not in broker.RESERVED_USERS},
        [_bytes(home / name) for name in (broker.ACL_FILE, *broker.TLS_FILES)],
    )


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _wait(data_dir: Path, canary: str, timeout_s: float) -> None:
    host, port = broker.address(data_dir)
    if not wait_for_login(host, port, broker.CANARY_USER, canary, timeout_s):
        raise ServerUnavailable(f"the broker on port {port} has not taken the new logins; restart it")


def _state(data_dir: Path) -> State:
    """Of a broker of which nothing is noted the worst is assumed."""
    path = broker.folder(data_dir) / STATE_FILE
    return (
        msgspec.json.decode(path.read_bytes(), type=State) if path.exists() else State(has_old_sessions=True, reloads=1)
    )


def _write_state(data_dir: Path, state: State) -> None:
    private_files.write(broker.folder(data_dir) / STATE_FILE, msgspec.json.encode(state).decode())


@contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    home = broker.folder(data_dir)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / LOCK_FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
