"""Many at once: whoever comes first is committed, the others learn it, none waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence

import asyncpg
import pytest
from entries import decision, entry, ledger_over, of_person, prepare

from zhitong.connectors.ledger import PlatformLedger
from zhitong.decisions import Change, Committed, Decision
from zhitong.exceptions import ZhitongError

pytestmark = pytest.mark.integration

Opened = tuple[PlatformLedger, "asyncpg.Pool[asyncpg.Record]"]
ENDLESS = 120
"""Seconds; who waits for whom without end is stopped, nothing else."""


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Opened]:
    await prepare(database)
    async with ledger_over(database, ENDLESS) as opened:
        yield opened


async def told(tasks: Sequence[Awaitable[Committed]]) -> Counter[str]:
    """Count what became of *tasks*, by outcome or error code."""
    async with asyncio.timeout(ENDLESS):
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    return Counter(map(_outcome, answers))


def _outcome(answer: Committed | BaseException) -> str:
    if isinstance(answer, ZhitongError):
        return answer.code
    if isinstance(answer, BaseException):
        raise answer
    return "replayed" if answer.replayed else "committed"


async def test_fifty_of_the_same_are_one_commit_and_forty_nine_replays(
    opened: Opened,
) -> None:
    ledger, pool = opened
    same = [ledger.commit(entry(of_person())) for _ in range(50)]
    assert await told(same) == {"committed": 1, "replayed": 49}
    assert await pool.fetchval("select count(*) from outbox") == 2
    assert await pool.fetchval("select count(*) from sealed_number") == 1
    assert await pool.fetchval("select count(*) from person_key") == 1


async def test_two_with_other_content_are_one_commit_and_one_conflict(
    opened: Opened,
) -> None:
    ledger, pool = opened
    for number in range(20):
        rivals: list[Decision] = [
            # Another case is another lock: only the primary key keeps them apart.
            decision(local_id=f"A-{number}", document_no=f"{number}号", case_no=case)
            for case in ("1", "2")
        ]
        found = await told([ledger.commit(entry(rival)) for rival in rivals])
        assert found == {"committed": 1, "DECISION_CONFLICT": 1}
    assert await pool.fetchval("select count(*) from decision") == 20


async def test_one_number_under_fifty_ids_is_one_commit_and_duplicates(
    opened: Opened,
) -> None:
    ledger, pool = opened
    rivals = [
        ledger.commit(entry(decision(local_id=f"A-{n}", case_no=f"C-{n % 5}")))
        for n in range(50)
    ]
    assert await told(rivals) == {"committed": 1, "DECISION_DUPLICATE": 49}
    assert await pool.fetchval("select count(*) from outbox") == 2


async def test_a_withdrawn_decision_s_number_is_one_new_decision_s(
    opened: Opened,
) -> None:
    ledger, pool = opened
    await ledger.commit(entry(decision()))
    await ledger.commit(entry(decision(), 2, Change.WITHDRAWN, reason="标识有误"))
    rivals = [
        # Other cases are other locks: only the index keeps them apart.
        ledger.commit(entry(decision(local_id=f"B-{n}", case_no=f"C-{n}")))
        for n in range(10)
    ]
    assert await told(rivals) == {"committed": 1, "DECISION_DUPLICATE": 9}
    stands = await pool.fetch("select change from decision")
    assert sorted(row["change"] for row in stands) == ["RECORDED", "WITHDRAWN"]


async def test_of_corrections_at_once_one_is_next_and_the_others_are_stale(
    opened: Opened,
) -> None:
    ledger, pool = opened
    await ledger.commit(entry(decision()))
    rivals = [
        ledger.commit(
            entry(decision(title=f"题{n}"), 2, Change.CORRECTED, reason="更正")
        )
        for n in range(20)
    ]
    assert await told(rivals) == {"committed": 1, "DECISION_STALE": 19}
    leaves = await pool.fetch("select leaf, body from audit_leaf order by version")
    assert len(leaves) == 2
    assert leaves[0]["leaf"].hex().encode() in leaves[1]["body"]


async def test_two_that_take_each_others_number_do_not_wait_for_ever(
    opened: Opened,
) -> None:
    ledger, pool = opened
    one, two = (
        decision(local_id=name, case_no=name, document_no=f"{name}号")
        for name in ("1", "2")
    )
    await ledger.commit(entry(one))
    await ledger.commit(entry(two))
    swapped = [
        decision(local_id=name, case_no=name, document_no=f"{other}号")
        for name, other in (("1", "2"), ("2", "1"))
    ]
    found = await told(
        [
            ledger.commit(entry(each, 2, Change.CORRECTED, reason="文号写反"))
            for each in swapped
        ]
    )
    assert found == {"DECISION_DUPLICATE": 2}
    assert await pool.fetchval("select count(*) from decision_version") == 2


async def test_a_cases_rows_commit_in_the_order_of_their_seq(opened: Opened) -> None:
    ledger, pool = opened
    cases = [f"C-{n % 3}" for n in range(60)]
    said = [
        decision(local_id=f"A-{n}", document_no=f"{n}号", case_no=case)
        for n, case in enumerate(cases)
    ]
    assert await told([ledger.commit(entry(each)) for each in said]) == {
        "committed": 60
    }
    # Who locks first and writes then takes number and transaction id in one order.
    rows = await pool.fetch(
        "select key, xmin::text::bigint as xid, seq from outbox order by seq"
    )
    for key in {row["key"] for row in rows}:
        order = [row["xid"] for row in rows if row["key"] == key]
        assert order == sorted(order)
        assert len(set(order)) == 20


async def test_persons_of_many_decisions_at_once_have_one_key_each(
    opened: Opened,
) -> None:
    ledger, pool = opened
    numbers = ("11010519491231002X", "110105194912310038", "110105194912310054")
    said = [
        of_person(
            numbers[n % 3], local_id=f"A-{n}", document_no=f"{n}号", case_no=str(n)
        )
        for n in range(30)
    ]
    assert await told([ledger.commit(entry(each)) for each in said]) == {
        "committed": 30
    }
    assert await pool.fetchval("select count(*) from person_key") == 3
    for each in said:
        held = await ledger.held(each.id)
        assert held is not None
        assert held.decision == each
