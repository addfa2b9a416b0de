"""What of history is withdrawn is taken by its receivers, whatever its old values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg
import msgspec
import pytest
from entries import AT, SEALING, TOPICS, UNIT, decision, ledger_over, of_person, prepare

from zhitong.connectors.history import load_history
from zhitong.connectors.inbox import ReceiverInbox, open_inbox
from zhitong.connectors.migrations import migrate
from zhitong.decisions import (
    Act,
    Answer,
    Arrival,
    Change,
    Decision,
    Entry,
    Event,
    Licence,
    Unreadable,
)
from zhitong.infra.receivers_file import read_receivers
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.group_reader import Message
from zhitong.streams.intake import Intake
from zhitong.streams.keys import ReceiverKeys

pytestmark = pytest.mark.integration
RECEIVERS = Path(__file__).parents[2] / "infra" / "receivers"
KEYS = {name: ReceiverKeys.generate(name) for name in TOPICS}
ID_NUMBER = "11010519491231002X"
SAID = decision()


def of(**changes: object) -> Decision:
    return decision(party=msgspec.structs.replace(SAID.party, **changes))


@pytest.fixture
async def inboxes(
    postgres: str, database: str
) -> AsyncIterator[Mapping[str, ReceiverInbox]]:
    """Give each receiver a database of its own."""
    opened = {}
    for name in TOPICS:
        own = f"{database.rpartition('/')[2]}_{name}"
        await execute(postgres, f"create database {own}")
        url = f"{postgres.rpartition('/')[0]}/{own}"
        await migrate(url, RECEIVERS / "common")
        await migrate(url, RECEIVERS / name)
        opened[name] = await open_inbox(url, name)
    yield opened
    for name, inbox in opened.items():
        await inbox.pool.close()
        own = f"{database.rpartition('/')[2]}_{name}"
        await execute(postgres, f"drop database {own} with (force)")


async def execute(address: str, statement: str) -> None:
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def withdrawn(
    database: str, said: Decision, *, keys: Mapping[str, ReceiverKeys] = KEYS
) -> tuple[Event, ...]:
    """Load *said* as history, withdraw it, and give the events of that."""
    await prepare(database)
    await load_history(
        database,
        SEALING,
        stamp="history",
        told=iter([(said, UNIT)]),
        receivers=lambda _: list(TOPICS.items()),
        at=AT,
        tenant="anze",
    )
    envelopes = ReceiverEnvelopes(
        read_receivers(), {name: one.public for name, one in keys.items()}
    )
    async with ledger_over(database) as (ledger, _):
        held = await ledger.held(said.id)
        assert held is not None
        assert held.before_platform
        entry = Entry(
            decision=held.decision,
            version=2,
            change=Change.WITHDRAWN,
            at=AT,
            reason="事实不清",
            basis="行政处罚法第六十二条",
            order=held.order,
            unit=UNIT,
            unit_name="安泽市应急管理局",
            person="王五",
        )
        events = envelopes.events(
            [whole(entry, name) for name in held.receivers], follows_history=True
        )
        await ledger.commit(msgspec.structs.replace(entry, events=events))
    assert [event.receiver for event in events] == ["credit", "provincial"]
    return events


def read(event: Event) -> Arrival:
    found = Intake(KEYS[event.receiver]).read(
        Message(event.topic, 0, 0, event.payload, "")
    )
    assert not isinstance(found, Unreadable)
    return found.arrival


async def answers(
    inboxes: Mapping[str, ReceiverInbox], events: tuple[Event, ...]
) -> list[tuple[Answer, tuple[str, ...]]]:
    async def answer(event: Event) -> tuple[Answer, tuple[str, ...]]:
        arrival = read(event)
        (given,) = await inboxes[event.receiver].take([arrival])
        return given, arrival.reasons

    return list(await asyncio.gather(*map(answer, events)))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(SAID, id="nothing wrong"),
        pytest.param(of(code="91110000600037341M"), id="a wrong code"),
        pytest.param(of(code="无"), id="a placeholder as a code"),
        pytest.param(of(code="9" * 200), id="a long code"),
        pytest.param(of(code=ID_NUMBER), id="an ID number as a code"),
        pytest.param(of(registration_no="6" * 51), id="a long registration"),
        pytest.param(of(registration_no=ID_NUMBER), id="an ID number as registration"),
        pytest.param(of(name="安" * 300), id="a long name"),
        pytest.param(of(kind="FIRM", code=None), id="an unknown kind of party"),
        pytest.param(decision(subject_code="11619900MB0004001C"), id="no agency"),
        pytest.param(decision(local_id="A" * 100), id="a long local id"),
        pytest.param(decision(matter_code="1" * 101), id="a long matter"),
        pytest.param(decision(inspection_no="检" * 60), id="a long inspection"),
        pytest.param(decision(division="6199"), id="a short division"),
        pytest.param(decision(facts=f"身份证{ID_NUMBER}"), id="an ID number in facts"),
        pytest.param(decision(penalty=None), id="no penalty"),
        pytest.param(
            decision(decided_on=AT.date().replace(year=2062)), id="a day to come"
        ),
        pytest.param(
            decision(
                act=Act.LICENCE,
                penalty=None,
                licence=Licence(kind="ORDINARY", certificate_no="证" * 200),
            ),
            id="a long certificate",
        ),
    ],
)
async def test_a_withdrawal_of_history_is_held_whatever_its_values(
    database: str, inboxes: Mapping[str, ReceiverInbox], said: Decision
) -> None:
    events = await withdrawn(database, said)
    assert await answers(inboxes, events) == [(Answer.HELD, ())] * 2
    assert not any(ID_NUMBER.encode() in event.payload for event in events)


async def test_a_number_that_cannot_be_opened_keeps_no_withdrawal_back(
    database: str, inboxes: Mapping[str, ReceiverInbox]
) -> None:
    other = {name: ReceiverKeys.generate(name) for name in TOPICS}
    events = await withdrawn(database, of_person(), keys=other)
    assert await answers(inboxes, events) == [(Answer.HELD, ())] * 2
    held = await inboxes["credit"].pool.fetchrow(
        "select state, cf_zt, cf_xdr_zjhm from cf_zrr"
    )
    assert tuple(held or ()) == ("WITHDRAWN", "1", None)


async def test_what_does_not_identify_its_decision_is_rejected_all_the_same(
    database: str, inboxes: Mapping[str, ReceiverInbox]
) -> None:
    events = await withdrawn(database, decision(document_no="罚" * 129))
    assert [given for given, _ in await answers(inboxes, events)] == [
        Answer.REJECTED,
        Answer.REJECTED,
    ]
