"""How a decision comes to be shown by people: collected, sent on, reviewed, released.

- Four roles 采集、传递、审核、发布, each of the unit that enforces or records; who has
  collected does not review it. That these are two persons is this project's choice:
  the text asks for fixed roles (seed 001, part 2(1)).
- What must not be shown of it, a secret or somebody's privacy, the collector names; the
  reviewer returns it, passes it, or finds that it is not to be shown.
- It is the present version that goes through; a correction goes through anew.
- On a site of the platform's own nothing stands that its decision does not say any
  more: what was undone is away at once, what is over on the day after its last. What is
  shown elsewhere people report, with where it is to be seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

from zhitong.exceptions import (
    ForbiddenError,
    PublicationFormError,
    PublicationOwnError,
    PublicationStaleError,
    PublicationStateError,
)
from zhitong.publishing import (
    WITHHOLDABLE,
    Entry,
    Head,
    Stage,
    Step,
    Taken,
    Teller,
)
from zhitong.rules.working_days import day_of
from zhitong.types import COLLECTOR, RELEASER, REVIEWER, TRANSMITTER

LONGEST_REASON = 2_000
LONGEST_REFERENCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A step: from where, to where, by which roles."""

    of: frozenset[Stage]
    to: Stage
    by: frozenset[str]
    reasoned: bool = False
    elsewhere: bool = False
    """Whether it is for channels of others alone: a site of ours does it by itself."""


S = Stage
MOVES: Mapping[Step, Move] = MappingProxyType(
    {
        Step.COLLECT: Move(
            of=frozenset({S.COLLECTED, S.RETURNED, S.DECLINED, S.PULLED, S.WITHDRAWN}),
            to=S.COLLECTED,
            by=frozenset({COLLECTOR}),
        ),
        Step.TRANSMIT: Move(
            of=frozenset({S.COLLECTED}), to=S.TRANSMITTED, by=frozenset({TRANSMITTER})
        ),
        Step.PASS: Move(
            of=frozenset({S.TRANSMITTED}), to=S.REVIEWED, by=frozenset({REVIEWER})
        ),
        Step.RETURN: Move(
            of=frozenset({S.TRANSMITTED}),
            to=S.RETURNED,
            by=frozenset({REVIEWER}),
            reasoned=True,
        ),
        Step.DECLINE: Move(
            of=frozenset({S.TRANSMITTED}),
            to=S.DECLINED,
            by=frozenset({REVIEWER}),
            reasoned=True,
        ),
        Step.RELEASE: Move(
            of=frozenset({S.REVIEWED}), to=S.RELEASED, by=frozenset({RELEASER})
        ),
        Step.PULL: Move(
            of=frozenset({S.RELEASED}),
            to=S.PULLED,
            by=frozenset({REVIEWER, RELEASER}),
            reasoned=True,
        ),
        Step.WITHDRAW: Move(
            of=frozenset(S),
            to=S.WITHDRAWN,
            by=frozenset({RELEASER}),
            reasoned=True,
            elsewhere=True,
        ),
        Step.TAKE_DOWN: Move(
            of=frozenset({S.RELEASED}),
            to=S.TAKEN_DOWN,
            by=frozenset({RELEASER}),
            elsewhere=True,
        ),
    }
)
REVIEWS = frozenset({Step.PASS, Step.RETURN, Step.DECLINE})
ROLES = frozenset({COLLECTOR, TRANSMITTER, REVIEWER, RELEASER})


def taken(
    before: Entry | None,
    said: Taken,
    head: Head,
    teller: Teller,
    down_on: date | None = None,
) -> Entry:
    """Say how the publication stands after a step; raise where it cannot be taken.

    *down_on* is the last day it may be shown, by the rules of the channel.
    """
    move = MOVES[said.step]
    _check_role(said, move)
    _check_form(said, move, teller)
    _check_version(before, said, head)
    _check_stage(before, said, move)
    if (
        said.step in REVIEWS
        and before
        and said.person.is_(before.issuer, before.collector)
    ):
        raise PublicationOwnError(
            "采集的人不审核自己采集的公示，请由其他人员审核",
            "who has collected it does not review it; let somebody else",
        )
    after = _after(before, said, move)
    if said.step is Step.RELEASE:
        return replace(
            after,
            shown=said.version,
            shown_at=said.at,
            first_at=after.first_at or said.at,
            down_on=down_on,
            reference=said.reference.strip(),
        )
    if said.step is Step.TAKE_DOWN and not (
        after.down_on and day_of(said.at) > after.down_on
    ):
        raise PublicationStateError(
            f"公示期未满（至 {after.down_on or '无期限'}），不能期满撤下；"
            "公示有误的用 PULL",
            f"its time is not over (until {after.down_on or 'no end'}); what is wrong "
            "is pulled (PULL)",
        )
    if said.step in {Step.PULL, Step.WITHDRAW, Step.TAKE_DOWN}:
        return replace(after, shown=None)
    return after


