"""What deeds say that the rest of the log is weighed by: keys, archives, erasures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from zhitong.evidence import DeedKind, LeafKind

Said: TypeAlias = Mapping[str, Any]
"""A body, read."""


@dataclass(slots=True)
class Keys:
    """What deeds say of keys, of what was archived, and of whom was erased."""

    added: dict[str, Said] = field(default_factory=dict)
    """By key id: what the deed that made it says in detail."""
    twice: set[str] = field(default_factory=set)
    """Keys that another deed says were made, too: one of them is invented."""
    retired: dict[str, str] = field(default_factory=dict)
    """By key id: the earliest end that a deed has set."""
    archived: list[tuple[str, str, int, int]] = field(default_factory=list)
    """Deed, kind, first and last number of leaves whose rows are lawfully gone."""
    records: dict[str, int] = field(default_factory=dict)
    """By deed: how many rows it says that it archived."""
    erased: dict[str, int] = field(default_factory=dict)
    """Ids of the keys of persons who were lawfully erased; how many ID numbers went."""

    def note(self, said: Said) -> None:
        """Take what a deed's body says."""
        kind, action, detail = said["kind"], said["action"], said["detail"]
        if kind == DeedKind.KEY and action == "add-key":
            self._add({said["target"]: detail})
        elif kind == DeedKind.KEY and action == "retire-key":
            self._retire({said["target"]: detail["retired"]})
        elif kind == DeedKind.ARCHIVE and action == "archive-records":
            self._archive(said["deed"], detail)
        elif kind == DeedKind.ERASURE and action == "erase-person":
            self._erase({detail["key"]: int(detail["numbers"])})

    def _add(self, added: Mapping[str, Said]) -> None:
        self.twice |= added.keys() & self.added.keys()
        self.added |= added

    def _retire(self, retired: Mapping[str, str]) -> None:
        for key_id, at in retired.items():
            # An end may be brought forward, never put off.
            self.retired[key_id] = min(at, self.retired.get(key_id, at))

    def _erase(self, erased: Mapping[str, int]) -> None:
        # Another deed of the same key makes it no fewer.
        for key_id, many in erased.items():
            self.erased[key_id] = max(many, self.erased.get(key_id, many))

    def _archive(self, deed: str, detail: Said) -> None:
        # Looks alone are ever archived: no deed excuses a decision, or another deed.
        if detail["leaf_kind"] != LeafKind.LOOK:
            return
        self.records[deed] = int(detail["records"])
        self.archived += [
            (deed, LeafKind.LOOK, int(first), int(last))
            for first, last in detail["numbers"]
        ]

    def merge(self, other: Keys) -> None:
        """Take what was noted apart."""
        self.twice |= other.twice
        self._add(other.added)
        self._retire(other.retired)
        self.archived += other.archived
        self.records |= other.records
        self._erase(other.erased)

    def bound(self, numbers: Mapping[str, int]) -> None:
        """Let a deed excuse what was sealed before it alone, and once it is sealed."""
        self.archived = [
            (deed, kind, first, min(last, numbers[deed] - 1))
            for deed, kind, first, last in self.archived
            if deed in numbers
        ]

    def gone(self, kind: str, number: int) -> bool:
        """Say whether the row of leaf *number* is lawfully gone."""
        return any(
            kind == each and first <= number <= last
            for _, each, first, last in self.archived
        )
