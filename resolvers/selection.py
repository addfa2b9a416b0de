"""What a document asks for, in our own words: no library's nodes, no text to read.

`zhitong.schema` makes a `Selection` of a validated document, once; whatever plans and
runs it knows nothing of GraphQL's syntax. Fields are merged as the specification merges
them, in the answer's order; directives that hold no variable's value are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from zhitong.resolvers.asking import Asking, Place
from zhitong.types import EntityType, Relation


class Leaf(Enum):
    """What a leaf's value has to be, as the schema completes it."""

    TEXT = "text"
    """A scalar written as text: String, ID, Date, Money and the like."""
    INTEGER = "integer"
    """Of 32 bits, signed."""
    BOOLEAN = "boolean"
    CODE = "code"
    """One of `Part.codes`."""


@dataclass(frozen=True, slots=True)
class Column:
    """A row's own field: `Part.name` is its name."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A row's global id."""


@dataclass(frozen=True, slots=True)
class SourceName:
    """The source a row came from."""


@dataclass(frozen=True, slots=True)
class TypeName:
    """``__typename``, of anything."""


@dataclass(frozen=True, slots=True)
class One:
    """The one row that a relation leads to (`zhitong.resolvers.links.linked`)."""

    relation: Relation


@dataclass(frozen=True, slots=True)
class Match:
    """How that row was found (`links.match`); a leaf."""

    relation: Relation


@dataclass(frozen=True, slots=True)
class Several:
    """The rows whose keys a row lists (`links.listed`)."""

    relation: Relation


@dataclass(frozen=True, slots=True)
class PageBelow:
    """A connection below a row (`pages.related_page`); bound: `PageArguments`."""

    relation: Relation


@dataclass(frozen=True, slots=True)
class RootPage:
    """A connection at the root (`pages.root_page`); bound: `PageArguments`."""

    entity: EntityType


@dataclass(frozen=True, slots=True)
class Total:
    """``totalCount`` of a page: its count, made when asked for."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A row by its number (`lookups.by_lookup`); bound: the number."""

    entity: EntityType


@dataclass(frozen=True, slots=True)
class Exact:
    """Rows by a protected field (`lookups.exactly`); bound: the number."""

    entity: EntityType
    field: str


@dataclass(frozen=True, slots=True)
class ByNode:
    """A row by its global id (`lookups.by_node`); bound: the id."""


@dataclass(frozen=True, slots=True)
class Search:
    """Rows of several types by name (`lookups.search`); bound: name, types, first."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts by groupings (`statistics.statistics`); bound: names and predicate."""

    entity: EntityType


@dataclass(frozen=True, slots=True)
class Grouped:
    """A group's value of one grouping."""

    grouping: str


@dataclass(frozen=True, slots=True)
class SubjectOf:
    """The subject that a group is of (`statistics.subject_of`)."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an object that is no row: a page's, an edge's, a count's."""

    name: str


@dataclass(frozen=True, slots=True)
class Computed:
    """A root field computed without a read: the sources, the code lists."""

    compute: Callable[[Asking, object], object]
    """From the question and the bound argument; an object, or a list of objects."""


Role = (
    Column
    | Identity
    | SourceName
    | TypeName
    | One
    | Match
    | Several
    | PageBelow
    | RootPage
    | Total
    | Lookup
    | Exact
    | ByNode
    | Search
    | Counts
    | Grouped
    | SubjectOf
    | Attribute
    | Computed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What is asked at one place, for whatever values its variables have."""

    fields: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    size: int = 0
    """Fields to build for each row, as far as no variable says how many."""
    variables: tuple[str, ...] = ()
    """Variables whose values are translated anew for every row; one may stand twice."""

    def place(self, weigh: Callable[[str], int]) -> Place:
        """Say it for one question; *weigh* gives the weight of a variable's value."""
        size = self.size + sum(map(weigh, self.variables))
        return Place(fields=self.fields, links=self.links, size=size)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One response key, with everything that is asked of it at its place."""

    key: str
    """The response name."""
    name: str
    """The field's name."""
    owner: str
    """The type it is asked of."""
    role: Role
    tag: int
    """Which of the document's fields it is: `Selection.parts` counts them from 0."""
    nullable: bool = True
    items: tuple[bool, ...] = ()
    """One for each level of list: whether an item of it may be null."""
    leaf: Leaf | None = None
    """None: the value has parts below."""
    codes: frozenset[str] = frozenset()
    """What a value of `Leaf.CODE` may be."""
    bound: int | None = None
    """Which of the bound arguments is its own."""
    below: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    """By the type of what stands here: its parts. An object type alone has one entry;
    for an interface each type that may stand here has its own."""
    places: Mapping[str, Weighed] = field(default_factory=dict)
    """By type of entity: what is asked of the rows that are read for this part; empty
    where none are. Of ``…Match``: what is asked of the relation beside it."""


Bound = Sequence[object]
"""By `Part.bound`: an argument in our own words, or the exception that it raises where
its field is resolved."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """An operation, merged: what is asked of each type at each place."""

    root: tuple[Part, ...] = ()
    parts: int = 0
    """How many parts there are in all."""
    unplanned: str = ""
    """Why it is left to graphql-core, in a word; empty where a plan can be made."""
