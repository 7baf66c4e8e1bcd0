"""Nothing goes out to where an operator has not allowed it, nor into a private network, whatever a name says."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from phr.outgoing import (
    LARGEST_ANSWER_BYTES,
    Destination,
    OutgoingFailed,
    OutgoingRefused,
    destination,
    is_public,
    send,
)

HOST = "hook.example"
ALLOWED = {HOST, "other.example:8443", "10.0.0.1", "1.1.1.1"}
OPEN = "203.0.114.9"


def says(*addresses: str) -> Collection[str]:
    return addresses


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200"),
        *("192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:1.1.1.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1"),
        *("fec0::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:7f00:1::"),
        *("3fff::1", "localhost", ""),
    ],
)
def test_name_that_stands_for_a_private_address_is_refused(address: str) -> None:
    assert not is_public(address)
    for addresses in ([address], [OPEN, address], [address, OPEN]):
        with pytest.raises(OutgoingRefused, match="can't be reached"):
            destination(f"https://{HOST}/x", ALLOWED, lambda *_, given=addresses: says(*given))


@pytest.mark.parametrize("address", [OPEN, "1.1.1.1", "100.63.255.255", "100.128.0.0", "2400:3200::1"])
def test_address_of_the_open_internet_is_taken(address: str) -> None:
    assert is_public(address)
    found = destination(f"https://{HOST}/a/b?c=d#e", ALLOWED, lambda *_: says(address))
    assert found == Destination(HOST, 443, address, "/a/b?c=d")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://hook.example/",
            "ftp://hook.example/",
            "//hook.example/",
            "hook.example",
            "",
            "https://",
            "https:///x",
        ),
        *("https://evil.example/", "https://hook.example.evil.example/", "https://evil.example/hook.example"),
        *(
            "https://hook.example:444/",
            "https://other.example/",
            "https://hook.example:99999/",
            "https://hook.example:x/",
        ),
        *("https://hook.example@evil.example/", "https://evil.example@hook.example/", "https://hook.example./"),
        *("https://evil.example\\@hook.example/", "https://hook.example/\r\nX: y", "https://hook.example/ x"),
        *(
            "https://hook.example\t/",
            "https://höok.example/",
            "https://[::1]/",
            "https://127.0.0.1/",
            "https://2130706433/",
        ),
        "https://hook.example/" + "x" * 2_048,
    ],
)
def test_address_that_is_not_allowed_is_not_even_looked_up(url: str) -> None:
    def resolve(*_: object) -> Collection[str]:
        raise AssertionError("looked up")

    with pytest.raises(OutgoingRefused):
        destination(url, ALLOWED, resolve)


def test_an_allowed_literal_is_checked_as_well() -> None:
    with pytest.raises(OutgoingRefused, match="can't be reached"):
        destination("https://10.0.0.1/", ALLOWED, lambda host, _: says(host))
    assert destination("https://1.1.1.1", ALLOWED, lambda host, _: says(host)).address == "1.1.1.1"


def test_another_port_is_allowed_by_itself() -> None:
    assert destination("https://OTHER.example:8443/", ALLOWED, lambda *_: says(OPEN)).port == 8443


def test_name_that_stands_for_nothing_is_refused_in_the_same_words() -> None:
    def fails(*_: object) -> Collection[str]:
        raise OSError("name or service not known")

    for resolve in (fails, lambda *_: says()):
        with pytest.raises(OutgoingRefused, match="can't be reached from here"):
            destination(f"https://{HOST}/", ALLOWED, resolve)


class Answers(BaseHTTPRequestHandler):
    asked: list[tuple[str, str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, self.headers["Host"], body))
        status = int(self.path.strip("/").split("/")[0])
        given = b"x" * (LARGEST_ANSWER_BYTES + 1) if self.path.endswith("/long") else b"thanks"
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"https://{HOST}/200")
        self.send_header("Content-Length", str(len(given)))
        self.end_headers()
        self.wfile.write(given)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HTTPServer, Path]]:
    """An https server known as hook.example, and who signed for it."""
    pem = tmp_path_factory.mktemp("hook") / "hook.pem"
    pem.write_bytes(signed_for(HOST))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    Answers.asked = []
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that leaves is no news
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server, pem
        server.shutdown()
        serving.join()


def signed_for(host: str) -> bytes:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def posted(hook: tuple[HTTPServer, Path], target: str, host: str = HOST) -> bytes:
    server, pem = hook
    to = Destination(host, server.server_port, "127.0.0.1", target)
    return send(to, b"{}", {"Content-Type": "application/json"}, str(pem))


def test_what_is_sent_arrives_under_the_name_at_the_address_that_was_checked(hook: tuple[HTTPServer, Path]) -> None:
    assert posted(hook, "/200/in?a=b") == b"thanks"
    assert Answers.asked[-1] == ("/200/in?a=b", f"{HOST}:{hook[0].server_port}", b"{}")


def test_a_redirect_is_not_followed(hook: tuple[HTTPServer, Path]) -> None:
    with pytest.raises(OutgoingRefused, match="not followed"):
        posted(hook, "/302/moved")
    assert Answers.asked[-1][0] == "/302/moved"


def test_an_answer_without_end_is_not_read(hook: tuple[HTTPServer, Path]) -> None:
    with pytest.raises(OutgoingRefused, match="too long"):
        posted(hook, "/200/long")


def test_an_error_there_is_told(hook: tuple[HTTPServer, Path]) -> None:
    with pytest.raises(OutgoingFailed, match="503"):
        posted(hook, "/503")


def test_a_server_that_is_not_the_host_is_told_nothing(hook: tuple[HTTPServer, Path]) -> None:
    before = len(Answers.asked)
    with pytest.raises(OutgoingFailed, match="SSLError"):
        posted(hook, "/200", "another.example")
    server = hook[0]
    with pytest.raises(OutgoingFailed, match="SSLError"):  # nor one whose signer nobody trusts
        send(Destination(HOST, server.server_port, "127.0.0.1", "/200"), b"{}", {})
    assert len(Answers.asked) == before
