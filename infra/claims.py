"""What a token says: claims in our words, and an outside issuer's put into them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, NoReturn

import msgspec
from msgspec import Meta

from zhitong.infra.occasions import INVISIBLE
from zhitong.requesters import KINDS, ROLES
from zhitong.rules.identifiers import credit_code_fault
from zhitong.rules.resident_ids import born
from zhitong.types import USER, Principal

NEVER = "platform"
"""The one kind that no token has: it is the platform's own."""
LATEST = 253_402_300_799
"""The last second of the year 9999."""
PARTIES = frozenset({"party", "attorney"})
"""Kinds that see what is one party's, and so must name it."""

_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Short = Annotated[str, Meta(max_length=200)]
_Time = Annotated[int, Meta(ge=0, le=LATEST)]
THUMBPRINT = "^[A-Za-z0-9_-]{43}$"
"""SHA-256 in base64url, as RFC 8705 writes a certificate's."""


class Confirmation(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"certificate": "x5t#S256"},
):
    """Whose the token is alone: the holder of a certificate (RFC 8705)."""

    certificate: Annotated[str, Meta(pattern=THUMBPRINT)]


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All a token says: when, for whom, and who the principal is."""

    iss: _Name
    aud: _Name
    iat: _Time
    exp: _Time
    nbf: _Time | None = None
    jti: _Name
    sub: _Name
    tenant: _Name
    kind: _Name
    unit: _Name
    unit_name: _Name
    role: _Name
    division: Annotated[str, Meta(pattern="^[0-9]{0,12}$")]
    client: _Short = ""
    identity: bool = False
    party_code: _Short = ""
    party_number: _Short = ""
    cnf: Confirmation | None = None

    def __repr__(self) -> str:
        # The generated one would show a party's ID number.
        return f"Claims({self.iss}, {self.kind})"

    def principal(self) -> Principal:
        """Return who the token speaks of."""
        return Principal(
            kind=self.kind,
            unit=self.unit,
            unit_name=self.unit_name,
            person=self.sub,
            role=self.role,
            division=self.division,
            tenant=self.tenant,
            issuer=self.iss,
            client=self.client,
            identity=self.identity,
            party_code=self.party_code,
            party_number=self.party_number,
        )


class _Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What every outside token says by the same names (RFC 7519, RFC 9068)."""

    iss: _Name
    aud: _Name | Annotated[list[_Name], Meta(min_length=1, max_length=10)]
    iat: _Time
    exp: _Time
    nbf: _Time | None = None
    jti: _Name | None = None
    cnf: Confirmation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where one of our claims comes from: a constant, or an outside token's claim."""

    constant: str = ""
    path: tuple[str, ...] = ()
    """The claim's name, or the way to it through objects."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What its values mean; with it, it may be a list of which one has a meaning."""


def own_claims(payload: bytes) -> Claims:
    """Read a token of ours; raise `ValueError` where it says less, more or else."""
    return msgspec.convert(_read(payload), Claims)


def outside_claims(
    payload: bytes, origins: Mapping[str, Origin], audience: str, number: str
) -> Claims:
    """Read an outside issuer's token in our words; raise `ValueError`.

    Claims that *origins* do not name are ignored. *number* stands for a missing jti.
    """
    said = read_object(payload)
    form = msgspec.convert(said, _Outside)
    if audience not in ([form.aud] if isinstance(form.aud, str) else form.aud):
        raise ValueError("another audience")
    ours: dict[str, object] = {
        "iss": form.iss,
        "aud": audience,
        "iat": form.iat,
        "exp": form.exp,
        "nbf": form.nbf,
        "jti": form.jti or number,
        "cnf": form.cnf,
        "role": USER,
        "division": "",
    }
    for name, origin in origins.items():
        value = _value(said, origin)
        if value is not None:
            ours[name] = value == "true" if name == "identity" else value
    return msgspec.convert(ours, Claims)


def coherent(claims: Claims) -> bool:
    """Say whether the claims fit each other and the words of the policy."""
    texts = (getattr(claims, name) for name in Claims.__struct_fields__)
    return (
        claims.kind in KINDS
        and claims.kind != NEVER
        and claims.kind in ROLES.get(claims.role, frozenset())
        and _names_its_party(claims)
        and all(_visible(text) for text in texts if isinstance(text, str))
    )


def read_object(raw: bytes) -> Mapping[str, object]:
    """Read a JSON object that every reader reads alike; raise `ValueError`."""
    said = _read(raw)
    if not isinstance(said, dict):
        raise msgspec.ValidationError("no object")
    return said


def _names_its_party(claims: Claims) -> bool:
    code, number = claims.party_code, claims.party_number
    if claims.kind not in PARTIES:
        return not code and not number
    return (
        bool(code or number)
        and (not code or credit_code_fault(code) is None)
        and (not number or born(number) is not None)
    )


def _visible(text: str) -> bool:
    return INVISIBLE.isdisjoint(map(unicodedata.category, text))


def _read(raw: bytes) -> object:
    # Two readers may take two of one member; and msgspec would take 1.0 for an integer.
    return json.loads(
        raw.decode(), object_pairs_hook=_members, parse_constant=_no_number
    )


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members


def _no_number(_text: str) -> NoReturn:
    raise ValueError("no number of JSON")


def _value(said: Mapping[str, object], origin: Origin) -> str | None:
    """Find what *origin* says; None: nothing. Raise where it says two things."""
    if origin.constant:
        return origin.constant
    found: object = said
    for name in origin.path:
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, bool):
        found = "true" if found else "false"
    if not origin.values:
        if found is not None and not isinstance(found, str):
            raise ValueError("no text")
        return found
    stated = found if isinstance(found, list) else [found]
    meant = {
        origin.values[each]
        for each in stated
        if isinstance(each, str) and each in origin.values
    }
    if len(meant) > 1:
        raise ValueError("it means two things")
    return next(iter(meant), None)
