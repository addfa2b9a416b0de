"""Stating to each receiver what it was sent, and filing what it answers."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from zhitong.connectors.key_ring import KeySigner
from zhitong.connectors.reconciliation import Reconciliations, Stating
from zhitong.connectors.reconciliation_answers import Answers
from zhitong.decisions import Outgoing
from zhitong.infra.receipts import compact
from zhitong.rules.reconciliation import MEANINGS, Place
from zhitong.streams.producer import Fault, Producer
from zhitong.streams.receivers import Receivers
from zhitong.streams.stated import JWS, Answered, Statement, write_statement

_AT_ONCE = 500

_log = logging.getLogger("zhitong.reconciling")


async def state(  # noqa: PLR0913 - what it speaks with, each on its own side
    book: Reconciliations,
    producer: Producer,
    config: Receivers,
    keys: Path,
    kept_since: datetime,
    *,
    whole: bool,
) -> int:
    """State what is new, or the *whole* again; say how many windows were stated.

    Raises `LedgerUnavailableError`. What the broker does not take is stated later.
    """
    receivers = list(config.kafka)
    left = list(await book.unstated(receivers, kept_since, whole=whole))
    if not left:
        return 0
    signer, count = await book.signer(keys), 0
    for first in range(0, len(left), _AT_ONCE):
        batch = left[first : first + _AT_ONCE]
        made = [_stated(each, signer) for each in batch]
        outgoing = [
            _outgoing(seq, said, signed, config)
            for seq, (said, signed) in enumerate(made)
        ]
        answers = await asyncio.to_thread(producer.send_batch, outgoing)
        taken = {
            said.statement: signed
            for (said, signed), answer in zip(made, answers, strict=True)
            if not isinstance(answer, Fault)
        }
        await book.stated(taken)
        count += len(taken)
        if len(taken) < len(made):
            _log.warning("对账声明待发 statements wait for the broker")
            break
    return count


class AnswerDesk:
    """Files answers; says what they show."""

    def __init__(self, url: str) -> None:
        self._answers = Answers(url)

    async def file(self, said: Answered, signed: str) -> None:
        """File an answer; raise `LedgerUnavailableError`."""
        place = Place(
            receiver=said.receiver,
            topic=said.topic,
            partition=said.partition,
            start=said.start,
            end=said.end,
        )
        found = await self._answers.file(
            said.statement,
            place,
            seen=said.seen,
            root=bytes.fromhex(said.root),
            parts=[(each.start, each.end, dict(each.held)) for each in said.parts],
            at=said.at,
            signed=signed,
        )
        for each in found or ():
            _log.error(
                "对账 reconciliation: %s  %s  %s  %s",
                each.kind,
                each.receiver,
                each.event_id,
                MEANINGS[each.kind].en,
            )

    async def close(self) -> None:
        """Close its connection."""
        await self._answers.close()


def _stated(window: Stating, signer: KeySigner) -> tuple[Statement, str]:
    place = window.place
    said = Statement(
        statement=window.statement,
        receiver=place.receiver,
        topic=place.topic,
        partition=place.partition,
        start=place.start,
        end=place.end,
        records=window.records,
        root=window.root.hex(),
        parts=[each.hex() for each in window.parts],
        foreign=list(window.foreign),
        at=datetime.now(UTC),
    )
    return said, compact(signer, JWS, msgspec.json.encode(said)).decode("ascii")


def _outgoing(seq: int, said: Statement, signed: str, config: Receivers) -> Outgoing:
    return Outgoing(
        seq=seq,
        bucket=0,
        event_id=said.statement,
        receiver=said.receiver,
        topic=config.recon(said.receiver),
        key=f"{said.partition:016x}",
        payload=write_statement(said, signed, config.source(said.receiver)),
        created_at=said.at,
    )
