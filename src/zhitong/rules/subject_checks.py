"""Whether who decided could: subject, matter, officers, on the day of the decision."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from zhitong.decisions import Decision
from zhitong.rules.check import Away, Check, Outcome
from zhitong.rules.facts import IN_FORCE, Dated, Facts, OfficerEntry, SubjectEntry
from zhitong.types import Label

SUBJECTS = Away(Label("执法主体名录", "the register of subjects"))
ROSTER = Away(Label("执法人员名册", "the roster of officers"))
MATTERS = Away(Label("权责清单", "the list of powers"))
EARLIER = Away(
    Label("权责清单的历史版本", "the earlier versions of the list of powers")
)
STATUSES = MappingProxyType(
    {
        "SUSPENDED": Label("暂停", "suspended"),
        "CANCELLED": Label("注销", "cancelled"),
        "REVOKED": Label("撤销或吊销", "revoked"),
        "EXPIRED": Label("过期", "expired"),
    }
)
AUXILIARY = "AUXILIARY"
UNRECOGNISED = "UNRECOGNISED"
"""A code its source's binding does not translate: it says nothing."""

# --- the subject -------------------------------------------------------------


def subject_known(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the register of subjects has it."""
    if facts.subjects.away:
        yield SUBJECTS
    elif facts.subject(decision.subject_code) is None:
        yield {"subject": decision.subject_code}


def subject_qualified(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that its qualification covers the day; who came after it is named."""
    if facts.subjects.away:
        yield SUBJECTS
        return
    entry = facts.subject(decision.subject_code)
    if entry and not entry.covers(decision.decided_on):
        zh, en = _relatives(entry, facts)
        yield {**_term(entry), "name": entry.name, "others_zh": zh, "others_en": en}


def subject_status(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that its qualification stands today.

    Since when it does not, the register does not say; one with an end is judged by it.
    """
    if facts.subjects.away:
        yield SUBJECTS
        return
    entry = facts.subject(decision.subject_code)
    if entry and entry.valid_to is None and entry.covers(decision.decided_on):
        for label in _fallen(entry):
            zh, en = _relatives(entry, facts)
            words = {"name": entry.name, "others_zh": zh, "others_en": en}
            yield {**words, "status_zh": label.zh, "status_en": label.en}


def _relatives(entry: SubjectEntry, facts: Facts) -> tuple[str, str]:
    """Name who succeeded, and whom it succeeded."""
    zh, en = "", ""
    for other in facts.subjects.entries:
        if other.predecessor == entry.code:
            zh += f"；其后为{other.name}（{other.code}）"
            en += f"; succeeded by {other.name} ({other.code})"
    if entry.predecessor:
        former = facts.subject(entry.predecessor)
        named = f"{former.name}（{former.code}）" if former else entry.predecessor
        zh += f"；其前身为{named}"
        en += f"; it succeeded {named}"
    return zh, en


# --- the matter --------------------------------------------------------------


def matter_stated(_: Check, decision: Decision, __: Facts) -> Iterator[Outcome]:
    """Check that a matter of the list of powers is named."""
    if not decision.matter_code:
        yield {}


def matter_known(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the list of powers has it."""
    if facts.matters.away:
        yield MATTERS
    elif decision.matter_code and not facts.matters.entries:
        yield {"matter": decision.matter_code}


def matter_subject(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that it is the subject's, or that of who delegated to it."""
    if facts.matters.away:
        yield MATTERS
        return
    holders = {one.subject_code for one in facts.matters.entries if one.subject_code}
    if not holders or decision.subject_code in holders:
        return
    if facts.subjects.away:
        yield SUBJECTS
        return
    entry = facts.subject(decision.subject_code)
    if entry is None or entry.delegated_by not in holders:
        yield {"matter": decision.matter_code or "", "holder": _joined(holders)}


def matter_in_force(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that some version of it was in force on the day."""
    if facts.matters.away:
        yield MATTERS
        return
    versions = facts.matters.entries
    day = decision.decided_on
    if not versions or any(version.covers(day) for version in versions):
        return
    first = min(versions, key=lambda one: one.version or 0)
    if (first.version or 0) > 1 and first.valid_from and day < first.valid_from:
        yield EARLIER  # the list is shared in its present version
        return
    yield {"matter": decision.matter_code or "", **_term(versions[-1])}


def matter_status(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the version of the day is not suspended."""
    if facts.matters.away:
        yield MATTERS
        return
    versions = [one for one in facts.matters.entries if one.covers(decision.decided_on)]
    if versions and all(any(_fallen(one)) for one in versions):
        label = next(_fallen(versions[-1]))
        words = {"status_zh": label.zh, "status_en": label.en}
        yield {"matter": decision.matter_code or "", **words}


def matter_power(check: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that its kind of power is that of the act."""
    if facts.matters.away:
        yield MATTERS
        return
    fitting = check.fits.get(decision.act, frozenset({decision.act.value}))
    powers = {one.power_type for one in facts.matters.entries if one.power_type}
    powers.discard(UNRECOGNISED)
    if powers and not powers & fitting:
        yield {
            "matter": decision.matter_code or "",
            "power": _joined(powers),
            "act": decision.act,
        }


# --- the officers ------------------------------------------------------------


def officers_number(check: Check, decision: Decision, _: Facts) -> Iterator[Outcome]:
    """Check that enough different officers are named."""
    named = len(set(decision.officers))
    if named < check.at_least:
        yield {"named": str(named), "needed": str(check.at_least)}


def officers_known(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that the roster has every certificate."""
    if facts.officers.away:
        yield ROSTER
        return
    for certificate, entries in _certificates(decision, facts):
        if not entries:
            yield {"certificate": certificate}


def officers_kind(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that none is an auxiliary's."""
    if facts.officers.away:
        yield ROSTER
        return
    for certificate, entries in _certificates(decision, facts):
        if entries and all(entry.kind == AUXILIARY for entry in entries):
            yield {"certificate": certificate}


def officers_valid(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that each was valid on the day, by its dates."""
    if facts.officers.away:
        yield ROSTER
        return
    for certificate, entries in _certificates(decision, facts):
        if entries and not _on(decision, entries):
            yield {"certificate": certificate, **_term(entries[-1])}


def officers_status(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that none whose dates cover the day has fallen, then or since."""
    if facts.officers.away:
        yield ROSTER
        return
    for certificate, entries in _certificates(decision, facts):
        dated = _on(decision, entries)
        if dated and all(any(_fallen(entry)) for entry in dated):
            label = next(_fallen(dated[-1]))
            words = {"status_zh": label.zh, "status_en": label.en}
            yield {"certificate": certificate, **words}


def officers_subject(_: Check, decision: Decision, facts: Facts) -> Iterator[Outcome]:
    """Check that each belongs to the subject, its delegator or a delegate."""
    if facts.officers.away:
        yield ROSTER
        return
    own = decision.subject_code
    for certificate, entries in _certificates(decision, facts):
        units = {one.subject_code for one in entries if one.subject_code}
        if not units or own in units:
            continue
        if facts.subjects.away:
            yield SUBJECTS
            return
        if not any(facts.one_house(own, unit) for unit in units):
            yield {"certificate": certificate, "unit": _joined(units)}


def _certificates(
    decision: Decision, facts: Facts
) -> Iterator[tuple[str, list[OfficerEntry]]]:
    for certificate in dict.fromkeys(decision.officers):
        found = [
            entry
            for entry in facts.officers.entries
            if entry.certificate == certificate
        ]
        yield certificate, found


def _on(decision: Decision, entries: list[OfficerEntry]) -> list[OfficerEntry]:
    return [entry for entry in entries if entry.covers(decision.decided_on)]


def _fallen(entry: Dated) -> Iterator[Label]:
    """Give the label of a status that is not in force; one unknown says nothing."""
    label = STATUSES.get(entry.status or IN_FORCE)
    if label is not None:
        yield label


def _term(entry: Dated) -> dict[str, str]:
    since = entry.valid_from.isoformat() if entry.valid_from else "…"
    until = entry.valid_to.isoformat() if entry.valid_to else "…"
    return {"since": since, "until": until}


def _joined(codes: set[str]) -> str:
    return ", ".join(sorted(codes))
