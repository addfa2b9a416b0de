"""Who asks: tokens of pinned issuers become a `Principal`, or an error.

A token is believed when all of this holds: three parts of base64url, 8 KiB at
most; a header of nothing but ``alg``, ``kid`` and ``typ``; a *kid* that is
pinned to an issuer; that issuer's one algorithm; a signature of that key;
claims of exactly our names and types; issuer and audience as expected; and a
time between *nbf* and *exp*. The payload is not read before the signature.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from zhitong.exceptions import (
    SettingsError,
    TokenExpiredError,
    TokenInvalidError,
    TokenMissingError,
)
from zhitong.types import Principal

LEEWAY = 30
"""Seconds that clocks may differ."""

_LARGEST = 8_192
_FORM = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Somebody whose tokens count: its name, and its public keys by *kid*."""

    name: str
    keys: Mapping[str, ECKey]
    algorithm: str = "ES256"


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All a header may say; ``jwk``, ``jku``, ``crit`` and the like may not."""

    alg: Literal["ES256"]
    kid: str
    typ: Literal["JWT"] = "JWT"


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All a token says: when, for whom, and who the principal is."""

    iss: _Name
    aud: _Name
    iat: int
    exp: int
    nbf: int | None = None
    jti: _Name
    sub: _Name
    kind: _Name
    unit: _Name
    unit_name: _Name
    role: _Name
    division: Annotated[str, msgspec.Meta(pattern="^[0-9]{0,12}$")]

    def principal(self) -> Principal:
        """Return who the token speaks of."""
        return Principal(
            kind=self.kind,
            unit=self.unit,
            unit_name=self.unit_name,
            person=self.sub,
            role=self.role,
            division=self.division,
        )


class Verifier:
    """Turns an Authorization header into a principal; remembers what it verified.

    A remembered token is one dictionary look-up instead of a signature check,
    but its expiry is looked at every time.
    """

    def __init__(
        self,
        issuers: Mapping[str, Issuer],
        audience: str,
        *,
        clock: Clock = time.time,
        remembered: int = 4_096,
    ) -> None:
        self._keys = _pinned(issuers)
        self._audience = audience
        self._clock = clock
        self._remembered = remembered
        self._verified: OrderedDict[bytes, tuple[Principal, int]] = OrderedDict()

    def verify(self, authorization: str | None) -> Principal:
        """Return the principal of a ``Bearer`` token, or raise a `TokenError`."""
        token = _bearer(authorization)
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is None:
            return self._remember(digest, self._check(token))
        principal, expires = known
        if self._clock() >= expires + LEEWAY:
            del self._verified[digest]
            raise _expired()
        self._verified.move_to_end(digest)
        return principal

    def _remember(self, digest: bytes, claims: Claims) -> Principal:
        principal = claims.principal()
        self._verified[digest] = (principal, claims.exp)
        if len(self._verified) > self._remembered:
            self._verified.popitem(last=False)
        return principal

    def _check(self, token: str) -> Claims:
        if len(token) > _LARGEST or not _FORM.fullmatch(token):
            raise _invalid()
        try:
            issuer, key = self._keys[_header(token).kid]
            signed = jws.deserialize_compact(token, key, [issuer.algorithm])
            claims = msgspec.json.decode(signed.payload or b"", type=Claims)
        # RecursionError: a payload nested too deep, signed or not by an issuer.
        except (KeyError, ValueError, JoseError, RecursionError) as error:
            raise _invalid() from error
        if claims.iss != issuer.name or claims.aud != self._audience:
            raise _invalid()
        self._check_times(claims)
        return claims

    def _check_times(self, claims: Claims) -> None:
        now = self._clock()
        if now >= claims.exp + LEEWAY:
            raise _expired()
        starts = claims.iat if claims.nbf is None else max(claims.nbf, claims.iat)
        if now < starts - LEEWAY or claims.exp <= claims.iat:
            raise _invalid()


def _pinned(issuers: Mapping[str, Issuer]) -> dict[str, tuple[Issuer, ECKey]]:
    pinned: dict[str, tuple[Issuer, ECKey]] = {}
    for issuer in issuers.values():
        for kid, key in issuer.keys.items():
            if kid in pinned:
                raise SettingsError(
                    f"密钥标识 {kid} 被两个签发方使用，请更换其中一个。",
                    f"Two issuers use the key id {kid}; change one of them.",
                )
            pinned[kid] = (issuer, key)
    return pinned


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissingError(
            "请求没有令牌，请在 Authorization 请求头中携带 Bearer 令牌"
            "（演示环境：zhitong token police）。",
            "There is no token; send one as Authorization: Bearer … "
            "(in the demo: zhitong token police).",
        )
    return token.strip()


def _header(token: str) -> Header:
    part = token.partition(".")[0]
    decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    return msgspec.json.decode(decoded, type=Header)


def _invalid() -> TokenInvalidError:
    # One text for every fault: which check failed helps only a forger.
    return TokenInvalidError(
        "令牌无效：不是受信任的签发方为本平台签发的令牌，请重新获取。",
        "The token is not one that a trusted issuer gave for this gateway; "
        "get a new one.",
    )


def _expired() -> TokenExpiredError:
    return TokenExpiredError(
        "令牌已过期，请重新获取。", "The token has expired; get a new one."
    )
