"""A stream that rests on a grant is held with it, and resumed under a new one."""

from __future__ import annotations

import getpass
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest
from ledger_rows import prepare, put, run, until
from outgoing import outgoing
from tests.integration.test_relay_on_kafka import SENT, relaying
from topic_reader import read

from zhitong.connectors.grants import PlatformGrants
from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.receiver_control import ReceiverControl
from zhitong.exceptions import GrantEndedError
from zhitong.grants import Act, Actor, Application, Capacity, GrantState, GrantStep
from zhitong.streams.kafka_client import Access
from zhitong.streams.topics import ensure_topics

pytestmark = pytest.mark.integration
GRANT = """insert into access_grant (grant_id, version, state, kind, unit, unit_name,
    owner, purpose, basis, fields, receiver, valid_from, valid_to, applied_by,
    applied_at, provided_at, changed_at)
values ($1, 1, 'IN_FORCE', 'SHARING', 'U', '单位', 'O', 'credit', '依据',
    '{"Decision": ["facts"]}', 'credit', now() - interval '1 day',
    now() + interval '1 day', '某人', now(), now(), now())"""
HELD = "select suspended_because from receiver where suspended_at is not null"


@pytest.fixture
async def platform(database: str) -> str:
    await prepare(database)
    return database


async def ended(url: str, name: str, state: GrantState) -> None:
    """End a grant as a step of somebody does."""
    act = Act(
        grant=name,
        version=1,
        step=GrantStep.REVOKE,
        actor=Actor(
            unit="O",
            unit_name="数源部门",
            person="数据专员",
            role="steward",
            capacities=frozenset({Capacity.OWNER}),
        ),
        at=datetime.now(UTC),
        reason="用途变更",
    )

    def judge(before: Application, said: Act) -> Application:
        return replace(before, version=2, state=state, ended_at=said.at)

    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        await PlatformGrants(pool).take(act, judge)


@pytest.mark.parametrize("state", [GrantState.REVOKED, GrantState.EXPIRED])
async def test_what_is_unsent_is_held_when_its_grant_ends(
    platform: str, broker: Access, state: GrantState
) -> None:
    topic = f"granted.{uuid.uuid4().hex}"
    ensure_topics(broker, {topic: 12})
    await run(platform, GRANT, "G1")
    await put(platform, [outgoing(1, receiver="credit", topic=topic)])
    async with relaying(PlatformOutbox(platform, "one"), broker):
        await until(platform, SENT, 1)
        await ended(platform, "G1", state)
        ((because,),) = await run(platform, HELD)
        assert because.endswith(": G1")
        # What comes after it for another receiver is sent; the held one's is not.
        await put(
            platform,
            [
                outgoing(2, "b", receiver="credit", topic=topic),
                outgoing(3, "c", receiver="provincial", topic=topic),
            ],
        )
        await until(platform, SENT, 2)
        assert sorted(int(each[3]) for each in read(broker, topic)) == [1, 3]
        async with ReceiverControl(platform) as control:
            with pytest.raises(GrantEndedError):
                await control.resume("credit", "运维", "想恢复")
            assert len(await run(platform, HELD)) == 1
            await run(platform, GRANT, "G2")
            assert len(await run(platform, HELD)) == 1, "operators resume, no grant"
            assert await control.resume("credit", getpass.getuser(), "新授权 G2")
        await until(platform, SENT, 3)
    assert sorted(int(each[3]) for each in read(broker, topic)) == [1, 2, 3]
    deeds = await run(platform, "select action, target from deed order by at, deed_id")
    assert [tuple(one) for one in deeds] == [
        ("revoke-grant", "G1"),
        ("suspend", "credit"),
        ("resume", "credit"),
    ]


async def test_a_second_grant_of_the_receiver_keeps_its_stream(platform: str) -> None:
    await run(platform, GRANT, "G1")
    await run(platform, GRANT, "G2")
    await ended(platform, "G1", GrantState.REVOKED)
    assert await run(platform, HELD) == []
    await ended(platform, "G2", GrantState.REVOKED)
    assert len(await run(platform, HELD)) == 1


async def test_the_end_of_a_grant_and_the_hold_are_one_transaction(
    platform: str,
) -> None:
    await run(platform, GRANT, "G1")
    connection = await asyncpg.connect(platform)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("update access_grant set state = 'REVOKED'")
    assert len(await connection.fetch(HELD)) == 1
    assert await run(platform, HELD) == []
    await transaction.rollback()
    await connection.close()
    assert await run(platform, HELD) == []


async def test_a_receiver_that_rests_on_no_grant_is_resumed_as_ever(
    platform: str,
) -> None:
    async with ReceiverControl(platform) as control:
        assert await control.suspend("credit", "运维", "维护")
        assert await control.resume("credit", "运维", "结束")


@pytest.mark.parametrize("state", ["APPLIED", "REFUSED", "WITHDRAWN", "REVOKED"])
async def test_what_somebody_only_applied_for_keeps_no_receiver_suspended(
    platform: str, state: str
) -> None:
    await run(platform, GRANT, "G1")
    never = "update access_grant set state = $1, provided_at = null, receiver = null"
    await run(platform, never, state)
    await run(platform, "update access_grant set receiver = 'credit'")
    async with ReceiverControl(platform) as control:
        assert await control.suspend("credit", "运维", "维护")
        assert await control.resume("credit", "运维", "结束")
