"""The matrix: every asker's probes put to the engine, every answer searched."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import orjson
from leak_askers import ANOTHERS, CAUSE
from leak_oracle import Asker, Oracle
from leak_probes import (
    FRAGMENTS,
    Probe,
    Room,
    errors,
    exacts,
    explanations,
    filters,
    joins,
    lists,
    lookers,
    lookups,
    nodes,
    orders,
    relations,
    searches,
    statistics,
)
from leak_rows import OWN_UNITS, Truth, tokens
from leak_spans import exporting

from zhitong.schema.engine import Answer, Engine, Question
from zhitong.schema.entities import ENTITIES
from zhitong.types import Allowance

SHARES = {
    "direct": 1,
    "alias": 8,
    "inline": 8,
    "fragment": 8,
    "node": 16,
    "number": 16,
    "search": 4,
    "exact": 1,
    "relation": 20,
    "nested": 80,
    "filter": 20,
    "not": 30,
    "or": 30,
    "deep": 30,
    "join": 80,
    "order": 6,
    "group": 4,
    "lookers": 2,
    "explain": 20,
    "error": 200,
    "cursor": 1,
}
"""One in so many probes of a path is put: other ones for every asker."""
TOGETHER = {
    "direct": 1,
    "alias": 1,
    "inline": 1,
    "fragment": 1,
    "relation": 3,
    "error": 1,
}
"""Probes in one document; many where the answers are short."""
MANY = 8
WIDE = Allowance(page=200, cost=10**9)
AT_ONCE = 4
AGAIN = 20
Json = Any


Case = tuple[str, Asker, str, str]
"""A way to ask, who asks for what, and a field of a type."""


@dataclass(slots=True)
class Found:
    """What a run of the matrix came to."""

    cases: set[Case] = field(default_factory=set)
    documents: int = 0
    spans: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def by_path(self) -> Counter[str]:
        """Count the cases of each path."""
        return Counter(path for path, *_ in self.cases)

    @property
    def ways_of_kinds(self) -> set[tuple[str, str]]:
        """Name which requester kinds asked in which ways."""
        return {(asker.principal.kind, path) for path, asker, *_ in self.cases}

    def asked(self, path: str) -> set[tuple[str, str, str]]:
        """Name which kinds asked for which fields in one way."""
        return {
            (asker.principal.kind, type_name, name)
            for way, asker, type_name, name in self.cases
            if way == path
        }


@dataclass(slots=True)
class Matrix:
    """Asks, compares cell by cell, and searches every answer for canaries."""

    engine: Engine
    oracle: Oracle
    types: tuple[str, ...] = tuple(ENTITIES)
    found: Found = field(default_factory=Found)
    canaries: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.canaries = everything(self.oracle.rows) | self.oracle.beside

    async def run(
        self, askers: Sequence[Asker], shares: Mapping[str, int] = SHARES
    ) -> Found:
        """Put for each of *askers* one in so many probes of each path."""
        todo = iter(
            (asker, probes)
            for asker in askers
            for probes in documents(Room(self.oracle, asker), shares, self.types)
        )

        async def work() -> None:
            for asker, probes in todo:
                await self._put(asker, probes)

        with listening() as heard, exporting() as exported:
            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
            if "cursor" in shares:
                await self._cursors(askers)
        logged = tokens("\n".join(heard)) & self.canaries - tokens(OWN_UNITS)
        self.found.faults += [f"the log has {one}" for one in sorted(logged)]
        traced = exported.tokens & self.canaries
        self.found.faults += [f"a span has {one}" for one in sorted(traced)]
        self.found.spans = sum(exported.names.values())
        return self.found

    async def _cursors(self, askers: Sequence[Asker]) -> None:
        """Go on where another's list ended, and at a place made up: refused."""
        for entity in (ENTITIES[name] for name in self.types):
            ends: dict[str, str] = {}
            page = f"{{ p0: {entity.plural}(first: 1"
            last = ") { nodes { id } pageInfo { endCursor } } }"
            for asker in askers:
                who = f"{asker.principal.kind} {asker.principal.person}"
                body: Json = (await self.ask(asker, page + last)).body
                given = (body.get("data") or {}).get("p0") or {"pageInfo": {}}
                own = given["pageInfo"].get("endCursor")
                foreign = [end for other, end in ends.items() if other != who][:1]
                for end in (*foreign, *([own[:-5] + "AAAA="] if own else [])):
                    again = f"{page}, after: {json.dumps(end)}{last}"
                    body = (await self.ask(asker, again)).body
                    told = body.get("errors") or [{"extensions": {"code": "none"}}]
                    code = told[0]["extensions"]["code"]
                    if not code.startswith("CURSOR"):
                        self.found.faults.append(f"{who} cursor: {code}")
                    self.found.cases.add(("cursor", asker, entity.name, "id"))
                if own:
                    ends[who] = own

    async def _put(self, asker: Asker, probes: tuple[Probe, ...]) -> None:
        roots = "\n".join(f"p{n}: {probe.text}" for n, probe in enumerate(probes))
        used = [text for name, text in FRAGMENTS.items() if f"...{name}Whole" in roots]
        document = "\n".join([f"{{ {roots} }}", *used])
        body: Json = (await self.ask(asker, document)).body
        for _ in range(AGAIN):
            if not away(body):
                break
            await asyncio.sleep(1)
            body = (await self.ask(asker, document)).body
        self.found.documents += 1
        told = body.get("errors", [])
        for number, probe in enumerate(probes):
            alias = f"p{number}"
            errors = [one for one in told if (one.get("path") or [alias])[0] == alias]
            given = (body.get("data") or {}).get(alias)
            self.found.cases |= {(probe.path, asker, *one) for one in probe.fields}
            self._note(asker, probe, probe.faults(given, errors))
        may_show = {token for probe in probes for token in probe.may_show}
        leaked = self.leaked(orjson.dumps(body).decode(), asker) - may_show
        self._note(asker, probes[0], (f"leaks {one}" for one in sorted(leaked)))

    async def ask(self, asker: Asker, document: str, **variables: object) -> Answer:
        """Put one document."""
        return await self.engine.answer(
            Question(
                document=document,
                variables=variables,
                operation=None,
                principal=asker.principal,
                occasion=asker.occasion,
                request_id=uuid.uuid4().hex,
                allowance=WIDE,
            )
        )

    def leaked(self, text: str, asker: Asker) -> set[str]:
        """Find canaries in *text* that the asker has not stated."""
        known = tokens(stated(asker))
        # Records say what others have stated, and of which unit they were.
        for kind in ("AccessRecord", "AccessLook"):
            if self.oracle.findable(asker, kind, "cause"):
                known |= tokens((CAUSE, ANOTHERS))
            if self.oracle.findable(asker, kind, "unit"):
                known |= tokens(OWN_UNITS)
        return (tokens(text) & self.canaries) - known

    def _note(self, asker: Asker, probe: Probe, faults: Iterable[str]) -> None:
        for fault in faults:
            purpose = asker.occasion.purpose or "no purpose"
            who = f"{asker.principal.kind} ({purpose}) {probe.path}"
            self.found.faults.append(f"{who}: {fault}\n    {probe.text[:300]}")


