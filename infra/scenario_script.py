"""The scripted year: which decisions there are, and what happens to each, and when.

The same seed gives the same year. Moments are the year's own, nobody waits for them.
Last days are counted here over a plain list of working days, to have things happen on
them and a moment after: whether a duty was late is not said here, it is computed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random

import msgspec

from zhitong.decisions import Act, Change, Decision, Licence, Party, Penalty, Review
from zhitong.infra.city_parties import Counterparty, counterparties
from zhitong.infra.city_words import happens, pick, stream
from zhitong.publishing import Step
from zhitong.rules.working_days import CHINA

YEAR = 2026
SEED = 9
END = datetime(YEAR + 1, 1, 1, tzinfo=CHINA)
"""As of when everything is looked at."""
SUPERVISED = datetime(YEAR, 2, 1, tzinfo=CHINA)
"""From when on the province is told: the first day of Decree 825."""
OWN, SYSTEM = "own-site", "enterprise-system"
CREDIT, PROVINCE = "credit", "provincial"
UNITS = (
    ("11619900MB0004001B", "安泽市应急管理局"),
    ("11619900MB0002006C", "安泽市市场监督管理局"),
    ("11619921MB21040067", "东岭县应急管理局"),
    ("11619900MB0002102M", "安泽市税务局"),
)
ACTS = (
    *(Act.PENALTY,) * 11,
    *(Act.LICENCE,) * 5,
    *(Act.COERCION, Act.INSPECTION, Act.LEVY, Act.CONFIRMATION),
)
KINDS = (
    *(("FINE",),) * 12,
    ("WARNING",),
    ("WARNING",),
    ("CRITICISM",),
    ("WARNING", "FINE"),
    ("LICENCE_REVOKED",),
    ("BUSINESS_RESTRICTED", "FINE"),
)
AWAY: Mapping[str, tuple[datetime, datetime]] = {
    CREDIT: (
        datetime(YEAR, 6, 22, tzinfo=CHINA),
        datetime(YEAR, 7, 6, 9, tzinfo=CHINA),
    ),
    PROVINCE: (
        datetime(YEAR, 9, 1, tzinfo=CHINA),
        datetime(YEAR, 9, 10, 9, tzinfo=CHINA),
    ),
}
"""When a receiver took nothing: what left then was taken at its end."""
TERMS: Mapping[Act, int] = {Act.PENALTY: 7}
OTHERS = 20
RECEIVERS = 7
"""Working days within which a receiver is to have it."""
_LAST = time(23, 59, 59)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a decision, and when receivers answer it."""

    decision: Decision
    change: Change
    at: datetime
    reason: str = ""
    answered: Mapping[str, datetime] = field(default_factory=dict)
    lacks: bool = False
    """Its facts are missing: every receiver that asks for them rejects it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A step of a publication, of a version by its number."""

    channel: str
    step: Step
    version: int
    at: datetime
    reason: str = ""
    reference: str = ""
    withheld: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that happens to one decision, in its order."""

    versions: tuple[Version, ...]
    steps: tuple[Stepped, ...]

    def happens(self) -> Iterator[tuple[datetime, Version | Stepped]]:
        """Give versions and steps in the order of their moments."""
        every: list[tuple[datetime, Version | Stepped]] = [
            *((one.at, one) for one in self.versions),
            *((one.at, one) for one in self.steps),
        ]
        yield from sorted(every, key=lambda one: one[0])


class Days:
    """A plain list of working days."""

    def __init__(self, works: Callable[[date], bool], first: date, last: date) -> None:
        span = (last - first).days
        every = (first + timedelta(days=n) for n in range(span + 1))
        self.worked = [day for day in every if works(day)]

    def after(self, day: date, count: int) -> date:
        """Give the last of *count* working days after *day*."""
        return self.worked[bisect_right(self.worked, day) + count - 1]


def script(count: int, days: Days, seed: int = SEED) -> Iterator[Case]:
    """Make *count* cases: of the year, and of years before that end in it."""
    rng = stream(seed, "scenario", YEAR)
    register = counterparties(seed, date(YEAR, 1, 1), max(600, count // 5))
    firms = [one for one in register if one.code]
    people = [one for one in register if one.id_number]
    for number in range(count):
        yield _Script(rng, days, number).case(firms, people)


class _Script:
    def __init__(self, rng: Random, days: Days, number: int) -> None:
        self._rng = rng
        self._days = days
        self._number = number
        self._before: dict[str, datetime] = {}

    def case(
        self, firms: Sequence[Counterparty], people: Sequence[Counterparty]
    ) -> Case:
        rng, share = self._rng, self._number % 100
        if share < 3:  # noqa: PLR2004 - of a hundred, those whose three years end now
            decided = date(YEAR - 3, 2, 1) + timedelta(days=rng.randrange(300))
            act, party = Act.PENALTY, pick(rng, firms)
        elif share < 10:  # noqa: PLR2004 - persons', whose year ends now
            decided = date(YEAR - 1, 1, 6) + timedelta(days=rng.randrange(340))
            act, party = Act.PENALTY, pick(rng, people)
        else:
            decided = date(YEAR, 1, 2) + timedelta(days=rng.randrange(352))
            act = pick(rng, ACTS)
            party = pick(rng, people if happens(rng, 0.25) else firms)
        said = self._decision(decided, act, party)
        versions = [*self._versions(said)]
        steps = [*self._steps(OWN, versions)]
        if act in {Act.PENALTY, Act.LICENCE} and self._listed(said):
            steps += self._steps(SYSTEM, versions)
        return Case(versions=tuple(versions), steps=tuple(steps))

    @staticmethod
    def _listed(said: Decision) -> bool:
        """Say whether the enterprise system has such a decision."""
        only = said.penalty is not None and set(said.penalty.kinds) == {"WARNING"}
        return said.party.kind != "NATURAL_PERSON" and not only

    def _decision(self, decided: date, act: Act, party: Counterparty) -> Decision:
        rng, number = self._rng, self._number
        code, name = pick(rng, UNITS)
        penalty = licence = None
        if act is Act.PENALTY:
            kinds = pick(rng, KINDS)
            penalty = Penalty(
                kinds=kinds,
                violation_type="安全生产",
                fine=100_00 * rng.randrange(10, 900) if "FINE" in kinds else None,
                licence_affected=f"经营许可证 {number}号"
                if "LICENCE_REVOKED" in kinds
                else None,
                procedure="SIMPLE" if happens(rng, 0.1) else "ORDINARY",
            )
        if act is Act.LICENCE:
            licence = Licence(
                kind="ORDINARY",
                certificate_name="经营许可证",
                certificate_no=f"安经字〔{decided.year}〕{number}号",
                valid_from=decided,
                valid_to=date(decided.year + 3, 1, 1),
            )
        return Decision(
            local_id=f"scenario-{number}",
            act=act,
            subject_code=code,
            subject_name=name,
            case_source="emergency",
            case_no=f"AZ-{YEAR}-{number:06}",
            document_no=f"安执决〔{decided.year}〕{number:06}号",
            document_title="行政执法决定书",
            decided_on=decided,
            division="619900",
            title="未按规定进行安全生产教育和培训",
            facts="未对从业人员进行安全生产教育和培训。",
            basis="《中华人民共和国安全生产法》第九十七条",
            content=f"第 {number} 件的决定内容",
            party=_party(party),
            officers=("61990500038", "61990500039"),
            review=Review(reference=f"审{number}", on=decided, opinion="AGREE"),
            penalty=penalty,
            licence=licence,
        )

    # --- versions, and what receivers answer ------------------------------------

    def _versions(self, said: Decision) -> Iterator[Version]:
        rng = self._rng
        day = min(said.decided_on + timedelta(days=self._lag()), END.date() - _DAY)
        at = self._hour(day)
        lacks = happens(rng, 0.02)
        first = msgspec.structs.replace(said, facts=None) if lacks else said
        yield self._version(first, Change.RECORDED, at, lacks=lacks)
        number = 1
        for _ in range(2):
            mended = lacks and number == 1 and happens(rng, 0.5)
            if not (mended or happens(rng, 0.04)):
                break
            at = self._hour(at.date() + timedelta(days=rng.randrange(2, 30)))
            if at >= END:
                return
            number += 1
            changed = msgspec.structs.replace(
                said, content=f"{said.content}（第 {number} 版）"
            )
            yield self._version(changed, Change.CORRECTED, at, "内容有误")
            said = changed
            lacks = False
        if not lacks and happens(rng, 0.04):
            at = self._hour(at.date() + timedelta(days=rng.randrange(5, 60)))
            if at >= END:
                return
            yield self._version(said, Change.WITHDRAWN, at, "复议决定撤销")

    def _lag(self) -> int:
        """Give the days until the department enters it: now and then many."""
        return (
            self._rng.randrange(10, 25)
            if happens(self._rng, 0.04)
            else (self._rng.randrange(3))
        )

    def _version(
        self,
        said: Decision,
        change: Change,
        at: datetime,
        reason: str = "",
        *,
        lacks: bool = False,
    ) -> Version:
        start = said.decided_on if change is Change.RECORDED else at.date()
        answered = {}
        for name in (CREDIT, PROVINCE):
            moment = self._answered(name, at, start)
            # A receiver takes versions in their order, and answers so.
            self._before[name] = max(moment, self._before.get(name, moment))
            answered[name] = self._before[name]
        return Version(
            decision=said,
            change=change,
            at=at,
            reason=reason,
            answered=answered,
            lacks=lacks,
        )

    def _answered(self, receiver: str, at: datetime, start: date) -> datetime:
        """Say when a receiver answers: soon, but on the edge of its term now and then.

        Once its doors are closed it answers as they open.
        """
        last = self._days.after(start, RECEIVERS)
        edge = self._rng.random()
        found = at + timedelta(seconds=self._rng.randrange(30, 7200))
        if edge < 0.03:  # noqa: PLR2004 - on the last second of its last day
            found = datetime.combine(last, _LAST, CHINA)
        elif edge < 0.06:  # noqa: PLR2004 - on the first moment that is too late
            found = datetime.combine(last + timedelta(days=1), time(), CHINA)
        found = max(found, at + timedelta(seconds=30))
        closed, opened = AWAY[receiver]
        return opened if closed <= found < opened else found

    # --- publication by people ----------------------------------------------------

    def _steps(self, channel: str, versions: Sequence[Version]) -> Iterator[Stepped]:
        """Take each version that stands long enough through the roles."""
        rng, made, first = self._rng, [], versions[0]
        never = happens(rng, 0.02)
        released: tuple[int, datetime] | None = None
        for number, version in enumerate(versions, 1):
            if never or version.change is Change.WITHDRAWN or version.at >= END:
                break
            until = versions[number].at if number < len(versions) else END
            if released is not None and channel == SYSTEM:
                # What was undone there is withdrawn by people before it is shown anew.
                back = version.at + timedelta(hours=rng.randrange(1, 60))
                if back >= until:
                    break
                made.append(self._step(channel, Step.WITHDRAW, number, back))
                released = None
            at = self._released(channel, first.decision, version, number)
            way = self._way(channel, number, at, version.at)
            if way[0].at <= max(version.at, made[-1].at if made else version.at) or (
                way[-1].at >= until
            ):
                continue
            made += way
            if way[-1].step is Step.DECLINE:
                continue
            released = number, way[-1].at
            if channel == OWN and happens(rng, 0.01):
                made += self._pulled(number, way[-1].at, until)
        made += self._ended(channel, versions, made, released)
        yield from (one for one in made if one.at < END)

    def _released(
        self, channel: str, said: Decision, version: Version, number: int
    ) -> datetime:
        """Say when it is released: in time as a rule, on the edge, or much too late."""
        term = OTHERS if channel == SYSTEM else TERMS.get(said.act, OTHERS)
        start = said.decided_on if number == 1 else version.at.date()
        last = self._days.after(start, term)
        edge = self._rng.random()
        if edge < 0.03:  # noqa: PLR2004 - as above
            at = datetime.combine(last, _LAST, CHINA)
        elif edge < 0.06:  # noqa: PLR2004
            at = datetime.combine(last + timedelta(days=1), time(), CHINA)
        elif edge < 0.1:  # noqa: PLR2004 - forgotten for weeks
            at = self._hour(last + timedelta(days=self._rng.randrange(5, 40)))
        else:
            at = self._hour(start + timedelta(days=self._rng.randrange(1, 6)))
        return max(at, version.at + timedelta(hours=2))

    def _way(
        self, channel: str, number: int, at: datetime, after: datetime
    ) -> list[Stepped]:
        """Give the four steps, the last at *at*; one in a hundred is declined."""
        part = (at - after) / 4
        hidden = frozenset({"title"}) if happens(self._rng, 0.02) else frozenset()
        made = [
            self._step(channel, step, number, after + part * place, withheld=shown)
            for place, step, shown in (
                (1, Step.COLLECT, hidden),
                (2, Step.TRANSMIT, frozenset[str]()),
                (3, Step.PASS, frozenset[str]()),
            )
        ]
        if channel == OWN and number == 1 and happens(self._rng, 0.01):
            made[2] = self._step(channel, Step.DECLINE, number, made[2].at)
            return made
        reference = f"系统公示第{self._number}号" if channel == SYSTEM else ""
        made.append(self._step(channel, Step.RELEASE, number, at, reference=reference))
        return made

    def _pulled(self, number: int, at: datetime, until: datetime) -> Iterator[Stepped]:
        """Have it pulled for being wrong, and released once more, if there is time."""
        pulled = at + timedelta(days=2)
        again = pulled + timedelta(days=3)
        if again >= min(until, END):
            return
        yield self._step(OWN, Step.PULL, number, pulled)
        if happens(self._rng, 0.7):
            yield from (
                one
                for one in self._way(OWN, number, again, pulled)
                if one.step is not Step.DECLINE
            )

    def _ended(
        self,
        channel: str,
        versions: Sequence[Version],
        made: Sequence[Stepped],
        released: tuple[int, datetime] | None,
    ) -> Iterator[Stepped]:
        """Have what others show withdrawn, or taken down when its time is over."""
        if channel != SYSTEM or released is None:
            return
        head = len(versions)
        if versions[-1].change is Change.WITHDRAWN and happens(self._rng, 0.9):
            at = versions[-1].at + timedelta(hours=self._rng.randrange(2, 120))
            yield self._step(channel, Step.WITHDRAW, head, at)
            return
        first = next(one.at for one in made if one.step is Step.RELEASE)
        last = first.replace(year=first.year + 3)
        if released[0] == head and last < END and happens(self._rng, 0.8):
            at = self._hour(last.date() + timedelta(days=self._rng.randrange(1, 10)))
            yield self._step(channel, Step.TAKE_DOWN, head, at)

    def _step(  # noqa: PLR0913 - what a step says
        self,
        channel: str,
        step: Step,
        version: int,
        at: datetime,
        *,
        reference: str = "",
        withheld: frozenset[str] = frozenset(),
    ) -> Stepped:
        reasoned = {Step.DECLINE, Step.PULL, Step.WITHDRAW}
        return Stepped(
            channel=channel,
            step=step,
            version=version,
            at=at,
            reason="按规定" if step in reasoned else "",
            reference=reference,
            withheld=withheld,
        )

    def _hour(self, day: date) -> datetime:
        """Give a moment of the working hours of *day*."""
        second = self._rng.randrange(9 * 3600, 17 * 3600)
        return datetime.combine(day, time(), CHINA) + timedelta(seconds=second)


def _party(one: Counterparty) -> Party:
    if one.id_number:
        return Party(
            kind="NATURAL_PERSON",
            name=one.name,
            id_kind="RESIDENT_ID",
            id_number=one.id_number,
        )
    return Party(
        kind=one.kind,
        name=one.name,
        code=one.code,
        representative=one.representative or "张三",
    )


# --- what there must be in the end ------------------------------------------------


def public(case: Case) -> int | None:
    """Say which version the own site must show at the end; None: it shows nothing."""
    shown: int | None = None
    first: datetime | None = None
    for one in (each for each in case.steps if each.channel == OWN):
        if one.step is Step.RELEASE:
            shown, first = one.version, first or one.at
        elif one.step is Step.PULL:
            shown = None
    head = case.versions[-1]
    if shown != len(case.versions) or head.change is Change.WITHDRAWN or first is None:
        return None
    natural = head.decision.party.kind == "NATURAL_PERSON"
    years = 1 if natural else 2
    day = first.astimezone(CHINA).date()
    leap = (day.month, day.day) == (2, 29)
    last = day.replace(year=day.year + years, day=28 if leap else day.day)
    return shown if last >= END.date() else None


def held(case: Case, receiver: str) -> str | None:
    """Say what *receiver* must hold in the end: version and kind; None: nothing.

    The credit system takes no penalty without its facts; the province asks for none.
    """
    found: str | None = None
    first = case.versions[0]
    if receiver == CREDIT and first.decision.act not in {Act.PENALTY, Act.LICENCE}:
        return None
    if receiver == PROVINCE and first.at < SUPERVISED:
        return None
    for number, one in enumerate(case.versions, 1):
        penalty = one.decision.act is Act.PENALTY
        if not (one.lacks and penalty and receiver == CREDIT):
            found = f"{number} {one.change}"
    return found
