"""Key services that stand in over TLS on loopback: one that speaks KMIP (TTLV), one that speaks as AWS KMS does.

Sources: KMIP 1.0, 9.1 (TTLV) and 4.3, 4.11, 4.19 (Register, Get, Activate); AWS KMS API, Encrypt and Decrypt.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

STRUCTURE, INTEGER, ENUMERATION, TEXT, TIME = 1, 2, 5, 7, 9
OPERATION, PAYLOAD_IN, PAYLOAD_OUT, MATERIAL, SECRET, NAMED = 0x42005C, 0x420079, 0x42007C, 0x420043, 0x420085, 0x420094
REGISTER, GET, ACTIVATE = 3, 0x0A, 0x12


@dataclass
class Service:
    """``kept``: what it was given to keep, by id; ``asked``: how often it was asked for something."""

    pem: Path
    address: str = ""
    kept: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_away: bool = False

    def answer(self, line: ssl.SSLSocket) -> None:
        raise NotImplementedError


class Kmip(Service):
    def answer(self, line: ssl.SSLSocket) -> None:
        head = received(line, 8)
        found = dict(flat(received(line, struct.unpack(">I", head[4:])[0])))
        operation = found[OPERATION]
        self.asked.append({REGISTER: "register", GET: "get", ACTIVATE: "activate"}[operation])
        name = found.get(NAMED, secrets.token_hex(8))
        if operation == REGISTER:
            self.kept[name] = found[MATERIAL]
        payload = ttlv(NAMED, TEXT, name.encode())
        if operation == GET:
            block = ttlv(0x420042, ENUMERATION, 1) + ttlv(0x420045, STRUCTURE, ttlv(MATERIAL, 8, self.kept[name]))
            secret = ttlv(0x420086, ENUMERATION, 1) + ttlv(0x420040, STRUCTURE, block)
            payload = ttlv(0x420057, ENUMERATION, 7) + payload + ttlv(SECRET, STRUCTURE, secret)
        version = ttlv(0x420069, STRUCTURE, ttlv(0x42006A, INTEGER, 1) + ttlv(0x42006B, INTEGER, 0))
        header = version + ttlv(0x420092, TIME, 0) + ttlv(0x42000D, INTEGER, 1)
        item = ttlv(OPERATION, ENUMERATION, operation) + ttlv(0x42007F, ENUMERATION, 0)
        item += ttlv(PAYLOAD_OUT, STRUCTURE, payload)
        line.sendall(ttlv(0x42007B, STRUCTURE, ttlv(0x42007A, STRUCTURE, header) + ttlv(0x42000F, STRUCTURE, item)))


class Aws(Service):
    def answer(self, line: ssl.SSLSocket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += received(line, 1)
        rows = [row.partition(":") for row in head.decode().split("\r\n")[1:]]
        fields = {name.lower(): value.strip() for name, _, value in rows}
        body = json.loads(received(line, int(fields["content-length"])))
        self.asked.append(fields["x-amz-target"].rpartition(".")[2])
        assert "Credential=AKID/" in fields["authorization"]  # signed as the setting says
        if self.asked[-1] == "Encrypt":
            name = secrets.token_hex(92)  # as long as theirs are
            self.kept[name] = base64.b64decode(body["Plaintext"])
            said: dict[str, Any] = {"CiphertextBlob": base64.b64encode(name.encode()).decode(), "KeyId": body["KeyId"]}
        else:
            name = base64.b64decode(body["CiphertextBlob"]).decode()
            said = {"Plaintext": base64.b64encode(self.kept[name]).decode(), "KeyId": "k"}
        text = json.dumps(said).encode()
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


def ttlv(tag: int, kind: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        value = struct.pack(">q", value) if kind == TIME else struct.pack(">i", value)
    padded = value + bytes(-len(value) % 8)
    return tag.to_bytes(3) + bytes([kind]) + struct.pack(">I", len(value)) + padded


def flat(data: bytes) -> Iterator[tuple[int, Any]]:
    """Each tag with its value, those within structures too."""
    while data:
        tag, kind, length = int.from_bytes(data[:3]), data[3], struct.unpack(">I", data[4:8])[0]
        value = data[8 : 8 + length]
        if kind == STRUCTURE:
            yield from flat(value)
        else:
            known = {INTEGER: int.from_bytes, ENUMERATION: int.from_bytes, TEXT: bytes.decode}
            yield tag, known.get(kind, bytes)(value)
        data = data[8 + length + (-length % 8) :]


def received(line: ssl.SSLSocket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = line.recv(count - len(got))
        if not more:
            raise ConnectionError
        got += more
    return got


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """On a port of its own; it wants the certificate that it has itself of who comes."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(service.pem)
    tls.load_verify_locations(service.pem)
    if isinstance(service, Kmip):
        tls.verify_mode = ssl.CERT_REQUIRED

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if service.is_away:
                return
            try:
                with tls.wrap_socket(self.request, server_side=True) as line:
                    service.answer(line)
            except (OSError, KeyError, ssl.SSLError):
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, address_family = True, socket.AF_INET

    with Server(("127.0.0.1", 0), Handler) as server:
        service.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


def certificate(path: Path) -> Path:
    """A certificate of 127.0.0.1 and its key, which nobody but itself has signed."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kms")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
