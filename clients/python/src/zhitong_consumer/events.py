"""What is on a receiver's topic: CloudEvents 1.0 in structured mode (docs/streams.md).

An event's id is made of what it is about. One that is not is refused: it would slip
past the check for what came twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn
from uuid import UUID, uuid5

ABSENT = "cn.zhitong.decision.absent.v1"
ANNOTATED = "cn.zhitong.decision.annotated.v1"
ANNOTATION = "ANNOTATED"
"""What stands for a change where there is no version."""
BUCKETS = 64
_KEY = re.compile(r"[0-9a-f]{16}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LARGEST = 2**31 - 1


class NotAnEventError(ValueError):
    """These bytes are no event for this receiver; says none of their content."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class Change(StrEnum):
    """What was done to a decision."""

    RECORDED = "RECORDED"
    CORRECTED = "CORRECTED"
    WITHDRAWN = "WITHDRAWN"


_TYPES = {f"cn.zhitong.decision.{each.lower()}.v1": each for each in Change}


class Happened(StrEnum):
    """What can happen to a decision that stands."""

    REPAIRED = "REPAIRED"
    REPAIR_REVOKED = "REPAIR_REVOKED"
    OBJECTED = "OBJECTED"
    OBJECTION_UPHELD = "OBJECTION_UPHELD"
    OBJECTION_REJECTED = "OBJECTION_REJECTED"
    UNLISTED = "UNLISTED"
    ERASED = "ERASED"


class Vouched(StrEnum):
    """What a statement is worth to whom it came alone, without what was signed."""

    NONE = "NONE"
    """There is none: bureaus need not sign."""
    HOLDS = "HOLDS"
    MALFORMED = "MALFORMED"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    """Its key is not among those you were given for that bureau."""
    INVALID = "INVALID"
    """Not signed by that key, or changed after."""
    DIFFERS = "DIFFERS"
    """It is about another decision, or another change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What all that comes has alike: which decision it is about, and where it stood."""

    id: UUID
    decision_id: UUID
    version: int
    follows_history: bool
    """Earlier versions were there before the platform began, and will not come."""
    source: str
    time: datetime
    key: str
    """Of the case, 16 hexadecimal digits: its events share a partition, in order."""
    digest: str
    """SHA-256 of the bytes as they came; what a receipt says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(About):
    """What an event and a notice have alike: which version of which decision."""

    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation(About):
    """What happened to a decision that stands: no version, and no row is changed.

    Keep it beside the decision, and do what is *expected* by your own rules.
    """

    schema: str
    happened: Happened
    cause: UUID
    """The id of what brought it."""
    expected: str
    """``NOTE``, or ``ERASE_OR_RESTRICT`` by the law that you are under."""
    data: Mapping[str, object]
    """All that is said of it, by the schema's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Version):
    """One version of a decision: its whole new row."""

    schema: str
    table: str
    row: Mapping[str, object]
    """By the receiver's columns; ID numbers stand sealed in it."""
    statement: str = ""
    """What the bureau has signed of this version, a JWS; keep it whole."""
    vouched: Vouched = Vouched.NONE
    """What that is worth: weighed before your function is called."""
    numbers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """ID numbers that were opened, by column: restricted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Version):
    """A version whose content cannot leave: it counts as seen and has no effect."""

    why: str
    """``ERASED`` by law, or ``UNSENDABLE``."""
    payload_hash: str
    """SHA-256 of the bytes it stands for."""

    @property
    def reason(self) -> str:
        """Say why the version is rejected."""
        return f"version {self.version} {self.change} is absent: {self.why}"


def read(value: bytes, receiver: str) -> Event | Notice | Annotation:
    """Read what came for *receiver*; raise `NotAnEventError`."""
    said = _json(value)
    about = _about(said, receiver, hashlib.sha256(value).hexdigest())
    data = _member(said, "data", dict)
    if said.get("type") == ANNOTATED:
        return _annotation(said, about, data)
    version = _version(said, about)
    if said["type"] == ABSENT:
        return _notice(version, data)
    if set(data) != {"table", "row"}:
        _refuse("data")
    return Event(
        **version,
        schema=_text(said, "dataschema"),
        table=_text(data, "table"),
        row=_member(data, "row", dict),
        statement=_member(said, "statement", str) if "statement" in said else "",
    )


def partition(key: str, partitions: int) -> int:
    """Say on which partition what has *key* belongs, whatever a client's own hash."""
    return int(key, 16) % BUCKETS % partitions