def released(steps: Iterable[Taken]) -> Mapping[int, datetime]:
    """Give when each version was first released; what was pulled and not since, none.

    *steps* are one publication's, in their order.
    """
    found: dict[int, datetime] = {}
    pulled = False
    for one in steps:
        if one.step is Step.RELEASE:
            found.setdefault(one.version, one.at)
            pulled = False
        elif one.step is Step.PULL:
            pulled = True
    return {} if pulled else found


def declined(steps: Iterable[Taken]) -> Iterator[Taken]:
    """Give the finding that it is not to be shown, if that stands."""
    last = None
    for one in steps:
        last = one
    if last is not None and last.step is Step.DECLINE:
        yield last


def possible(before: Entry | None) -> Collection[Step]:
    """Name the steps that can be taken from where it is, by whomever."""
    if before is None:
        return (Step.COLLECT,)
    return tuple(step for step, move in MOVES.items() if before.stage in move.of)


def _check_role(said: Taken, move: Move) -> None:
    if said.person.role not in move.by:
        roles = ", ".join(sorted(move.by))
        raise ForbiddenError(
            f"{said.step} 由角色为 {roles} 的人员办理，请换用相应的令牌",
            f"{said.step} takes a token whose role is {roles}",
        )


def _check_form(said: Taken, move: Move, teller: Teller) -> None:
    if move.reasoned and not said.reason.strip():
        raise PublicationFormError(
            f"{said.step} 须写明理由（reason）", f"{said.step} needs a reason"
        )
    unknown = sorted(said.withheld - WITHHOLDABLE)
    if unknown or (said.withheld and said.step is not Step.COLLECT):
        raise PublicationFormError(
            f"withheld 只随 COLLECT 给出，可写的是：{'、'.join(sorted(WITHHOLDABLE))}",
            "withheld goes with COLLECT and may name: "
            + ", ".join(sorted(WITHHOLDABLE)),
        )
    if teller is Teller.SITE and move.elsewhere:
        raise PublicationFormError(
            f"本渠道由平台自动撤回和撤下，不用 {said.step}；公示有误的用 PULL",
            f"the platform withdraws and takes down by itself here, without "
            f"{said.step}; what is wrong is pulled (PULL)",
        )
    needed = teller is Teller.PEOPLE and said.step is Step.RELEASE
    if needed != bool(said.reference.strip()):
        raise PublicationFormError(
            "reference（公示的位置）只在其他系统公示时填写，且必须填写",
            "reference says where it is to be seen: it goes with the RELEASE in a "
            "channel of others, and is needed there",
        )


def _check_version(before: Entry | None, said: Taken, head: Head) -> None:
    if said.step in {Step.PULL, Step.TAKE_DOWN}:
        wanted = before.shown if before and before.shown else head.version
    else:
        wanted = head.version
    if said.version != wanted:
        raise PublicationStaleError(
            f"要办理的是第 {said.version} 版，应办理的是第 {wanted} 版；"
            "请读取决定后再办理",
            f"the step is about version {said.version}, it should be version "
            f"{wanted}; read the decision first",
            version=str(wanted),
        )
    if head.undone and said.step not in {Step.PULL, Step.WITHDRAW, Step.TAKE_DOWN}:
        raise PublicationStateError(
            "决定已撤销，不再公示",
            "the decision was withdrawn: it is not to be shown any more",
        )


def _check_stage(before: Entry | None, said: Taken, move: Move) -> None:
    if said.step is Step.COLLECT and (before is None or before.version < said.version):
        return
    fits = before is not None and before.stage in move.of
    if said.step is Step.WITHDRAW:
        fits = bool(before and before.shown and before.shown < said.version)
    elif before is not None and said.step not in {Step.PULL, Step.TAKE_DOWN}:
        fits = fits and before.version == said.version
    if not fits:
        stage = before.stage.value if before else "—"
        steps = "、".join(possible(before))
        raise PublicationStateError(
            f"公示现为 {stage}，不能办理 {said.step}；可办理的是 {steps or '无'}",
            f"the publication is {stage}; {said.step} is not possible, but "
            f"{steps or 'nothing'}",
            stage=stage,
        )


def _after(before: Entry | None, said: Taken, move: Move) -> Entry:
    stands = before or Entry(
        decision=said.decision,
        channel=said.channel,
        version=said.version,
        stage=move.to,
        steps=0,
        at=said.at,
    )
    after = replace(
        stands,
        stage=move.to,
        steps=stands.steps + 1,
        at=said.at,
        reason=said.reason.strip(),
    )
    if said.step is not Step.COLLECT:
        return after
    return replace(
        after,
        version=said.version,
        withheld=said.withheld,
        issuer=said.person.issuer,
        collector=said.person.subject,
    )
