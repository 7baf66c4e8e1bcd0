"""The files of the embedded mosquitto: configuration, access list, passwords. Starts and stops nothing."""

from __future__ import annotations

import os
import pwd
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from phr import private_files
from phr.errors import ServerUnavailable
from phr.intake.mqtt_logins import CANARY_USER, RESERVED_USERS, mqtt_username, password_hash
from phr.intake.mqtt_rights import SERVER_USER, access_list

__all__ = ["CANARY_USER", "RESERVED_USERS", "SERVER_USER", "mqtt_username", "password_hash"]

CONFIG_FILE = "mosquitto.conf"
ACL_FILE = "acl"
PASSWORD_FILE = "passwords"  # noqa: S105 - a file's name
PID_FILE = "mosquitto.pid"
STORE = "store"
CERTIFICATE_FILE = "server.crt"
KEY_FILE = "server.key"
AUTHORITY_FILE = "ca.crt"
REVOKED_FILE = "revoked.pem"

# A payload over 256 KiB gets a verdict from the worker. One over this limit is refused by the broker, with a reason
# that MQTT 5 does not allow in a PUBACK: clients such as paho drop the connection and send it again, for ever. So
# the limit is far from where an honest device could come by accident.
MESSAGE_LIMIT_BYTES = 1024 * 1024
TLS_FILES = (CERTIFICATE_FILE, KEY_FILE, AUTHORITY_FILE, REVOKED_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Where the broker listens, and what the files hold about it."""

    bind: str
    port: int
    tls_port: int
    memory_bytes: int


def folder(data_dir: Path) -> Path:
    return data_dir / "mosquitto"


def queue_limit_bytes(memory_bytes: int) -> int:
    """How much one client's queue may hold: a tenth of the machine, at least 64 MiB."""
    return max(memory_bytes // 10, 64 * 1024 * 1024)


def server_password(data_dir: Path) -> str:
    """The password of the server's own MQTT user, made on first use."""
    return kept_secret(data_dir / "mqtt-server-password")


def kept_secret(path: Path) -> str:
    """The secret in this file; on first use a new one, 256 random bits, readable by this user only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        private_files.write(path, secrets.token_urlsafe(32), replaces=False)
    return path.read_text(encoding="utf-8").strip()


def write_config(data_dir: Path, listener: Listener) -> Path:
    """Writes mosquitto.conf (the other two files are ``write_password_file``'s) and gives its path."""
    home = folder(data_dir).resolve()
    (home / STORE).mkdir(parents=True, exist_ok=True, mode=0o700)
    home.chmod(0o700)
    path = home / CONFIG_FILE
    private_files.write(path, "\n".join(_config_lines(home, listener)) + "\n")
    return path


def write_password_file(data_dir: Path, entries: Mapping[str, str], certified: Iterable[str] = ()) -> None:
    """Replaces users and their rights: ``entries`` maps MQTT user name to password hash. The server's user is added.

    ``certified``: user names of certificates.
    """
    home = folder(data_dir)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    everyone = {**entries, SERVER_USER: password_hash(server_password(data_dir))}
    private_files.write(home / ACL_FILE, access_list({*everyone, *certified}))
    private_files.write(home / PASSWORD_FILE, "".join(f"{name}:{line}\n" for name, line in sorted(everyone.items())))


def write_tls_file(data_dir: Path, name: str, text: str) -> None:
    """Replaces one of ``TLS_FILES``."""
    home = folder(data_dir)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    private_files.write(home / name, text)


def running_pid(data_dir: Path) -> int | None:
    """The process id of the mosquitto that runs on these files; a stale pid file may name somebody else's process."""
    home = folder(data_dir).resolve()
    try:
        pid = int((home / PID_FILE).read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if str(home / CONFIG_FILE).encode() in command and b"mosquitto" in command[0] else None


def address(data_dir: Path) -> tuple[str, int]:
    """Host and port of the plain listener in the generated configuration. Raises ServerUnavailable without one."""
    try:
        text = (folder(data_dir) / CONFIG_FILE).read_text(encoding="utf-8")
    except OSError as error:
        raise ServerUnavailable(f"no broker has been set up under {data_dir}") from error
    found = re.search(r"^listener (\d+) (\S+)$", text, re.MULTILINE)
    if found is None:
        raise ServerUnavailable(f"{folder(data_dir) / CONFIG_FILE} names no listener; remove it and start again")
    host = found[2]
    return ("127.0.0.1" if host == "0.0.0.0" else host), int(found[1])  # noqa: S104 - read, not bound


def _config_lines(home: Path, listener: Listener) -> list[str]:
    lines = [
        "# Generated at every start; changes are lost.",
        *_user_lines(),
        "allow_anonymous false",
        f"password_file {home / PASSWORD_FILE}",
        f"acl_file {home / ACL_FILE}",
        "persistence true",
        f"persistence_location {home / STORE}/",
        "autosave_interval 60",
        f"pid_file {home / PID_FILE}",
        "# The default queue of 1,000 messages drops the rest without a word.",
        "max_queued_messages 0",
        f"max_queued_bytes {queue_limit_bytes(listener.memory_bytes)}",
        "# For clients of MQTT 3.1.1, and announced to publishers. A worker's window is its own Receive Maximum.",
        "max_inflight_messages 0",
        f"message_size_limit {MESSAGE_LIMIT_BYTES}",
        "persistent_client_expiration 14d",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "connection_messages false",
        f"listener {listener.port} {listener.bind}",
    ]
    if all((home / name).exists() for name in TLS_FILES):
        lines += [
            f"listener {listener.tls_port} {listener.bind}",
            f"certfile {home / CERTIFICATE_FILE}",
            f"keyfile {home / KEY_FILE}",
            f"cafile {home / AUTHORITY_FILE}",
            f"crlfile {home / REVOKED_FILE}",
            "# With both, the certificate's common name is the user; no password is looked at on this listener.",
            "require_certificate true",
            "use_identity_as_username true",
            "tls_version tlsv1.2",
        ]
    return lines


def _user_lines() -> list[str]:
    """Started as root, mosquitto would drop to its own user and could not read these files."""
    try:
        return [f"user {pwd.getpwuid(os.geteuid()).pw_name}"]
    except KeyError:  # a container's numeric user has no name; mosquitto needs it only for root
        return []
