"""What a rejection blames: codes and columns, read out of the receiver's reasons."""

from __future__ import annotations

from functools import cache

import msgspec

from zhitong.decisions import Answer, Receipt
from zhitong.rules.rejections import blame
from zhitong.streams.schemas import tables


def blamed(receipt: Receipt) -> Receipt:
    """Give *receipt* with what its reasons name, where it rejects."""
    if receipt.answer is not Answer.REJECTED:
        return receipt
    found = tuple(blame(reason, columns()) for reason in receipt.reasons)
    return msgspec.structs.replace(receipt, blamed=found)


@cache
def columns() -> frozenset[str]:
    """Name every column of every published table."""
    return frozenset(name for table in tables().values() for name in table.columns)
