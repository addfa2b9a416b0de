"""Timestamps of an authority outside, on heads of the log (RFC 3161): optional.

Nothing waits for them, and an authority that is away stops nothing: the next stamp
covers all before it.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.x509 import Certificate, load_pem_x509_certificates
from opentelemetry import metrics

from zhitong.connectors.loan import LOST
from zhitong.connectors.timestamps import (
    StampError,
    due,
    keep,
    question,
    stamped_at,
)
from zhitong.exceptions import SettingsError
from zhitong.infra.exchange import exchange
from zhitong.infra.settings import Settings

EVERY_SECONDS = 30.0
_SECONDS = 20.0
LARGEST = 65_536
_log = logging.getLogger("zhitong.timestamping")
_meter = metrics.get_meter("zhitong.timestamping")
_stamps = _meter.create_counter(
    "zhitong.evidence.timestamps",
    unit="{head}",
    description="Heads that an authority has stamped, and attempts that failed.",
)


class Timestamping:
    """Has heads of the log at *url* stamped, as long as it runs."""

    def __init__(
        self, url: str, settings: Settings, *, every: float = EVERY_SECONDS
    ) -> None:
        self._url = url
        self._authority = settings.tsa
        self._seconds = settings.tsa_hours * 3600
        self._every = every
        self._roots = _trusted(settings) if settings.tsa else ()
        self._said = ""

    async def run(self) -> None:
        """Look whether a stamp is due until cancelled; without an authority, end."""
        while self._authority:
            await self._try()
            await asyncio.sleep(self._every)

    async def _try(self) -> None:
        try:
            await self._stamp()
        except (
            *LOST,
            StampError,
            ValueError,
            http.client.HTTPException,
        ) as error:
            said = type(error).__name__
            _stamps.add(1, {"stamped": "no"})
            if said != self._said:
                _log.warning(
                    "TSA: 没有取得时间戳，稍后再取，其余照常 no timestamp was had; it "
                    "is tried again, and nothing waits for it (%s)",
                    said,
                )
            self._said = said
        else:
            self._said = ""

    async def _stamp(self) -> None:
        head = await due(self._url, self._seconds)
        if head is None:
            return
        asked = question(head.note)
        status, answer = await asyncio.to_thread(self._ask, asked.as_bytes())
        if status != HTTPStatus.OK:
            raise StampError(status)
        moment = stamped_at(asked, answer, head.note, self._roots)
        await keep(self._url, head, moment, answer)
        _stamps.add(1, {"stamped": "yes"})

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        return exchange(
            self._authority,
            "POST",
            body=body,
            media="application/timestamp-query",
            seconds=_SECONDS,
            largest=LARGEST,
        )


def _trusted(settings: Settings) -> Sequence[Certificate]:
    """Read whose stamps count; raise `SettingsError` where that is not said."""
    # Not only https: a stamp is signed, and authorities answer over http.
    parts = urlsplit(settings.tsa)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(
            "ZHITONG_TSA 应为 http 或 https 地址",
            "ZHITONG_TSA must be an address of http or https",
        )
    return roots(settings)


def roots(settings: Settings) -> Sequence[Certificate]:
    """Read the certificates of `ZHITONG_TSA_CA`; raise `SettingsError` without any."""
    try:
        return load_pem_x509_certificates(Path(settings.tsa_ca).read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(
            "ZHITONG_TSA_CA 应为时间戳机构根证书的 PEM 文件",
            "ZHITONG_TSA_CA must be the PEM file of the timestamp authority's root "
            "certificates",
        ) from error
