"""A receiver that moves to a new topic: both are sent all until the old one ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from receiver_files import changed, replaced, text

from zhitong.connectors.memory_ledger import MemoryLedger
from zhitong.connectors.succession import Succession
from zhitong.decisions import Act, Answer, Arrival, Decision, Party, Penalty
from zhitong.exceptions import ReceiverError
from zhitong.infra.checks_file import read_checks
from zhitong.infra.deciding import check_given, receivers_copies
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.ports import Source
from zhitong.resolvers.decisions import Correction, Decisions, Withdrawal
from zhitong.resolvers.facts import Registers
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.schema.entities import ENTITIES
from zhitong.streams.channels import KafkaChannel
from zhitong.streams.cloud_events import DecisionEvent, parse
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.receivers import Receiver, Receivers
from zhitong.streams.successors import heirs, mistakes
from zhitong.types import Inquiry, Principal

OWN = "11619900MB0004001B"
NAME, NEW = "credit", "credit-v2"
BEFORE, BOTH, AFTER = (
    datetime(2026, 10, 1, 4, tzinfo=UTC),
    datetime(2026, 11, 1, 4, tzinfo=UTC),
    datetime(2026, 12, 1, 4, tzinfo=UTC),
)
BEGINS, ENDS = date(2026, 10, 15), date(2026, 11, 15)
POLICY = read_policy(Settings().policy, ENTITIES)
KEYS = ReceiverKeys.generate("any").public
HELD = Answer.HELD
PLACE = KafkaChannel("zhitong.anze.credit.v2", ("zhitong.anze.credit-v2",), 12)


def moving() -> Receivers:
    """Give the shipped receivers, the credit system on its way to a new topic."""
    config = read_receivers()
    (credit,) = (one for one in config.receivers if one.name == NAME)
    rest = tuple(one for one in config.receivers if one.name != NAME)
    both = replace(credit, until=ENDS), successor(credit)
    return replace(config, receivers=(*rest, *both))


def successor(old: Receiver) -> Receiver:
    return replace(old, name=NEW, channel=PLACE, since=BEGINS, succeeds=NAME)


class Log:
    """A register of looks."""

    away = False

    async def record(self, inquiry: Inquiry) -> str:
        return inquiry.id

    async def follow(self, inquiries: Sequence[Inquiry]) -> Sequence[Inquiry]:
        del inquiries
        return ()

    async def keep(self, inquiry: Inquiry) -> None:
        """Keep nothing."""


@dataclass
class Desk:
    """Decisions without a city, on any day."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    at: datetime = BEFORE
    late: timedelta = timedelta()
    """How much later receivers are looked up than a version was begun."""
    config: Receivers = field(default_factory=moving)

    @property
    def decisions(self) -> Decisions:
        def sources() -> Mapping[str, Source]:
            return {}

        reader = Reader(sources, POLICY)
        envelopes = ReceiverEnvelopes(
            self.config, {NAME: KEYS, NEW: KEYS}, lambda: self.at + self.late
        )
        copies = receivers_copies(reader, envelopes, sources)
        check_given(copies, self.config)
        return Decisions(
            registers=Registers(reader, Recorder(Log()), ENTITIES, sources),
            ledger=self.ledger,
            envelopes=envelopes,
            copies=copies,
            checks=read_checks(Settings().checks),
            sources=sources,
            clock=lambda: self.at,
        )

    def sent(self, receiver: str) -> list[DecisionEvent]:
        """Give what went to a receiver, in its order; all of it on one topic."""
        found = [
            each
            for entries in self.ledger.versions.values()
            for entry in entries
            for each in entry.events
            if each.receiver == receiver
        ]
        (place,) = {
            one.channel.place for one in self.config.receivers if one.name == receiver
        }
        assert {each.topic for each in found} <= {place}
        return [parse(each.payload) for each in found]

    def told(self, receiver: str) -> list[tuple[str, int, bool]]:
        return [
            (each.change.value, each.version, each.follows_history)
            for each in self.sent(receiver)
        ]


def caller() -> Principal:
    return Principal(
        kind="department", unit=OWN, unit_name="市应急管理局", person="周四"
    )


def penalty(number: str = "1", **changes: object) -> Decision:
    return msgspec.structs.replace(
        Decision(
            local_id=f"m-{number}",
            act=Act.PENALTY,
            subject_code=OWN,
            document_no=f"安应急罚〔2026〕{number}号",
            decided_on=date(2026, 9, 1),
            content="罚款",
            party=Party(
                kind="LEGAL_PERSON",
                name="安泽某化工有限公司",
                code="91110000600037341L",
            ),
            penalty=Penalty(kinds=("FINE",), fine=2_000_000),
        ),
        **changes,
    )


async def record(desk: Desk, said: Decision) -> UUID:
    return (await desk.decisions.record(caller(), said)).decision_id


