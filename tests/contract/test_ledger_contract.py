"""One sense for every ledger: PostgreSQL and the one in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from entries import AT, SEALING, TOPICS, UNIT, decision, entry, of_person, prepare

from zhitong.connectors.ledger import PlatformLedger, open_ledger_pool
from zhitong.connectors.memory_ledger import MemoryLedger
from zhitong.decisions import Change, Party, case_hash
from zhitong.exceptions import (
    DecisionConflictError,
    DecisionDuplicateError,
    DecisionStaleError,
    DecisionUnknownError,
)
from zhitong.ports import Ledger

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Kept:
    """A ledger, and how many events its receivers are to have."""

    ledger: Ledger
    pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def events(self) -> int:
        if self.pool is not None:
            count = await self.pool.fetchval("select count(*) from outbox")
            assert isinstance(count, int)
            return count
        assert isinstance(self.ledger, MemoryLedger)
        return sum(
            len(version.events)
            for versions in self.ledger.versions.values()
            for version in versions
        )


@pytest.fixture(params=["memory", "postgresql"])
async def kept(request: pytest.FixtureRequest, database: str) -> AsyncIterator[Kept]:
    if request.param == "memory":
        yield Kept(MemoryLedger())
        return
    await prepare(database)
    pool = await open_ledger_pool(database, 30)
    yield Kept(PlatformLedger(pool, SEALING, 30), pool)
    pool.terminate()


@pytest.fixture
def ledger(kept: Kept) -> Ledger:
    return kept.ledger


WITHDRAWN, CORRECTED = Change.WITHDRAWN, Change.CORRECTED


async def test_an_entry_is_held_with_all_it_said(kept: Kept) -> None:
    ledger, said = kept.ledger, of_person()
    committed = await ledger.commit(entry(said))
    held = await ledger.held(said.id)
    assert held is not None
    assert held.decision == said
    assert (held.version, held.change) == (1, Change.RECORDED)
    assert held.content_hash == committed.content_hash == ledger.content_hash(said)
    assert held.recorded_by == UNIT
    assert held.recorded_at == committed.at == entry(said).at
    assert held.receivers == tuple(sorted(TOPICS))
    assert not held.before_platform
    assert not committed.replayed
    assert await kept.events() == len(TOPICS)


async def test_what_was_never_committed_is_not_held(ledger: Ledger) -> None:
    assert await ledger.held(uuid4()) is None


async def test_the_same_once_more_is_replayed_and_makes_no_events(kept: Kept) -> None:
    first = await kept.ledger.commit(entry(decision()))
    again = await kept.ledger.commit(
        msgspec.structs.replace(entry(decision()), at=AT, person="赵六")
    )
    assert again == msgspec.structs.replace(first, replayed=True)
    assert await kept.events() == len(TOPICS)


async def test_the_same_id_with_other_content_is_a_conflict(kept: Kept) -> None:
    ledger, said = kept.ledger, decision()
    await ledger.commit(entry(said))
    with pytest.raises(DecisionConflictError) as caught:
        await ledger.commit(entry(decision(facts="另一事实。")))
    assert caught.value.details["stored_hash"] == ledger.content_hash(said)
    assert await ledger.held(said.id) is not None
    assert await kept.events() == len(TOPICS)


@pytest.mark.parametrize(
    "document_no",
    ["（安）应急罚[2026] 1 号", "(安)应急罚2026第1号", "（安）应急罚【２０２６】1号"],
)
async def test_another_bracket_style_is_the_same_document(
    kept: Kept, document_no: str
) -> None:
    first = decision()
    await kept.ledger.commit(entry(first))
    other = decision(local_id="A-2", document_no=document_no)
    with pytest.raises(DecisionDuplicateError) as caught:
        await kept.ledger.commit(entry(other))
    assert caught.value.details["decision_id"] == str(first.id)
    assert await kept.ledger.held(other.id) is None
    assert await kept.events() == len(TOPICS)


async def test_another_party_under_the_same_number_is_another_decision(
    ledger: Ledger,
) -> None:
    await ledger.commit(entry(decision()))
    other = decision(local_id="A-2", party=Party(kind="NATURAL_PERSON", name="李四"))
    committed = await ledger.commit(entry(other))
    assert (committed.version, committed.replayed) == (1, False)


async def test_versions_follow_one_another(kept: Kept) -> None:
    ledger, said = kept.ledger, decision()
    corrected = decision(title="更正")
    await ledger.commit(entry(said))
    second = await ledger.commit(entry(corrected, 2, CORRECTED, reason="笔误"))
    assert (second.version, second.change, second.replayed) == (2, CORRECTED, False)
    third = await ledger.commit(entry(corrected, 3, WITHDRAWN, reason="撤销"))
    assert (third.version, third.change) == (3, WITHDRAWN)
    held = await ledger.held(said.id)
    assert held is not None
    assert (held.version, held.decision.title) == (3, "更正")
    assert held.recorded_at == third.at
    assert await kept.events() == 3 * len(TOPICS)


async def test_a_decision_keeps_its_order_when_its_case_is_corrected(
    ledger: Ledger,
) -> None:
    said, order = decision(), case_hash(decision().case_key)
    await ledger.commit(entry(said))
    for version in (2, 3):
        other = decision(case_no=f"另案{version}")
        await ledger.commit(entry(other, version, CORRECTED, reason="案号有误"))
        held = await ledger.held(said.id)
        assert held is not None
        assert held.decision.case_key != said.case_key
        assert held.order == order


async def test_a_later_version_once_more_is_replayed_if_its_reason_is_the_same(
    kept: Kept,
) -> None:
    await kept.ledger.commit(entry(decision()))
    later = entry(decision(title="更正"), 2, CORRECTED, reason="笔误")
    first = await kept.ledger.commit(later)
    assert await kept.ledger.commit(later) == msgspec.structs.replace(
        first, replayed=True
    )
    with pytest.raises(DecisionStaleError) as caught:
        await kept.ledger.commit(msgspec.structs.replace(later, reason="另一理由"))
    assert caught.value.details["version"] == "2"
    assert await kept.events() == 2 * len(TOPICS)


async def test_a_first_version_that_comes_again_is_told_the_present_one(
    ledger: Ledger,
) -> None:
    await ledger.commit(entry(decision()))
    corrected = decision(title="更正")
    await ledger.commit(entry(corrected, 2, CORRECTED, reason="笔误"))
    for said in (decision(), corrected):
        again = await ledger.commit(entry(said))
        assert (again.version, again.change) == (2, CORRECTED)
        assert again.content_hash == ledger.content_hash(corrected)
        assert again.replayed


@pytest.mark.parametrize("version", [3, 7])
async def test_a_version_that_skips_one_is_stale(ledger: Ledger, version: int) -> None:
    await ledger.commit(entry(decision()))
    with pytest.raises(DecisionStaleError) as caught:
        await ledger.commit(entry(decision(title="更正"), version, CORRECTED))
    assert caught.value.details["version"] == "1"


async def test_nothing_follows_a_withdrawal(ledger: Ledger) -> None:
    await ledger.commit(entry(decision()))
    await ledger.commit(entry(decision(), 2, WITHDRAWN, reason="撤销"))
    with pytest.raises(DecisionStaleError):
        await ledger.commit(entry(decision(title="更正"), 3, CORRECTED))


async def test_a_later_version_of_nothing_is_unknown(kept: Kept) -> None:
    with pytest.raises(DecisionUnknownError):
        await kept.ledger.commit(entry(decision(), 2, WITHDRAWN))
    assert await kept.events() == 0


async def test_a_correction_cannot_take_another_decision_s_number(
    ledger: Ledger,
) -> None:
    await ledger.commit(entry(decision()))
    other = decision(local_id="A-2", document_no="（安）应急罚〔2026〕2号")
    await ledger.commit(entry(other))
    taken = decision(local_id="A-2", document_no="（安）应急罚〔2026〕1号")
    with pytest.raises(DecisionDuplicateError):
        await ledger.commit(entry(taken, 2, CORRECTED, reason="笔误"))


async def test_a_withdrawn_decision_s_number_can_be_recorded_under_another_id(
    kept: Kept,
) -> None:
    ledger = kept.ledger
    one, two, three = (decision(local_id=f"A-{number}") for number in (1, 2, 3))
    for said in (one, two):
        committed = await ledger.commit(entry(said))
        assert (committed.version, committed.replayed) == (1, False)
        await ledger.commit(entry(said, 2, WITHDRAWN, reason="标识有误"))
    await ledger.commit(entry(three))
    found = [await ledger.held(said.id) for said in (one, two, three)]
    assert [held and held.change for held in found] == [
        WITHDRAWN,
        WITHDRAWN,
        Change.RECORDED,
    ]
    assert await kept.events() == 5 * len(TOPICS)
    with pytest.raises(DecisionDuplicateError) as caught:
        await ledger.commit(entry(decision(local_id="A-4")))
    assert caught.value.details["decision_id"] == str(three.id)


async def test_a_correction_may_take_a_withdrawn_decision_s_number(
    ledger: Ledger,
) -> None:
    await ledger.commit(entry(decision()))
    await ledger.commit(entry(decision(), 2, WITHDRAWN, reason="撤销"))
    other = decision(local_id="A-2", document_no="（安）应急罚〔2026〕2号")
    await ledger.commit(entry(other))
    taken = decision(local_id="A-2")
    committed = await ledger.commit(entry(taken, 2, CORRECTED, reason="笔误"))
    assert (committed.version, committed.replayed) == (2, False)


async def test_the_digest_tells_id_numbers_apart_without_showing_them(
    ledger: Ledger,
) -> None:
    one, other = of_person(), of_person("440524188001010014")
    assert ledger.content_hash(one) != ledger.content_hash(other)
    assert ledger.content_hash(one) == ledger.content_hash(of_person())
