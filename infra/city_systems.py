"""The case systems of the city: whose cases each keeps, and how it numbers them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zhitong.infra.city_bodies import DISTRICTS, Subject
from zhitong.infra.city_words import CITY, PLACES

URBAN = (CITY, *DISTRICTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One case system: whose cases it keeps, and how it numbers them."""

    source: str
    divisions: tuple[str, ...]
    field: str | None
    """The one field it serves; all fields without it."""
    share: int
    """Per cent of the city's cases."""
    case_no: Callable[[Subject, int, int], str]
    document_no: Callable[[Subject, str, int, int], str]


def _place(subject: Subject) -> str:
    return PLACES[subject.division]


def _letter(act: str) -> str:
    return {"PENALTY": "罚", "COERCION": "强", "LICENCE": "许"}.get(act, "决")


SYSTEMS = {
    system.source: system
    for system in (
        System(
            source="market",
            divisions=URBAN,
            field="market",
            share=35,
            case_no=lambda _unit, year, serial: f"安市监案〔{year}〕{serial}号",
            document_no=lambda unit, act, year, serial: (
                f"{_place(unit)}市监处{_letter(act)}〔{year}〕{serial}号"
            ),
        ),
        System(
            source="emergency",
            divisions=URBAN,
            field="emergency",
            share=12,
            case_no=lambda _unit, year, serial: f"AZYJ-{year}-{serial:05d}",
            document_no=lambda unit, act, year, serial: (
                f"（{_place(unit)}）应急{_letter(act)}〔{year}〕{serial}号"
            ),
        ),
        System(
            source="transport",
            divisions=URBAN,
            field="transport",
            share=25,
            case_no=lambda _unit, year, serial: f"JT{year}{serial:06d}",
            document_no=lambda unit, act, year, serial: (
                f"{_place(unit)}交{_letter(act)}字[{year}]第{serial:05d}号"
            ),
        ),
        System(
            source="dongling",
            divisions=("619921",),
            field=None,
            share=15,
            case_no=lambda unit, year, serial: (
                f"东岭{unit.field.short}立字[{year}]{serial:05d}号"
            ),
            document_no=lambda unit, act, year, serial: (
                f"东岭{unit.field.short}{_letter(act)}决〔{year}〕{serial} 号"
            ),
        ),
        System(
            source="xihe",
            divisions=("619922",),
            field=None,
            share=13,
            case_no=lambda unit, year, serial: (
                f"XH-{unit.field.number:02d}-{year}-{serial:05d}"
            ),
            document_no=lambda unit, act, year, serial: (
                f"西{unit.field.short}{_letter(act)}决字（{year}）第{serial}号"
            ),
        ),
        System(
            source="harbour",
            divisions=URBAN,
            field="harbour",
            share=0,
            case_no=lambda _unit, year, serial: f"港立{year}-{serial}",
            document_no=lambda _unit, act, year, serial: (
                f"安港航{_letter(act)}【{year}】{serial}号"
            ),
        ),
    )
}
