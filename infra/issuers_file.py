"""Reading the issuers' file: whose tokens count, with which keys, for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from zhitong.exceptions import IssuerUnavailableError, SettingsError
from zhitong.infra import key_sources
from zhitong.infra.claims import NEVER, Origin
from zhitong.infra.issuers import Issuer, KeyRing, Read, read_keys
from zhitong.infra.rule_file import read_form
from zhitong.requesters import KINDS, ROLES
from zhitong.rules.identifiers import credit_code_fault
from zhitong.types import Label

NAMED = Label("签发方文件", "the issuers' file")

_Text = Annotated[str, Meta(min_length=1, max_length=200)]
_Texts = Annotated[list[_Text], Meta(min_length=1)]
_Division = Annotated[str, Meta(pattern="^([0-9]{2}){1,6}$")]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt limit would limit nothing."""


class _Origin(_Form, frozen=True, kw_only=True, rename={"constant": "is"}):
    claim: _Text | _Texts | None = None
    constant: _Text | None = None
    values: dict[_Text, _Text] = {}

    def __post_init__(self) -> None:
        if (self.claim is None) == (self.constant is None):
            raise ValueError("exactly one of claim and is")
        if self.values and self.claim is None:
            raise ValueError("values are those of a claim")


class _Claims(_Form, frozen=True, kw_only=True):
    tenant: _Origin
    kind: _Origin
    person: _Origin
    unit: _Origin
    unit_name: _Origin
    role: _Origin | None = None
    division: _Origin | None = None
    client: _Origin | None = None
    identity: _Origin | None = None
    party_code: _Origin | None = None
    party_number: _Origin | None = None


class _Issuer(_Form, frozen=True, kw_only=True):
    name: _Text
    algorithm: Literal["ES256", "ES384", "RS256", "PS256", "EdDSA", "Ed25519"]
    kids: _Texts
    jwks: _Text | None = None
    jwks_uri: _Text | None = None
    discovery: Literal[True] | None = None
    audience: str = ""
    type: Literal["JWT", "at+jwt"] = "JWT"
    kinds: _Texts
    tenants: _Texts
    units: list[_Text] = []
    divisions: list[_Division] = []
    longest_hours: Annotated[float, Meta(gt=0, le=8_784)] = 24.0
    require_certificate: bool = False
    single_use_mutations: bool = False
    claims: _Claims | None = None

    def __post_init__(self) -> None:
        stated = [self.jwks, self.jwks_uri, self.discovery]
        if sum(each is not None for each in stated) != 1:
            raise ValueError("exactly one of jwks, jwks_uri and discovery")


class _File(_Form, frozen=True, kw_only=True):
    demo: bool = False
    issuers: Annotated[list[_Issuer], Meta(min_length=1)]


def read_issuers(path: Path) -> tuple[dict[str, Issuer], bool]:
    """Read *path*; say also whether the demo's issuer counts beside them.

    Raises `SettingsError` naming what is wrong.
    """
    file = read_form(path, _File, NAMED, SettingsError)
    for zh, en in (*_faults(file), *_keyless(file, path.parent)):
        raise SettingsError(f"{path.name}：{zh}", f"{path.name}: {en}")
    made = {one.name: _issuer(one, path.parent) for one in file.issuers}
    return made, file.demo


def _faults(file: _File) -> Iterator[tuple[str, str]]:
    names = [one.name for one in file.issuers]
    for name in {each for each in names if names.count(each) > 1}:
        yield f"签发方 {name} 写了两次", f"the issuer {name} is there twice"
    for one in file.issuers:
        kinds = set(one.kinds)
        roles: set[str] = set()
        if one.claims is not None:
            kinds |= _meanings(one.claims.kind)
            roles |= _meanings(one.claims.role) if one.claims.role else set()
        for kind in sorted(kinds - (set(KINDS) - {NEVER})):
            yield (
                f"签发方 {one.name}：没有 {kind} 这类调用方",
                f"{one.name}: {kind} is no requester kind",
            )
        for role in sorted(roles - set(ROLES)):
            yield (
                f"签发方 {one.name}：没有 {role} 这个角色",
                f"{one.name}: no role {role}",
            )
        if not all(map(_leading, one.divisions)):
            yield (
                f"签发方 {one.name}：区划不能全是 0，不限区划时请不写 divisions",
                f"{one.name}: a division of zeros is every place; leave divisions out",
            )
        for unit in one.units:
            if credit_code_fault(unit) is not None:
                yield (
                    f"签发方 {one.name}：{unit} 不是统一社会信用代码",
                    f"{one.name}: {unit} is no unified social credit code",
                )


def _keyless(file: _File, folder: Path) -> Iterator[tuple[str, str]]:
    """Find files of keys that are not there or will not do; addresses may be away."""
    for one in file.issuers:
        if one.jwks is None:
            continue
        try:
            raw, kids = (folder / one.jwks).read_bytes(), frozenset(one.kids)
            read_keys(raw, issuer=one.name, algorithm=one.algorithm, kids=kids)
        except (OSError, IssuerUnavailableError) as error:
            yield (
                f"签发方 {one.name} 的密钥文件 {one.jwks} 不可用（{error}）",
                f"{one.name}: its file of keys {one.jwks} cannot be used ({error})",
            )


def _meanings(origin: _Origin) -> set[str]:
    """Name what *origin* may come to, as far as the file says."""
    constant = {origin.constant} if origin.constant else set()
    return {*constant, *origin.values.values()}


def _issuer(one: _Issuer, folder: Path) -> Issuer:
    kids = frozenset(one.kids)
    return Issuer(
        name=one.name,
        ring=KeyRing(kids, _read(one, kids, folder)),
        algorithm=one.algorithm,
        type=one.type,
        audience=one.audience,
        kinds=frozenset(one.kinds),
        tenants=frozenset(one.tenants),
        units=frozenset(one.units),
        divisions=tuple(map(_leading, one.divisions)),
        origins=None if one.claims is None else _origins(one.claims),
        longest=int(one.longest_hours * 3_600),
        require_certificate=one.require_certificate,
        single_use_mutations=one.single_use_mutations,
    )


def _read(one: _Issuer, kids: frozenset[str], folder: Path) -> Read:
    if one.jwks is not None:
        path = folder / one.jwks
        return key_sources.from_file(path, one.name, one.algorithm, kids)
    if one.jwks_uri is not None:
        return key_sources.from_address(one.jwks_uri, one.name, one.algorithm, kids)
    return key_sources.from_discovery(one.name, one.algorithm, kids)


def _leading(division: str) -> str:
    """Give the digits that say something: 619900 is a city and all its counties."""
    while division.endswith("00"):
        division = division[:-2]
    return division


def _origins(claims: _Claims) -> Mapping[str, Origin]:
    stated = {name: getattr(claims, name) for name in _Claims.__struct_fields__}
    return {
        "sub" if name == "person" else name: Origin(
            constant=each.constant or "",
            path=(each.claim,)
            if isinstance(each.claim, str)
            else tuple(each.claim or ()),
            values=each.values,
        )
        for name, each in stated.items()
        if each is not None
    }
