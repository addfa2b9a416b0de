"""What a gateway wants of its receivers before it takes a decision."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from entries import AT, SEALING, TOPICS, UNIT, decision, entry, ledger_over, prepare
from receiver_files import changed, with_examples

from zhitong.connectors.access_log import PlatformAccessLog, open_pool
from zhitong.connectors.history import load_history
from zhitong.decisions import Act, Decision, Licence
from zhitong.exceptions import ReceiverError
from zhitong.infra.deciding import Deciding
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receiver_keys import make_demo_keys, private_path, public_path
from zhitong.infra.receivers_file import RECEIVERS
from zhitong.infra.settings import Settings
from zhitong.resolvers.decisions import Correction, Decisions
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.schema.entities import ENTITIES
from zhitong.streams.cloud_events import parse
from zhitong.streams.schemas import faults

pytestmark = pytest.mark.integration

Starting = Callable[[Path], AbstractAsyncContextManager[Decisions]]
NAMED = "select receiver from receiver order by 1"


@pytest.fixture
async def starting(database: str, tmp_path: Path) -> AsyncIterator[Starting]:
    """Give ``async with starting(receivers_file):``, over an empty ledger."""
    await prepare(database)
    make_demo_keys(tmp_path, ["provincial", "credit", "tax"])
    pool = await open_pool(database)
    recorder = Recorder(PlatformAccessLog(pool, b"k" * 32))

    @asynccontextmanager
    async def started(receivers: Path) -> AsyncIterator[Decisions]:
        settings = Settings(state=tmp_path, receivers=receivers)
        policy = read_policy(settings.policy, ENTITIES)
        async with Deciding(settings, policy).running(
            database, dict, Reader(dict, policy), recorder
        ) as (decisions, _):
            yield decisions

    yield started
    await recorder.close()
    pool.terminate()


@pytest.fixture
def renamed(tmp_path: Path) -> Path:
    return changed(tmp_path, "credit", 'name = "credit"', 'name = "tax"')


async def named(database: str) -> list[str]:
    connection = await asyncpg.connect(database)
    try:
        return [row["receiver"] for row in await connection.fetch(NAMED)]
    finally:
        await connection.close()


async def recorded(database: str) -> None:
    async with ledger_over(database) as (ledger, _):
        await ledger.commit(entry(decision()))


async def loaded(database: str) -> None:
    await load_history(
        database,
        SEALING,
        stamp="first",
        told=[(decision(), UNIT)],
        receivers=lambda _: list(TOPICS.items()),
        at=AT,
        tenant="anze",
    )


@pytest.mark.parametrize("happened", [recorded, loaded])
async def test_a_receiver_that_has_had_events_may_not_leave_the_file(
    starting: Starting,
    renamed: Path,
    database: str,
    happened: Callable[[str], Awaitable[None]],
) -> None:
    await happened(database)
    with pytest.raises(ReceiverError, match="lacks the receiver credit, which"):
        async with starting(renamed):
            pass
    assert await named(database) == ["credit", "provincial"]
    async with starting(RECEIVERS):
        pass


async def test_a_receiver_that_has_had_events_may_be_ended(
    starting: Starting, tmp_path: Path, database: str
) -> None:
    await recorded(database)
    since = "since = 2018-07-25\n"
    ended = changed(tmp_path, "credit", since, f"{since}until = 2026-10-31\n")
    async with starting(ended):
        assert await named(database) == ["credit", "provincial"]


async def test_a_receiver_that_never_had_an_event_may_leave_the_file(
    starting: Starting, renamed: Path, database: str
) -> None:
    async with starting(renamed):
        assert await named(database) == ["credit", "provincial", "tax"]


async def test_a_receiver_without_a_public_key_is_refused_and_none_is_made(
    starting: Starting, tmp_path: Path
) -> None:
    for path in (public_path(tmp_path, "credit"), private_path(tmp_path, "credit")):
        path.unlink()
    with pytest.raises(ReceiverError, match=r"no public key of the receiver credit"):
        async with starting(RECEIVERS):
            pass
    assert not list((tmp_path / "receivers").glob("credit*"))


ADDED = ("credit-older", "data-sharing", "e-licence", "plain", "supervision")
LICENCE = decision(
    local_id="L-1",
    act=Act.LICENCE,
    document_no="安应急许〔2026〕7号",
    content="准予经营危险化学品",
    division="619900",
    penalty=None,
    licence=Licence(kind="ORDINARY", certificate_no="安危化经字〔2026〕7号"),
)


@pytest.mark.parametrize(
    ("said", "added"),
    [
        pytest.param(decision(), {"credit-older", "plain", "supervision"}, id="fined"),
        pytest.param(
            LICENCE, {"data-sharing", "e-licence", "plain", "supervision"}, id="licence"
        ),
    ],
)
async def test_receivers_that_are_added_by_files_alone_get_their_events(
    starting: Starting,
    tmp_path: Path,
    database: str,
    said: Decision,
    added: set[str],
) -> None:
    make_demo_keys(tmp_path, ADDED)
    async with starting(with_examples(tmp_path, *ADDED)) as decisions:
        made = await decisions.record(DEMO_PRINCIPALS["department"], said)
    whom = {"credit", "provincial"} | added
    assert {event.receiver for event in made.events} == whom
    for event in made.events:
        read = parse(event.payload)
        assert read.schema == event.schema
        # Of its structure, whatever the decision lacks.
        assert not [one for one in faults(read.table, read.row) if "not so" in one]
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("select receiver, topic from outbox order by 1")
    finally:
        await connection.close()
    assert {(row["receiver"], row["topic"]) for row in rows} == {
        (name, f"zhitong.anze.{name}.v1") for name in whom
    }


async def test_who_joins_later_is_not_told_of_what_it_never_had(
    starting: Starting, tmp_path: Path
) -> None:
    who = DEMO_PRINCIPALS["department"]
    async with starting(RECEIVERS) as decisions:
        first = await decisions.record(who, decision())
    make_demo_keys(tmp_path, ADDED)
    async with starting(with_examples(tmp_path, *ADDED)) as decisions:
        second = await decisions.correct(
            who,
            Correction(
                decision_id=first.decision_id,
                version=1,
                decision=decision(facts="安全出口堵塞。"),
                reason="事实更正",
            ),
        )
    assert {event.receiver for event in second.events} == {"credit", "provincial"}
