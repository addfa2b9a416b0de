"""A small city in memory for tests of plans, and the parts of documents over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from zhitong.connectors.memory import MemorySource, Table
from zhitong.grants import Grant
from zhitong.resolvers.asking import Asking, Limits
from zhitong.resolvers.budget import Budget
from zhitong.resolvers.counting import Counting
from zhitong.resolvers.cursors import Cursors
from zhitong.resolvers.filters import Filters
from zhitong.resolvers.loaders import Loaders
from zhitong.resolvers.narrowing import Narrowing
from zhitong.resolvers.pages import PageArguments
from zhitong.resolvers.policy import Effect, Policy, Rule
from zhitong.resolvers.read import Reader
from zhitong.resolvers.selection import (
    Attribute,
    Column,
    Leaf,
    Part,
    Role,
    RootPage,
    Weighed,
)
from zhitong.schema.declare import entity, item, one, pages, several
from zhitong.types import EntityType, Inquiry, Kind, Label, Occasion, Principal

CASE = entity(
    "Case",
    "cases",
    "案件",
    "A case",
    key="no",
    orders=("no",),
    fields=(
        item("no", "编号", "Number"),
        item("agencyNo", "机关", "Agency"),
        item("officerNos", "人员", "Officers", Kind.TEXTS),
        item("days", "天数", "Days", Kind.INTEGER),
    ),
    relations=(
        one("agency", "Agency", "agencyNo", "no", "机关", "Agency"),
        several("officers", "Officer", "officerNos", "no", "人员", "Officers"),
    ),
)
AGENCY = entity(
    "Agency",
    "agencies",
    "机关",
    "An agency",
    key="no",
    orders=("no",),
    fields=(item("no", "编号", "Number"), item("name", "名称", "Name")),
    relations=(pages("cases", "Case", "no", "agencyNo", "案件", "Cases"),),
)
OFFICER = entity(
    "Officer",
    "officers",
    "人员",
    "An officer",
    key="no",
    orders=("no",),
    fields=(item("no", "编号", "Number"),),
)
ENTITIES = {one.name: one for one in (CASE, AGENCY, OFFICER)}
CASES = (
    {"no": "c1", "agencyNo": "a1", "officerNos": ("o1", "o2"), "days": 3},
    {"no": "c2", "agencyNo": "a1", "officerNos": ("o2",), "days": 4},
    {"no": "c3", "agencyNo": "a2", "officerNos": (), "days": 5},
    {"no": "c4", "agencyNo": None, "officerNos": ("o9",), "days": None},
)
AGENCIES = ({"no": "a1", "name": "甲局"}, {"no": "a2", "name": "乙局"})
OFFICERS = ({"no": "o1"}, {"no": "o2"})
POLICY = Policy(
    rules=(
        Rule(
            name="all",
            effect=Effect.ALLOW,
            kinds=frozenset({"police"}),
            reason=Label("因", "why"),
            source="test",
        ),
    ),
    rows=(),
)


def city(**more: MemorySource) -> dict[str, MemorySource]:
    """Make a source for each type."""
    tables = {"courts": (CASE, CASES), "agencies": (AGENCY, AGENCIES)}
    tables["roster"] = (OFFICER, OFFICERS)
    made = {
        name: source(name, declared, rows) for name, (declared, rows) in tables.items()
    }
    return {**made, **more}


def source(
    name: str,
    declared: EntityType,
    rows: tuple[Mapping[str, object], ...],
    **more: object,
) -> MemorySource:
    """Make a source of one type, owned by a unit of its name."""
    table = Table(entity=declared, key=declared.key, rows=rows, **more)  # type: ignore[arg-type]
    made = MemorySource(name, Label(name, name), [table])
    made.owner = f"{name}-owner"
    return made


def asking(
    sources: Mapping[str, MemorySource],
    policy: Policy = POLICY,
    entities: Mapping[str, EntityType] = ENTITIES,
    *,
    reader: Reader | None = None,
    grants: tuple[Grant, ...] = (),
    **more: object,
) -> Asking:
    """Begin a question of the police."""
    inquiry = Inquiry(
        principal=Principal(kind="police", unit="U", unit_name="局", person="王"),
        occasion=Occasion(purpose="tax"),
        id="1",
        grants=grants,
    )
    reader = reader or Reader(lambda: sources, policy)
    budget = Budget()
    filters = Filters(reader, entities, inquiry)
    made = Asking(
        inquiry=inquiry,
        reader=reader,
        budget=budget,
        loaders=Loaders(reader, inquiry, budget),
        filters=filters,
        counting=Counting(reader, filters, inquiry, Narrowing(policy.patience)),
        cursors=Cursors(b"k" * 32),
        entities=entities,
        sources=lambda: sources,
        limits=Limits(),
    )
    return replace(made, **more)  # type: ignore[arg-type]


class Parts:
    """Makes parts with tags of their own."""

    def __init__(self) -> None:
        self.count = 0

    def part(self, key: str, owner: str, role: Role, **more: object) -> Part:
        """Make a part; its name is its key."""
        self.count += 1
        made = Part(key=key, name=key, owner=owner, role=role, tag=self.count - 1)
        return replace(made, **more)  # type: ignore[arg-type]

    def columns(self, owner: str, *names: str) -> tuple[Part, ...]:
        """Ask for fields that are text."""
        return tuple(self.part(name, owner, Column(), leaf=Leaf.TEXT) for name in names)

    def nodes(self, owner: str, *below: Part) -> Part:
        """Ask for the rows of a page."""
        return self.part(
            "nodes",
            f"{owner}Connection",
            Attribute("nodes"),
            nullable=False,
            items=(False,),
            below={owner: below},
        )

    def page(self, declared: EntityType, *below: Part, key: str = "") -> Part:
        """Ask for a page of all rows, with the fields that *below* asks of them."""
        return self.part(
            key or declared.plural,
            "Query",
            RootPage(declared),
            bound=0,
            below={f"{declared.name}Connection": below},
            places={declared.name: asked_of(declared, *below)},
        )


def asked_of(declared: EntityType, *below: Part) -> Weighed:
    """Say what the rows below a connection are asked."""
    rows = [part for one in below for part in one.below.get(declared.name, ())]
    return weighed(declared, *rows)


def weighed(declared: EntityType, *rows: Part) -> Weighed:
    """Say what rows are asked that *rows* are parts of."""
    names = {part.name for part in rows}
    links = {name for name in declared.relations if names & {name, f"{name}Match"}}
    return Weighed(
        fields=frozenset(names & declared.fields.keys()),
        links=frozenset(links),
        size=len(rows),
    )


def first(number: int | None = None, **more: object) -> PageArguments:
    """Give the arguments of a page."""
    made = PageArguments(first=number, after=None, where=None, order=None)
    return replace(made, **more)  # type: ignore[arg-type]
