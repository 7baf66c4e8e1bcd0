"""E-mail goes out encrypted or not at all, and what a mail server answers is told apart."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from notifications.channel import AddressGone, Later, Message, Refused, Unsent
from notifications.channels import email as module
from notifications.channels.email import Email
from tests.cast import T0
from tests.test_outgoing import signed_for

HOST = "localhost"
MESSAGE = Message("a|n1", "ana", "account", 1, "您有一项健康提醒", "You have a health reminder.", at_ms=T0)
ADDRESS = {"email": "ana@example.org"}


@dataclass
class MailServer:
    """Speaks as much of RFC 5321 as a client needs. ``says``: other answers to a verb; "" is no answer at all."""

    port: int
    ca_file: str
    says: dict[str, str] = field(default_factory=dict)
    mails: list[bytes] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def serve(self, listening: socket.socket, context: ssl.SSLContext) -> None:
        while True:
            try:
                plain, _ = listening.accept()
                self.speak(context.wrap_socket(plain, server_side=True))
            except OSError:
                if self.is_over.is_set():
                    return

    def speak(self, connection: ssl.SSLSocket) -> None:
        with connection, connection.makefile("rwb") as stream:

            def say(verb: str, usual: str) -> None:
                answer = self.says.get(verb, usual)
                if not answer:
                    self.is_over.wait(60)
                    raise OSError("nobody is there any more")
                stream.write(f"{answer}\r\n".encode())
                stream.flush()

            say("hello", "220 here")
            while line := stream.readline():
                verb = line.split()[0].decode().upper()
                if verb == "DATA":
                    say("DATA", "354 go on")
                    body = b""
                    while not body.endswith(b"\r\n.\r\n") and (line := stream.readline()):
                        body += line
                    self.mails.append(body[:-3])
                    say("END", "250 taken")
                else:
                    say(verb, "221 bye" if verb == "QUIT" else "250 fine")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.5)
    pem = tmp_path / "mail.pem"
    pem.write_bytes(signed_for(HOST))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = MailServer(listening.getsockname()[1], str(pem))
        serving = threading.Thread(target=made.serve, args=(listening, context))
        serving.start()
        yield made
        made.is_over.set()
        listening.shutdown(socket.SHUT_RDWR)
        serving.join()


def channel(server: MailServer, **changes: object) -> Email:
    valid = {"host": "127.0.0.1", "port": server.port, "tls": "tls", "sender": "phr@example.org"}
    return Email(**(valid | {"ca_file": server.ca_file, "host": HOST} | changes))  # type: ignore[arg-type]


def test_mail_says_both_languages_and_asks_for_no_answer(server: MailServer) -> None:
    channel(server).send(ADDRESS, MESSAGE)
    mail = message_from_bytes(server.mails[0], policy=policy.default)
    assert (mail["To"], mail["From"], mail["Auto-Submitted"]) == (
        "ana@example.org",
        "phr@example.org",
        "auto-generated",
    )
    body = mail.get_content()
    assert MESSAGE.zh in body
    assert MESSAGE.en in body


@pytest.mark.parametrize(
    ("verb", "answer", "kind"),
    [
        ("RCPT", "550 no such user", AddressGone),
        ("RCPT", "551 moved", AddressGone),
        ("RCPT", "450 busy", Later),
        ("RCPT", "554 we don't like you", Later),
        ("MAIL", "451 later", Later),
        ("END", "554 spam", Refused),
        ("END", "452 full", Later),
        ("hello", "421 closed", Later),
        ("hello", "garbage", Later),
        ("DATA", "", Later),
        ("hello", "", Later),
    ],
)
def test_mail_servers_answer_is_told_apart(server: MailServer, verb: str, answer: str, kind: type[Unsent]) -> None:
    server.says[verb] = answer
    with pytest.raises(Unsent) as found:
        channel(server).send(ADDRESS, MESSAGE)
    assert type(found.value) is kind
    assert "ana@" not in found.value.detail


def test_server_whose_certificate_nobody_signed_gets_nothing(server: MailServer) -> None:
    with pytest.raises(Later):
        channel(server, ca_file=None).send(ADDRESS, MESSAGE)
    assert server.mails == []


def test_server_that_has_no_tls_gets_nothing() -> None:
    """STARTTLS is not offered: the mail is not sent in the clear."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        heard: list[bytes] = []

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rwb") as stream:
                stream.write(b"220 here\r\n")
                stream.flush()
                while line := stream.readline():
                    heard.append(line)
                    stream.write(b"250 fine\r\n")
                    stream.flush()

        serving = threading.Thread(target=serve)
        serving.start()
        mail = Email("127.0.0.1", listening.getsockname()[1], "starttls", "phr@example.org")
        with pytest.raises(Later):
            mail.send(ADDRESS, MESSAGE)
        serving.join()
    assert not any(line.upper().startswith((b"MAIL", b"RCPT")) for line in heard)
