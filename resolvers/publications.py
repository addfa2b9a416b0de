"""Publication by people: who may take which step, and what the channel's rules say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from zhitong.decisions import Act
from zhitong.exceptions import (
    ForbiddenError,
    PublicationFormError,
    PublicationStateError,
)
from zhitong.ports import PublicationBook
from zhitong.publishing import (
    Entry,
    Person,
    Published,
    Step,
    Stood,
    Taken,
    Teller,
)
from zhitong.rules.due_days import DueDays
from zhitong.rules.figures import Trigger
from zhitong.rules.publication_flow import (
    LONGEST_REASON,
    LONGEST_REFERENCE,
    ROLES,
    taken,
)
from zhitong.rules.publicity import Channel, Facts, publishable
from zhitong.rules.texts import CONTROL
from zhitong.types import Principal

LONGEST_ID = 64


def now() -> datetime:
    """Give the time by the machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publications:
    """What may be done to publications, by whom."""

    book: PublicationBook
    channels: Mapping[str, Channel]
    due_days: DueDays
    clock: Callable[[], datetime] = now

    async def take(  # noqa: PLR0913 - who does what to which version, and why
        self,
        principal: Principal,
        decision: str,
        version: int,
        step: Step,
        *,
        channel: str,
        reason: str = "",
        withheld: frozenset[str] = frozenset(),
        reference: str = "",
    ) -> Stood:
        """Take *step* on a version of *decision*; the same again changes nothing."""
        if principal.role not in ROLES:
            raise ForbiddenError(
                "公示由采集、传递、审核、发布人员办理，请使用相应角色的令牌："
                + "、".join(sorted(ROLES)),
                "publication takes a token of one of the roles "
                + ", ".join(sorted(ROLES)),
            )
        its = self._channel(channel)
        _check_texts(decision, reason, reference)
        said = Taken(
            step=step,
            decision=decision,
            channel=its.name,
            version=version,
            person=Person(
                unit=principal.unit,
                issuer=principal.issuer,
                subject=principal.person,
                role=principal.role,
            ),
            at=self.clock(),
            reason=reason,
            withheld=withheld,
            reference=reference,
        )

        def judge(before: Entry | None, about: Published) -> Entry:
            facts = _facts(about)
            if step is Step.COLLECT:
                self._check_shown(its, facts, about.decided_on)
            until = self._until(its, facts, about, before, said)
            return taken(before, said, about.head, its.teller, until)

        return await self.book.take(said, its.teller, judge)

    def _channel(self, name: str) -> Channel:
        its = self.channels.get(name)
        if its is None or its.teller is Teller.RECEIPTS:
            known = sorted(
                one.name
                for one in self.channels.values()
                if one.teller is not Teller.RECEIPTS
            )
            raise PublicationFormError(
                f"没有由人员公示的渠道 {name[:LONGEST_ID]}，有的是：{'、'.join(known)}",
                f"people publish in no channel {name[:LONGEST_ID]}; there are "
                f"{', '.join(known)}",
            )
        return its

    def _check_shown(self, channel: Channel, facts: Facts, decided: date) -> None:
        verdict = publishable(channel, facts, decided, self.due_days)
        if not verdict.shown:
            raise PublicationStateError(
                f"{channel.title.zh}不公示这件决定：{verdict.label.zh}",
                f"{channel.title.en} does not show it: {verdict.label.en}",
                reason=verdict.reason.value,
            )

    def _until(
        self,
        channel: Channel,
        facts: Facts,
        about: Published,
        before: Entry | None,
        said: Taken,
    ) -> date | None:
        """Say until when it may be shown, from when it was shown first."""
        figure = channel.lasts(facts, about.decided_on)
        if said.step is not Step.RELEASE or figure is None:
            return None
        first = before.first_at if before and before.first_at else said.at
        start = about.decided_on if figure.starts is Trigger.DECIDED else first
        due = self.due_days.of(figure, start)
        return due.day if due else None


def _facts(about: Published) -> Facts:
    return Facts(
        act=Act(about.act),
        party=about.party,
        kinds=about.kinds,
        procedure=about.procedure,
    )


def _check_texts(decision: str, reason: str, reference: str) -> None:
    texts = (
        ("decisionId", decision, LONGEST_ID),
        ("reason", reason, LONGEST_REASON),
        ("reference", reference, LONGEST_REFERENCE),
    )
    for name, text, longest in texts:
        if CONTROL.search(text) or len(text) > longest:
            raise PublicationFormError(
                f"{name} 最长 {longest} 字，不能有控制字符",
                f"{name} has at most {longest} characters, no control characters",
            )