async def correct(desk: Desk, said: Decision, version: int) -> None:
    changed = msgspec.structs.replace(said, content=f"罚款，第 {version} 次更正")
    told = Correction(
        decision_id=said.id, version=version, decision=changed, reason="笔误"
    )
    await desk.decisions.correct(caller(), told)


async def withdraw(desk: Desk, said: Decision) -> None:
    told = Withdrawal(decision_id=said.id, reason="事实不清", basis="第七十五条")
    await desk.decisions.withdraw(caller(), told)


def judged(events: list[DecisionEvent]) -> list[Answer]:
    """Have the events taken by what judges them at a receiver."""
    seen = dict.fromkeys((each.decision_id for each in events), 0)
    batch = Succession(known={}, seen=seen)
    return [*batch.judge([_arrival(each) for each in events])]


def _arrival(event: DecisionEvent) -> Arrival:
    return Arrival(
        event_id=event.event_id,
        decision_id=event.decision_id,
        version=event.version,
        change=event.change,
        follows_history=event.follows_history,
        table=event.table,
        row=event.row,
        reasons=(),
        payload_hash="",
        topic="",
        partition=0,
        offset=0,
    )


async def test_while_both_are_sent_to_every_event_is_on_both_topics_in_order() -> None:
    desk = Desk(at=BOTH)
    for number in ("1", "2"):
        await record(desk, penalty(number))
        await correct(desk, penalty(number), 1)
        await correct(desk, penalty(number), 2)
    await withdraw(desk, penalty("2"))
    every = [("RECORDED", 1, False), ("CORRECTED", 2, False), ("CORRECTED", 3, False)]
    assert desk.told(NAME) == [*every, *every, ("WITHDRAWN", 4, False)]
    assert desk.told(NEW) == desk.told(NAME)
    ids = [[each.event_id for each in desk.sent(name)] for name in (NAME, NEW)]
    assert ids[0] == ids[1]
    assert [each.source for each in desk.sent(NEW)] == [
        f"/zhitong/anze/619900/{NEW}"
    ] * len(ids[1])
    assert judged(desk.sent(NEW)) == judged(desk.sent(NAME)) == [HELD] * 7


async def test_before_the_new_one_begins_nothing_goes_there() -> None:
    desk = Desk(at=BEFORE)
    await record(desk, penalty())
    await correct(desk, penalty(), 1)
    assert (len(desk.told(NAME)), desk.told(NEW)) == (2, [])


@pytest.mark.parametrize("at", [BOTH, AFTER])
async def test_what_the_old_topic_had_alone_follows_to_the_new_one(
    at: datetime,
) -> None:
    desk = Desk(at=BEFORE)
    await record(desk, penalty())
    desk.at = at
    await correct(desk, penalty(), 1)
    await correct(desk, penalty(), 2)
    await withdraw(desk, penalty())
    assert desk.told(NAME) == [
        ("RECORDED", 1, False),
        ("CORRECTED", 2, False),
        ("CORRECTED", 3, False),
        ("WITHDRAWN", 4, False),
    ]
    # It has had no version: it begins with this one, and goes on from there.
    assert desk.told(NEW) == [
        ("CORRECTED", 2, True),
        ("CORRECTED", 3, False),
        ("WITHDRAWN", 4, False),
    ]
    assert judged(desk.sent(NAME)) == [HELD] * 4
    assert judged(desk.sent(NEW)) == [HELD] * 3


async def test_after_its_end_the_old_topic_has_nothing_that_it_did_not_have() -> None:
    desk = Desk(at=AFTER)
    await record(desk, penalty())
    await correct(desk, penalty(), 1)
    await withdraw(desk, penalty())
    assert desk.told(NAME) == []
    assert [version for _, version, _ in desk.told(NEW)] == [1, 2, 3]


async def test_the_last_day_is_one_of_both_and_the_next_is_not() -> None:
    desk = Desk(at=datetime(2026, 11, 15, 15, 59, tzinfo=UTC))  # a minute to midnight
    await record(desk, penalty("1"))
    desk.at += timedelta(minutes=1)
    await record(desk, penalty("2"))
    assert (len(desk.told(NAME)), len(desk.told(NEW))) == (1, 2)


async def test_a_version_is_of_the_day_it_was_begun_however_long_it_takes() -> None:
    last = datetime(2026, 11, 15, 15, 59, 59, tzinfo=UTC)
    desk = Desk(at=last, late=timedelta(seconds=2))
    await record(desk, penalty())
    assert (len(desk.told(NAME)), len(desk.told(NEW))) == (1, 1)
    first = datetime(2026, 10, 14, 15, 59, 59, tzinfo=UTC)
    desk = Desk(at=first, late=timedelta(seconds=2))
    await record(desk, penalty())
    await correct(desk, penalty(), 1)
    assert (len(desk.told(NAME)), desk.told(NEW)) == (2, [])


