"""What resolvers ask of connectors; infra injects the adapters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from zhitong.types import (
    Inquiry,
    Label,
    Predicate,
    Row,
    RowQuery,
    Tally,
    TallyQuery,
)


class Source(Protocol):
    """A department's system, read where it is and never written."""

    @property
    def name(self) -> str:
        """The binding's name, part of every node id."""
        ...

    @property
    def title(self) -> Label:
        """The department's name, for people."""
        ...

    @property
    def state(self) -> str:
        """``ready``, ``drift`` (some fields lost) or ``away``."""
        ...

    def feeds(self, type_name: str) -> frozenset[str]:
        """Name the fields of *type_name* this source has; none: not fed here."""
        ...

    def lost(self, type_name: str) -> Mapping[str, Label]:
        """Name the fields of *type_name* that have gone missing here, and why."""
        ...

    def may_hold(self, type_name: str, where: Predicate | None) -> bool:
        """Say False only if no row here can satisfy *where*."""
        ...

    async def rows(self, query: RowQuery) -> Sequence[Row]:
        """Answer in one statement; raise `SourceError` when it cannot."""
        ...

    async def tally(self, query: TallyQuery) -> Sequence[Tally]:
        """Count in one statement; raise `SourceError` when it cannot."""
        ...


class AccessLog(Protocol):
    """Where looks are recorded before the answer leaves."""

    async def record(self, inquiry: Inquiry) -> str:
        """Commit what *inquiry* read, return the record's id."""
        ...
