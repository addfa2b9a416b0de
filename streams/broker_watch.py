"""Watching the broker: asked for its versions, and its silence is said once.

A client hides a broker that has gone for as long as it can: a producer tries again
until its delivery is overdue, a consumer finds nothing new. Who operates them is told
within seconds, whether there is something to send or not.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import struct

from zhitong.exceptions import BrokerUnavailableError, SettingsError
from zhitong.streams.kafka_client import Way

EVERY_SECONDS = 1.0
ANSWER_SECONDS = 3.0
"""How long a broker may take to answer: a longer pause of its memory is said too."""
_PORT = 9092
_NAME = b"zhitong-watch"
# ApiVersions, version 0: what every broker answers, before any login. Size, key,
# version, number of the question, and who asks.
_QUESTION = struct.pack(">ihhih", 10 + len(_NAME), 18, 0, 1, len(_NAME)) + _NAME
_ANSWER = struct.Struct(">ii")


class BrokerWatch:
    """Says by *logger* that no broker of *way* answers, then that one does."""

    def __init__(self, way: Way, logger: logging.Logger) -> None:
        self._way = way
        self._log = logger
        self._away = False

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._tell(await self._silence())
            await asyncio.sleep(EVERY_SECONDS)

    def _tell(self, silence: str) -> None:
        if silence and not self._away:
            self._log.warning(
                "%s: 消息代理没有应答，会一直重试，事件和回执不会丢失 the broker does "
                "not answer; it is tried for ever, and nothing is lost (%s)",
                BrokerUnavailableError.code,
                silence,
            )
        elif self._away and not silence:
            self._log.warning("消息代理恢复应答 the broker answers again")
        self._away = bool(silence)

    async def _silence(self) -> str:
        """Say why no broker answers; nothing: one does."""
        try:
            access = await asyncio.to_thread(self._way)
            tls = access.tls
        except (OSError, SettingsError) as error:
            return type(error).__name__
        why, addresses = "", access.address.split(",")
        for address in addresses:
            try:
                async with asyncio.timeout(ANSWER_SECONDS / len(addresses)):
                    await _ask(address.strip(), tls)
            except (OSError, ValueError, EOFError, struct.error) as error:
                # Of a certificate what is wrong with it, as that it has expired.
                why = getattr(error, "verify_message", "") or type(error).__name__
            else:
                return ""
        return why


async def _ask(address: str, tls: ssl.SSLContext | None) -> None:
    """Have the broker at *address* answer; raise what keeps it from that."""
    host, found, port = address.rpartition("://")[2].rpartition(":")
    if not found:
        host, port = port, str(_PORT)
    host = host.strip("[]")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=tls)
    try:
        writer.write(_QUESTION)
        _, number = _ANSWER.unpack(await reader.readexactly(_ANSWER.size))
    finally:
        # Not closed politely: who is frozen takes part in no farewell.
        writer.transport.abort()
    if number != 1:
        raise ValueError(number)
