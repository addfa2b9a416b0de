"""``zhitong publicity``: who shows which decision, by when, and how that stands."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import orjson

from zhitong.connectors.publication_book import differing
from zhitong.connectors.publicity_facts import Publishable, publicity_facts
from zhitong.exceptions import DecisionUnknownError
from zhitong.infra.clock_commands import asked_moment, narrowed
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.publicity_rules import read_publicity_rules
from zhitong.infra.settings import Settings
from zhitong.rules.applied_rules import CONFIDENCE, NOTES
from zhitong.rules.due_days import DueDays
from zhitong.rules.publication_flow import MOVES
from zhitong.rules.publications import FAULTS, Moment, Publication, State, publication
from zhitong.rules.publicity import REASONS, Channel, Reason, publishable
from zhitong.rules.publicity_rates import Record, rates
from zhitong.rules.publicity_told import told
from zhitong.rules.working_days import CHINA
from zhitong.types import Label

MOST = 1_000
"""Publications, at most so many are listed."""
STATES = {
    State.NOT_SHOWN: Label("不公示", "not shown"),
    State.NOT_YET: Label("未公示", "not yet"),
    State.LATE: Label("逾期未公示", "LATE"),
    State.PUBLISHED: Label("已公示", "published"),
    State.CORRECTED: Label("已更正", "corrected"),
    State.TO_WITHDRAW: Label("应撤回", "to be withdrawn"),
    State.WITHDRAWN: Label("已撤回", "withdrawn"),
    State.TO_TAKE_DOWN: Label("应撤下", "to be taken down"),
    State.TAKEN_DOWN: Label("已撤下", "taken down"),
}

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


@dataclass(slots=True)
class Count:
    """What one unit's decisions come to in one channel."""

    reasons: Counter[Reason] = field(default_factory=Counter)
    states: Counter[State] = field(default_factory=Counter)
    records: list[Record] = field(default_factory=list)


def describe(verb: Verb) -> None:
    """Add what can be asked of publicity."""
    counts = verb(
        "report",
        "按机关和渠道统计应否公示、公示与否、迟报率 count by unit and channel",
        report,
    )
    narrowed(counts)
    verb(
        "check",
        "公示的现状是否由登记的步骤得出 whether publications stand as their steps say",
        check,
    )
    one = verb(
        "explain", "一件决定在各渠道怎样公示 how a decision is published", explain
    )
    one.add_argument("decision", metavar="决定号", type=UUID, help="its id")
    one.add_argument("--at", metavar="时刻", help="as it stands then, ISO 8601")


def report(settings: Settings, given: argparse.Namespace) -> None:
    """Count by unit and channel: verdicts, how publications stand, and the rates."""
    channels, due_days = read_publicity_rules(settings)
    now = asked_moment(given)
    counts = asyncio.run(
        counted(settings, channels, due_days, now, getattr(given, "unit", None))
    )
    if getattr(given, "json", False):
        say(orjson.dumps([_written(*one) for one in counts.items()]).decode())
        return
    say(f"截至 as of {now.astimezone(CHINA):%Y-%m-%d %H:%M}")
    titles = {one.name: one.title for one in channels}
    for (unit, channel), count in counts.items():
        title = titles[channel]
        say(f"{unit}  {channel}  {title.zh} {title.en}")
        say(*_verdicts(count))
        say(
            "  "
            + "  ".join(
                f"{STATES[state].zh} {STATES[state].en} {count.states[state]}"
                for state in State
                if count.states[state]
            )
        )
        found = rates(count.records)
        say(
            f"  合规率 compliance {_share(found.compliance_percent)}"
            f"（{found.compliant}/{found.reported}）"
            f"  迟报率 lateness {_share(found.late_percent)}"
            f"（{found.late}/{found.reported}）"
            f"  瞒报率 concealment {_share(found.concealed_percent)}"
            f"（{found.records - found.reported}/{found.records}）"
        )


def check(settings: Settings, _given: argparse.Namespace) -> bool:
    """Hold publications against their steps, and steps against deeds."""
    stages = {step.value: move.to.value for step, move in MOVES.items()}
    many, wrong = asyncio.run(_differing(settings, stages))
    say(f"已核对步骤 steps compared {many}，不符 otherwise {len(wrong)}")
    say(*wrong[:MOST])
    return not wrong


async def _differing(
    settings: Settings, stages: Mapping[str, str]
) -> tuple[int, Sequence[str]]:
    return await differing(await own_platform(settings), stages)


def explain(settings: Settings, given: argparse.Namespace) -> None:
    """Say of each channel whether it shows a decision, why, by when, and as it is."""
    channels, due_days = read_publicity_rules(settings)
    now = asked_moment(given)
    found = asyncio.run(_one(settings, given.decision))
    if found is None:
        raise DecisionUnknownError(
            f"台账中没有决定 {given.decision}",
            f"the ledger has no decision {given.decision}",
        )
    for channel in channels:
        say(*_explained(channel, found, due_days, now))


