"""Notifying: who is to know that a duty is due soon or late is told so.

Beside every relay; a message is claimed before it is sent, so that two never send the
same at a time but where one was killed. The port is `Sender`; mail and webhook are
shipped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from urllib3 import PoolManager

from zhitong.connectors.notices import Claimed, Notices
from zhitong.exceptions import LedgerUnavailableError, ReceiverUnavailableError
from zhitong.infra import notice_metrics
from zhitong.infra.notifications_file import Notifications
from zhitong.infra.secret import read_password, read_private
from zhitong.ports import Pressure
from zhitong.rules.notices import Address, Way, rest
from zhitong.streams.notice_ways import MailSender, Sender, WebhookSender

EVERY_SECONDS = 30.0
FOLDER = "notifications"
"""Of the state folder: ``mail.password``, and ``<address>.secret`` of each webhook."""

_log = logging.getLogger("zhitong.notices")


def senders(
    notifications: Notifications, state: Path, tenant: str
) -> Mapping[str, Sender]:
    """Make the way of telling each address, by its name."""
    pool = PoolManager(maxsize=2)
    mail = notifications.mail
    made: dict[str, Sender] = {}
    for one in notifications.addresses:
        if one.way is Way.WEBHOOK:
            secret = state / FOLDER / f"{one.name}.secret"
            made[one.name] = WebhookSender(
                tenant=tenant,
                secret=lambda path=secret: read_private(path).encode(),  # type: ignore[misc]
                pool=pool,
            )
        elif mail is not None:
            made[one.name] = MailSender(
                host=mail.host,
                port=mail.port,
                sender=mail.sender,
                user=mail.user,
                security=mail.security,
                password=partial(read_password, state / FOLDER / "mail.password"),
            )
    return made


class Notifying:
    """Tells addresses what is due soon or late, as long as it runs."""

    def __init__(
        self,
        url: str,
        addresses: tuple[Address, ...],
        ways: Mapping[str, Sender],
        pressure: Pressure,
        seconds: float = EVERY_SECONDS,
    ) -> None:
        self._url = url
        self._addresses = addresses
        self._ways = ways
        self._pressure = pressure
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(1, "notices-out")

    async def run(self) -> None:
        """Tell until cancelled; nothing is asked where nobody is to be told."""
        try:
            while self._addresses:
                await self._pressure.calm()
                try:
                    async with Notices(self._url) as notices:
                        await self.once(notices)
                except LedgerUnavailableError as error:
                    _log.warning("%s: %s", error.code, error)
                await asyncio.sleep(self._seconds)
        finally:
            self._thread.shutdown(wait=False)

    async def once(self, notices: Notices) -> None:
        """Tell each address all that it is to be told now."""
        for address in self._addresses:
            while claimed := await notices.claim(address):
                if not await self._tell(notices, claimed):
                    break
        notice_metrics.observe(await notices.counted())

    async def _tell(self, notices: Notices, claimed: Claimed) -> bool:
        name = claimed.message.address.name
        try:
            if claimed.message.notices:
                await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._ways[name].send, claimed.message
                )
        except ReceiverUnavailableError as error:
            pause = rest(claimed.attempts + 1)
            again = None if pause is None else datetime.now(UTC) + pause
            await notices.failed(claimed, str(error.details.get("reason", "")), again)
            said = "放弃 given up" if again is None else f"再试 again {again:%H:%M}"
            _log.warning("通知 %s：%s，%s", name, error, said)
            return False
        await notices.sent(claimed)
        return True
