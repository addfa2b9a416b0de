"""A city in memory whose data are as departments' are: keys missing, doubled, wrong.

Made by a seed, the same each time. Which fields lead to which is taken from the types,
so that a type that is added tomorrow has rows here, and relations that find some.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from key_domains import Place, domains, named

from zhitong.connectors.meaning import Value
from zhitong.connectors.memory import MemorySource, Table
from zhitong.connectors.pseudonyms import Pseudonyms
from zhitong.infra.demo_people import ENTERPRISE, PERSON
from zhitong.rules.identifiers import credit_code, resident_id
from zhitong.schema.entities import ENTITIES
from zhitong.types import (
    EntityType,
    Field,
    Kind,
    Label,
    Sharing,
    Tightening,
)

UNITS = (
    "11619921MB21040067",
    "11619900MB0004001B",
    "11619900MB0002006C",
    "11619900MB0001003U",
    "11619900001481213H",
    *(credit_code(f"1161990{number}MB000900{number}") for number in range(3)),
)
"""Units of the demo's people first: own rows are some, and are not all."""
COMPANIES = (
    ENTERPRISE,
    *(credit_code(f"9161990{number % 10}MA00000{number:02}") for number in range(13)),
)
NUMBERS = (
    PERSON,
    *(resident_id(f"61992119{70 + number}0613501") for number in range(6)),
)
CASES = tuple(f"东应急立字{number}号" for number in range(1, 25))
DISPUTED = CASES[2]
"""A case of the enterprise that has gone to court about it."""
DIVISIONS = ("619900", "619921", "619903", "629900")
ROW = "~row"
"""The source's own key; what people know rows by may be doubled."""
UNLISTED = "不在代码表"
WRONG = ("91619900", "", " ", "无", "91619900MA0000000O", "619921199006135015")
TIGHTENED = Tightening(Sharing.CONDITIONAL, "某条例第一条")
WITHHELD = Tightening(Sharing.WITHHELD, "某条例第二条")
GONE = Label("列 x 不见了", "column x has gone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one department feeds, and how it differs from the others."""

    name: str
    owner: str
    types: Mapping[str, int]
    """By type: its rows."""
    tightened: Mapping[Place, Tightening]
    lost: frozenset[Place] = frozenset()
    unfed: frozenset[Place] = frozenset()
    unlisted: bool = False
    """Whether codes stand here that are in no list."""


PARTS = (
    Part(
        name="market",
        owner=UNITS[2],
        types={
            "Counterparty": 20,
            "Licence": 12,
            "CaseRecord": 18,
            "Inspection": 10,
        },
        tightened={("Counterparty", "representative"): WITHHELD},
    ),
    Part(
        name="emergency",
        owner=UNITS[1],
        types={"CaseRecord": 16, "Inspection": 12, "Licence": 8},
        tightened={
            ("Inspection", "problems"): WITHHELD,
            ("Licence", "content"): TIGHTENED,
        },
        unlisted=True,
    ),
    Part(
        name="dongling",
        owner=UNITS[0],
        types={"CaseRecord": 14, "Inspection": 8},
        tightened={
            ("CaseRecord", "place"): WITHHELD,
            ("CaseRecord", "counterpartyName"): TIGHTENED,
        },
        unfed=frozenset({("CaseRecord", "origin"), ("CaseRecord", "archivedOn")}),
    ),
    Part(
        name="transport",
        owner=UNITS[5],
        types={"CaseRecord": 12},
        tightened={
            ("CaseRecord", "counterpartyCode"): TIGHTENED,
            ("CaseRecord", "closedOn"): WITHHELD,
        },
        lost=frozenset({("CaseRecord", "documentNo"), ("CaseRecord", "fine")}),
    ),
    Part(
        name="justice",
        owner=UNITS[3],
        types={"EnforcementSubject": 10, "Officer": 22, "Matter": 10},
        tightened={},
    ),
    Part(
        name="credit",
        owner=UNITS[6],
        types={"CreditListing": 10, "CreditRepair": 8},
        tightened={},
    ),
    Part(
        name="platform",
        owner=UNITS[7],
        types={
            "Decision": 14,
            "DecisionSignature": 8,
            "Finding": 10,
            "Delivery": 14,
            "Receipt": 8,
            "Receiver": 3,
            "WorkItem": 10,
            "Clock": 10,
            "Publication": 12,
            "CreditNotice": 8,
            "SupervisionNotice": 6,
            "Reconciliation": 6,
            "ReconciliationDifference": 10,
            "ReconciliationRun": 3,
            "Proceeding": 6,
            "AccessGrant": 8,
            "AccessRecord": 10,
            "AccessLook": 14,
        },
        tightened={},
    ),
)


@cache
def values(place: Place) -> tuple[str, ...]:
    """Give the values that fields of one domain share."""
    members = {one for one, domain in domains().items() if domain == place}
    if ("EnforcementSubject", "code") in members:
        return UNITS
    if ("Counterparty", "code") in members:
        return COMPANIES
    if ("CaseRecord", "caseNo") in members:
        return CASES
    if ("Receiver", "name") in members:
        return ("provincial", "credit", "archive")
    word = min(members & named() or members)
    return tuple(f"{word[0]}-{number:02}" for number in range(14))


def city(seed: int = 1) -> dict[str, MemorySource]:
    """Make the departments of *seed*, and the platform."""
    rng = random.Random(f"city:{seed}")  # noqa: S311 - the same each time, not secret
    made: dict[str, MemorySource] = {}
    for part in PARTS:
        tables = [
            _table(rng, part, ENTITIES[name], rows) for name, rows in part.types.items()
        ]
        source = MemorySource(
            part.name, Label(part.name, part.name), tables, Pseudonyms(b"p" * 32)
        )
        source.owner = part.owner
        made[part.name] = source
    return made


def _table(rng: random.Random, part: Part, entity: EntityType, count: int) -> Table:
    fed = [
        field
        for field in entity.fields.values()
        if (entity.name, field.name) not in part.unfed
    ]
    rows: list[dict[str, Value]] = []
    for number in range(count):
        row = {field.name: _value(rng, part, entity, field, number) for field in fed}
        row[ROW] = f"{part.name[:2]}-{entity.name}-{number:02}"
        rows.append(row)
    _known(entity.name, rows)
    return Table(
        entity=entity,
        key=ROW,
        rows=rows,
        lost={field: GONE for name, field in part.lost if name == entity.name},
        tightened={
            field: how
            for (name, field), how in part.tightened.items()
            if name == entity.name
        },
        feeds=frozenset(field.name for field in fed),
    )


def _known(type_name: str, rows: list[dict[str, Value]]) -> None:
    """Put in the few rows that the askers are known by."""
    match type_name:
        case "CaseRecord":
            rows[0] |= {
                "caseNo": DISPUTED,
                "counterpartyCode": ENTERPRISE,
                "counterpartyKind": "LEGAL_PERSON",
            }
            rows[1] |= {
                "counterpartyIdNumber": PERSON,
                "counterpartyKind": "NATURAL_PERSON",
                "counterpartyCode": None,
            }
        case "Proceeding":
            rows[0] |= {"caseNo": DISPUTED, "closedOn": None}
        case "Counterparty":
            rows[0] |= {"code": ENTERPRISE, "kind": "LEGAL_PERSON"}
            rows[1] |= {"idNumber": PERSON, "kind": "NATURAL_PERSON", "code": None}
        case "AccessLook":
            # A look's key is its record's and a place in it.
            for number, row in enumerate(rows):
                row["lookId"] = row[ROW] = f"{row['recordId'] or 'none'}:{number}"
        case _:
            pass


def _value(
    rng: random.Random, part: Part, entity: EntityType, field: Field, number: int
) -> Value:
    place = (entity.name, field.name)
    if place in domains():
        return _key(rng, field, place, number)
    if field.name == entity.key:
        return f"{part.name}-{field.name}-{number:02}"
    if field.kind is Kind.TEXTS:
        return _texts(rng, place)
    if rng.random() < 0.15:
        return None
    if part.unlisted and field.kind is Kind.CODE and rng.random() < 0.04:
        return UNLISTED
    return _plain(rng, field, number)


def _key(rng: random.Random, field: Field, place: Place, number: int) -> Value:
    """Give a key: mostly one there is, sometimes doubled, missing, absent or wrong."""
    known = values(domains()[place])
    if field.kind is Kind.TEXTS:
        chosen = [rng.choice((*known, "XZ-nobody")) for _ in range(rng.randrange(5))]
        return (*chosen, *chosen[: rng.randrange(2)])
    if place in named():
        return known[(number - (rng.random() < 0.2)) % len(known)]
    turn = rng.random()
    if turn < 0.12:
        return None
    if turn < 0.18:
        return rng.choice(WRONG)
    if turn < 0.24:
        return f"nobody-{number}"
    return rng.choice(known)


def _texts(rng: random.Random, place: Place) -> Value:
    if place == ("AccessGrant", "parties"):
        return tuple(rng.sample(UNITS, 2))
    found: list[str | None] = [f"词{rng.randrange(4)}" for _ in range(rng.randrange(4))]
    if place == ("Delivery", "reasons") and rng.random() < 0.1:
        found.append(None)  # no list of texts has it, and the answer says so
    return tuple(found)  # type: ignore[arg-type] # as above


def _plain(rng: random.Random, field: Field, number: int) -> Value:
    match field.kind:
        case Kind.CODE:
            return rng.choice(list(field.codes.values) if field.codes else [""])
        case Kind.DATE:
            return f"202{rng.randrange(4, 7)}-0{rng.randrange(1, 10)}-1{number % 10}"
        case Kind.DATETIME:
            hour = rng.randrange(10, 24)
            return f"2026-0{rng.randrange(1, 10)}-1{number % 10}T{hour}:00:00+08:00"
        case Kind.MONEY:
            return f"{rng.choice((0, 99, 1_000, 50_000, 1_000_000))}.{number % 10}0"
        case Kind.INTEGER:
            return 2**40 if rng.random() < 0.03 else rng.randrange(5)
        case Kind.CREDIT_CODE:
            return rng.choice(UNITS)
        case Kind.DIVISION:
            return rng.choice(DIVISIONS)
        case _:
            return _text(rng, field, number)


def _text(rng: random.Random, field: Field, number: int) -> str:
    if "idnumber" in field.name.lower():
        return rng.choice((*NUMBERS, "不详"))
    if (field.named or field.free) and rng.random() < 0.2:
        return f"张某（{rng.choice(NUMBERS)}）"
    if "phone" in field.name.lower():
        return f"0991-88{number:05}"
    return rng.choice(("文字", "正蓝商贸", "安泽市文字", "🙂“引”\\n")) + str(number % 7)


def keys(sources: Mapping[str, MemorySource]) -> Iterator[tuple[str, str, str]]:
    """Name every row: type, source, key."""
    for source in sources.values():
        for table in source.tables.values():
            for row in table.rows:
                yield table.entity.name, source.name, str(row[ROW])


def stated(
    sources: Iterable[MemorySource], type_name: str, field: str
) -> tuple[str, ...]:
    """Give the texts that stand in one field, for filters that find something."""
    return tuple(
        dict.fromkeys(
            str(row[field])
            for source in sources
            if type_name in source.tables
            for row in source.tables[type_name].rows
            if row.get(field) is not None
        )
    )
