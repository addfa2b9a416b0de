"""The city as a value: everything the seven departments know, before any table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TypeVar

from zhitong.exceptions import SettingsError
from zhitong.infra.city_bodies import Officer, Subject, officers, subjects
from zhitong.infra.city_credit import Listing, Repair, listings, repairs
from zhitong.infra.city_matters import Matter, matters
from zhitong.infra.city_parties import Counterparty, counterparties

SEED = 20261120
TODAY = date(2026, 11, 20)
START = date(2019, 1, 11)
"""The day after the made-up reform: no case is older."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How many of each there are."""

    subjects: int
    officers: int
    matters: int
    counterparties: int
    cases: int
    inspections: int
    licences: int
    listings: int
    repairs: int


SCALES: Mapping[str, Scale] = {
    "small": Scale(
        subjects=30,
        officers=200,
        matters=300,
        counterparties=2_000,
        cases=1_500,
        inspections=600,
        licences=800,
        listings=120,
        repairs=40,
    ),
    "medium": Scale(
        subjects=80,
        officers=1_000,
        matters=800,
        counterparties=10_000,
        cases=20_000,
        inspections=8_000,
        licences=6_000,
        listings=600,
        repairs=200,
    ),
    "large": Scale(
        subjects=200,
        officers=5_000,
        matters=2_000,
        counterparties=100_000,
        cases=500_000,
        inspections=200_000,
        licences=60_000,
        listings=5_000,
        repairs=1_500,
    ),
}


@dataclass(frozen=True, kw_only=True)
class City:
    """The registers of the city, from which every case is drawn."""

    seed: int
    today: date
    scale: Scale
    subjects: tuple[Subject, ...]
    officers: tuple[Officer, ...]
    matters: tuple[Matter, ...]
    counterparties: tuple[Counterparty, ...]
    listings: tuple[Listing, ...]
    repairs: tuple[Repair, ...]

    @cached_property
    def signing(self) -> Mapping[str, Sequence[Officer]]:
        """Officers who may sign, by their subject's code."""
        return _grouped(
            (officer.subject.code, officer)
            for officer in self.officers
            if not officer.auxiliary and officer.status in {"IN_FORCE", "EXPIRED"}
        )

    @cached_property
    def powers(self) -> Mapping[str, Sequence[Matter]]:
        """Matters, by their subject's code."""
        return _grouped((matter.subject.code, matter) for matter in self.matters)

    @cached_property
    def parties(self) -> Mapping[tuple[str, str], Sequence[Counterparty]]:
        """Counterparties a field meets in a place, by (division, field)."""
        return _grouped(
            ((party.division, field), party)
            for party in self.counterparties
            for field in _met_by(party)
        )

    @cached_property
    def dishonest(self) -> Mapping[str, Sequence[Counterparty]]:
        """Firms now on the blacklist, by division."""
        return _grouped(
            (entry.party.division, entry.party)
            for entry in self.listings
            if entry.kind == "SERIOUS_DISHONESTY" and entry.status == "LISTED"
        )


Key = TypeVar("Key")
Member = TypeVar("Member")


def build_city(scale: str, seed: int = SEED, today: date = TODAY) -> City:
    """Make the registers of one scale; the same arguments give the same city."""
    sizes = scale_of(scale)
    units = subjects(seed, sizes.subjects)
    parties = counterparties(seed, today, sizes.counterparties)
    entries = listings(seed, today, parties, units, sizes.listings)
    return City(
        seed=seed,
        today=today,
        scale=sizes,
        subjects=units,
        officers=officers(seed, today, units, sizes.officers),
        matters=matters(seed, units, sizes.matters),
        counterparties=parties,
        listings=entries,
        repairs=repairs(seed, today, entries, sizes.repairs),
    )


def scale_of(name: str) -> Scale:
    """Look a scale up; raise `SettingsError` naming those there are."""
    if name not in SCALES:
        raise SettingsError(
            f"没有规模 {name}，请改用 {'、'.join(SCALES)} 之一",
            f"there is no scale {name}, use one of {', '.join(SCALES)}",
        )
    return SCALES[name]


def _met_by(party: Counterparty) -> Iterable[str]:
    if party.industry is None:
        return _PERSONS_MEET
    return ("market", *sorted(party.industry.fields))


_PERSONS_MEET = ("market", "transport", "harbour", "urban", "agriculture", "forestry")


def _grouped(pairs: Iterable[tuple[Key, Member]]) -> Mapping[Key, Sequence[Member]]:
    groups: dict[Key, list[Member]] = {}
    for key, member in pairs:
        groups.setdefault(key, []).append(member)
    return groups
