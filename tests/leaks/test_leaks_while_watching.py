"""What the live page's stream sends to each kind of viewer, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from leak_askers import askers
from leak_matrix import Matrix, listening
from leak_oracle import Asker, Hidden, Oracle
from leak_probes import Room, countable, identity
from leak_rows import Truth, tokens
from leak_spans import exporting

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.live import Live
from zhitong.infra.occasions import said
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Engine
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration
SHOWN = ("Decision", "Delivery", "Receiver", "Finding", "Clock")
"""Types that the page asks for."""
COUNTED = (("Clock", "dutyTitleZh"), ("Clock", "dutyTitleEn"))
"""What it counts by and a canary can stand in."""
ROW = ("documentNo", "title", "subjectName", "counterpartyName", "changeReason")
"""What it asks of a decision, of what a canary can stand in."""


def viewers(oracle: Oracle) -> Iterator[tuple[str, Asker]]:
    """Give every kind that can have a token here, on each of its occasions."""
    names = {principal: name for name, principal in DEMO_PRINCIPALS.items()}
    for asker in askers(oracle.policy):
        if asker.principal in names:
            yield names[asker.principal], asker


async def watched(live: Live, headers: dict[str, str]) -> bytes:
    """Open the stream as a server would; leave when it has told all it has once."""
    gone, parts = asyncio.Event(), [b""]

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        parts.append(message.get("body", b""))
        told = b"".join(parts)
        if message.get("status", 200) != 200 or b"event: error" in told:
            gone.set()
        # "alive" is said where an answer is what it was: the second round.
        if b"event: standing" in told and b"event: now" in told and b": alive" in told:
            gone.set()

    given = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/live/stream",
        "query_string": b"",
        "headers": given,
        "client": ("127.0.0.1", 1),
    }
    await asyncio.wait_for(live(scope, receive, send), 120)
    return b"".join(parts)


def events(told: bytes) -> Iterator[tuple[str, Any]]:
    for block in told.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line)
        if "event" in lines:
            yield lines["event"], json.loads(lines["data"])["answer"]


def due(room: Room) -> list[Truth] | None:
    """Give the decisions that the page is to list; None where it is refused them."""
    try:
        rows = room.oracle.comparable(room.asker, "Decision", "origin")
    except Hidden:
        return None
    if not room.oracle.wholly(room.asker, "Decision", "changedAt"):
        return None
    if room.oracle.counts_only(room.asker, "Decision"):
        return None
    own = [row for row in rows if row.values["origin"] == "PLATFORM"]
    return [row for row in own if room.oracle.visible(room.asker, row)]


def faults(oracle: Oracle, asker: Asker, told: bytes) -> Iterator[str]:
    room = Room(oracle, asker)
    named = dict(events(told))
    if "now" not in named:
        yield f"no answer: {told[:300]!r}"
        return
    listed = (named["now"].get("data") or {}).get("decisions")
    rows = due(room)
    if rows is None and listed:
        yield "decisions are listed, where they may not be asked for"
    if rows is not None and listed is None:
        yield f"no decisions: {named['now'].get('errors')}"
    if rows is not None and listed is not None:
        given = {one["id"]: one for one in listed["nodes"]}
        if given.keys() != {identity(row) for row in rows}:
            yield f"{len(given)} decisions, not {len(rows)}"
        for row in rows:
            if identity(row) in given:
                yield from room.differences(row, given[identity(row)], ROW)


def shown(room: Room) -> frozenset[str]:
    """Give the canaries of all that the page may ask for."""
    every = (room.shown(room.visible(name), ENTITIES[name].fields) for name in SHOWN)
    counted = (
        room.shown(countable(room, type_name, name), [name])
        for type_name, name in COUNTED
    )
    return frozenset().union(*every, *counted)


@pytest.fixture
def live(engine: Engine, tmp_path: Path) -> tuple[Live, DemoIssuer]:
    issuer = DemoIssuer(tmp_path)
    verifier = Verifier({"demo": issuer.issuer}, "zhitong")
    settings = Settings(state=tmp_path, live_seconds=0.2)
    return Live(engine, verifier, settings, asyncio.Event()), issuer


async def test_a_viewer_is_sent_what_the_oracle_says(
    live: tuple[Live, DemoIssuer], oracle: Oracle, engine: Engine
) -> None:
    stream, issuer = live
    matrix, kinds, sent = Matrix(engine, oracle), set(), 0
    found: list[str] = []
    with listening() as heard, exporting() as exported:
        for name, asker in viewers(oracle):
            principal = DEMO_PRINCIPALS[name]
            bearer = {"authorization": f"Bearer {issuer.issue(principal)}"}
            told = await watched(stream, bearer | said(asker.occasion))
            who = f"{principal.kind} ({asker.occasion.purpose})"
            found += [f"{who}: {fault}" for fault in faults(oracle, asker, told)]
            leaked = matrix.leaked(told.decode(), asker) - shown(Room(oracle, asker))
            found += [f"{who} leaks {one}" for one in sorted(leaked)]
            kinds.add(principal.kind)
            sent += len(tokens(told.decode()) & matrix.canaries)
    logged = tokens("\n".join(heard)) & matrix.canaries
    assert found[:20] == []
    assert (logged | exported.tokens) & matrix.canaries == set()
    assert kinds == {principal.kind for principal in DEMO_PRINCIPALS.values()}
    assert sent > 100
