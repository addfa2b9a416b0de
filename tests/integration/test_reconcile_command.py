"""``zhitong reconcile`` as it is called: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from entries import entry
from ledger_rows import run
from receiving import decision
from replaying import Platform, another, platform

from zhitong.streams.kafka_client import Access

pytestmark = pytest.mark.integration


class Said(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    error: str


@pytest.fixture
async def sending(
    database: str, postgres: str, broker: Access, tmp_path: Path
) -> AsyncIterator[Platform]:
    async with (
        another(postgres) as own,
        platform(database, own, broker, tmp_path) as made,
    ):
        yield made


async def reconcile(sending: Platform, *more: str) -> Said:
    """Run the command in a process of its own."""
    settings = sending.settings
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "zhitong.infra.cli", "reconcile", *more),
        env={
            **os.environ,
            "ZHITONG_STATE": str(settings.state),
            "ZHITONG_TENANT": settings.tenant,
            "ZHITONG_DATABASE_PLATFORM": sending.url,
            "ZHITONG_KAFKA": settings.kafka,
            "ZHITONG_KAFKA_SECURITY": settings.kafka_security,
            "ZHITONG_KAFKA_CA": settings.kafka_ca,
            "ZHITONG_KAFKA_USERS": settings.kafka_users,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), error.decode())


async def test_it_ends_well_until_a_deleted_row_is_named_with_what_to_do(
    sending: Platform,
) -> None:
    await sending.commit(*(entry(decision(f"K-{each}")) for each in range(3)))
    rows = await sending.sent()
    clean = await reconcile(sending)
    assert (clean.code, clean.error) == (0, ""), clean
    assert "记录 records 3，" in clean.out
    assert "不符 differences 0" in clean.out

    gone, place = rows[1]["event_id"], rows[1]
    await run(sending.url, "delete from outbox_sent where event_id = $1", gone)
    found = await reconcile(sending)
    assert found.code == 1
    (line, todo) = found.out.splitlines()[:2]
    assert line.startswith(f"SENT_LOG_MISSING  credit  {gone}  ")
    assert f"{place['topic']}[{place['kpartition']}]@{place['koffset']}" in line
    assert "备份" in todo
    assert "backup" in todo
    # What another receiver lacks is not asked for; this one's is said as JSON.
    other = await reconcile(sending, "--receiver", "provincial")
    assert (other.code, "SENT_LOG" in other.out) == (0, False)
    told = await reconcile(sending, "--receiver", "credit", "--full", "--json")
    said: Any = json.loads(told.out)
    assert (told.code, said["whole"], said["unread"]) == (1, True, [])
    assert [(each["kind"], each["event"]) for each in said["differences"]] == [
        ("SENT_LOG_MISSING", gone)
    ]


async def test_what_it_does_not_know_is_refused_before_anything_is_read(
    sending: Platform,
) -> None:
    for more, code in (
        (("--receiver", "nobody"), "RECEIVER"),
        (("--since", "2026-11-22T09:30:00"), "SETTINGS"),
    ):
        refused = await reconcile(sending, *more)
        assert (refused.code, refused.out) == (2, ""), refused
        assert code in refused.error
    assert not await run(sending.url, "select from reconciliation_run")
    shown = await reconcile(sending, "--help")
    assert shown.code == 0
    for option in ("--receiver", "--since", "--full", "--json"):
        assert option in shown.out