def _json(value: bytes) -> dict[str, Any]:
    try:
        # Decoded here: left to itself the library takes UTF-16 as well.
        said = json.loads(value.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise NotAnEventError("JSON") from None
    if not isinstance(said, dict):
        _refuse("JSON")
    return said


def _about(said: dict[str, Any], receiver: str, digest: str) -> dict[str, Any]:
    """Read what all kinds have."""
    fixed = {"specversion": "1.0", "datacontenttype": "application/json"}
    for name, value in (fixed | {"receiver": receiver}).items():
        if said.get(name) != value:
            _refuse(name)
    decision = _uuid(said, "subject")
    number = _member(said, "decisionversion", int)
    if not 1 <= number <= _LARGEST:
        _refuse("decisionversion")
    return {
        "id": _uuid(said, "id"),
        "decision_id": decision,
        "version": number,
        "follows_history": _member(said, "followshistory", bool),
        "source": _text(said, "source"),
        "time": _time(said, "time"),
        "key": _matching(said, "partitionkey", _KEY),
        "digest": digest,
    }


def _version(said: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """Add what the version is; check that the id is made of it."""
    change = _change(said)
    if about["id"] != uuid5(about["decision_id"], f"{about['version']}/{change}"):
        _refuse("id")
    return {**about, "change": change}


def _annotation(
    said: dict[str, Any], about: dict[str, Any], data: dict[str, Any]
) -> Annotation:
    happened = _text(data, "happened")
    if happened not in set(Happened):
        _refuse("happened")
    cause = _uuid(data, "cause")
    if about["id"] != uuid5(about["decision_id"], f"{happened}/{cause}"):
        _refuse("id")
    return Annotation(
        **about,
        schema=_text(said, "dataschema"),
        happened=Happened(happened),
        cause=cause,
        expected=_text(data, "expected"),
        data=data,
    )


def _change(said: dict[str, Any]) -> Change:
    kind = _text(said, "type")
    if kind == ABSENT:
        stated = _member(said, "data", dict).get("change")
        kind = f"cn.zhitong.decision.{str(stated).lower()}.v1"
    if kind not in _TYPES:
        _refuse("type")
    return _TYPES[kind]


def _notice(version: dict[str, Any], data: dict[str, Any]) -> Notice:
    if set(data) != {"change", "payload_hash", "why"}:
        _refuse("data")
    if data["why"] not in {"ERASED", "UNSENDABLE"}:
        _refuse("why")
    return Notice(
        **version,
        why=data["why"],
        payload_hash=_matching(data, "payload_hash", _DIGEST),
    )


def _member(said: dict[str, Any], name: str, kind: type[Any]) -> Any:  # noqa: ANN401 - JSON
    # A bool is an int to Python and none to JSON.
    if type(found := said.get(name)) is not kind:
        _refuse(name)
    return found


def _text(said: dict[str, Any], name: str) -> str:
    return str(_member(said, name, str)) or _refuse(name)


def _matching(said: dict[str, Any], name: str, form: re.Pattern[str]) -> str:
    text = _text(said, name)
    return text if form.fullmatch(text) else _refuse(name)


def _uuid(said: dict[str, Any], name: str) -> UUID:
    text = _text(said, name)
    try:
        found = UUID(text)
    except ValueError:
        _refuse(name)
    # Of its many forms one alone.
    return found if str(found) == text else _refuse(name)


def _time(said: dict[str, Any], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(said, name))
    except ValueError:
        _refuse(name)
    return found if found.tzinfo is not None else _refuse(name)


def _refuse(place: str) -> NoReturn:
    raise NotAnEventError(place)
