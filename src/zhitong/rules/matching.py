"""Rows and their sealed leaves: each has the other, or a reason why not.

- A row is sealed: its leaf has a number. Or it waits, in the queue. Never both.
- A sealed leaf has its row, unless a sealed deed says that it was archived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from zhitong.evidence import LeafKind
from zhitong.rules.faults import Fault, FaultKind, Faults
from zhitong.rules.noted_keys import Keys
from zhitong.rules.verification import TABLES, Place, row_fault


class Matching:
    """Rows and sealed leaves, as they come: who has met the other is forgotten.

    Both come in nearly the same order, so that few wait, however many there are.
    """

    def __init__(self) -> None:
        self.leaves: dict[str, dict[str, tuple[int, bytes]]] = defaultdict(dict)
        """By kind and id: sealed, and no row has come yet."""
        self.rows: dict[str, dict[str, bytes]] = defaultdict(dict)
        """By kind and id: rows whose sealed leaf has not come yet."""
        self.doubles: list[tuple[str, str, bytes]] = []
        """Kinds, ids and leaves of rows whose id another row has."""
        self.excused: dict[str, tuple[int, bytes]] = {}
        """By record id, once it is settled: number and leaf of rows lawfully gone."""

    def sealed(
        self, leaves: Iterable[tuple[int, str, str, bytes]], faults: Faults
    ) -> None:
        """Take numbers, kinds, ids and digests of sealed leaves."""
        rows, waiting = self.rows, self.leaves
        for number, kind, place, leaf in leaves:
            there = rows[kind].pop(place, None)
            if there is None:
                # One of two under one name would take the other's row for its own.
                if place in waiting[kind]:
                    faults.add(_twice(kind, place, number))
                waiting[kind][place] = number, leaf
            elif there != leaf:
                faults.add(_unequal(kind, place, number))

    def stand(
        self, kind: str, found: Iterable[tuple[str, bytes]], faults: Faults
    ) -> None:
        """Take ids and leaves of rows of one kind."""
        rows, waiting = self.rows[kind], self.leaves[kind]
        for place, leaf in found:
            there = waiting.pop(place, None)
            if there is not None:
                if there[1] != leaf:
                    faults.add(_unequal(kind, place, there[0]))
            elif place in rows:
                self.doubles.append((kind, place, leaf))
            else:
                rows[place] = leaf

    def merge(self, other: Matching, faults: Faults) -> None:
        """Match what two processes were left with."""
        for kind, leaves in other.leaves.items():
            self.sealed(
                (
                    (number, kind, place, leaf)
                    for place, (number, leaf) in leaves.items()
                ),
                faults,
            )
        for kind, rows in other.rows.items():
            self.stand(kind, rows.items(), faults)
        for kind, place, leaf in other.doubles:
            self.stand(kind, [(place, leaf)], faults)

    def settle(self, queue: Mapping[Place, bytes], keys: Keys) -> Iterable[Fault]:
        """Say what is wrong with what is left, *queue* being what waits for a seal."""
        for kind, leaves in self.leaves.items():
            for place, (number, leaf) in leaves.items():
                if keys.gone(kind, number):
                    self.excused[place] = number, leaf
                else:
                    yield _rowless(kind, place, number)
        waits = dict(queue)
        rows = [
            (kind, place, leaf)
            for kind, leaves in self.rows.items()
            for place, leaf in leaves.items()
        ]
        for kind, place, leaf in (*rows, *self.doubles):
            queued = waits.pop((kind, place), None)
            if queued is None:
                yield row_fault(FaultKind.ROW_UNSEALED, TABLES[LeafKind(kind)], place)
            elif queued != leaf:
                yield row_fault(FaultKind.QUEUE_DIFFERS, TABLES[LeafKind(kind)], place)
        for kind, place in waits:
            yield Fault(
                kind=FaultKind.QUEUE_ORPHAN, table="unsealed", id=f"{kind} {place}"
            )


def _rowless(kind: str, place: str, number: int) -> Fault:
    if kind not in TABLES:
        unknown = FaultKind.LEAF_UNKNOWN
        named = f"{kind} {place}"
        return Fault(kind=unknown, table="sealed_leaf", id=named, number=number)
    table = TABLES[LeafKind(kind)].name
    return Fault(kind=FaultKind.ROW_MISSING, table=table, id=place, number=number)


def _twice(kind: str, place: str, number: int) -> Fault:
    twice = FaultKind.ROW_TWICE
    named = f"{kind} {place}"
    return Fault(kind=twice, table="sealed_leaf", id=named, number=number)


def _unequal(kind: str, place: str, number: int) -> Fault:
    return Fault(
        kind=FaultKind.LEAF_DIFFERS,
        table=TABLES[LeafKind(kind)].name,
        id=place,
        number=number,
    )
