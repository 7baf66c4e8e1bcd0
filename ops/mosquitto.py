"""The embedded MQTT broker: a mosquitto of ours, run on the files that ``ingest.broker`` writes."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingest import broker, broker_update
from ingest.login import wait_for_login
from ops import processes
from phr.errors import ServerUnavailable

LOG_FILE = "mosquitto.log"
INSTALL = "apt-get install -y mosquitto"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mosquitto:
    """A running broker."""

    process: processes.Process
    data_dir: Path
    host: str
    port: int

    @property
    def url(self) -> str:
        """The server's own address, user and password in it."""
        return url_of(self.data_dir, self.host, self.port)


def start(data_dir: Path, bind: str, port: int, *, tls_port: int = 8883, timeout_s: float = 20.0) -> Mosquitto:
    """A mosquitto on the files under data_dir, its users known to it when this returns.

    Raises ServerUnavailable with what to do: no mosquitto, port taken, no start in time.
    """
    process = bring_up(lambda: spawn(data_dir, bind, port, tls_port), data_dir, timeout_s=timeout_s)
    return Mosquitto(process, data_dir, *broker.address(data_dir))


def bring_up(
    start_process: Callable[[], processes.Process], data_dir: Path, *, timeout_s: float = 20.0
) -> processes.Process:
    """The process, once it is up; started a second time where it could not read its store. Raises as ``start``."""
    for has_failed in (False, True):
        process = start_process()
        try:
            wait_until_up(process, data_dir, timeout_s=timeout_s)
        except BaseException as error:
            processes.stop(process)
            if has_failed or not isinstance(error, ServerUnavailable) or not _is_store_unreadable(data_dir):
                raise
        else:
            return process
    raise AssertionError("the second failure is raised")


def stop(server: Mosquitto) -> None:
    """Ends the broker cleanly: it writes its sessions and queues to disk on SIGTERM."""
    processes.stop(server.process, patience_s=60.0)


def url_of(data_dir: Path, host: str, port: int) -> str:
    return f"mqtt://{broker.SERVER_USER}:{broker.server_password(data_dir)}@{host}:{port}"


def find_binary() -> str:
    """A mosquitto on PATH or in /usr/sbin (where Debian has it, off a user's PATH). Raises ServerUnavailable."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise ServerUnavailable(f"no mosquitto found: run `{INSTALL}` as root, or set PHR_MQTT_URL")
    return found


def spawn(data_dir: Path, bind: str, port: int, tls_port: int) -> processes.Process:
    """Writes the configuration and starts the process only; ``wait_until_up`` waits for it."""
    binary = find_binary()
    other = broker.running_pid(data_dir)
    if other is not None:
        raise ServerUnavailable(f"another mosquitto (process {other}) uses {data_dir}; stop it first")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    listener = broker.Listener(bind=bind, port=port, tls_port=tls_port, memory_bytes=memory)
    try:
        config = broker.write_config(data_dir, listener)
        if not (broker.folder(data_dir) / broker.PASSWORD_FILE).exists():
            broker.write_password_file(data_dir, {})
        if _is_store_unreadable(data_dir):
            _set_store_aside(data_dir)
        broker_update.note_start(data_dir)
        with (broker.folder(data_dir) / LOG_FILE).open("wb") as file:
            return processes.start([binary, "-c", str(config)], output=file)
    except OSError as error:
        raise ServerUnavailable(f"{data_dir} can't be written: {error.strerror}; set PHR_DATA_DIR") from error


def wait_until_up(process: processes.Process, data_dir: Path, *, timeout_s: float = 20.0) -> None:
    """Returns once the server's own user can log in. Raises ServerUnavailable."""
    host, port = broker.address(data_dir)
    password = broker.server_password(data_dir)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerUnavailable(why_it_ended(data_dir, port, process.returncode))
        # A stranger's broker on this port would refuse this user.
        if wait_for_login(host, port, broker.SERVER_USER, password, timeout_s=0.1):
            return
    raise ServerUnavailable(f"mosquitto took longer than {timeout_s:.0f} s to start on port {port}")


def why_it_ended(data_dir: Path, port: int, code: int) -> str:
    if code == -signal.SIGKILL:  # it could not say anything
        return processes.reason(code)
    text = _log(data_dir)
    if "Address already in use" in text:
        return f"port {port} is taken; set PHR_MQTT_PORT to another one"
    if _is_store_unreadable(data_dir):
        return f"{_store(data_dir)} can't be read"
    lines = [line for line in text.splitlines() if "Error" in line] or text.splitlines() or ["no reason given"]
    return f"mosquitto ended with {processes.reason(code)}: {lines[-1]} (log: {broker.folder(data_dir) / LOG_FILE})"


def _store(data_dir: Path) -> Path:
    return broker.folder(data_dir) / broker.STORE / "mosquitto.db"


def _log(data_dir: Path) -> str:
    path = broker.folder(data_dir) / LOG_FILE
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _is_store_unreadable(data_dir: Path) -> bool:
    """By what it said at its last start."""
    return "Couldn't open database" in _log(data_dir) and _store(data_dir).exists()


def _set_store_aside(data_dir: Path) -> None:
    """A disk that was full leaves half a store, with which the broker does not start: better none than no broker."""
    store = _store(data_dir)
    kept = store.with_name(f"{store.name}.unreadable-{time.time_ns() // 1_000_000_000}")
    store.rename(kept)
    log.warning("the broker can't read its store: its sessions and queues are lost; the file is now %s", kept)
