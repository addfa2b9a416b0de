"""The rules that a decision was weighed by, each with its text and what came of it.

- Of the checks: those that were for its kind and day, and what they found when it was
  registered. One that is in the file no longer is named by what it found.
- Of the figures: those about its kind, in the version of its day; what runs from the
  decision itself is computed, by the calendar of today.
- Of the figures for one class of penalties those of its own class alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from zhitong.decisions import Decision, Finding
from zhitong.rules.check import Check
from zhitong.rules.due_days import DueDay, due_day
from zhitong.rules.figures import Confidence, Figure, Trigger, Version
from zhitong.rules.terms import Note
from zhitong.rules.working_days import Calendar
from zhitong.types import Label

NOTES = {
    Note.PROVISIONAL: Label(
        "暂定：所依据的放假安排尚未公布", "provisional: days off are not published yet"
    ),
    Note.MADE_UP_DAY: Label("是调休上班的周末", "a weekend day that is worked"),
    Note.DAY_OFF: Label("是休息日", "a day off"),
    Note.MOVED: Label("末日休息，已顺延", "moved on from a day off"),
    Note.SHORT_MONTH: Label("该月没有对应日，取月末", "the last day of a short month"),
    Note.RULE_CHANGED: Label(
        "期间规则有变", "another version of the rule began while the time ran"
    ),
}
CONFIDENCE = {
    Confidence.LAW: Label("法律原文已读", "the law was read"),
    Confidence.BUREAU: Label("机关文件原文已读", "the bureau's text was read"),
    Confidence.QUOTED: Label("见公开引用", "quoted on a public page"),
    Confidence.DEPLOYED: Label("见已在用的系统", "of a deployed system"),
    Confidence.RECALLED: Label("通识，未核", "general knowledge"),
    Confidence.CHOSEN: Label("本市自定", "the city's choice"),
}
_CONFIGURED = Label("配置规则，原文未读", "configured rule, no text was read")
_READ = Label("原文已读", "the text was read")
_NOTHING = Label("登记时没有发现问题", "nothing was found when it was registered")
_TRIGGERS = {
    Trigger.FILED: Label("立案", "the filing of the case"),
    Trigger.ACCEPTED: Label("受理", "the acceptance"),
    Trigger.DECIDED: Label("决定", "the decision"),
    Trigger.SERVED: Label("送达", "the service"),
    Trigger.TOLD: Label("听证告知", "the notice of the right to a hearing"),
    Trigger.KEPT: Label("证据先行登记保存", "the keeping of evidence"),
    Trigger.SEIZED: Label("查封、扣押", "the sealing or seizure"),
    Trigger.UNDONE: Label("撤销、变更或确认违法", "its being undone"),
    Trigger.PUBLISHED: Label("公示", "the publication"),
    Trigger.SUSPECTED: Label("提出移送", "the proposal to transfer it"),
    Trigger.KNOWN: Label("知道决定", "the party's knowing of it"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One rule, and what came of it."""

    name: str
    """Of its version, where it has several."""
    title: Label
    since: date | None = None
    until: date | None = None
    source: str
    confidence: Label
    results: tuple[Label, ...]


def applied_checks(
    checks: Iterable[Check], decision: Decision, findings: Iterable[Finding]
) -> Iterator[Applied]:
    """Give the checks that *decision* was weighed by, and what they have found."""
    found: dict[str, list[Finding]] = {}
    for one in findings:
        found.setdefault(one.check, []).append(one)
    for check in checks:
        if check.concerns(decision) or check.name in found:
            said = found.pop(check.name, [])
            yield Applied(
                name=check.name,
                title=check.title,
                since=check.valid_from,
                until=check.valid_to,
                source=check.source,
                confidence=_known(check.source),
                results=tuple(map(_said, said)) or (_NOTHING,),
            )
    for name, said in found.items():
        yield Applied(
            name=name,
            title=Label("现行文件中已没有这一项", "no longer in the file"),
            source=said[0].source,
            confidence=_known(said[0].source),
            results=tuple(map(_said, said)),
        )


def applied_figures(
    figures: Iterable[Figure],
    decision: Decision,
    calendar: Calendar,
    classes: Mapping[str, str] | None = None,
) -> Iterator[Applied]:
    """Give the figures about *decision*, by the versions of its day.

    *classes* says its class by channel; of another class, no figure applies.
    """
    known = classes or {}
    for figure in figures:
        own = not figure.grade or known.get(figure.channel) == figure.grade
        if own and figure.concerns(decision):
            version = figure.in_force(decision.decided_on)
            if version is not None:
                yield _figure(figure, version, decision.decided_on, calendar)


def _figure(figure: Figure, version: Version, day: date, calendar: Calendar) -> Applied:
    value = version.value.label
    results = [value]
    if figure.starts is Trigger.DECIDED:
        due = due_day(figure, day, calendar)
        if due is not None:
            results.extend(_due(due))
    elif figure.starts is not None:
        event = _TRIGGERS[figure.starts]
        results.append(
            Label(f"自{event.zh}起算，不自决定起算", f"runs from {event.en}")
        )
    return Applied(
        name=version.name,
        title=figure.title,
        since=version.since,
        until=version.until,
        source=version.source,
        confidence=CONFIDENCE[version.confidence],
        results=tuple(results),
    )


def _due(due: DueDay) -> Iterator[Label]:
    yield Label(f"末日 {due.day}", f"the last day is {due.day}")
    yield from (NOTES[note] for note in due.notes)
    for later in due.later:
        yield Label(
            f"{later.since} 起另有 {later.name}：{later.value.label.zh}",
            f"since {later.since} there is {later.name}: {later.value.label.en}",
        )
    for source in due.ending.sources:
        yield Label(f"工作日依据 {source}", f"working days by {source}")


def _said(finding: Finding) -> Label:
    return Label(
        f"{finding.severity} {finding.detail.zh}",
        f"{finding.severity} {finding.detail.en}",
    )


def _known(source: str) -> Label:
    return _CONFIGURED if source.startswith("configured rule") else _READ