def _explained(
    channel: Channel, found: Publishable, due_days: DueDays, now: datetime
) -> Iterator[str]:
    verdict = publishable(channel, found.about, found.facts.decided_on, due_days)
    yield f"{channel.name}  {channel.title.zh} {channel.title.en}"
    yield f"  {verdict.label.zh} {verdict.label.en}"
    if verdict.grade is not None:
        title = verdict.grade.title
        yield f"  分类 class {title.zh} {title.en}"
    if verdict.due is not None:
        yield f"  自 from {verdict.due.started} 至 to {verdict.due.day}"
        yield from (
            f"  {NOTES[note].zh} {NOTES[note].en}" for note in verdict.due.notes
        )
    if verdict.confidence is not None:
        sure = CONFIDENCE[verdict.confidence]
        yield f"  依据 {verdict.source}（{sure.zh} {sure.en}）"
    stands = _publication(channel, found, due_days, now)
    state = STATES[stands.state(now)]
    yield f"  {state.zh} {state.en}{_when(stands.published)}"
    if stands.to_withdraw is not None:
        yield f"  须在此日以前撤回 to be withdrawn by {stands.to_withdraw.day}"
    if stands.down_on is not None:
        yield f"  公示至 shown until {stands.down_on}"
    yield from (f"  ! {FAULTS[one].zh} {FAULTS[one].en}" for one in stands.faults)


def _publication(
    channel: Channel, found: Publishable, due_days: DueDays, now: datetime
) -> Publication:
    # As it stood *now*, with all that is known of it today: what is heard late counts.
    happened = [one for one in found.facts.happenings if one.by(now)]
    steps = [one for one in found.facts.steps if one.at <= now]
    every = told(channel, happened, steps, found.reasons, found.repaired)
    return publication(channel, found.about, every, due_days)


async def _one(settings: Settings, decision: UUID) -> Publishable | None:
    url = await own_platform(settings)
    async with aclosing(publicity_facts(url, decision=decision)) as every:
        async for found in every:
            return found
    return None


async def counted(
    settings: Settings,
    channels: Sequence[Channel],
    due_days: DueDays,
    now: datetime,
    unit: str | None,
) -> Mapping[tuple[str, str], Count]:
    """Count by unit and channel what the platform was to publish, as of *now*."""
    counts: dict[tuple[str, str], Count] = {}
    async with aclosing(_since(settings, unit)) as every:
        async for found in every:
            for channel in channels:
                place = found.facts.unit, channel.name
                count = counts.setdefault(place, Count())
                _count(count, channel, found, due_days, now)
    return dict(sorted(counts.items()))


def _count(
    count: Count, channel: Channel, found: Publishable, due_days: DueDays, now: datetime
) -> None:
    verdict = publishable(channel, found.about, found.facts.decided_on, due_days)
    count.reasons[verdict.reason] += 1
    stands = _publication(channel, found, due_days, now)
    count.states[stands.state(now)] += 1
    reported, late = stands.published is not None, stands.late(now)
    # What may still be reported in time is neither reported nor concealed.
    if stands.due is not None and (reported or late):
        rejected = found.rejected.get(channel.receiver) if channel.receiver else None
        count.records.append(
            Record(
                reported=reported,
                compliant=rejected is None or rejected > now,
                late=reported and late,
            )
        )


async def _since(
    settings: Settings, unit: str | None
) -> AsyncGenerator[Publishable, None]:
    """Give what the platform was to publish: not what was there before it."""
    url = await own_platform(settings)
    async with aclosing(publicity_facts(url, unit)) as every:
        async for found in every:
            if not found.facts.before_platform:
                yield found


def _verdicts(count: Count) -> Iterator[str]:
    for reason, many in sorted(count.reasons.items()):
        label = REASONS[reason]
        yield f"  {label.zh} {label.en} {many}"


def _written(place: tuple[str, str], count: Count) -> Mapping[str, object]:
    found = rates(count.records)
    return {
        "unit": place[0],
        "channel": place[1],
        "verdicts": {reason.value: many for reason, many in count.reasons.items()},
        "states": {state.value: many for state, many in count.states.items()},
        "reported": found.reported,
        "compliant": found.compliant,
        "late": found.late,
        "concealed": found.records - found.reported,
        "compliancePercent": _exact(found.compliance_percent),
        "latePercent": _exact(found.late_percent),
        "concealedPercent": _exact(found.concealed_percent),
    }


def _exact(percent: Decimal | None) -> str | None:
    return None if percent is None else str(percent)


def _share(percent: Decimal | None) -> str:
    return "—" if percent is None else f"{percent}%"


def _when(at: Moment | None) -> str:
    if isinstance(at, datetime):
        return f" {at.astimezone(CHINA):%Y-%m-%d %H:%M}"
    return f" {at}" if at else ""
