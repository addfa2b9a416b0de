"""What a bureau signs of its decision, and whether a signature holds (docs/signing.md).

- The *content* is canonical JSON (RFC 8785): the decision under the names it is sent
  by, and a salt, so that nobody guesses it from its digest. In the place of an ID
  number stands a keyed digest, whose key is destroyed with that person's.
- The *statement* is a compact JWS that names the decision and the content's digest.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
import orjson
from msgspec import Meta

from zhitong.decisions import (
    BureauKey,
    Change,
    Decision,
    Entry,
    Licence,
    Party,
    Penalty,
    Review,
    SignatureState,
    Signed,
    Signing,
)
from zhitong.rules.merkle import digest
from zhitong.rules.money import yuan

TYPE = "zhitong-decision+jwt"
LONGEST = 8_192
"""Characters of a statement; one with the longest document number has half of it."""
HASHES: Mapping[str, str] = {"ES256": "sha256", "SM2-SM3": "sm3"}
"""The digest that goes with each algorithm of a statement."""
ALGORITHMS: Mapping[str, str] = {
    "ES256": "ecdsa-p256-sha256",
    "SM2-SM3": "sm2-sm3",
}
"""As the keys of the proof name them."""
_FIELD_NAMES = {"sha256": "sha-256", "sm3": "sm3"}
"""As Content-Digest writes them (RFC 9530)."""
PLACES: Mapping[str, str] = {
    "idNumber": "party",
    "representativeIdNumber": "representative",
}
"""ID numbers as they are sent → our name of the place they stand in."""
_KINDS = {"idNumber": "idKind", "representativeIdNumber": "representativeIdKind"}
NAMES: Mapping[type[msgspec.Struct], Mapping[str, str]] = {
    Decision: {
        "localId": "local_id",
        "actType": "act",
        "subjectCode": "subject_code",
        "subjectName": "subject_name",
        "caseSource": "case_source",
        "caseNo": "case_no",
        "inspectionNo": "inspection_no",
        "matterCode": "matter_code",
        "documentNo": "document_no",
        "documentTitle": "document_title",
        "decidedOn": "decided_on",
        "division": "division",
        "title": "title",
        "facts": "facts",
        "legalBasis": "basis",
        "result": "content",
        "officerCertificates": "officers",
        "collective": "collective",
    },
    Party: {
        "counterpartyKind": "kind",
        "counterpartyName": "name",
        "counterpartyCode": "code",
        "registrationNo": "registration_no",
        "idKind": "id_kind",
        "representative": "representative",
        "representativeIdKind": "representative_id_kind",
    },
    Review: {
        "reviewNo": "reference",
        "reviewedOn": "on",
        "reviewOpinion": "opinion",
    },
    Penalty: {
        "penaltyKinds": "kinds",
        "violationType": "violation_type",
        "fine": "fine",
        "confiscated": "confiscated",
        "licenceAffected": "licence_affected",
        "procedure": "procedure",
        "validTo": "valid_to",
        "publicityTo": "publicity_to",
        "hearing": "hearing",
    },
    Licence: {
        "licenceKind": "kind",
        "certificateName": "certificate_name",
        "certificateNo": "certificate_no",
        "validFrom": "valid_from",
        # A penalty's and a licence's end are one field; of both, the licence's counts.
        "validTo": "valid_to",
    },
}
"""Part of a decision → the name it is sent under → attribute; but for ID numbers."""

Verify = Callable[[bytes, str, bytes, bytes], bool]
"""Whether a key (SPKI) has by an algorithm signed a text; the signature as in JOSE."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
_NONCE = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = 64
_YEARS = range(2000, 3000)
AMOUNTS = frozenset({"fine", "confiscated"})


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["ES256", "SM2-SM3"]
    kid: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    typ: Literal["zhitong-decision+jwt"]


class Statement(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename="camel",
):
    """What a bureau says of its decision."""

    form: Literal["zhitong-decision/1"] = "zhitong-decision/1"
    act_type: str
    at: Annotated[datetime, Meta(tz=True)]
    change: Change
    content: str
    """The digest of the content, written as Content-Digest is."""
    decided_on: date
    decision_id: str
    document_no: str
    subject_code: str


