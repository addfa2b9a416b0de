"""The city's counterparties, and how clerks state them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from zhitong.infra.city_bodies import resident
from zhitong.infra.city_words import (
    WORDS,
    Industry,
    address,
    happens,
    mobile,
    person,
    pick,
    stream,
)
from zhitong.rules.identifiers import CREDIT_ALPHABET, credit_code, organisation_code

BLANKS = (None, "", "/", "暂无", "无")
"""The ways departments write that there is no value."""

PLACES = ("619902", "619902", "619903", "619921", "619922")
_KINDS = (
    *("LEGAL_PERSON",) * 15,
    *("INDIVIDUAL_BUSINESS",) * 7,
    *("NATURAL_PERSON",) * 3,
)
_STATUSES = (
    *("OPERATING",) * 45,
    "REVOKED",
    "DEREGISTERED",
    "DEREGISTERED",
    "SUSPENDED",
    "MOVED_OUT",
)
_FORMER = (2, *(1,) * 4, *(0,) * 20)
_FIRST = date(1998, 1, 5)
_CODES_SINCE = date(2015, 10, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterparty:
    """Whom the law is enforced on, as the register knows it."""

    number: int
    code: str | None
    registration: str | None
    name: str
    former: tuple[str, ...]
    kind: str
    industry: Industry | None
    division: str
    established: date | None
    status: str
    representative: str | None
    phone: str
    address: str
    id_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A counterparty as some record states it, right or wrong."""

    kind: str
    code: str | None
    name: str
    id_number: str | None
    phone: str


# --- the register ------------------------------------------------------------


def counterparties(seed: int, today: date, count: int) -> tuple[Counterparty, ...]:
    """Make the register; one entry in three hundred stands there twice."""
    rng = stream(seed, "counterparties")
    made: list[Counterparty] = []
    for number in range(1, count + 1):
        if number % 300 == 0:
            made.append(replace(pick(rng, made), number=number))
        else:
            made.append(_counterparty(rng, today, number))
    return tuple(made)


def _counterparty(rng: Random, today: date, number: int) -> Counterparty:
    kind = pick(rng, _KINDS)
    division = pick(rng, PLACES)
    if kind == "NATURAL_PERSON":
        return _natural(rng, number, division)
    return _business(rng, today, number, kind, division)


def _natural(rng: Random, number: int, division: str) -> Counterparty:
    return Counterparty(
        number=number,
        code=None,
        registration=None,
        name=person(rng),
        former=(),
        kind="NATURAL_PERSON",
        industry=None,
        division=division,
        established=None,
        status="OPERATING",
        representative=None,
        phone=mobile(rng),
        address=address(rng, division),
        id_number=_id(rng, division),
    )


def _business(
    rng: Random, today: date, number: int, kind: str, division: str
) -> Counterparty:
    industry = pick(rng, WORDS.industries)
    founded = _FIRST + timedelta(days=int(rng.random() * (today - _FIRST).days))
    shop = kind == "INDIVIDUAL_BUSINESS"
    old = founded < _CODES_SINCE
    return Counterparty(
        number=number,
        # Some shops of the old days never fetched their new certificate.
        code=(
            None
            if shop and old and happens(rng, 0.1)
            else _code(number, division, kind)
        ),
        registration=f"{division}{60 if shop else 10}{number:07d}" if old else None,
        name=_name(rng, industry, division, shop=shop),
        former=_former(rng, industry, division, shop=shop),
        kind=kind,
        industry=industry,
        division=division,
        established=founded,
        status=pick(rng, _STATUSES),
        representative=person(rng),
        phone=mobile(rng),
        address=address(rng, division),
        id_number=_id(rng, division) if shop else None,
    )


def _code(number: int, division: str, kind: str) -> str:
    head = "92" if kind == "INDIVIDUAL_BUSINESS" else "91"
    places = []
    rest = number * 7919  # a prime spreads neighbours over the alphabet
    for _ in range(6):
        rest, place = divmod(rest, len(CREDIT_ALPHABET))
        places.append(CREDIT_ALPHABET[place])
    return credit_code(head + division + organisation_code("MA" + "".join(places)))


def _id(rng: Random, division: str) -> str:
    return resident(rng, division, male=happens(rng, 0.6), youngest=2005)


def _name(rng: Random, industry: Industry, division: str, *, shop: bool) -> str:
    brand = pick(rng, WORDS.brands) + pick(rng, WORDS.brands)
    place = WORDS.divisions[division].name
    if shop:
        return f"{place}{brand}{industry.shop}"
    form = "有限责任公司" if happens(rng, 0.3) else "有限公司"
    return f"安泽市{place if happens(rng, 0.4) else ''}{brand}{industry.firm}{form}"


def _former(
    rng: Random, industry: Industry, division: str, *, shop: bool
) -> tuple[str, ...]:
    return tuple(
        _name(rng, industry, division, shop=shop) for _ in range(pick(rng, _FORMER))
    )


# --- how records state a party -----------------------------------------------


def stated(rng: Random, party: Counterparty) -> Party:
    """State *party* as a clerk would: one business in twenty imperfectly."""
    code, name = party.code, party.name
    if code is None:
        code = pick(rng, BLANKS)
    elif happens(rng, 0.05):
        code, name = pick(rng, _SLIPS)(rng, party)
    return Party(
        kind=party.kind,
        code=code,
        name=name,
        id_number=party.id_number if party.kind == "NATURAL_PERSON" else None,
        phone=party.phone,
    )


def _no_code(rng: Random, party: Counterparty) -> tuple[str | None, str]:
    return pick(rng, BLANKS), party.name


def _old_name(rng: Random, party: Counterparty) -> tuple[str | None, str]:
    return pick(rng, BLANKS), party.former[0] if party.former else party.name


def _old_number(rng: Random, party: Counterparty) -> tuple[str | None, str]:
    if party.registration:
        return party.registration, party.name
    return _look_alike(rng, party)


def _look_alike(rng: Random, party: Counterparty) -> tuple[str | None, str]:
    code = party.code or ""
    wrong, right = pick(rng, (("O", "0"), ("I", "1")))
    head, body = code[:8], code[8:]
    if right in body:
        return head + body.replace(right, wrong, 1), party.name
    return head.replace(right, wrong, 1) + body, party.name


_SLIPS = (_no_code, _old_name, _old_number, _look_alike)
