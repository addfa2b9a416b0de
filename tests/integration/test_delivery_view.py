"""Which deliveries still count, and how many relays run: said by the views."""

from __future__ import annotations

import json
import re

import pytest
from ledger_rows import prepare, run

from zhitong.connectors.outbox import PlatformOutbox

pytestmark = pytest.mark.integration

SENT = """insert into outbox_sent (seq, bucket, event_id, receiver, decision_id,
    version, change, topic, key, schema, payload, traceparent, created_at, attempts,
    kpartition, koffset)
select $2::integer, 1, $4, $3, $1, $2, $5, '', '', '', '', '', now(), 0, 0, 0"""
ANSWER = """insert into receipt (event_id, receiver, answer, at, payload_hash, reasons,
    key_id, signed) values ($1, $2, $3, now(), '', '{}', '', '')"""
STANDINGS = """select version, status, standing from delivery
    where decision_id = $1 and receiver = $2 order by version"""


async def version(
    url: str, number: int, answer: str, change: str = "CORRECTED", to: str = "credit"
) -> None:
    await run(url, "select outbox_sent_month(current_date)")
    await run(url, SENT, "D", number, to, f"{to} {number}", change)
    if answer:
        await run(url, ANSWER, f"{to} {number}", to, answer)


async def standings(url: str, to: str = "credit") -> list[tuple[int, str, str]]:
    return [tuple(row) for row in await run(url, STANDINGS, "D", to)]


async def test_what_was_rejected_no_longer_counts_once_a_later_version_is_held(
    database: str,
) -> None:
    await prepare(database)
    await version(database, 1, "HELD", "RECORDED")
    await version(database, 2, "REJECTED")
    await version(database, 3, "WAITING")
    assert await standings(database) == [
        (1, "HELD", "CURRENT"),
        (2, "REJECTED", "CURRENT"),
        (3, "WAITING", "CURRENT"),
    ]
    await run(database, ANSWER, "credit 3", "credit", "HELD")
    # Another receiver's answer says nothing about this one's.
    await version(database, 1, "REJECTED", "RECORDED", "provincial")
    assert await standings(database) == [
        (1, "HELD", "SUPERSEDED"),
        (2, "REJECTED", "SUPERSEDED"),
        (3, "HELD", "CURRENT"),
    ]
    assert await standings(database, "provincial") == [(1, "REJECTED", "CURRENT")]


async def test_versions_of_a_decision_withdrawn_and_held_so_no_longer_count(
    database: str,
) -> None:
    await prepare(database)
    await version(database, 1, "REJECTED", "RECORDED")
    await version(database, 2, "", "CORRECTED")
    await version(database, 3, "HELD", "WITHDRAWN")
    assert await standings(database) == [
        (1, "REJECTED", "SUPERSEDED"),
        (2, "SENT", "SUPERSEDED"),
        (3, "HELD", "CURRENT"),
    ]


FILL = """insert into outbox_sent (seq, bucket, event_id, receiver, decision_id,
    version, change, topic, key, schema, payload, traceparent, created_at, attempts,
    sent_at, kpartition, koffset)
select n, n % 64, 'E' || n, 'credit', 'D' || n / 3, 1 + n % 3, 'CORRECTED', '', '', '',
    '', '', now() - n * interval '1 minute', 0, now(), 0, n
from generate_series(1, 30000) n"""
FILL_RECEIPTS = """insert into receipt (event_id, receiver, answer, at, payload_hash,
    reasons, key_id, signed)
select 'E' || n, 'credit', case when n % 3 = 1 then 'REJECTED' else 'HELD' end,
    now() - n * interval '1 minute', '', '{}', '', ''
from generate_series(1, 30000) n"""
REJECTED = """explain (analyze, format json, timing off) select * from delivery
    where status = 'REJECTED' and standing = 'CURRENT'
        and queued_at >= now() - interval '1 day' order by queued_at desc limit 6"""


async def test_a_days_rejections_are_found_by_indexes_however_much_was_sent(
    database: str,
) -> None:
    await prepare(database)
    await run(database, "select outbox_sent_month(current_date)")
    await run(database, FILL)
    await run(database, FILL_RECEIPTS)
    await run(database, "analyze")
    plan = await explained(database)
    looks = re.findall(r'"Node Type": "Seq Scan".*?"Relation Name": "(\w+)"', plan)
    assert not [name for name in looks if name.startswith(("outbox_sent", "receipt"))]
    # One day of one event a minute, and a few of each: never the thirty thousand.
    loops = [int(n) for n in re.findall(r'"Actual Rows": (\d+)', plan)]
    assert max(loops) <= 1440


async def explained(database: str) -> str:
    ((plan,),) = await run(database, REJECTED)
    return json.dumps(json.loads(plan))


RELAYS = "select receiver, relays from receiver_state order by receiver"


async def test_receivers_know_how_many_relays_run(database: str) -> None:
    await prepare(database)
    assert await relays(database) == [("credit", 0), ("provincial", 0)]
    first, second = (PlatformOutbox(database, name) for name in ("first", "second"))
    await first.own()
    await second.own()
    assert await relays(database) == [("credit", 2), ("provincial", 2)]
    # What ended without a word has left its last beat behind.
    await run(
        database,
        "update relay set beat_at = beat_at - interval '11 seconds' "
        "where relay_id = 'first'",
    )
    assert await relays(database) == [("credit", 1), ("provincial", 1)]
    await second.close()
    assert await relays(database) == [("credit", 0), ("provincial", 0)]
    await first.close()


async def relays(database: str) -> list[tuple[str, int]]:
    return [tuple(row) for row in await run(database, RELAYS)]
