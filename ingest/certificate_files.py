"""The broker's TLS files: its certificate, its authority's, the list of revoked ones. Made by ``credentials.sync``."""

from __future__ import annotations

import socket
from pathlib import Path

from ingest import broker
from phr.database import Database
from phr.intake import authority, certificates
from phr.intake.authority import Authority

RENEWED_BEFORE_MS = 30 * 86_400_000


def write(database: Database, data_dir: Path, now_ms: int) -> None:
    """Writes what is missing, old or changed."""
    by = authority.authority(data_dir, now_ms)
    home = broker.folder(data_dir)
    names = sorted({"localhost", "127.0.0.1", socket.gethostname()})
    if not _is_good(home, by, names, now_ms):
        made = authority.server_certificate(by, names, now_ms)
        assert made.key_pem
        broker.write_tls_file(data_dir, broker.KEY_FILE, made.key_pem)
        broker.write_tls_file(data_dir, broker.CERTIFICATE_FILE, made.certificate_pem)
        broker.write_tls_file(data_dir, broker.AUTHORITY_FILE, by.pem)
    revoked = home / broker.REVOKED_FILE
    before = revoked.read_bytes() if revoked.exists() else None
    text = authority.revocation_list(by, certificates.refused_serials(database, now_ms), before, now_ms)
    if text is not None:
        broker.write_tls_file(data_dir, broker.REVOKED_FILE, text.decode())


def _is_good(home: Path, by: Authority, names: list[str], now_ms: int) -> bool:
    try:
        if (home / broker.AUTHORITY_FILE).read_text(encoding="ascii") != by.pem or not (
            home / broker.KEY_FILE
        ).exists():
            return False
        found, ends_at_ms = authority.names_of((home / broker.CERTIFICATE_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return found >= set(names) and ends_at_ms - now_ms > RENEWED_BEFORE_MS
