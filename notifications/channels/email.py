"""E-mail by the operator's mail server, encrypted on the way there or not at all."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formatdate

from notifications.channel import AddressGone, Later, Message, Refused
from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid

TIMEOUT_S = 10.0
STARTTLS, TLS = "starttls", "tls"
PORTS = {STARTTLS: 587, TLS: 465}
SUBJECT = "健康提醒 · Health reminder"
# RFC 5321, 4.2.3; RFC 3463: no such mailbox, moved. Any other answer of the 500s may be about us and not the address.
NO_SUCH_MAILBOX = (550, 551, 553)


@dataclass(frozen=True, slots=True)
class Email:
    host: str
    port: int
    tls: str
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    name: str = "email"

    def send(self, address: Mapping[str, str], message: Message) -> None:
        try:
            with self._connected() as server:
                if self.user is not None:
                    server.login(self.user, self.password or "")
                server.send_message(self._mail(address["email"], message))
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise (AddressGone if code in NO_SUCH_MAILBOX else Later)(f"smtp {code}") from None
        except smtplib.SMTPResponseException as error:
            is_about_it = isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
            raise (Refused if is_about_it else Later)(f"smtp {error.smtp_code}") from None
        except (MessageError, UnicodeError) as error:
            raise AddressGone("no address") from error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Later(type(error).__name__) from None

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.tls == TLS:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    def _mail(self, to: str, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.sender, to, SUBJECT
        mail["Date"] = formatdate(message.at_ms / 1000)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
        mail.set_content(f"{message.zh}\n\n{message.en}\n")
        return mail


def of(settings: Settings, _database: Database) -> Email | None:
    """Raises SettingInvalid for the half of one."""
    if settings.mail_host is None:
        return None
    if not settings.mail_from:
        raise SettingInvalid("PHR_MAIL_HOST needs PHR_MAIL_FROM, the sender")
    if settings.mail_tls not in PORTS:
        raise SettingInvalid("PHR_MAIL_TLS is starttls or tls")
    host, _, port = settings.mail_host.partition(":")
    if port and not port.isdecimal():
        raise SettingInvalid("PHR_MAIL_HOST is host or host:port")
    number = int(port or PORTS[settings.mail_tls])
    return Email(host, number, settings.mail_tls, settings.mail_from, settings.mail_user, settings.mail_password)
