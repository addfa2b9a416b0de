"""What happened to decisions, with what says who shows them and for how long."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from zhitong.connectors.clock_facts import Facts, facts_of, pages, snapshot
from zhitong.connectors.loan import Connection
from zhitong.connectors.statements import statements
from zhitong.decisions import Change, event_id
from zhitong.rules import publicity


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishable:
    """One decision, as far as its publication needs it."""

    facts: Facts
    about: publicity.Facts
    reasons: Mapping[int, str]
    """Why each version came."""
    repaired: datetime | None
    """When the credit of its party was repaired."""
    rejected: Mapping[str, datetime]
    """When each receiver rejected a version of it first."""


async def publicity_facts(
    url: str, unit: str | None = None, decision: UUID | None = None
) -> AsyncGenerator[Publishable, None]:
    """Give every decision, *unit*'s or that one, at one moment of the ledger.

    Raises `LedgerUnavailableError`.
    """
    async with snapshot(url) as connection:
        if decision is not None:
            for one in await _with_more(
                connection, await facts_of(connection, [str(decision)])
            ):
                yield one
            return
        async for page in pages(connection, unit):
            for one in await _with_more(connection, page):
                yield one


async def _with_more(
    connection: Connection, page: Sequence[Facts]
) -> Sequence[Publishable]:
    rows = await connection.fetch(
        statements("publicity_facts")["more"], [str(one.id) for one in page]
    )
    more = {row["decision_id"]: row for row in rows}
    rejected = await _rejected(connection, rows)
    return [
        Publishable(
            facts=one,
            about=publicity.Facts(
                act=one.act,
                party=one.party,
                kinds=frozenset(more[str(one.id)]["penalty_kinds"]),
                procedure=more[str(one.id)]["procedure"] or "",
            ),
            reasons=dict(enumerate(more[str(one.id)]["reasons"], 1)),
            repaired=more[str(one.id)]["repaired"],
            rejected=rejected.get(str(one.id), {}),
        )
        for one in page
    ]


async def _rejected(
    connection: Connection, rows: Sequence[asyncpg.Record]
) -> Mapping[str, Mapping[str, datetime]]:
    """Give by decision who rejected a version of it, and when first."""
    decisions = {
        str(event_id(UUID(row["decision_id"]), version, Change(change))): row[
            "decision_id"
        ]
        for row in rows
        for version, change in enumerate(row["changes"], 1)
    }
    found: dict[str, dict[str, datetime]] = {}
    for one in await connection.fetch(
        statements("publicity_facts")["rejected"], list(decisions)
    ):
        its = found.setdefault(decisions[one["event_id"]], {})
        its[one["receiver"]] = min(one["at"], its.get(one["receiver"], one["at"]))
    return found
