"""Cases as the two counties and the harbour bureau keep them."""

from __future__ import annotations

from collections.abc import Iterable

from zhitong.infra.city_cases import Case
from zhitong.infra.city_codes import Codes, chinese, seconds
from zhitong.infra.city_registers import Record

Rows = Iterable[tuple[str, Record]]
"""Rows of one case, each with its table."""

SUSPENDED = "ZZ"
"""中止: a status of 东岭县 that no binding translates, as such lists have them."""


# --- the counties ------------------------------------------------------------


def dongling(case: Case, code: Codes) -> Rows:
    """Tell a case as 东岭县 does: one wide table, epochs, 万元, officers in a cell."""
    party = case.party
    filed, decided, closed, archived = (
        number and number * 1000
        for number in (
            seconds(case.filed, case.number),
            seconds(case.decided, case.number),
            seconds(case.closed, case.number),
            seconds(case.archived, case.number),
        )
    )
    yield (
        "zfaj",
        (
            case.number,
            case.case_no,
            case.title,
            code("zl", case.act),
            code("zt", case.status) if (case.number + 7) % 200 else SUSPENDED,
            code("ly", case.origin),
            case.subject.code,
            case.subject_name,
            case.matter,
            case.place,
            filed,
            decided,
            closed,
            case.document_no,
            case.facts,
            case.law,
            case.result,
            # Computed in floating point, noise and all, as that system does.
            case.fine * 0.0001 if case.fine else None,
            "、".join(number for number, _ in case.officers),
            archived,
        ),
    )
    yield (
        "dsr",
        (
            case.number,
            code("dsrlb", party.kind),
            party.name,
            party.code,
            party.id_number,
            party.phone,
        ),
    )


def xihe(case: Case, code: Codes) -> Rows:
    """Tell a case as 西河县 does: dates, fen, officers in a table of their own."""
    party = case.party
    key = xihe_key(case)
    yield (
        "aj_xx",
        (
            key,
            case.case_no,
            case.title,
            code("xw", case.act),
            code("zt", case.status),
            code("ly", case.origin),
            case.subject.code,
            case.subject_name,
            case.matter,
            code("xdr_lx", party.kind),
            party.name,
            party.code,
            party.id_number,
            party.phone,
            case.place,
            case.filed,
            case.decided,
            case.closed,
            case.document_no,
            case.facts,
            case.law,
            case.result,
            case.fine * 100 if case.fine else None,
            case.archived,
        ),
    )
    for place, (number, _) in enumerate(case.officers, 1):
        yield "aj_ry", (key, place, number)


def xihe_key(case: Case) -> str:
    """Name a case as that system's own key does."""
    return f"XH{case.filed:%Y}{case.number:08d}"


# --- the harbour, a department that joins later ------------------------------


def harbour(case: Case, code: Codes) -> Rows:
    """Tell a case as the harbour bureau does: everything as text, party apart."""
    party = case.party
    yield (
        "anjian",
        (
            f"GH{case.number:08d}",
            case.case_no,
            case.title,
            code("lb", case.act),
            code("zt", case.status),
            code("ly", case.origin),
            case.subject.code,
            case.subject_name,
            case.matter,
            case.division,
            case.number,
            case.place,
            chinese(case.filed),
            chinese(case.decided),
            chinese(case.closed),
            case.document_no,
            case.facts,
            case.law,
            case.result,
            str(case.fine) if case.fine else None,
            "，".join(number for number, _ in case.officers),
            chinese(case.archived),
        ),
    )
    yield (
        "dangshiren",
        (
            case.number,
            code("sf", party.kind, case.number),
            party.name,
            party.code,
            party.id_number,
            party.phone,
        ),
    )
