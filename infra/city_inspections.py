"""Inspections of the city's case systems, some of which led to a case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from zhitong.infra.city import START, City
from zhitong.infra.city_bodies import Subject
from zhitong.infra.city_cases import Case, crew
from zhitong.infra.city_parties import BLANKS, Party, stated
from zhitong.infra.city_words import pick, stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """An inspection as every system would tell it."""

    number: int
    inspection_no: str
    kind: str
    plan_no: str | None
    subject: Subject
    division: str
    party: Party
    inspected: date
    result: str
    problems: str | None
    case_no: str | None
    officers: tuple[tuple[str, str], ...]


_KINDS = ("RANDOM", "RANDOM", "KEY", "SPECIAL", "DAILY", "DAILY", "COMPLAINT")
_RESULTS = (*("NO_PROBLEM",) * 12, *("CORRECTED",) * 3, *("ORDERED",) * 4, "NOT_FOUND")
_PLANNED = frozenset({"RANDOM", "KEY", "SPECIAL"})


def inspections(
    city: City, source: str, batch: Sequence[Case], numbers: range
) -> Iterator[Inspection]:
    """Tell inspections of the batch's time; every fourth led to one of its cases."""
    rng = stream(city.seed, "inspections", source, numbers.start)
    led = [case for case in batch if case.origin == "INSPECTION"]
    for number in numbers:
        if led and not number % 4:
            yield _leading(rng, led.pop(), source, number)
        else:
            yield _uneventful(rng, city, pick(rng, batch), source, number)


def _leading(rng: Random, case: Case, source: str, number: int) -> Inspection:
    return replace(
        _inspection(rng, case, case.party, source, number),
        inspected=max(START, case.filed - timedelta(days=int(rng.random() * 8))),
        result="CASE_FILED",
        problems=case.facts,
        case_no=case.case_no,
        officers=case.officers,
    )


def _uneventful(
    rng: Random, city: City, near: Case, source: str, number: int
) -> Inspection:
    met = city.parties.get((near.division, near.subject.field.name))
    party = stated(rng, pick(rng, met)) if met else near.party
    result = pick(rng, _RESULTS)
    return replace(
        _inspection(rng, near, party, source, number),
        result=result,
        problems=f"存在{near.title.rpartition('涉嫌')[2].removesuffix('案')}等问题"
        if result in {"CORRECTED", "ORDERED"}
        else pick(rng, BLANKS),
        officers=crew(rng, city, near.subject),
    )


def _inspection(
    rng: Random, near: Case, party: Party, source: str, number: int
) -> Inspection:
    kind = pick(rng, _KINDS)
    year = near.filed.year
    return Inspection(
        number=number,
        inspection_no=f"JC-{source[:2].upper()}-{year}-{number:07d}",
        kind=kind,
        plan_no=f"{year}-{kind[:1]}{1 + number % 12:02d}" if kind in _PLANNED else None,
        subject=near.subject,
        division=near.division,
        party=party,
        inspected=near.filed,
        result="NO_PROBLEM",
        problems=None,
        case_no=None,
        officers=(),
    )