class Token(msgspec.Struct, frozen=True):
    """A statement taken apart, its signature not verified yet."""

    alg: str
    key_id: str
    statement: Statement
    signed: bytes
    """The bytes that the signature is over."""
    signature: bytes


def keyed(hash_name: str, key: str, text: str) -> str:
    """Digest *text* under a key; both the key and the digest in hexadecimal."""
    return hmac.new(bytes.fromhex(key), text.encode(), hash_name).hexdigest()


def content(entry: Entry, salt: str, numbers: Mapping[str, str]) -> bytes:
    """Write what is signed of *entry*, its ID numbers being those digests."""
    said: dict[str, object] = {"salt": salt}
    if entry.change is not Change.WITHDRAWN:
        said["decision"] = _members(entry.decision, numbers)
    if entry.change is Change.CORRECTED:
        said |= {"reason": entry.reason, "version": entry.version - 1}
    if entry.change is Change.WITHDRAWN:
        said |= {"reason": entry.reason, "basis": entry.basis}
    return canonical(said)


def canonical(said: Mapping[str, object]) -> bytes:
    """Write JSON as RFC 8785 does; our names are ASCII, our only numbers whole."""
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def written(statement: Statement) -> bytes:
    """Write a statement; whoever reads it takes any JSON of the same."""
    return canonical(msgspec.to_builtins(statement))


def content_digest(hash_name: str, text: bytes) -> str:
    """Write the digest of *text* as Content-Digest is (RFC 9530)."""
    found = b64encode(digest(hash_name)(text)).decode()
    return f"{_FIELD_NAMES[hash_name]}=:{found}:"


def statement_of(entry: Entry, at: datetime, content_digest: str) -> Statement:
    """Give the statement that *entry* is to be signed by."""
    decision = entry.decision
    return Statement(
        act_type=decision.act.value,
        at=at,
        change=entry.change,
        content=content_digest,
        decided_on=decision.decided_on,
        decision_id=str(decision.id),
        document_no=decision.document_no,
        subject_code=decision.subject_code,
    )


def read(text: str) -> Token:
    """Take a statement apart; raise `ValueError` where it is none."""
    if len(text) > LONGEST or not _COMPACT.fullmatch(text):
        raise ValueError("no compact JWS")
    first, second, third = text.split(".")
    head = msgspec.json.decode(_bytes(first), type=_Head)
    said = msgspec.json.decode(_bytes(second), type=Statement)
    for part in (_bytes(first), _bytes(second)):
        # One form alone, so that nobody reads another thing in it.
        if canonical(orjson.loads(part)) != part:
            raise ValueError("not canonical")
    if said.at.year not in _YEARS:
        raise ValueError("no time that every calendar has")
    signature = _bytes(third)
    if len(signature) != _SIGNATURE:
        raise ValueError("no signature of 64 bytes")
    return Token(head.alg, head.kid, said, f"{first}.{second}".encode(), signature)


def _read(text: str) -> Token | None:
    try:
        return read(text)
    except (ValueError, msgspec.MsgspecError):
        return None


def judge(
    entry: Entry,
    given: Signing,
    stated: Mapping[str, str],
    keys: Iterable[BureauKey],
    verify: Verify,
) -> Signed:
    """Say what a bureau's signature of *entry* is worth, *keys* being the bureau's.

    *stated* are the ID numbers it states, by the names they are sent under.
    """
    token = _read(given.statement) if _NONCE.fullmatch(given.nonce) else None
    if token is None:
        kept = given.statement if _COMPACT.fullmatch(given.statement) else ""
        return Signed(state=SignatureState.MALFORMED, statement=kept[:LONGEST])
    hash_name = HASHES[token.alg]
    openings = {name: keyed(hash_name, given.nonce, name) for name in stated}
    signed = Signed(
        state=SignatureState.HOLDS,
        statement=given.statement,
        key_id=token.key_id,
        algorithm=ALGORITHMS[token.alg],
        at=token.statement.at,
        salt=keyed(hash_name, given.nonce, "salt"),
        numbers={
            name: keyed(hash_name, openings[name], number)
            for name, number in stated.items()
        },
        openings=openings,
    )
    return weigh(entry, signed, keys, verify)