async def test_the_same_once_more_sends_nothing_to_whoever_came_since() -> None:
    desk = Desk(at=BEFORE)
    await record(desk, penalty())
    await withdraw(desk, penalty())
    desk.at = BOTH
    await withdraw(desk, penalty())
    await record(desk, penalty())
    assert (len(desk.told(NAME)), desk.told(NEW)) == (2, [])


async def test_history_is_told_to_the_new_topic_as_history() -> None:
    desk = Desk(at=AFTER)
    desk.ledger.remember(penalty(), BEFORE, NAME)
    await withdraw(desk, penalty())
    assert desk.told(NAME) == desk.told(NEW) == [("WITHDRAWN", 2, True)]


def test_whoever_succeeds_the_successor_has_what_the_first_one_had() -> None:
    old, new = (one for one in moving().receivers if one.name != "provincial")
    third = replace(new, name="credit-v3", succeeds=NEW)
    every = (old, new, third)
    assert heirs(every, ("provincial", "credit-v3"), {NAME}) == ("credit-v3",)
    assert heirs(every, (NAME, NEW), {"provincial"}) == ()
    assert heirs(every, (NAME, NEW), {NAME, NEW}) == ()


# --- how it is declared --------------------------------------------------------


def test_the_receivers_that_are_shipped_succeed_nobody() -> None:
    assert [*mistakes(read_receivers().receivers)] == []
    assert [*mistakes(moving().receivers)] == []


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param({"until": None}, {}, "must say when it ends", id="no end"),
        pytest.param({}, {"since": date(2026, 11, 16)}, "still sent to", id="a gap"),
        pytest.param({}, {"since": date(2017, 1, 1)}, "still sent to", id="before it"),
        pytest.param({}, {"unit": OWN}, "one body", id="another body"),
        pytest.param({}, {"acts": frozenset()}, "all of the acts", id="fewer acts"),
        pytest.param({}, {"succeeds": "nobody"}, "no other receiver", id="nobody"),
        pytest.param({}, {"succeeds": NEW}, "no other receiver", id="itself"),
        pytest.param({"succeeds": NEW}, {}, "in a ring", id="a ring"),
    ],
)
def test_a_move_that_would_lose_something_is_refused(
    old: dict[str, object], new: dict[str, object], named: str
) -> None:
    before, after = (one for one in moving().receivers if one.name != "provincial")
    found = [*mistakes([replace(before, **old), replace(after, **new)])]  # type: ignore[arg-type]
    assert any(named in en for _, en in found)


def test_two_do_not_succeed_one() -> None:
    (_, *both) = moving().receivers
    found = [*mistakes([*both, replace(both[1], name="credit-v3")])]
    assert {en for _, en in found} == {"credit is succeeded by one alone"}


def moved(folder: Path, *, until: str) -> Path:
    """Give the receivers' files with a successor of the credit system among them."""
    since = "since = 2018-07-25"
    copied = changed(folder, NAME, since, f"{since}\n{until}")
    new = replaced(text(NAME), f'name = "{NAME}"', f'name = "{NEW}"')
    new = replaced(new, "\n[channel]", f'succeeds = "{NAME}"\n\n[channel]')
    new = replaced(new, 'topic = "credit.v1"', 'topic = "credit.v2"')
    new = replaced(new, since, "since = 2026-10-15")
    (copied / f"{NEW}.toml").write_text(new, "utf-8")
    return copied


def test_a_move_is_declared_by_another_file(tmp_path: Path) -> None:
    config = read_receivers(moved(tmp_path, until="until = 2026-11-15"))
    assert config.on(BOTH.date()).keys() == {"provincial", NAME, NEW}
    assert "zhitong.anze.credit.v2" in config.topics
    assert {one.name: one.succeeds for one in config.receivers} == {
        "provincial": "",
        NAME: "",
        NEW: NAME,
    }


def test_a_move_without_an_end_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ReceiverError, match="must say when it ends"):
        read_receivers(moved(tmp_path, until=""))


def test_who_takes_over_may_be_reached_otherwise(tmp_path: Path) -> None:
    """A topic gives way to a folder as it does to another topic."""
    copied = moved(tmp_path, until="until = 2026-11-15")
    path = copied / f"{NEW}.toml"
    head, _, rest = path.read_text("utf-8").partition("[channel]")
    channel = '[channel]\nkind = "file"\nfolder = "/srv/exchange/credit"\n\n'
    path.write_text(
        f"{head}{channel}[[rules]]{rest.partition('[[rules]]')[2]}", "utf-8"
    )
    config = read_receivers(copied)
    assert config.on(BOTH.date())[NEW].channel.place == "file:///srv/exchange/credit"
    assert list(config.kafka) == [NAME, "provincial"]
