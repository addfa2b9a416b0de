"""Decisions by number, and receipts that say from when on somebody holds them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from entries import decision

from zhitong.decisions import Change, Decision, event_id
from zhitong.rules.working_days import CHINA

CREDIT_DUTIES = Path(__file__).parent / "credit_duties.toml"
"""For tests that count clocks."""
HOLDS = """insert into receipt (event_id, receiver, answer, at, payload_hash, reasons,
    key_id, signed) values ($1, $2, $5, $3, '', '{}', 'k', $4)"""

Ran = Callable[..., Awaitable[str]]
"""Runs the command line with words, which ends with *code*; gives what it says."""


def numbered(number: int, **changes: Any) -> Decision:  # noqa: ANN401 - fields
    return decision(
        local_id=f"A-{number}",
        case_no=f"AZYJ-2026-{number:05}",
        document_no=f"（安）应急罚〔2026〕{number}号",
        **changes,
    )


async def hold(  # noqa: PLR0913 - what a receipt says
    database: str,
    said: Decision,
    at: datetime,
    version: int = 1,
    *,
    by: str = "credit",
    answer: str = "HELD",
) -> None:
    """File a receipt; its signature's place has the decision, for the recount."""
    change = Change.RECORDED if version == 1 else Change.WITHDRAWN
    connection = await asyncpg.connect(database)
    event = str(event_id(said.id, version, change))
    await connection.execute(HOLDS, event, by, at, str(said.id), answer)
    await connection.close()


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)