def away(body: Json) -> bool:
    """Say whether a source was away: a busy machine's, its answer is no answer."""
    gaps = body.get("extensions", {}).get("sources", ())
    return any(gap["code"] != "FIELD_HIDDEN" for gap in gaps)


def stated(asker: Asker) -> str:
    """Join all that an asker says of themselves."""
    return f"{asker.principal} {asker.occasion} {asker.principal.party_number}"


def documents(
    room: Room, shares: Mapping[str, int], types: Iterable[str]
) -> Iterator[tuple[Probe, ...]]:
    """Give the probes of one asker, as many in a document as go together."""
    by_path: dict[str, list[Probe]] = {}
    who = stated(room.asker)
    for probe in probes(room, types):
        chosen = crc32(f"{who} {probe.text}".encode())
        if probe.path in shares and chosen % shares[probe.path] == 0:
            by_path.setdefault(probe.path, []).append(probe)
    for path, found in by_path.items():
        size = TOGETHER.get(path, MANY)
        for start in range(0, len(found), size):
            yield tuple(found[start : start + size])


WAYS = (
    *(lists, nodes, lookups, searches, exacts, relations, filters, joins, orders),
    *(statistics, explanations, errors, lookers),
)


def probes(room: Room, types: Iterable[str]) -> Iterator[Probe]:
    """Give every probe of one asker."""
    for name in types:
        for way in WAYS:
            yield from way(room, ENTITIES[name])


@contextmanager
def listening() -> Iterator[list[str]]:
    """Hear all that any logger says, at every level."""
    heard: list[str] = []
    root, handler = logging.getLogger(), logging.Handler()
    told = logging.Formatter("%(name)s %(message)s")
    handler.emit = lambda record: heard.append(told.format(record))  # type: ignore[method-assign]
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def everything(rows: Iterable[Truth]) -> frozenset[str]:
    """Give every canary there is."""
    return frozenset(
        token
        for row in rows
        for value in row.values.values()
        for token in tokens(value)
    )
