"""What can be wrong with the log 日志缺陷: each fault has a name, and a place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum, auto

LISTED = 100
"""Faults of one kind that are listed; beyond that they are counted."""


class _Named(StrEnum):
    @staticmethod
    def _generate_next_value_(
        name: str, _start: int, _count: int, _last_values: list[str]
    ) -> str:
        return name


class FaultKind(_Named):
    """What is wrong; docs/audit.md says of each what it means."""

    # A row and its body.
    BODY_CHANGED = auto()
    BODY_UNREADABLE = auto()
    COLUMN_DIFFERS = auto()
    VERSION_MISSING = auto()
    VERSION_UNPROVED = auto()
    PRESENT_DIFFERS = auto()
    GRANT_DIFFERS = auto()
    FINDING_DIFFERS = auto()
    STATEMENT_DIFFERS = auto()
    NUMBER_DIFFERS = auto()
    ERASURE_DIFFERS = auto()
    # A row and its place in the log.
    LEAF_DIFFERS = auto()
    LEAF_UNKNOWN = auto()
    ROW_MISSING = auto()
    ARCHIVE_MISSING = auto()
    ARCHIVE_DIFFERS = auto()
    ROW_UNSEALED = auto()
    ROW_TWICE = auto()
    QUEUE_DIFFERS = auto()
    QUEUE_ORPHAN = auto()
    QUEUE_LATE = auto()
    # The log and its heads.
    NUMBER_MISSING = auto()
    NODE_DIFFERS = auto()
    LEAF_UNCOVERED = auto()
    HEAD_MISSING = auto()
    HEAD_MALFORMED = auto()
    HEAD_DIFFERS = auto()
    HEAD_BEYOND = auto()
    HEAD_LATE = auto()
    ROOT_DIFFERS = auto()
    PREVIOUS_DIFFERS = auto()
    TIME_BACK = auto()
    # Signatures and keys.
    SIGNATURE_MISSING = auto()
    SIGNATURE_INVALID = auto()
    KEY_UNKNOWN = auto()
    KEY_NOT_THEN = auto()
    KEY_DIFFERS = auto()
    KEY_UNPROVED = auto()
    KEY_MISSING = auto()
    KEY_TWICE = auto()
    TIMESTAMP_DIFFERS = auto()
    TIMESTAMP_UNTRUSTED = auto()
    # What the witness has.
    WITNESS_MISSING = auto()
    WITNESS_BEHIND = auto()
    WITNESS_AHEAD = auto()
    WITNESS_ROOT = auto()
    WITNESS_HEAD = auto()
    WITNESS_WORD = auto()
    COUNTERSIGNATURE_MISSING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, and where."""

    kind: FaultKind
    table: str
    id: str
    """The row's: a record, decision and version, deed, number, size or key."""
    column: str = ""
    number: int | None = None
    """Of the leaf, where the row has one."""
    detail: str = ""

    def __str__(self) -> str:
        """Name kind and place on one line."""
        place = f"{self.table} {self.id}".strip()
        number = "" if self.number is None else f" #{self.number}"
        column = f" .{self.column}" if self.column else ""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.kind} {place}{number}{column}{detail}"


@dataclass(slots=True)
class Faults:
    """Faults found so far: all of them counted, some of each kind listed."""

    listed: list[Fault] = field(default_factory=list)
    totals: Counter[FaultKind] = field(default_factory=Counter)

    def add(self, fault: Fault) -> None:
        """Count *fault*, and list it while there is room."""
        self.totals[fault.kind] += 1
        if self.totals[fault.kind] <= LISTED:
            self.listed.append(fault)

    def extend(self, faults: Iterable[Fault]) -> None:
        """Add each of *faults*."""
        for fault in faults:
            self.add(fault)

    def merge(self, others: Faults) -> None:
        """Take over what another has found."""
        more = Counter(others.totals)
        for fault in others.listed:
            more[fault.kind] -= 1
            self.add(fault)
        self.totals.update(more)

    def __len__(self) -> int:
        return self.totals.total()
