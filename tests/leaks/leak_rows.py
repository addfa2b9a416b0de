"""What lies in the departments' tables: a canary in every column, row class by class.

The rows are written through the demo's own bindings, read here anew: a department that
joins, or a column that is bound, has its canaries without a word in a test.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import tomllib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg

from zhitong.rules.identifiers import CREDIT_ALPHABET
from zhitong.schema.entities import ENTITIES
from zhitong.types import EntityType, Field, Kind, MaskKind

Value = str | int | tuple[str, ...] | None
Toml = dict[str, Any]

CLASSES: tuple[Mapping[str, str | None], ...] = (
    {"party": "LEGAL_PERSON", "state": "DECIDED", "place": "619921"},
    {"party": "NATURAL_PERSON", "state": "DECIDED", "place": "619902"},
    {"party": "NATURAL_PERSON", "state": "INVESTIGATING", "place": "619921"},
    {"party": "INDIVIDUAL_BUSINESS", "state": "CLOSED", "place": "619902"},
    {"party": None, "state": "DECIDED", "place": "619921"},
)
"""A row of each class in each table: verdicts depend on who and where it is about."""
ARCHIVED = {1, 3}
OWN_UNITS = ("11619921MB21040067", "11619900MB0004001B")
"""The units of the demo's county officer and of its department."""
WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
FORMATS = {
    "yyyymmdd": "%Y%m%d",
    "yyyy-mm-dd": "%Y-%m-%d",
    "yyyy/mm/dd": "%Y/%m/%d",
}
UNITS = {"wan-yuan": Decimal(10_000), "fen": Decimal("0.01")}
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
BIRD = "鸟"
"""Begins every canary, and no other text of the repository's data."""
UNIQUE = re.compile(
    f"{BIRD}[0-9a-z]{{4}}"  # a text
    r"|61990219\d{9}[\dX]"  # an ID number
    r"|199\d{8}"  # a telephone
    r"|91619900MA\d{7}\w|(?:%s)"
    % "|".join(OWN_UNITS)  # a credit code
    + r"|7\d{4}\.00"  # an amount
    r"|(?:19[789]|20[01])\d-\d\d-\d\d(?!T)"  # a day
)
_numbers = itertools.count(1)
# Of these there are few that look like a canary.
_days, _amounts = itertools.count(1), itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One row as its department has it, in the graph's own words."""

    type: str
    source: str
    key: str
    values: Mapping[str, Value]
    fed: frozenset[str]


def canary() -> str:
    """Give five characters that are nowhere else."""
    number, text = next(_numbers), ""
    for _ in range(4):
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return BIRD + text


def credit_code() -> str:
    """Give a credit code with its check character (GB 32100) that is nowhere else."""
    body = f"91619900MA{next(_numbers):07d}"
    total = sum(
        CREDIT_ALPHABET.index(letter) * weight
        for letter, weight in zip(body, WEIGHTS, strict=True)
    )
    return body + CREDIT_ALPHABET[(31 - total % 31) % 31]


