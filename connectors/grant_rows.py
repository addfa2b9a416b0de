"""An application as a row of access_grant, and a step as what is proved of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson

from zhitong.evidence import Deed, DeedKind
from zhitong.grants import (
    Act,
    Application,
    Due,
    Grant,
    GrantDuty,
    GrantKind,
    GrantMode,
    GrantState,
    Terms,
)

_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z


def grant(row: asyncpg.Record) -> Grant:
    """Read a grant as verdicts need it."""
    return Grant(
        id=row["grant_id"],
        unit=row["unit"],
        owner=row["owner"],
        fields=_by_type(row["fields"]),
        lookups=_by_type(row["lookups"]),
        purpose=row["purpose"],
        basis=row["basis"],
        masked=row["masked"],
        division=row["division"],
        own_cause=row["own_cause"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        documents=frozenset(row["documents"]),
        page=row["page"],
        cost=row["cost"],
        rate=row["rate"],
        person=row["person"],
        issuer=row["issuer"],
        incident=row["incident"],
    )


def application(row: asyncpg.Record) -> Application:
    """Read an application as it stands."""
    due = None
    if row["due_at"] is not None:
        due = Due(
            duty=GrantDuty(row["due_step"]),
            unit=row["due_unit"],
            at=row["due_at"],
            provisional=row["provisional"],
        )
    terms = Terms(
        owner=row["owner"],
        fields=_by_type(row["fields"]),
        lookups=_by_type(row["lookups"]),
        mode=GrantMode(row["mode"]),
        documents=tuple(row["documents"]),
        **_same(row, *_TERMS),
    )
    return Application(
        id=row["grant_id"],
        state=GrantState(row["state"]),
        kind=GrantKind(row["kind"]),
        terms=terms,
        due=due,
        late=tuple(GrantDuty(one) for one in row["late"]),
        **_same(row, *_APPLICATION),
    )


def columns(said: Application) -> str:
    """Write *said* as JSON that `jsonb_populate_record` reads."""
    return orjson.dumps(_row(said)).decode()


def _row(said: Application) -> dict[str, object]:
    """Give every column of access_grant as *said* has it."""
    due, terms = said.due, said.terms
    return {
        "grant_id": said.id,
        "state": said.state,
        "kind": said.kind,
        **{name: getattr(said, name) for name in _APPLICATION},
        **_terms(terms),
        "due_step": None if due is None else due.duty,
        "due_unit": "" if due is None else due.unit,
        "due_at": None if due is None else due.at,
        "provisional": due is not None and due.provisional,
        "late": said.late,
    }


def proved(said: Application) -> dict[str, object]:
    """Give every column as a deed has it: people's own words as their digests.

    Those stand in the register, which may lose them; a deed may not.
    """
    row = _row(said)
    return row | {name: word_digest(str(row[name])) for name in WORDS}


def word_digest(words: str) -> str:
    """Digest people's own *words*."""
    return hashlib.sha256(words.encode()).hexdigest()


def digest(act: Act) -> bytes:
    """Digest who says what: the same once more is the same step."""
    said = {
        "step": act.step,
        "unit": act.actor.unit,
        "person": act.actor.person,
        "reason": act.reason,
        "terms": None if act.terms is None else _terms(act.terms),
        # Only where a step has one: digests of all others are as they ever were.
        **({"outcome": act.outcome} if act.outcome else {}),
    }
    return hashlib.sha256(orjson.dumps(said, option=_SORTED)).digest()


def deed(act: Act, after: Application, due: Due | None, *, late: bool) -> Deed:
    """Say *act* as a deed: who, and every column of grant and step after it.

    *due* is when the step was due, and *late* whether it came after that.
    """
    detail: dict[str, object] = {
        "version": after.version,
        "role": act.actor.role,
        "unit_name": act.actor.unit_name,
        "row": proved(after),
        "step": {
            "due_at": None if due is None else due.at,
            "late": late,
            "issuer": act.actor.issuer,
            "digest": digest(act).hex(),
        },
    }
    return Deed(
        kind=DeedKind.GRANT,
        who=act.actor.person,
        unit=act.actor.unit,
        action=f"{act.step.lower().replace('_', '-')}-grant",
        target=after.id,
        reason=act.reason,
        detail=detail,
        id=f"{after.id}/{after.version}",
        at=act.at,
    )


def suspension(act: Act, after: Application) -> Deed:
    """Say that what was sent to a receiver is held, for its grant has ended."""
    return Deed(
        kind=DeedKind.ACTION,
        who=act.actor.person,
        unit=act.actor.unit,
        action="suspend",
        target=str(after.terms.receiver),
        reason=f"共享授权已终止 the sharing grant has ended: {after.id}",
        id=f"{after.id}/{after.version}/suspend",
        at=act.at,
    )


WORDS = ("scene", "incident", "missing", "refusal", "dispute", "settlement", "ending")
"""Columns of access_grant that people write freely."""
_TERMS = (
    "purpose",
    "basis",
    "scene",
    "valid_from",
    "valid_to",
    "masked",
    "division",
    "own_cause",
    "page",
    "cost",
    "rate",
    "receiver",
)
_APPLICATION = (
    "version",
    "unit",
    "unit_name",
    "applied_by",
    "person",
    "incident",
    "conditional",
    "applied_at",
    "reviewed_at",
    "decided_at",
    "provided_at",
    "ended_at",
    "told",
    "settled",
    "missing",
    "refusal",
    "dispute",
    "settlement",
    "ending",
    "review",
    "changed_at",
)


def _same(row: asyncpg.Record, *names: str) -> Mapping[str, Any]:
    """Give the columns that are called as their fields are."""
    return {name: row[name] for name in names}


def _terms(said: Terms) -> Mapping[str, object]:
    return {
        "owner": said.owner,
        "fields": _listed(said.fields),
        "lookups": _listed(said.lookups),
        "mode": said.mode,
        "documents": said.documents,
        **{name: getattr(said, name) for name in _TERMS},
    }


def _listed(by_type: Mapping[str, frozenset[str]]) -> Mapping[str, list[str]]:
    return {name: sorted(fields) for name, fields in by_type.items()}


def _by_type(text: str) -> Mapping[str, frozenset[str]]:
    return {name: frozenset(fields) for name, fields in orjson.loads(text).items()}