def weigh(
    entry: Entry, signed: Signed, keys: Iterable[BureauKey], verify: Verify
) -> Signed:
    """Say of a signature that is kept what it is worth, by the keys of its bureau.

    It needs no ID number, so that it can be said after they are erased.
    """
    token = _read(signed.statement)
    if token is None or not signed.salt:  # it came without a nonce
        return _as(signed, SignatureState.MALFORMED)
    # By the platform's clock: who has stolen a key writes what time he likes.
    unit, at = entry.decision.subject_code, entry.at
    known = (one for one in keys if one.unit == unit and one.since <= at)
    key = next((one for one in known if one.key_id == token.key_id), None)
    if key is None:
        return _as(signed, SignatureState.KEY_UNKNOWN)
    if key.retired is not None and key.retired <= at:
        return _as(signed, SignatureState.KEY_RETIRED)
    algorithm = ALGORITHMS[token.alg]
    if key.algorithm != algorithm or not verify(
        key.spki, algorithm, token.signed, token.signature
    ):
        return _as(signed, SignatureState.INVALID)
    differs = differences(token, entry, signed)
    state = SignatureState.DIFFERS if differs else SignatureState.HOLDS
    return _as(signed, state, differs)


def vouched(
    text: str,
    named: tuple[str, Change],
    keys: Iterable[BureauKey],
    verify: Verify,
) -> SignatureState:
    """Say what a statement is worth to whom it came alone, without the content.

    *named* are the decision's id and its change, as it came with them.
    """
    token = _read(text)
    if token is None:
        return SignatureState.MALFORMED
    said = token.statement
    held = [
        one
        for one in keys
        if (one.key_id, one.unit) == (token.key_id, said.subject_code)
    ]
    if not held:
        return SignatureState.KEY_UNKNOWN
    algorithm = ALGORITHMS[token.alg]
    if held[0].algorithm != algorithm or not verify(
        held[0].spki, algorithm, token.signed, token.signature
    ):
        return SignatureState.INVALID
    same = (said.decision_id, said.change) == named
    return SignatureState.HOLDS if same else SignatureState.DIFFERS


def differences(token: Token, entry: Entry, signed: Signed) -> tuple[str, ...]:
    """Name what a statement says otherwise than *entry*, which it is to be of."""
    said = token.statement
    try:
        text = content(entry, signed.salt, signed.numbers)
        found = content_digest(HASHES[token.alg], text)
    except orjson.JSONEncodeError:  # half a character of UTF-16
        found = ""
    should = statement_of(entry, said.at, found)
    return tuple(
        field.encode_name
        for field in msgspec.structs.fields(Statement)
        if getattr(said, field.name) != getattr(should, field.name)
    )


def _as(signed: Signed, state: SignatureState, differs: tuple[str, ...] = ()) -> Signed:
    return msgspec.structs.replace(signed, state=state, differs=differs)


def stated(decision: Decision) -> Mapping[str, str]:
    """Give the ID numbers of *decision*, by the names they are sent under."""
    party = decision.party
    found = {
        "idNumber": party.id_number,
        "representativeIdNumber": party.representative_id_number,
    }
    return {name: number for name, number in found.items() if number}


def _members(decision: Decision, numbers: Mapping[str, str]) -> dict[str, object]:
    parts = (
        decision,
        decision.party,
        decision.review,
        decision.penalty,
        decision.licence,
    )
    found: dict[str, object] = dict(numbers)
    for part in parts:
        if part is None:
            continue
        for name, attribute in NAMES[type(part)].items():
            value = getattr(part, attribute)
            if value is not None and value not in ("", ()):
                found[name] = _written(name, value)
    for number, kind in _KINDS.items():
        # A correction keeps the number it does not state, and its kind with it.
        if number not in numbers:
            found.pop(kind, None)
    return found


def _written(name: str, value: object) -> object:
    if name in AMOUNTS and isinstance(value, int):
        return yuan(value)
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
