"""The newest words that the pinned witnesses have given for heads of the log.

Nothing is believed because a row says so: a word counts where the key that the settings
name has signed it, over the note of that very head. Each is checked once.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import asyncpg

from zhitong.connectors.loan import Plain
from zhitong.connectors.signers import verify
from zhitong.connectors.statements import statements
from zhitong.evidence import Countersignature, Signature
from zhitong.rules.freshness import Moment, Proof, agreed
from zhitong.rules.head_notes import read_head

Keys = Mapping[str, bytes]
"""Public keys (SPKI) by their ids."""
Place = tuple[int, datetime]
"""Where a head is in the log: its size and time."""
AT_ONCE = 8
"""Words of a key that are looked at: the newest will do, unless some are forged."""
LATE_SECONDS = 60.0
"""So long after another's a witness's word for a head may come."""
_BEFORE: Place = (-1, datetime(1970, 1, 1, tzinfo=UTC))
_log = logging.getLogger("zhitong.evidence")


class PinnedWords:
    """Looks for words of *pinned* keys, not further back than *reach*."""

    def __init__(
        self, pinned: Callable[[], Keys], quorum: int, reach: timedelta
    ) -> None:
        self._pinned = pinned
        self._quorum = quorum
        self._reach = reach
        self._keys: Keys = {}
        self._found: dict[str, tuple[Place, Proof]] = {}
        self._floor: Place | None = None
        self._passed: deque[tuple[float, Place]] = deque()
        """Where the newest words were, and when by the steady clock."""
        self._refused: frozenset[bytes] = frozenset()

    def proof(self, now: Moment) -> Proof | None:
        """Give the newest that the quorum has come to; None: it never has."""
        return agreed((proof for _, proof in self._found.values()), self._quorum, now)

    async def look(self, connection: Plain, now: Moment) -> None:
        """Take what has come."""
        self._keys = self._keys or self._pinned()
        floor = self._floor or await self._beginning(connection, now)
        rows = await connection.fetch(
            statements("freshness")["words"], list(self._keys), *floor, AT_ONCE
        )
        refused, self._refused = self._refused, frozenset()
        for row in rows:
            place = (row["size"], row["at"])
            if place <= self._found.get(row["key_id"], (_BEFORE,))[0]:
                continue
            if row["value"] not in refused and self._signed(row):
                # A gateway begun after its clock was set back has the database's.
                known = now.farther(row["asked"], row["seen"])
                proof = Proof(seen=row["seen"], known=known)
                self._found[row["key_id"]] = place, proof
                continue
            if row["value"] not in refused:
                _tell(row)
            self._refused |= {row["value"]}
        self._move(now.steady)

    async def _beginning(self, connection: Plain, now: Moment) -> Place:
        """Say where to begin: what is older than *reach* opens nothing anyhow."""
        row = await connection.fetchrow(
            statements("freshness")["floor"], now.wall - self._reach
        )
        return (row["size"], row["at"]) if row else _BEFORE

    def _move(self, steady: float) -> None:
        """Leave behind what no witness's word is still to come for."""
        if not self._found:
            return
        self._passed.append((steady, max(place for place, _ in self._found.values())))
        while steady - self._passed[0][0] > LATE_SECONDS:
            _, self._floor = self._passed.popleft()

    def _signed(self, row: asyncpg.Record) -> bool:
        note: bytes = row["note"]
        word = Countersignature(
            seen=row["seen"],
            signature=Signature(
                key_id=row["key_id"], algorithm=row["algorithm"], value=row["value"]
            ),
        )
        try:
            head, text = read_head(note), word.text(note)
        except ValueError:  # nor has every moment of a database a text
            return False
        if (head.origin, head.size, head.at) != (row["origin"], row["size"], row["at"]):
            return False
        spki = self._keys[row["key_id"]]
        return verify(spki, row["algorithm"], text, row["value"])


def _tell(row: asyncpg.Record) -> None:
    _log.error(
        "EVIDENCE: 见证签字不成立，有人改动过日志头或见证签字的表 "
        "a countersignature does not hold, somebody has changed a table: "
        "size %d at %s by %s",
        row["size"],
        row["at"],
        row["key_id"],
    )