def id_number() -> str:
    """Give an ID number with its check character (GB 11643) that is nowhere else."""
    number = next(_numbers)
    body = f"61990219{10 + number // 900 % 90}0101{100 + number % 900}"
    total = sum(int(digit) * 2 ** (17 - place) % 11 for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def worded() -> str:
    """Give a name that has somebody's ID number in it."""
    return f"{canary()}（{id_number()}）"


def day() -> str:
    """Give a day that is nowhere else."""
    return str(date(1975, 1, 1) + timedelta(days=next(_days)))


CODES = (*OWN_UNITS, credit_code(), credit_code(), credit_code())
PARTIES = (credit_code(), None, id_number(), credit_code(), credit_code())
"""Of natural persons one has none and one has an ID number in the code's place."""
NUMBERS = tuple(id_number() for _ in CLASSES)
"""ID number of the party of each class: a party asks by its own."""
CERTIFICATES = tuple(canary() for _ in CLASSES)
MATTERS = tuple(canary() for _ in CLASSES)
CASES = {
    source: tuple(canary() for _ in CLASSES)
    for source in ("market", "emergency", "transport", "dongling", "xihe")
}
INSPECTIONS = {source: tuple(canary() for _ in CLASSES) for source in CASES}
LISTINGS = tuple(canary() for _ in CLASSES)
DECISIONS = tuple(canary() for _ in CLASSES)
LINKS: Mapping[str, tuple[Value, ...]] = {
    "counterpartyCode": PARTIES,
    "Counterparty.code": PARTIES,
    "counterpartyIdNumber": NUMBERS,
    "subjectCode": CODES,
    "EnforcementSubject.code": CODES,
    "recordedBy": tuple(reversed(CODES)),
    "Officer.certificateNo": CERTIFICATES,
    "officerCertificates": tuple((one,) for one in CERTIFICATES),
    "Matter.code": MATTERS,
    "matterCode": MATTERS,
    "listingNo": LISTINGS,
    "Decision.decisionId": DECISIONS,
    "Decision.caseNo": CASES["emergency"],
    "Decision.change": ("RECORDED", "CORRECTED", "WITHDRAWN", "RECORDED", "CORRECTED"),
    "Decision.actType": ("PENALTY", "LICENCE", "PENALTY", "COERCION", "PENALTY"),
    "Decision.counterpartyKind": (
        *("LEGAL_PERSON", "NATURAL_PERSON", "NATURAL_PERSON"),
        *("INDIVIDUAL_BUSINESS", "NATURAL_PERSON"),
    ),
    # The latest of all: later than those that the matrix itself leaves.
    "AccessRecord.at": tuple(f"2090-01-0{n}T12:00:00+08:00" for n in range(1, 6)),
    "Matter.version": (3, 4, 5, 6, 7),
}


def value(entity: EntityType, field: Field, source: str, row: int) -> Value:
    """Give the value of *field* in the row of class number *row*."""
    linked = LINKS.get(f"{entity.name}.{field.name}", LINKS.get(field.name))
    if linked is not None:
        return linked[row]
    if field.name == "caseNo" and source in CASES:
        return CASES[source][row]
    if field.name == "archivedOn" and row not in ARCHIVED:
        return None
    if field.codes is not None:
        return _coded(field, row)
    return _of_kind(field, row)


def _coded(field: Field, row: int) -> Value:
    assert field.codes is not None
    if field.codes.name == "CounterpartyKind":
        return CLASSES[row]["party"]
    if field.codes.name == "CaseStatus":
        return CLASSES[row]["state"]
    known = [name for name in field.codes.values if name != "UNRECOGNISED"]
    return known[row % len(known)]


def _of_kind(field: Field, row: int) -> Value:
    match field.kind:
        case Kind.TEXTS if field.named:
            return worded(), canary()
        case Kind.TEXTS:
            return canary(), canary()
        case Kind.DATE:
            return day()
        case Kind.DATETIME:
            return f"{day()}T12:00:00+08:00"
        case Kind.MONEY:
            return f"{70_000 + next(_amounts)}.00"
        case Kind.INTEGER:
            return 70_000 + next(_amounts)
        case Kind.CREDIT_CODE:
            return credit_code()
        case Kind.DIVISION:
            return CLASSES[row]["place"]
        case _:
            return _text(field)


def _text(field: Field) -> str:
    match field.mask:
        case MaskKind.PHONE:
            return f"199{next(_numbers):08d}"
        case MaskKind.ID_NUMBER:
            return id_number()
        case MaskKind.ADDRESS:
            return f"安泽市东岭县{canary()}路（{id_number()}）"
        case _ if field.free:
            # People's own words have numbers in them, whatever the form says.
            return f"{canary()}证件{id_number()}。"
        case _ if field.named:
            return worded()
        case _:
            return canary()


def tokens(shown: Value) -> set[str]:
    """Give what to look for where *shown* must not be: what is nowhere else."""
    if isinstance(shown, tuple):
        return {one for each in shown for one in tokens(each)}
    return set(UNIQUE.findall(str(shown or "")))


class Written:
    """One source's rows on their way into its tables."""

    def __init__(self, binding: Toml, types: Iterable[str] = ()) -> None:
        self._binding = binding
        self.rows: list[Truth] = []
        self.records: list[tuple[str, dict[str, object]]] = []
        for name, bound in binding["types"].items():
            if types and name not in types:
                continue
            for row in range(len(CLASSES)):
                self._row(ENTITIES[name], bound, row)

    def _row(self, entity: EntityType, bound: Toml, row: int) -> None:
        source, key = self._binding["name"], 7_000_000 + next(_numbers)
        base: dict[str, object] = {}
        joined: dict[str, dict[str, object]] = {
            alias: dict.fromkeys(join["on"], key)
            for alias, join in bound.get("joins", {}).items()
        }
        listed: list[tuple[Toml, Value]] = []
        values: dict[str, Value] = dict.fromkeys(entity.fields)
        for name, entry in bound["fields"].items():
            spelt = {"column": entry} if isinstance(entry, str) else entry
            if "value" in spelt:
                values[name] = spelt["value"]
                continue
            linked = f"{entity.name}.{name}" in LINKS
            if spelt["column"] == bound["key"] and not linked:
                values[name] = str(key)
                continue
            said = value(entity, entity.fields[name], source, row)
            if "codes" in spelt and said is not None:
                words = list(self._binding["codes"][spelt["codes"]].values())
                said = said if said in words else words[row % len(words)]
            values[name] = said
            alias, _, column = spelt["column"].rpartition(".")
            if "table" in spelt:
                listed.append((spelt, said))
            elif alias and alias != "base":
                joined[alias][column] = self._raw(spelt, said)
            else:
                base[column] = self._raw(spelt, said)
        base.setdefault(bound["key"], key)
        own = str(base[bound["key"]])
        self.records.append((bound["table"], base))
        self.records += [
            (bound["joins"][alias]["table"], record) for alias, record in joined.items()
        ]
        for spelt, said in listed:
            assert isinstance(said, tuple)
            on = dict.fromkeys(spelt["on"], base[bound["key"]])
            self.records += [
                (spelt["table"], {**on, spelt["order"]: place, spelt["column"]: each})
                for place, each in enumerate(said)
            ]
        self.rows.append(
            Truth(
                type=entity.name,
                source=source,
                key=own,
                values=values,
                fed=frozenset(bound["fields"]),
            )
        )

    def _raw(self, spelt: Toml, said: Value) -> object:
        """Write *said* as this department does."""
        if said is None:
            return None
        if isinstance(said, tuple):
            return spelt["split"].join(said) if "split" in spelt else list(said)
        if "codes" in spelt:
            codes = self._binding["codes"][spelt["codes"]]
            return next((raw for raw, name in codes.items() if name == said), None)
        if "unit" in spelt:
            return f"{Decimal(str(said)) / UNITS[spelt['unit']]:f}".removesuffix(".00")
        return _dated(spelt["format"], str(said)) if "format" in spelt else said


def _dated(form: str, said: str) -> object:
    noon = datetime.fromisoformat(f"{said}T12:00:00+08:00")
    if form.startswith("epoch"):
        return int(noon.timestamp()) * (1000 if form == "epoch-ms" else 1)
    if form == "yyyy年m月d日":
        return f"{noon.year}年{noon.month}月{noon.day}日"
    return noon.strftime(FORMATS[form])


def of_binding(path: Path, *types: str) -> Written:
    """Make the rows of the source that the binding in *path* is of."""
    return Written(tomllib.loads(path.read_text(encoding="utf-8")), types)


def of_platform(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Make the platform's own records, with what its tables want besides."""
    written = of_binding(path, "Decision", "AccessRecord")
    wanted: Mapping[str, Mapping[str, object]] = {
        "decision": {"case_key": "x", "case_hash": 1, "party_key": "x"},
    }
    for number, (table, record) in enumerate(written.records):
        if table == "access_record":
            yield "access_entry", entry_of(record)
            continue
        more = {"document_key": number} if table == "decision" else {}
        said = {**record, **wanted[table], **more}
        yield table, {name: one for name, one in said.items() if one is not None}
    for number, closed in ((1, False), (3, False), (0, True)):
        yield (
            "proceeding",
            {
                "kind": "LITIGATION",
                "number": canary(),
                "version": 1,
                "case_no": CASES["emergency"][number],
                "opened_on": day(),
                "closed_on": day() if closed else None,
                "outcome": worded(),
                "recorded_by": OWN_UNITS[number % 2],
                "recorded_unit": canary(),
                "who": canary(),
            },
        )
    yield from grants()
    rules = path.parent.parent / "rules" / "receivers" / "credit.toml"
    title = tomllib.loads(rules.read_text(encoding="utf-8"))["title"]
    receiver = {"receiver": "credit", "title_zh": title["zh"], "title_en": title["en"]}
    yield "receiver", {**receiver, "topic": "credit", "suspended_because": worded()}
    at = "2026-06-01T12:00:00+08:00"
    for number, decision in enumerate(DECISIONS):
        event = {"event_id": canary(), "receiver": "credit", "decision_id": decision}
        of = {"decision_id": decision, "version": number + 1}
        texts = {name: canary() for name in ("check_name", "source")}
        texts |= {name: worded() for name in ("zh", "en")}
        severity = {"finding_id": canary(), "severity": "DOUBT", "found_at": at}
        yield "finding", {**of, **texts, **severity}
        sent = {"bucket": 1, "topic": "credit", "key": "0", "schema": "credit/1"}
        moved = {"seq": -number, "attempts": 1, "sent_at": at, "created_at": at}
        rest = {"version": number + 1, "change": "RECORDED", "traceparent": "x"}
        yield "outbox_sent", {**event, **sent, **moved, **rest}
        said = {name: canary() for name in ("payload_hash", "key_id", "signed")}
        answer = {"answer": "REJECTED", "at": at, "reasons": [worded()]}
        event.pop("decision_id")
        yield "receipt", {**event, **said, **answer}
    yield from reconciled(at)
    yield from told(at)
    yield from worked(at)
    yield from clocked(at)
    yield from published(
        [one for table, one in written.records if table == "decision"], at
    )


def told(at: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Make what others told us: of each decision, by each kind of notice."""
    place = {"topic": "x", "kpartition": 1, "koffset": 1}
    nothing = {"raw": "\\x00", "hash": "\\x" + "0" * 64}
    message = {"message_id": str(uuid.uuid4())}
    yield "inbound_message", {**message, "sender": "credit", **place, **nothing}
    kinds = {"LISTING": "ENTERED", "REPAIR": "GRANTED", "OBJECTION": "RAISED"}
    for row, decision in enumerate(DECISIONS):
        of = {**message, "version": 1, "decision_id": decision, "changed_at": at}
        for kind, status in kinds.items():
            own = {"sender": "credit", "kind": kind, "subject": canary()}
            party = {"party_code": PARTIES[row], "party_name": worded()}
            more = {**party, "listing_no": LISTINGS[row]}
            yield "inbound_state", {**of, **own, "status": status, **more, **_words()}
        own = {"sender": "provincial", "kind": "SUPERVISION", "subject": canary()}
        more = {"agency_code": CODES[row], "document": "NOTICE"}
        yield "inbound_state", {**of, **own, "status": "ISSUED", **more, **_words()}


def _words() -> Mapping[str, object]:
    """Say of a notice what is somebody's words, and its days."""
    names = {name: worded() for name in ("decided_by", "reason", "basis")}
    days = {name: day() for name in ("occurred_on", "until_on")}
    return {**names, **days, "document_no": canary(), "data": {}}


def worked(at: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Make work about each decision: late, or done with somebody's words."""
    for number, decision in enumerate(DECISIONS):
        item = {"item_id": str(uuid.uuid4()), "kind": "REJECTED", "receiver": "credit"}
        of = {"decision_id": decision, "version": 1, "occasion": "RECORDED"}
        said = {"cause": canary(), "codes": [canary()], "fields": [canary()]}
        done = {"closed_at": at, "closed_by": "DEED", "because": worded()}
        times = {"opened_at": at, "due_at": "2026-06-04T16:00:00Z"}
        yield "work_item", {**item, **of, **said, **times, **(done if number else {})}


def clocked(at: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Make a clock of each decision, and all that its last day rests on."""
    for decision in DECISIONS:
        duty, days = canary(), {"started_on": "2026-06-01", "near_on": "2026-06-08"}
        named = {"title_zh": canary(), "title_en": canary(), "receiver": "credit"}
        yield "clock_duty", {"duty": duty, **named, "figure": canary()}
        rests = {"rule": canary(), "source": canary(), "calendars": [canary()]}
        yield (
            "due_day",
            {"duty": duty, **days, "due_on": "2026-06-10", **rests, "notes": []},
        )
        said = {"zh": canary(), "en": canary(), "open": 1, "every": 1}
        moved = {"before_on": "2026-06-09", "after_on": "2026-06-10", "moved_at": at}
        yield (
            "due_day_moved",
            {"duty": duty, "started_on": "2026-06-01", **moved, **said},
        )
        of = {"decision_id": decision, "duty": duty, "version": 1, "unit": canary()}
        yield "clock", {**of, **days, "due_on": "2026-06-10"}


def published(
    decisions: Sequence[Mapping[str, object]], at: str
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Have each decision shown, and one that only its unit may know of."""
    for number, decision in enumerate(decisions):
        of = {"decision_id": decision["decision_id"], "channel": "own-site"}
        version = decision["version"]
        flow = {"version": version, "stage": "RELEASED", "steps": 4, "at": at}
        who = {"issuer": canary(), "collector": canary(), "reason": worded()}
        shown = {"shown": None if number == 1 else version, "shown_at": at}
        rest = {"withheld": [canary()], "reference": worded(), "site": True}
        ends = {"first_at": at, "down_on": "2099-01-01"}
        said = {**of, **flow, **who, **shown, **rest, **ends}
        yield "publication", {k: v for k, v in said.items() if v is not None}


def reconciled(at: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Make windows of a topic, what was wrong in one of them, and their run."""
    digest, times = "\\x" + "0" * 64, {"closed_at": at, "checked_at": at}
    counts = {"records": 2, "doubles": 1, "logged": 1, "foreign_offsets": [7]}
    place = {"receiver": "credit", "topic": "credit", "kpartition": 1}
    for number in range(2):
        window = {"from_offset": 10 * number, "to_offset": 10 * number + 10}
        said = {"signed": canary(), "answer_signed": canary(), "answer": "DIFFERS"}
        stated = {**times, "asked_at": at, "answered_at": at}
        name = {"statement_id": str(uuid.uuid4()), "root": digest, "parts": [digest]}
        yield "reconciliation", {**name, **place, **window, **counts, **said, **stated}
        event = {"event_id": canary(), "decision_id": DECISIONS[number], "version": 1}
        wrong = {"difference_id": str(uuid.uuid4()), "kind": "INBOX_MISSING"}
        found = {"koffset": 10 * number + 3, "found_at": at, "seen_at": at}
        yield "reconciliation_difference", {**wrong, **place, **event, **found}
    run = {"run_id": str(uuid.uuid4()), "whole": True, "since": "1970-01-01T00:00:00Z"}
    seen = {"records": 4, "windows": 2, "differences": 2}
    yield "reconciliation_run", {**run, "began_at": at, "ended_at": at, **seen}


def grants() -> Iterator[tuple[str, Mapping[str, object]]]:
    """Make applications for grants: of one's own unit, for its data, and others'."""
    ones = (OWN_UNITS, OWN_UNITS[::-1], (credit_code(), credit_code()))
    texts = ("scene", "missing", "refusal", "dispute", "settlement", "ending")
    at = "2026-06-01T12:00:00+08:00"
    for unit, owner in ones:
        yield (
            "access_grant",
            {
                "grant_id": canary(),
                "version": 1,
                "state": "REFUSED",
                "kind": "SHARING",
                "unit": unit,
                "unit_name": canary(),
                "owner": owner,
                "purpose": canary(),
                "basis": canary(),
                "fields": {"CaseRecord": ["facts"]},
                "valid_from": at,
                "valid_to": "2027-06-01T12:00:00+08:00",
                "applied_by": canary(),
                "applied_at": at,
                "changed_at": at,
                **{name: worded() for name in texts},
            },
        )


def entry_of(record: Mapping[str, object]) -> Mapping[str, object]:
    """Make the entry that the register's view shows as *record*."""
    who = {
        "kind": "requester_kind",
        "role": "role",
        "client": "client",
        "unit": "unit",
        "name": "unit_name",
        "person": "person",
    }
    renamed = {"document": "document_hash", "record": "record_id", "rows": "rows_seen"}
    same = "at basis cause looks operation papers purpose restrictions gaps tenant"
    body = {
        "who": {name: record[column] for name, column in who.items()},
        **{name: record[column] for name, column in renamed.items()},
        **{name: record[name] for name in same.split()},
        "party": "",
        "findings": [],
        "grants": [],
        "protected": True,
    }
    written = json.dumps(body).encode()
    searched = ("record_id", "at", "unit", "person", "purpose", "cause")
    return {
        **{name: record[name] for name in searched},
        "kind": record["requester_kind"],
        "party": "",
        "protected": True,
        "subjects": [],
        "body": f"\\x{written.hex()}",
        "leaf": f"\\x{hashlib.sha256(bytes(1) + written).hexdigest()}",
    }


async def write(
    connection: asyncpg.Connection[Any],
    records: Iterable[tuple[str, Mapping[str, object]]],
) -> None:
    """Put records into their tables; the database reads each cell as its own type."""
    for table, record in records:
        columns = ", ".join(f'"{name}"' for name in record)
        await connection.execute(
            f"insert into {table} ({columns}) select {columns} "  # noqa: S608 - names of our own bindings
            f"from json_populate_record(null::{table}, $1::json)",
            json.dumps(record),
        )


SHANGHAI = timezone(timedelta(hours=8))


def canonical(field: Field, cell: object, unit: str | None) -> Value:
    """Read a cell of the platform's own tables as the graph gives it."""
    if cell is None:
        return None
    if isinstance(cell, list):
        return tuple(map(str, cell))
    if isinstance(cell, datetime):
        return cell.astimezone(SHANGHAI).isoformat()
    if field.kind is Kind.INTEGER:
        return int(str(cell))
    if field.kind is Kind.MONEY:
        return f"{Decimal(str(cell)) * UNITS.get(unit or '', Decimal(1)):.2f}"
    return str(cell).strip()


async def platform_rows(
    connection: asyncpg.Connection[Any], binding: Toml
) -> list[Truth]:
    """Read what the platform's own tables and views hold now."""
    rows: list[Truth] = []
    for name, bound in binding["types"].items():
        rows += await _table(connection, binding["name"], name, bound)
    return rows


async def _table(
    connection: asyncpg.Connection[Any], source: str, name: str, bound: Toml
) -> list[Truth]:
    rows: list[Truth] = []
    entity = ENTITIES[name]
    spelt = {
        field: {"column": entry} if isinstance(entry, str) else entry
        for field, entry in bound["fields"].items()
    }
    for record in await connection.fetch(f"select * from {bound['table']}"):  # noqa: S608 - our own tables
        values: dict[str, Value] = dict.fromkeys(entity.fields)
        for field, entry in spelt.items():
            cell = record[entry["column"].removeprefix("base.")]
            values[field] = canonical(entity.fields[field], cell, entry.get("unit"))
        rows.append(
            Truth(
                type=name,
                source=source,
                key=str(record[bound["key"]]),
                values=values,
                fed=frozenset(spelt),
            )
        )
    return rows
