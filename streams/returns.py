"""What receivers return by channels that are no topic: verified, filed as receipts.

- What is signed is verified as a receipt on the topic is. What is not is taken only
  from a receiver whose file says that it does not sign: it proves who wrote where, and
  nothing to a third. Its receipt has no key and no hash.
- An answer to a batch is one to each event of it that we have put there. Twice the same
  changes nothing; what it does not name is awaited still.
- What is about another's event, or nobody's, is kept apart with the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from zhitong.decisions import BatchAnswer, Receipt, Returned
from zhitong.exceptions import ReceiptInvalidError
from zhitong.ports import BatchBook
from zhitong.streams.blaming import blamed
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.keys import ReceiverKeys, verify_receipt
from zhitong.streams.receipts import Keys

_log = logging.getLogger("zhitong.receipts")

Signs = Callable[[str], bool]
"""Says whether a receiver is to sign what it answers."""


class ReturnDesk:
    """Files what receivers return."""

    def __init__(self, book: BatchBook, keys: Keys, signs: Signs) -> None:
        self._book = book
        self._keys = keys
        self._signs = signs

    async def take(self, returned: Sequence[Returned]) -> None:
        """File what came back; raise `LedgerUnavailableError`."""
        receipts: dict[tuple[object, ...], Receipt] = {}
        # Files, read once: a batch may bring a thousand receipts.
        keys = self._keys() if any(each.jws for each in returned) else {}
        for each in returned:
            try:
                receipt = blamed(self._receipt(each, keys.get(each.receiver)))
            except ReceiptInvalidError as error:
                raw = each.jws.encode() or msgspec.json.encode(each)
                await self._stray(each.receiver, raw, error)
                continue
            receipts.setdefault((receipt.event_id, receipt.answer), receipt)
        if receipts:
            await self._book.file(list(receipts.values()))

    async def take_batch(
        self,
        receiver: str,
        place: str,
        said: BatchAnswer,
        laid: Sequence[UUID] = (),
    ) -> None:
        """File what *receiver* says of a batch that was put at *place*.

        *laid* are events that are known to lie in it, whether or not it is noted yet.
        Raises `LedgerUnavailableError`, and `ReceiptInvalidError` where we put no such
        batch there: it is kept apart.
        """
        there = [*await self._book.batch(receiver, place, said.number), *laid]
        if not there and not said.rows:
            error = _invalid(
                f"没有发过批次 {said.number}", f"no batch {said.number} was sent"
            )
            await self._stray(receiver, said.raw, error)
            raise error
        await self.take(list(_each(receiver, there, said)))

    def _receipt(self, each: Returned, keys: ReceiverKeys | None) -> Receipt:
        if not each.jws:
            return self._unsigned(each)
        if keys is None:
            raise _invalid(
                "没有这个接收方登记的密钥", "the receiver has given us no key"
            )
        receipt = verify_receipt(each.jws, keys)
        if receipt.event_id != each.event_id:
            raise _invalid(
                "签名回执说的是别的事件", "what is signed is about another event"
            )
        return receipt

    def _unsigned(self, each: Returned) -> Receipt:
        if self._signs(each.receiver):
            raise _invalid(
                "接收方文件要求签名，这份没有",
                "the receiver's file demands a signature, and it has none",
            )
        assert each.answer is not None  # noqa: S101 - else there is nothing to file
        # Without an offset it is the time of day there.
        at = each.at or datetime.now(SHANGHAI)
        return Receipt(
            event_id=each.event_id,
            receiver=each.receiver,
            answer=each.answer,
            at=at if at.tzinfo else at.replace(tzinfo=SHANGHAI),
            payload_hash="",
            reasons=each.reasons,
        )

    async def _stray(
        self, receiver: str, raw: bytes, error: ReceiptInvalidError
    ) -> None:
        _log.warning("%s: %s: %s", error.code, receiver, error)
        await self._book.stray(receiver, raw, error.label.en)


def _each(
    receiver: str, there: Sequence[UUID], said: BatchAnswer
) -> Iterator[Returned]:
    """Say of each event of a batch what is said of it."""
    named = {row.event_id: row for row in said.rows}
    # What is named and not there goes to the book too, which keeps it apart.
    for event in dict.fromkeys((*there, *named)):
        row = named.get(event)
        answer = row.answer if row else said.answer
        if answer is None and not (row and row.jws):
            continue
        yield Returned(
            receiver=receiver,
            event_id=event,
            answer=answer,
            reasons=row.reasons if row else said.reasons,
            at=said.at,
            jws=row.jws if row else "",
        )


def _invalid(zh: str, en: str) -> ReceiptInvalidError:
    return ReceiptInvalidError(f"{zh}；回执另存待查", f"{en}; it is kept apart")
