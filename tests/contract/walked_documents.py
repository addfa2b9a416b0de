"""Documents that fit the schema, written at random: what people and programs may ask.

They have what a plan must read as graphql-core reads it: aliases, the same field twice,
fragments in several places, variables in every position, `@skip` and `@include`,
filters inside filters, pages inside pages, and values that are in the city.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from likely_values import identity, scalar

from zhitong.schema.entities import ENTITIES
from zhitong.schema.graph import sdl
from zhitong.types import Sharing

Composite = GraphQLObjectType | GraphQLInterfaceType
Input = GraphQLArgument | GraphQLInputField
Json = Any
ALIASES = 24
"""A few less than the gate lets in."""
FIELDS = 320
ASIDE = ("checkDecision", "whoLooked", "whoLookedAtMe", "policyExplain", "catalogue")
"""Root fields that are asked seldom: no plan is made for them."""
COMMON = (
    *("caseRecords", "caseRecords", "counterparties", "enforcementSubjects"),
    *("officers", "matters", "licences", "creditListings", "creditRepairs"),
    *("inspections", "decisions", "decisions", "counterparty", "officer", "decision"),
    *("enforcementSubject", "matter", "search", "node", "node", "caseStatistics"),
    *("inspectionStatistics", "counterpartyByIdNumber", "proceedings", "deliveries"),
)
"""Root fields of which many see something."""
AFTER = "after"
"""A variable that takes a cursor which the same document has brought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """A document and what its variables are to be."""

    document: str
    variables: Mapping[str, object]
    operation: str | None = None
    pages: bool = False
    """Whether it can be asked again with a cursor of its answer."""


@cache
def schema() -> GraphQLSchema:
    """Give the schema as a client reads it."""
    return build_schema(sdl())


def walked(rng: random.Random) -> Walked:
    """Write a document."""
    return _Walk(rng).whole()


