"""What the credit office lists and repairs, and the licences of two bureaus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from zhitong.infra.city_bodies import Subject
from zhitong.infra.city_parties import PLACES, Counterparty, Party, stated
from zhitong.infra.city_words import CITY, happens, mobile, person, pick, stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An entry in a credit list."""

    number: str
    kind: str
    party: Counterparty
    stated: Party
    decided_by: Subject
    document_no: str
    listed: date
    due: date
    removed: date | None
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """An application for repair, or an objection."""

    number: str
    listing: Listing
    kind: str
    applied: date
    accepted: date | None
    decided: date | None
    status: str
    applicant: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A licence, by market regulation or emergency management."""

    number: int
    licence_no: str
    document_no: str
    kind: str
    stated: Party
    subject: Subject
    issued: date
    until: date | None
    status: str


# --- listings ----------------------------------------------------------------

_LISTS = (
    "SERIOUS_DISHONESTY",
    "SERIOUS_DISHONESTY",
    "SERIOUS_DISHONESTY",
    "ABNORMAL_OPERATION",
    "DISHONEST_JUDGMENT_DEBTOR",
    "KEY_ATTENTION",
)
_DECIDING = frozenset({"market", "emergency", "transport"})


def listings(
    seed: int,
    today: date,
    parties: Sequence[Counterparty],
    units: Sequence[Subject],
    count: int,
) -> tuple[Listing, ...]:
    """List firms, half of them as seriously dishonest; one entry in 200 twice."""
    rng = stream(seed, "listings")
    firms = [party for party in parties if party.code]
    deciders = _deciders(units)
    made: list[Listing] = []
    for serial in range(1, count + 1):
        if serial % 200:
            party = pick(rng, firms)
            unit = pick(rng, deciders[party.division])
            made.append(_listing(rng, today, party, unit, serial))
        else:
            made.append(pick(rng, made))
    return tuple(made)


def _deciders(units: Sequence[Subject]) -> Mapping[str, Sequence[Subject]]:
    able = [
        unit
        for unit in units
        if unit.field.name in _DECIDING and unit.status == "IN_FORCE"
    ]
    return {
        place: [unit for unit in able if unit.division in {place, CITY}]
        for place in PLACES
    }


def _listing(
    rng: Random, today: date, party: Counterparty, unit: Subject, serial: int
) -> Listing:
    listed = today - timedelta(days=1 + int(rng.random() * 1600))
    due = listed + timedelta(days=1095)
    removed = _removed(rng, today, listed, due)
    objected = not removed and happens(rng, 0.04)
    return Listing(
        number=f"AZXY{listed:%Y}{serial:06d}",
        kind=pick(rng, _LISTS),
        party=party,
        stated=stated(rng, party),
        decided_by=unit,
        document_no=f"安{unit.field.short}列决〔{listed:%Y}〕{serial}号",
        listed=listed,
        due=due,
        removed=removed,
        status="REMOVED" if removed else "UNDER_OBJECTION" if objected else "LISTED",
    )


def _removed(rng: Random, today: date, listed: date, due: date) -> date | None:
    if due < today:
        return due
    # Early removal is possible after twelve months (MEM Order 11).
    early = listed + timedelta(days=366 + int(rng.random() * 30))
    return early if early < today and happens(rng, 0.15) else None


def repairs(
    seed: int, today: date, entries: Sequence[Listing], count: int
) -> tuple[Repair, ...]:
    """Apply for repair or object, about entries picked at random."""
    rng = stream(seed, "repairs")
    return tuple(
        _repair(rng, today, pick(rng, entries), serial)
        for serial in range(1, count + 1)
    )


def _repair(rng: Random, today: date, entry: Listing, serial: int) -> Repair:
    ended = entry.removed or today
    applied = entry.listed + timedelta(
        days=int(rng.random() * max(1, (ended - entry.listed).days - 30))
    )
    accepted = applied + timedelta(days=3)
    decided = accepted + timedelta(days=7)
    status = "GRANTED" if entry.removed else pick(rng, ("REFUSED", "WITHDRAWN"))
    if decided > today:
        status = "ACCEPTED" if accepted <= today else "APPLIED"
    return Repair(
        number=f"XF{applied:%Y%m%d}{serial:05d}",
        listing=entry,
        kind="OBJECTION" if happens(rng, 0.25) else "REPAIR",
        applied=applied,
        accepted=accepted if accepted <= today else None,
        decided=decided if decided <= today else None,
        status=status,
        applicant=person(rng),
        phone=mobile(rng),
    )


# --- licences ----------------------------------------------------------------

_VALID = (*("IN_FORCE",) * 20, "SUSPENDED", "CANCELLED", "REVOKED")
_LICENCE_KINDS = ("ORDINARY", "ORDINARY", "ORDINARY", "APPROVAL", "REGISTRATION")


def licences(
    rng: Random,
    today: date,
    firms: Sequence[Counterparty],
    units: Sequence[Subject],
    count: int,
) -> tuple[Licence, ...]:
    """Give *count* licences of *units* to *firms*."""
    return tuple(
        _licence(rng, today, pick(rng, firms), pick(rng, units), serial)
        for serial in range(1, count + 1)
    )


def _licence(
    rng: Random, today: date, firm: Counterparty, unit: Subject, serial: int
) -> Licence:
    issued = today - timedelta(days=1 + int(rng.random() * 2800))
    until = None if happens(rng, 0.1) else issued + timedelta(days=1826)
    over = until is not None and until < today
    mark = "JY" if unit.field.name == "market" else "AX"
    return Licence(
        number=serial,
        licence_no=f"{mark}{unit.division}{issued:%Y}{serial:06d}",
        document_no=f"安{unit.field.short}许〔{issued:%Y}〕{serial}号",
        kind=pick(rng, _LICENCE_KINDS),
        stated=stated(rng, firm),
        subject=unit,
        issued=issued,
        until=until,
        status="EXPIRED" if over else pick(rng, _VALID),
    )
