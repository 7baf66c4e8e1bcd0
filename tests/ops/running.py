"""A family run as an operator runs it: `python app.py dev` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops import ports

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 40.0


def wait_until(is_true: Callable[[], Any], complaint: str, timeout_s: float = WAIT_S) -> Any:
    """What ``is_true`` gives once it is truthy. Fails when it stays false."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = is_true()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(complaint)


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """What the tests were started with, without anybody's PHR_* settings, plus these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PHR_")}
    # Tests run side by side, and a server that was killed comes back on the port it had.
    names = ("PHR_HTTP_PORT", "PHR_MQTT_PORT", "PHR_MQTTS_PORT", "PHR_MONGODB_PORT")
    own = {name: str(ports.free_port()) for name in names}
    return clean | own | {"PHR_DATA_DIR": str(data_dir)} | settings


def command(data_dir: Path, *argv: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """One command of app.py, waited for."""
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), *argv],
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def processes_of(data_dir: Path) -> dict[int, str]:
    """Every living process of the family on this directory: process id to command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and f"PHR_DATA_DIR={data_dir}" in _read(entry / "environ").split("\0"):
            found[int(entry.name)] = _read(entry / "cmdline").replace("\0", " ").strip()
    return found


@dataclass
class Family:
    """`python app.py dev` on a directory; leaves nothing behind when used as a context manager."""

    data_dir: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def __enter__(self) -> Family:
        self.data_dir.mkdir(exist_ok=True)
        self.log = self.data_dir.parent / f"{self.data_dir.name}.log"
        return self.start()

    def start(self) -> Family:
        """What it says is added to what it said before."""
        self._said_before = len(self.said) if self.log.exists() else 0
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), "dev"],
                env=environment(self.data_dir, **self.settings),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for pid in processes_of(self.data_dir):
            os.kill(pid, signal.SIGKILL)

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def addresses(self) -> dict[str, Any]:
        return dict(json.loads((self.data_dir / "family.json").read_text()))

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.addresses['http_port']}"

    def wait_until_up(self) -> Family:
        def is_up() -> bool:
            assert self.process.poll() is None, f"dev ended:\n{self.said}"
            return "Stop everything with Ctrl-C" in self.said[self._said_before :]

        wait_until(is_up, "dev is not up")
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit status after this signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def one(self, part: str) -> int:
        """The process id of the one process whose command line holds this (gunicorn: its master)."""
        found = wait_until(lambda: [pid for pid, line in processes_of(self.data_dir).items() if part in line], part)
        return int(min(found))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""
