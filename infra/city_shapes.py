"""The case systems: one case told in each system's shape, as rows of its tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import islice

from zhitong.infra.city import City
from zhitong.infra.city_cases import Case, case_count, cases
from zhitong.infra.city_codes import (
    Codes,
    chinese,
    codes_of,
    compact,
    dashed,
    instant,
    moment,
    seconds,
    slashed,
)
from zhitong.infra.city_county_shapes import Rows, dongling, harbour, xihe
from zhitong.infra.city_credit import Licence
from zhitong.infra.city_inspections import Inspection, inspections
from zhitong.infra.city_registers import Batch, Record, licences_of

BATCH = 10_000


def case_batches(city: City, source: str, count: int | None = None) -> Iterator[Batch]:
    """Give a case system's rows in batches of the order of filing."""
    total = case_count(city, source) if count is None else count
    shape, code = _SHAPES[source], codes_of(source)
    told = cases(city, source, total)
    done = inspected = 0
    while batch := list(islice(told, BATCH)):
        done += len(batch)
        rows: dict[str, list[Record]] = defaultdict(list)
        for case in batch:
            for table, row in shape(case, code):
                rows[table].append(row)
        if source in _INSPECTION_SHAPES:
            until = city.scale.inspections // 2 * done // total
            numbers = range(inspected + 1, until + 1)
            for inspection in inspections(city, source, batch, numbers):
                for table, row in _INSPECTION_SHAPES[source](inspection, code):
                    rows[table].append(row)
            inspected = until
        yield rows


# --- market regulation -------------------------------------------------------


def _market(case: Case, code: Codes) -> Rows:
    party = case.party
    yield (
        "aj",
        (
            case.number,
            case.case_no,
            case.title,
            code("xwlx", case.act),
            code("ajzt", case.status),
            code("ajly", case.origin),
            case.subject.code,
            case.subject_name,
            case.matter,
            case.division,
            party.code,
            party.name,
            code("xdr_lx", party.kind),
            party.id_number,
            party.phone,
            case.place,
            instant(case.filed, case.number),
            case.decided,
            moment(case.closed, case.number) if case.closed else None,
            case.document_no,
            case.facts,
            case.law,
            case.result,
            case.fine,
            ",".join(number for number, _ in case.officers),
            case.archived,
        ),
    )


# --- emergency management ----------------------------------------------------


def _emergency(case: Case, code: Codes) -> Rows:
    party = case.party
    key = emergency_key(case)
    yield (
        "aj_jbxx",
        (
            key,
            case.case_no,
            case.title,
            code("xwlb", case.act),
            code("ajzt", case.status),
            code("ajly", case.origin),
            case.subject.code,
            case.subject_name,
            case.matter,
            case.division,
            code("dsrlx", party.kind, case.number % 40 // 39),
            party.name,
            party.code,
            party.id_number,
            party.phone,
            case.place,
            compact(case.filed),
            chinese(case.decided) or ("/" if case.number % 2 else None),
            compact(case.closed) or ("" if case.number % 2 else None),
            case.document_no,
            case.facts,
            case.law,
            case.result,
            Decimal(case.fine) / 10_000 if case.fine else None,
            compact(case.archived),
        ),
    )
    for place, (number, name) in enumerate(case.officers, 1):
        yield "aj_zfry", (key, place, number, name)


def emergency_key(case: Case) -> str:
    """Name a case as that system's own key does: a year, a scramble, a number."""
    return f"{case.filed:%Y}{case.number * 2654435761 % 2**32:08x}{case.number:08d}"


def _emergency_inspection(inspection: Inspection, code: Codes) -> Rows:
    yield (
        "jc_jl",
        (
            inspection.number,
            inspection.inspection_no,
            code("jcfs", inspection.kind),
            inspection.plan_no,
            inspection.subject.code,
            inspection.division,
            inspection.party.code,
            inspection.party.name,
            inspection.inspected,
            code("jcjg", inspection.result),
            inspection.problems,
            inspection.case_no,
        ),
    )
    for place, (number, _) in enumerate(inspection.officers, 1):
        yield "jc_ry", (inspection.number, place, number)


def emergency_licences(city: City) -> Iterator[Batch]:
    """Give the safety licences beside the cases."""
    yield {
        "xkzs": [_safety_licence(licence) for licence in licences_of(city, "emergency")]
    }


def _safety_licence(licence: Licence) -> Record:
    code = codes_of("emergency")
    return (
        licence.number,
        licence.licence_no,
        "危险化学品经营许可证" if licence.number % 2 else "安全生产许可证",
        licence.document_no,
        code("xklb", licence.kind),
        "易制爆危险化学品；其他危险化学品" if licence.number % 2 else "露天开采",
        licence.stated.code,
        licence.stated.name,
        licence.subject.code,
        licence.subject.name,
        licence.issued,
        licence.issued,
        licence.until,
        code("zszt", licence.status),
    )


# --- transport ---------------------------------------------------------------


def _transport(case: Case, code: Codes) -> Rows:
    party = case.party
    yield (
        "zfaj",
        (
            case.number,
            case.case_no,
            case.title,
            code("xwzl", case.act),
            code("blzt", case.status),
            code("ajly", case.origin, case.number),
            case.subject.code,
            case.subject_name,
            case.matter,
            case.division,
            party.code,
            party.name,
            code("dsrlb", party.kind),
            party.id_number,
            party.phone,
            case.place,
            dashed(case.filed),
            slashed(case.decided) or ("/" if case.number % 4 else None),
            seconds(case.closed, case.number),
            case.document_no,
            case.facts,
            case.law,
            case.result,
            f"{case.fine}.00" if case.fine else ("/" if case.number % 2 else ""),
            dashed(case.archived),
        ),
    )
    for place, (number, _) in enumerate(case.officers, 1):
        yield "zfaj_ry", (case.number, place, number, "Y" if place == 1 else "N")


def _transport_inspection(inspection: Inspection, code: Codes) -> Rows:
    yield (
        "jcjl",
        (
            inspection.number,
            inspection.inspection_no,
            code("jcfs", inspection.kind),
            inspection.plan_no,
            inspection.subject.code,
            inspection.division,
            inspection.party.code,
            inspection.party.name,
            moment(inspection.inspected, inspection.number),
            code("jcjg", inspection.result),
            inspection.problems,
            inspection.case_no,
            "、".join(number for number, _ in inspection.officers),
        ),
    )


_SHAPES: Mapping[str, Callable[[Case, Codes], Rows]] = {
    "market": _market,
    "emergency": _emergency,
    "transport": _transport,
    "dongling": dongling,
    "xihe": xihe,
    "harbour": harbour,
}
_INSPECTION_SHAPES: Mapping[str, Callable[[Inspection, Codes], Rows]] = {
    "emergency": _emergency_inspection,
    "transport": _transport_inspection,
}
