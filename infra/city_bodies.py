"""The city's enforcement subjects and their officers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from zhitong.infra.city_words import (
    CITY,
    FIELDS,
    WORDS,
    Field,
    happens,
    mobile,
    office_phone,
    person,
    pick,
    stream,
)
from zhitong.rules.identifiers import credit_code, organisation_code, resident_id

REFORM = date(2019, 1, 10)
"""The day of the made-up institutional reform; predecessors end, successors begin."""

DISTRICTS = ("619902", "619903")
COUNTIES = ("619921", "619922")
BUREAU, BRIGADE, PREDECESSOR, TOWNSHIP = 0, 10, 90, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An enforcement subject."""

    code: str
    name: str
    field: Field
    division: str
    kind: str = "STATUTORY"
    level: str = "COUNTY"
    former: tuple[tuple[str, date, date], ...] = ()
    parent: str | None = None
    predecessor: str | None = None
    delegated_by: str | None = None
    valid_from: date = REFORM
    valid_to: date | None = None
    status: str = "IN_FORCE"
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """A person of the roster."""

    certificate: str
    name: str
    male: bool
    auxiliary: bool
    subject: Subject
    valid_from: date
    valid_to: date
    status: str
    phone: str
    id_number: str


# --- subjects ----------------------------------------------------------------


def agency_code(division: str, number: int, form: int = BUREAU) -> str:
    """Give an agency's credit code; it does not depend on the seed."""
    return credit_code(
        f"11{division}" + organisation_code(f"MB{division[-2:]}{number:02d}{form:02d}")
    )


def subjects(seed: int, count: int) -> tuple[Subject, ...]:
    """Give the first *count* subjects, those that other sources need first."""
    rng = stream(seed, "subjects")
    ranked = sorted(_ranked(), key=lambda pair: pair[0])
    return tuple(
        replace(subject, phone=office_phone(rng)) for _, subject in ranked[:count]
    )


def _ranked() -> Iterator[tuple[int, Subject]]:
    near = {"market", "emergency", "transport"}
    at_city = near | {"justice", "credit", "harbour"}
    in_county = near | {"agriculture", "urban", "environment"}
    for field in FIELDS.values():
        yield (0 if field.name in at_city else 6), _bureau(CITY, field)
        for division in DISTRICTS:
            yield (1 if field.name in near else 8), _bureau(division, field)
            yield 11, _brigade(division, field)
        for division in COUNTIES:
            yield (2 if field.name in in_county else 7), _bureau(division, field)
            yield 10, _brigade(division, field)
        if field.former:
            first = field.name in {"market", "emergency"}
            yield (3 if first else 9), _predecessor(field, field.former[0])
        yield (5 if field.name in {"market", "transport"} else 9), _brigade(CITY, field)
    for division in (*COUNTIES, *DISTRICTS):
        for serial, town in enumerate(WORDS.divisions[division].towns):
            first = division in COUNTIES and serial == 0
            yield (4 if first else 9), _township(division, serial, town)


def _place(division: str) -> str:
    name = WORDS.divisions[division].name
    return name if division == CITY else f"安泽市{name}"


def _bureau(division: str, field: Field) -> Subject:
    at_city = division == CITY
    old = field.former[0] if field.former else None
    return Subject(
        code=agency_code(division, field.number),
        name=_place(division) + field.bureau,
        field=field,
        division=division,
        level=WORDS.divisions[division].level,
        parent=None if at_city else agency_code(CITY, field.number),
        predecessor=(
            agency_code(CITY, field.number, PREDECESSOR) if at_city and old else None
        ),
        former=(
            ((_place(division) + old, date(2010, 3, 1), REFORM),)
            if old and not at_city
            else ()
        ),
    )


def _predecessor(field: Field, name: str) -> Subject:
    return Subject(
        code=agency_code(CITY, field.number, PREDECESSOR),
        name=_place(CITY) + name,
        field=field,
        division=CITY,
        level="CITY",
        valid_from=date(2010, 3, 1),
        valid_to=REFORM - timedelta(days=1),
        status="CANCELLED",
    )


def _brigade(division: str, field: Field) -> Subject:
    form = "支队" if division == CITY else "大队"
    return Subject(
        code=agency_code(division, field.number, BRIGADE),
        name=f"{_place(division)}{field.category}综合行政执法{form}",
        field=field,
        division=division,
        kind="AUTHORISED",
        level=WORDS.divisions[division].level,
        parent=agency_code(division, field.number),
        valid_from=date(2019, 6, 1),
    )


def _township(division: str, serial: int, town: str) -> Subject:
    field = FIELDS["urban"]
    return Subject(
        code=agency_code(division, TOWNSHIP + serial, TOWNSHIP),
        name=f"{_place(division)}{town}{'办事处' if '街道' in town else '人民政府'}",
        field=field,
        division=division,
        kind="ENTRUSTED",
        level="TOWNSHIP",
        parent=agency_code(division, field.number),
        delegated_by=agency_code(division, field.number),
        valid_from=date(2021, 7, 15),
    )


# --- officers ----------------------------------------------------------------


def officers(
    seed: int, today: date, units: Sequence[Subject], count: int
) -> tuple[Officer, ...]:
    """Make the roster, every tenth an auxiliary: half evenly, half where work is."""
    rng = stream(seed, "officers")
    active = [unit for unit in units if unit.status == "IN_FORCE"]
    busy = [
        unit
        for unit in active
        if unit.field.name in _BUSY and unit.division not in COUNTIES
    ]
    roster = [
        _officer(rng, today, pool[serial // 2 % len(pool)], serial)
        for serial in range(count - 1)
        for pool in (active if serial % 2 else busy,)
    ]
    # One moved to another unit and stands in the roster twice, as rosters have it.
    moved = roster[0]
    roster.append(replace(moved, subject=active[1], status="IN_FORCE"))
    roster[0] = replace(moved, status="CANCELLED")
    return tuple(roster)


def _officer(rng: Random, today: date, subject: Subject, serial: int) -> Officer:
    auxiliary = not (serial + 1) % 10
    male = happens(rng, 0.68)
    # The roster keeps the day of the first issue and the end of the last renewal.
    since = date(2012, 1, 1) + timedelta(days=rng.randrange(2560))
    until = today + timedelta(days=rng.randrange(-80, 1780))
    number = f"6199{subject.field.number:02d}{serial:05d}"
    return Officer(
        certificate=f"XG{number}" if auxiliary else number,
        name=person(rng),
        male=male,
        auxiliary=auxiliary,
        subject=subject,
        valid_from=since,
        valid_to=until,
        status=_status(rng, until, today),
        phone=mobile(rng),
        id_number=resident(rng, "619902", male=male, youngest=2002),
    )


_BUSY = frozenset({"market", "emergency", "transport"})
_STATUSES = ("CANCELLED", "SUSPENDED", *("IN_FORCE",) * 38)


def _status(rng: Random, until: date, today: date) -> str:
    if until < today:
        return "EXPIRED"
    return pick(rng, _STATUSES)


def resident(rng: Random, division: str, *, male: bool, youngest: int) -> str:
    """Make a resident ID number with a valid check digit in a made-up place."""
    born = date(1962, 1, 1) + timedelta(
        days=int(rng.random() * (youngest - 1962) * 365)
    )
    serial = int(rng.random() * 499) * 2 + male
    return resident_id(f"{division}{born:%Y%m%d}{serial:03d}")
