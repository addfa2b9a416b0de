"""One question on its way: who asks, and what every resolver of it reads with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from zhitong.exceptions import PageSizeError, ScalarError
from zhitong.ports import Source
from zhitong.resolvers.budget import Budget
from zhitong.resolvers.counting import Counting
from zhitong.resolvers.cursors import Cursors
from zhitong.resolvers.filters import Filters
from zhitong.resolvers.loaders import Loaders
from zhitong.resolvers.read import Reader
from zhitong.types import EntityType, Inquiry


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one question may ask for."""

    page: int = 20
    largest_page: int = 200


@dataclass(frozen=True, slots=True)
class Place:
    """What a document asks for at one place: the same for every row that stands there.

    Whatever runs a document says it in these words, and the resolvers know no others.
    """

    fields: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    """Relations to follow from the rows."""
    size: int = 0
    """Fields to build for each row, aliases one by one, with their arguments."""


Placing = Callable[[EntityType], Place]
"""What is asked at a place whose rows may be of several types."""


@dataclass(slots=True, kw_only=True, eq=False)
class Asking:
    """One question: who asks, and the tools to read with.

    Not frozen: one that is takes thrice as long to make, and each question has one.
    """

    inquiry: Inquiry
    reader: Reader
    budget: Budget
    loaders: Loaders
    filters: Filters
    counting: Counting
    cursors: Cursors
    entities: Mapping[str, EntityType]
    sources: Callable[[], Mapping[str, Source]]
    limits: Limits

    def may_give(self, place: Place, rows: int) -> bool:
        """Count *rows* that are to be built at *place*; False: it is too much."""
        return self.budget.may_build(rows, place.size)

    def named(self, sources: Iterable[str] | None) -> frozenset[str] | None:
        """Check names of sources; raise `ScalarError` on one there is not."""
        if sources is None:
            return None
        known = self.sources()
        for name in sources:
            if name not in known:
                raise ScalarError(
                    f"没有来源 {name[:40]}，现有的见 sources 字段",
                    f"there is no source {name[:40]}; the field sources lists them",
                )
        return frozenset(sources)

    def page_size(self, first: int | None) -> int:
        """Check a page size; raise `PageSizeError` outside what is served."""
        if first is None:
            return self.limits.page
        if not 0 < first <= self.limits.largest_page:
            raise PageSizeError(
                f"first 应在 1 到 {self.limits.largest_page} 之间，写的是 {first}",
                f"first is {first}; it must be from 1 to {self.limits.largest_page}",
            )
        return first
