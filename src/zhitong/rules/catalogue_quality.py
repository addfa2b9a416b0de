"""How good the data of one resource are, measured on a sample: no I/O, no clock.

- Complete: rows that have something in the field. A cell that cannot be read as what
  it is declared to be has something, and that is wrong.
- Wrong: a check character that does not fit, a code that the list has not, a place that
  is no GB/T 2260 code, a day, an amount or a number that cannot be read.
- Doubled: rows whose own key another row of the sample has. Of a sample that is not all
  there is, this and the newest day are the least that can be said.
- Behind: whole update cycles since the newest day, as the owner declares them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType

from zhitong.catalogue import FieldQuality, Quality, Sample, SampledRow
from zhitong.rules.identifiers import credit_code_fault
from zhitong.rules.resident_ids import born
from zhitong.rules.working_days import CHINA
from zhitong.types import Cycle, EntityType, Field, Kind, MaskKind

UNKNOWN = "UNRECOGNISED"
DIVISION = re.compile(r"[1-9]\d{5}(?:\d{3}(?:\d{3})?)?")
"""A place by GB/T 2260, or below it by GB/T 10114 and the statistics' own codes."""
DAYS: Mapping[Cycle, int] = MappingProxyType(
    {
        Cycle.REALTIME: 1,
        Cycle.DAILY: 1,
        Cycle.WEEKLY: 7,
        Cycle.MONTHLY: 31,
        Cycle.YEARLY: 366,
    }
)
"""How long each cycle is at most; what is renewed at no fixed time has none."""
DATED = frozenset({Kind.DATE, Kind.DATETIME})
VERSION = "validFrom"
"""What tells versions of one thing apart, in types that have them."""
READ = frozenset({*DATED, Kind.MONEY, Kind.INTEGER})


def dated(entity: EntityType, fed: Collection[str]) -> str | None:
    """Name the day that rows of a type are in order by; None: it has none here."""
    days = (
        name
        for name in entity.orders
        if name in fed and entity.fields[name].kind in DATED
    )
    return next(days, None)


def measured(  # noqa: PLR0913 - the sample, and what its source says of it
    entity: EntityType,
    resource: str,
    sample: Sample,
    at: datetime,
    *,
    none: Collection[str] = (),
    updated: Cycle | None = None,
    newest: str | None = None,
) -> Quality:
    """Measure *sample*; *none* are the source's words for "no value".

    *newest* is the value of the first row by order, where that could be asked for.
    """
    names = list(sample.rows[0].values) if sample.rows else []
    field = dated(entity, names)
    today = at.astimezone(CHINA).date()
    latest = None if field is None else _newest(sample.rows, field, newest, today)
    cycle = None if updated is None else DAYS.get(updated)
    return Quality(
        resource=resource,
        at=at,
        sampling=sample.sampling,
        sampled=len(sample.rows),
        rows=sample.estimate,
        doubled=_doubled(entity, sample.rows),
        newest=latest,
        newest_field=field,
        behind=None
        if latest is None or cycle is None
        else (today - latest).days // cycle,
        fields=tuple(_field(entity.fields[name], sample.rows, none) for name in names),
    )


def _field(
    field: Field, rows: Iterable[SampledRow], none: Collection[str]
) -> FieldQuality:
    filled = wrong = 0
    for row in rows:
        value = row.values[field.name]
        written = row.written.get(field.name)
        unread = value is None and bool(written) and written not in none
        if not (unread or value):
            continue
        filled += 1
        wrong += unread or _wrong(field, str(value))
    told = field.kind in READ or _checked(field)
    return FieldQuality(name=field.name, filled=filled, wrong=wrong if told else None)


def _checked(field: Field) -> bool:
    return (
        field.kind in {Kind.CREDIT_CODE, Kind.CODE, Kind.DIVISION}
        or field.mask is MaskKind.ID_NUMBER
    )


def _wrong(field: Field, value: str) -> bool:
    if field.kind is Kind.CREDIT_CODE:
        return credit_code_fault(value) is not None
    if field.mask is MaskKind.ID_NUMBER:
        # Such a field has whatever number the party has.
        return born(value.upper()) is None and credit_code_fault(value) is not None
    if field.kind is Kind.CODE:
        return value == UNKNOWN
    return field.kind is Kind.DIVISION and DIVISION.fullmatch(value) is None


def _doubled(entity: EntityType, rows: Sequence[SampledRow]) -> int:
    """Count the rows whose own key, or the type's, another row has."""
    known = [
        (row.values[entity.key], row.values.get(VERSION))
        for row in rows
        if row.values.get(entity.key)
    ]
    counts = (Counter(row.key for row in rows).values(), Counter(known).values())
    return max(sum(count for count in each if count > 1) for each in counts)


def _newest(
    rows: Iterable[SampledRow], field: str, first: str | None, today: date
) -> date | None:
    days = (date.fromisoformat(str(one)[:10]) for one in _all(rows, field, first))
    return max((day for day in days if day <= today), default=None)


def _all(rows: Iterable[SampledRow], field: str, first: str | None) -> Iterable[object]:
    if first is not None:
        yield first
    for row in rows:
        if row.values[field] is not None:
            yield row.values[field]
