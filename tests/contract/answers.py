"""What receivers answer to a ledger's events, filed as the desk files it."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime

from entries import AT
from ledger_rows import ENDLESS, run

from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.decisions import Ack, Answer, Entry, Receipt


def said(
    made: Entry,
    receiver: str,
    answer: Answer,
    *blamed: tuple[str, str],
    at: datetime = AT,
    hashed: str | None = None,
) -> Receipt:
    (event,) = (one for one in made.events if one.receiver == receiver)
    return Receipt(
        event_id=event.event_id,
        receiver=receiver,
        answer=answer,
        at=at,
        payload_hash=hashed or hashlib.sha256(event.payload).hexdigest(),
        reasons=tuple(" ".join((*each, "有误")) for each in blamed),
        blamed=blamed,
    )


def rejected(made: Entry, receiver: str, at: datetime = AT) -> Receipt:
    return said(
        made, receiver, Answer.REJECTED, ("1003", "party_code"), ("", ""), at=at
    )


def held(made: Entry, receiver: str, at: datetime = AT) -> Receipt:
    return said(made, receiver, Answer.HELD, at=at)


async def file(url: str, *receipts: Receipt) -> None:
    book = PlatformReceiptBook(url)
    try:
        await book.file(receipts)
    finally:
        await book.close()


async def leave(url: str) -> None:
    """Have all that waits leave; a connection before may still hold some buckets."""
    outbox = PlatformOutbox(url, "one")
    try:
        async with asyncio.timeout(ENDLESS):
            while await run(url, "select from outbox"):
                await outbox.own()
                if waiting := await outbox.waiting(100):
                    acks = [Ack(seq=one.seq, partition=0, offset=0) for one in waiting]
                    await outbox.sent(acks)
    finally:
        await outbox.close()
