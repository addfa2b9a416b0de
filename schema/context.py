"""What the resolvers of one question share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from graphql import DocumentNode, FieldNode

from zhitong.exceptions import PageSizeError, ScalarError
from zhitong.ports import Lookers, Source
from zhitong.resolvers.budget import Budget
from zhitong.resolvers.catalogue import Catalogue
from zhitong.resolvers.counting import Counting
from zhitong.resolvers.cursors import Cursors
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.emergencies import Emergencies
from zhitong.resolvers.filters import Filters
from zhitong.resolvers.grants import Grants
from zhitong.resolvers.loaders import Loaders
from zhitong.resolvers.parties import Parties
from zhitong.resolvers.proceedings import Proceedings
from zhitong.resolvers.read import Reader
from zhitong.schema.selection import ResolveInfo, Walk, Wanted
from zhitong.types import EntityType, Inquiry


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one question may ask for."""

    page: int = 20
    largest_page: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One question: who asks, and the tools to answer with."""

    inquiry: Inquiry
    document: DocumentNode
    """As the gate let it through: it fits the schema."""
    reader: Reader
    budget: Budget
    loaders: Loaders
    filters: Filters
    counting: Counting
    cursors: Cursors
    decisions: Decisions
    proceedings: Proceedings
    entities: Mapping[str, EntityType]
    sources: Callable[[], Mapping[str, Source]]
    limits: Limits
    applications: Grants | None = None
    """What is done to applications for grants; None: this gateway serves none."""
    catalogue: Catalogue | None = None
    """What there is to be shared; None: this gateway does not say."""
    lookers: Lookers | None = None
    """Who looked at a row; None: this gateway does not say."""
    parties: Parties | None = None
    """What there is about a party, to ask who looked at it."""
    emergencies: Emergencies | None = None
    """Break-glass; None: this gateway serves none."""
    _wanted: dict[tuple[tuple[int, ...], str], Wanted] = field(default_factory=dict)
    _sizes: dict[tuple[int, ...], int] = field(default_factory=dict)
    _beside: dict[int, tuple[FieldNode, ...]] = field(default_factory=dict)
    """How a relation was found is read with the relation, where that is asked for."""

    def wanted(
        self, info: ResolveInfo, entity: EntityType, *paths: tuple[str, ...]
    ) -> Wanted:
        """Find what is asked of *entity* here; siblings share the answer."""
        # The document's nodes live as long as the question, so their ids are a name;
        # all of them, for a fragment's node stands in several places.
        nodes = self._beside.get(id(info.field_nodes[0])) or info.field_nodes
        place = (tuple(map(id, nodes)), entity.name)
        if place not in self._wanted:
            self._wanted[place] = Walk(info).wanted(nodes, entity, *paths)
            self._beside.update(self._wanted[place].beside)
        return self._wanted[place]

    def may_give(self, info: ResolveInfo, rows: int, *paths: tuple[str, ...]) -> bool:
        """Count *rows* that are to be built here; False: it is too much."""
        place = tuple(map(id, info.field_nodes))
        if place not in self._sizes:
            self._sizes[place] = Walk(info).size(info.field_nodes, *paths)
        return self.budget.may_build(rows, self._sizes[place])

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