@dataclass(slots=True)
class _Walk:
    """One document while it is written."""

    rng: random.Random
    declared: dict[str, str] = field(default_factory=dict)
    """Variables by name, each with its type and default."""
    values: dict[str, object] = field(default_factory=dict)
    fragments: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Named fragments: on which type, and what."""
    given: dict[tuple[str, str], str] = field(default_factory=dict)
    """Arguments by type and field: without an alias they are the same everywhere."""
    aliases: int = 0
    fields: int = 0
    pages: bool = False

    def often(self, share: float) -> bool:
        return self.rng.random() < share

    def whole(self) -> Walked:
        query = schema().query_type
        assert query is not None
        roots = [self._root(query) for _ in range(self.rng.choice((1, 1, 1, 2, 3, 5)))]
        if self.often(0.1):
            roots.append("__typename")
        selection = "{ " + " ".join(roots) + " }"
        if self.often(0.08):
            selection = "{ ...Roots }"
            self.fragments["Roots"] = ("Query", "{ " + " ".join(roots) + " }")
        declared = ", ".join(f"${name}: {kind}" for name, kind in self.declared.items())
        named = self.often(0.3) or bool(declared)
        head = (
            "query" + (" Asked" if named else "") + (f"({declared})" * bool(declared))
        )
        parts = [
            f"{head} {selection}",
            *(
                f"fragment {name} on {kind} {text}"
                for name, (kind, text) in self.fragments.items()
            ),
        ]
        self.rng.shuffle(parts)
        operation = "Asked" if named and self.often(0.3) else None
        if operation and self.often(0.5):
            parts.append("query Other { sources { name } }")
        return Walked(
            document="\n".join(parts),
            variables=self.values,
            operation=operation,
            pages=self.pages,
        )

    # --- selections --------------------------------------------------------------

    def _root(self, query: GraphQLObjectType) -> str:
        names = [name for name in query.fields if not name.startswith(ASIDE)]
        name = self.rng.choice(COMMON if self.often(0.7) else names)
        if self.often(0.02):
            name = self.rng.choice(ASIDE[1:3])
        return self._field(query, name, self.rng.choice((1, 2, 3, 4, 5)))

    def _selection(self, kind: Composite, depth: int) -> str:
        leaves, deeper = _split(kind)
        chosen: list[str] = self.rng.sample(
            leaves, min(len(leaves), self.rng.choice((0, 1, 2, 3, 5, 8)))
        )
        if depth > 0 and deeper and self.fields < FIELDS:
            most = 3 if len(leaves) < 4 else 2
            chosen += self.rng.sample(
                deeper, min(len(deeper), self.rng.randint(0, most))
            )
        parts = [self._field(kind, name, depth - 1) for name in chosen]
        if chosen and self.often(0.15):
            parts.append(self._field(kind, self.rng.choice(chosen), depth - 1))
        if isinstance(kind, GraphQLInterfaceType):
            parts += self._possible(kind, depth)
        elif self.often(0.15):
            parts.append(self._fragment(kind, depth))
        if not parts or self.often(0.12):
            parts.append("__typename" if self.often(0.8) else "kind_: __typename")
        self.rng.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def _possible(self, kind: GraphQLInterfaceType, depth: int) -> list[str]:
        """Ask what may stand behind an interface, each by itself."""
        possible = schema().get_possible_types(kind)
        chosen = self.rng.sample(possible, self.rng.randint(0, 4))
        return [
            f"... on {one.name} {self._selection(one, depth - 1)}" for one in chosen
        ]

    def _fragment(self, kind: Composite, depth: int) -> str:
        known = [name for name, (on, _) in self.fragments.items() if on == kind.name]
        directive = self._directive(0.2)
        if known and self.often(0.5):
            return f"...{self.rng.choice(known)}{directive}"
        on = "Node" if kind.name in ENTITIES and self.often(0.15) else kind.name
        inside = schema().type_map[on]
        assert isinstance(inside, Composite)
        if self.often(0.4):
            text = self._selection(inside, min(depth - 1, 1))
            name = f"F{len(self.fragments)}"
            self.fragments[name] = (on, text)
            return f"...{name}{directive}"
        condition = f" on {on}" if on != kind.name or self.often(0.6) else ""
        inside = inside if condition else kind
        return f"...{condition}{directive} {self._selection(inside, depth - 1)}"

    def _field(self, kind: Composite, name: str, depth: int) -> str:
        self.fields += 1
        one = kind.fields[name]
        alias = ""
        if self.aliases < ALIASES and self.often(0.12):
            self.aliases += 1
            alias = f"a{self.aliases}: "
        if alias:
            arguments = self._arguments(kind, name, one)
        else:
            place = (kind.name, name)
            if place not in self.given:
                self.given[place] = self._arguments(kind, name, one)
            arguments = self.given[place]
        written = f"{alias}{name}{arguments}{self._directive(0.05)}"
        below = get_named_type(one.type)
        if not isinstance(below, Composite):
            return written
        selection = self._selection(below, depth)
        if f"${AFTER}" in arguments:
            selection = f"{{ pageInfo {{ hasNextPage endCursor }} {selection[1:]}"
        return f"{written} {selection}"

    def _directive(self, share: float) -> str:
        if not self.often(share):
            return ""
        word = self.rng.choice(("include", "skip"))
        if self.often(0.6):
            name = self._variable("Boolean!", json.dumps, value=self.often(0.5))
            return f" @{word}(if: ${name})"
        return f" @{word}(if: {self.rng.choice(('true', 'false'))})"

    # --- arguments ---------------------------------------------------------------

    def _arguments(self, kind: Composite, name: str, one: GraphQLField) -> str:
        said = []
        for word, argument in one.args.items():
            likely = {"first": 0.75, "where": 0.3, "orderBy": 0.15, AFTER: 0.1}
            if is_required_argument(argument) or self.often(likely.get(word, 0.25)):
                said.append(f"{word}: {self._given(kind, name, word, argument)}")
        return f"({', '.join(said)})" if said else ""

    def _given(
        self, kind: Composite, name: str, word: str, argument: GraphQLArgument
    ) -> str:
        if word == AFTER:
            return self._after()
        if word == "first":
            return self._hoisted("Int", json.dumps, self._size())
        if word == "id":
            return self._hoisted("ID!", json.dumps, identity(self.rng))
        owner = _entity(get_named_type(kind.fields[name].type).name)
        return self._input(argument.type, owner, word, depth=0)

    def _after(self) -> str:
        if self.often(0.2):
            return json.dumps(self.rng.choice(("", "x", "eyJub3QiOiJvdXJzIn0=")))
        self.pages = True
        self.declared[AFTER] = "String"
        return f"${AFTER}"

    def _size(self) -> int | None:
        if self.often(0.04):
            return self.rng.choice((0, 201, -1, None, 50, 51))
        return self.rng.randint(1, 5)

    def _input(self, kind: GraphQLInputType, owner: str, name: str, depth: int) -> str:
        """Write a value of *kind*; *owner* and *name* say which field it is about."""
        required = "!" if isinstance(kind, GraphQLNonNull) else ""
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        elif depth and self.often(0.015):
            return "null"
        if isinstance(kind, GraphQLList):
            inner = kind.of_type
            some = [
                self._input(inner, owner, name, depth + 1)
                for _ in range(self.rng.choice((1, 1, 2, 3, 0)))
            ]
            bare = len(some) == 1 and some[0][0] != "$" and self.often(0.2)
            return some[0] if bare else f"[{', '.join(some)}]"
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, owner, name, depth)
        if isinstance(kind, GraphQLEnumType):
            likely = [*kind.values]
            if kind.name.endswith("OrderField") and self.often(0.8):
                likely = _open(owner, likely)
            value = self.rng.choice(likely)
            return self._hoisted(kind.name + required, str, value)
        value = scalar(self.rng, kind.name, owner, name)
        return self._hoisted(kind.name + required, json.dumps, value)

    def _object(
        self, kind: GraphQLInputObjectType, owner: str, name: str, depth: int
    ) -> str:
        entity = ENTITIES.get(_entity(kind.name), ENTITIES.get(owner))
        filtering = kind.name.removesuffix("Filter") in ENTITIES
        chosen = [
            word for word, one in kind.fields.items() if is_required_input_field(one)
        ]
        if not chosen:
            likely = [*kind.fields]
            if filtering and self.often(0.9):
                likely = _open(kind.name.removesuffix("Filter"), likely)
            many = min(len(likely), self.rng.choice((1, 1, 1, 2, 3)))
            chosen = self.rng.sample(likely, many)
        said = []
        for word in chosen:
            one: Input = kind.fields[word]
            nested = isinstance(get_named_type(one.type), GraphQLInputObjectType)
            if nested and depth > 4:
                continue
            about = word if filtering else name
            inside = entity.name if entity else owner
            said.append(f"{word}: {self._input(one.type, inside, about, depth + 1)}")
        return "{" + ", ".join(said) + "}"

    def _hoisted(self, kind: str, write: Any, value: Json) -> str:  # noqa: ANN401 - how a literal is written
        """Write *value* where it stands, or have a variable bring it."""
        if not self.often(0.25):
            return "null" if value is None else str(write(value))
        required = kind.endswith("!")
        if not required and value is not None and self.often(0.4):
            kind += "!"
        return "$" + self._variable(kind, write, value=value)

    def _variable(self, kind: str, write: Any, *, value: Json) -> str:  # noqa: ANN401 - as above
        like = [
            name
            for name, declared in self.declared.items()
            if declared == kind and self.often(0.15) and name != AFTER
        ]
        if like:
            return like[0]
        name = f"v{len(self.declared)}"
        if self.often(0.2) and value is not None:
            self.declared[name] = f"{kind} = {write(value)}"
            if self.often(0.5):
                return name  # by its default
        else:
            self.declared[name] = kind
        self.values[name] = "?" if self.often(0.01) else value
        return name


@cache
def _split(kind: Composite) -> tuple[list[str], list[str]]:
    """Part the fields of a type that have fields below them from those that do not."""
    leaf = partial(_is_leaf, kind)
    return (
        [name for name in kind.fields if leaf(name)],
        [name for name in kind.fields if not leaf(name)],
    )


def _is_leaf(kind: Composite, name: str) -> bool:
    return is_leaf_type(get_named_type(kind.fields[name].type))


def _open(type_name: str, names: Sequence[str]) -> list[str]:
    """Leave out what few may compare: nothing is read where one may not."""
    fields = ENTITIES[type_name].fields if type_name in ENTITIES else {}
    closed = {
        spelt
        for name, one in fields.items()
        if one.sharing is not Sharing.UNCONDITIONAL
        for spelt in (name, _constant(name))
    }
    return [name for name in names if name not in closed] or list(names)


def _constant(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def _entity(name: str) -> str:
    """Name the type that a connection, a filter or an order is of."""
    for end in ("Connection", "Filter", "OrderField", "Order", "Statistics"):
        if name.endswith(end) and name.removesuffix(end) in ENTITIES:
            return name.removesuffix(end)
    return "CaseRecord" if name == "CaseStatistics" else name
