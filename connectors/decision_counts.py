"""Counts of decisions: changes that wait are folded into what is counted."""

from __future__ import annotations

from zhitong.connectors import primary
from zhitong.connectors.loan import LOST
from zhitong.exceptions import LedgerUnavailableError


async def fold(url: str) -> int:
    """Fold what has changed since the last time; say how many changes there were.

    Counts are the same before and after: it only keeps reading them short.
    """
    try:
        connection = await primary.connect(url)
        try:
            return int(await connection.fetchval("select fold_decision_counts()"))
        finally:
            await connection.close()
    except LOST as error:
        raise LedgerUnavailableError(
            "决定台账暂不可用，计数稍后再并入",
            "the ledger is away; counts will be folded later",
        ) from error
