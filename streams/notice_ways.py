"""The ways of telling somebody: mail, and a signed POST.

Both raise `ReceiverUnavailableError` where it is not known to have arrived: the same
message is sent again then, under the same id.
"""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

import orjson
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from zhitong.exceptions import ReceiverUnavailableError
from zhitong.rules.notices import Message
from zhitong.streams.http_signature import whole

SECONDS = 20.0
MEDIA = "application/json"


class Sender(Protocol):
    """One way of telling."""

    def send(self, message: Message) -> None:
        """Tell it, or raise `ReceiverUnavailableError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSender:
    """By a mail server."""

    host: str
    port: int
    sender: str
    user: str
    security: str
    """STARTTLS, TLS or NONE."""
    password: Callable[[], str]
    """Asked where there is a user, at each message: it may be changed meanwhile."""

    def send(self, message: Message) -> None:
        """Send a mail; its Message-ID is the same where it is sent again."""
        mail = EmailMessage()
        domain = self.sender.partition("@")[2]
        mail["From"], mail["To"] = self.sender, message.address.to
        mail["Subject"] = message.subject
        mail["Date"] = formatdate(localtime=False)
        mail["Message-ID"] = f"<{message.id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self.password())
                server.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            raise _away(type(error).__name__) from error

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "TLS":
            return smtplib.SMTP_SSL(
                self.host, self.port, timeout=SECONDS, context=context
            )
        server = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        if self.security == "STARTTLS":
            server.starttls(context=context)
        return server


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSender:
    """By a POST that is signed over the body (RFC 9421), with an Idempotency-Key."""

    tenant: str
    secret: Callable[[], bytes]
    pool: PoolManager

    def send(self, message: Message) -> None:
        """Post it; an answer of 200 to 299 says that it has arrived."""
        body = orjson.dumps(message.body)
        headers = whole(
            secret=self.secret(),
            requester=self.tenant,
            url=message.address.to,
            media=MEDIA,
            event=message.id,
            body=body,
            at=int(time.time()),
        )
        try:
            answer = self.pool.request(
                "POST",
                message.address.to,
                body=body,
                headers=headers,
                timeout=Timeout(SECONDS),
                retries=False,
                redirect=False,
            )
        except HTTPError as error:
            raise _away(type(error).__name__) from error
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise _away(f"HTTP {answer.status}")


def _away(reason: str) -> ReceiverUnavailableError:
    return ReceiverUnavailableError(
        f"通知没有送到（{reason}）",
        f"the notice has not arrived ({reason})",
        reason=reason,
    )
