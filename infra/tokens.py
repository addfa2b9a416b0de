"""Who asks: tokens of pinned issuers become a `Principal`, or an error.

A token is believed when all of this holds: three parts of canonical base64url, 8 KiB
at most; a header of nothing but ``alg``, ``kid`` and ``typ``; a *kid* that is allowed
to one issuer; that issuer's one algorithm; a signature of that key; claims of exactly
our names and types, that fit each other; issuer, audience and tenant as expected; a
principal that this issuer may speak for; and a time between *nbf* and *exp*. The
payload is not read before the signature.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from zhitong.connectors.used_tokens import MemoryUsedTokens
from zhitong.exceptions import (
    IssuerUnavailableError,
    SettingsError,
    TokenMissingError,
)
from zhitong.infra.claims import (
    Claims,
    coherent,
    outside_claims,
    own_claims,
    read_object,
)
from zhitong.infra.issuers import KEPT_SECONDS, Issuer, Key, KeyRing
from zhitong.infra.refused_tokens import (
    Reason,
    RefusedTokens,
    expired,
    invalid,
    unavailable,
    unbound,
)
from zhitong.ports import UsedTokens
from zhitong.types import Principal, TokenUse

LEEWAY = 30
"""Seconds that clocks may differ."""
LARGEST = 8_192
"""Characters of a token; a longer one is not looked into."""

_BEARER = "Bearer "
_FORM = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)

LOGGER = logging.getLogger("zhitong.tokens")

Clock = Callable[[], float]


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All a header may say; ``jwk``, ``jku``, ``crit`` and the like may not."""

    alg: str
    kid: str
    typ: str = "JWT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and how to note that the token serves a change."""

    principal: Principal
    holder: str
    """The thumbprint of the certificate it came with."""
    once: Callable[[], Awaitable[None]]
    """Raises `TokenReplayedError`; to be awaited before anything is changed."""


@dataclass(slots=True, kw_only=True)
class _Verified:
    """A token that was verified, by which key."""

    claims: Claims
    principal: Principal
    issuer: Issuer
    kid: str
    key: Key
    caller: Caller | None = None
    """Who sent it last, with a certificate that is its own."""

    @property
    def stands(self) -> bool:
        """Whether the key is still its issuer's."""
        return self.issuer.ring.key(self.kid) is self.key


class Verifier:
    """Turns an Authorization header into a principal; remembers what it verified.

    A remembered token is one dictionary look-up instead of a signature check, but its
    key, its expiry and its certificate are looked at every time.
    """

    def __init__(  # noqa: PLR0913 - what a token is judged by, put together once
        self,
        issuers: Mapping[str, Issuer],
        audience: str,
        *,
        tenant: str = "anze",
        used: UsedTokens | None = None,
        clock: Clock = time.time,
        remembered: int = 4_096,
    ) -> None:
        self._issuers = _by_kid(issuers)
        self._audience = audience
        self._tenant = tenant
        self._used = used or MemoryUsedTokens()
        self._clock = clock
        self._remembered = remembered
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()
        self._refused = RefusedTokens(clock)

    def verify(self, authorization: str | None, certificate: str = "") -> Principal:
        """Return the principal of a ``Bearer`` token, or raise a `TokenError`.

        *certificate* is the thumbprint of the one that came with it.
        """
        with self._refused.told():
            return self._verify(_bearer(authorization), certificate).principal

    async def admit(self, authorization: str | None, certificate: str = "") -> Caller:
        """Return who asks as `verify` does, having looked for a key not seen yet."""
        known = self._known(authorization or "", certificate)
        if known is not None:
            return known
        with self._refused.told():
            token = _bearer(authorization)
            ring = self._lacking(token)
            if ring is not None:
                await ring.seek()
            verified = self._verify(token, certificate)
        claims = verified.claims
        use = TokenUse(
            issuer=claims.iss,
            number=claims.jti,
            holder=certificate,
            once=verified.issuer.single_use_mutations,
            expires=datetime.fromtimestamp(claims.exp + LEEWAY, UTC),
        )
        verified.caller = Caller(
            principal=verified.principal,
            holder=certificate,
            once=partial(self._once, use),
        )
        return verified.caller

    def _known(self, authorization: str, certificate: str) -> Caller | None:
        """Give who sent this token before; None: it is to be looked at in full."""
        if not authorization.startswith(_BEARER):
            return None
        # What is remembered has passed every check of form, letter by letter.
        digest = _digest(authorization[len(_BEARER) :])
        known = self._verified.get(digest)
        if known is None or known.caller is None or known.caller.holder != certificate:
            return None
        if not known.stands or self._clock() >= known.claims.exp + LEEWAY:
            return None
        self._verified.move_to_end(digest)
        return known.caller

    async def _once(self, use: TokenUse) -> None:
        with self._refused.told(use.issuer):
            await self._used.use(use)

    async def refresh(self) -> None:
        """Read every issuer's keys again; one that is away is said, not raised."""
        rings = {id(one.ring): one.ring for one in self._issuers.values()}
        outcomes = await asyncio.gather(
            *(ring.refresh() for ring in rings.values()), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, IssuerUnavailableError):
                LOGGER.warning("%s", outcome)
            elif isinstance(outcome, BaseException):
                raise outcome

    async def watch(self) -> None:
        """Refresh on a schedule, for ever."""
        while True:
            await asyncio.sleep(KEPT_SECONDS)
            await self.refresh()

    def _verify(self, token: str, certificate: str) -> _Verified:
        digest = _digest(token)
        known = self._verified.get(digest)
        if known is None or not known.stands:
            self._verified.pop(digest, None)
            known = self._check(token)
            self._remember(digest, known)
        elif self._clock() >= known.claims.exp + LEEWAY:
            del self._verified[digest]
            raise expired(known.issuer.name)
        else:
            self._verified.move_to_end(digest)
        _check_holder(known, certificate)
        return known

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._verified[digest] = verified
        if len(self._verified) > self._remembered:
            self._verified.popitem(last=False)

    def _lacking(self, token: str) -> KeyRing | None:
        """Give the ring that may have, but does not hold, the key *token* names."""
        if _digest(token) in self._verified:
            return None
        try:
            header = _header(token)
            ring = self._issuers[header.kid].ring
        except (KeyError, ValueError, RecursionError):
            return None
        return ring if ring.key(header.kid) is None else None

    def _check(self, token: str) -> _Verified:
        try:
            header = _header(token)
        except (ValueError, RecursionError) as error:
            raise invalid(Reason.FORM) from error
        issuer = self._issuers.get(header.kid)
        if issuer is None:
            raise invalid(Reason.KEY)
        key = issuer.ring.key(header.kid)
        if key is None:
            known = issuer.ring.known
            raise invalid(Reason.KEY, issuer.name) if known else unavailable()
        failed = Reason.SIGNATURE
        try:
            payload = _signed(token, header, issuer, key)
            failed = Reason.CLAIMS
            claims = self._claims(payload, issuer, token)
        # RecursionError: a payload nested too deep, signed or not by an issuer.
        except (ValueError, JoseError, RecursionError) as error:
            raise invalid(failed, issuer.name) from error
        for reason, wrong in self._faults(claims, issuer):
            if wrong:
                raise invalid(reason, issuer.name)
        self._check_times(claims, issuer)
        return _Verified(
            claims=claims,
            principal=claims.principal(),
            issuer=issuer,
            kid=header.kid,
            key=key,
        )

    def _faults(self, claims: Claims, issuer: Issuer) -> Iterator[tuple[Reason, bool]]:
        """Say of each check in turn whether it fails."""
        yield Reason.ISSUER, claims.iss != issuer.name
        yield Reason.AUDIENCE, claims.aud != (issuer.audience or self._audience)
        yield Reason.TENANT, claims.tenant != self._tenant
        yield Reason.CLAIMS, not coherent(claims)
        yield Reason.SPEAKER, not issuer.may_say(claims)

    def _claims(self, payload: bytes, issuer: Issuer, token: str) -> Claims:
        if issuer.origins is None:
            return own_claims(payload)
        audience = issuer.audience or self._audience
        number = _digest(token).hex()
        return outside_claims(payload, issuer.origins, audience, number)

    def _check_times(self, claims: Claims, issuer: Issuer) -> None:
        now = self._clock()
        if now >= claims.exp + LEEWAY:
            raise expired(issuer.name)
        starts = claims.iat if claims.nbf is None else max(claims.nbf, claims.iat)
        if now < starts - LEEWAY or claims.exp <= claims.iat:
            raise invalid(Reason.TIME, issuer.name)


def _by_kid(issuers: Mapping[str, Issuer]) -> dict[str, Issuer]:
    found: dict[str, Issuer] = {}
    for issuer in issuers.values():
        for kid in issuer.ring.kids:
            if kid in found:
                raise SettingsError(
                    f"密钥标识 {kid} 被两个签发方使用，请更换其中一个。",
                    f"Two issuers use the key id {kid}; change one of them.",
                )
            found[kid] = issuer
    return found


def _check_holder(verified: _Verified, certificate: str) -> None:
    bound = verified.claims.cnf
    missing = verified.issuer.require_certificate and not certificate
    if missing or (bound is not None and bound.certificate != certificate):
        raise unbound(verified.issuer.name)


def _bearer(authorization: str | None) -> str:
    """Give the token, looked at no further than its length and alphabet."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissingError(
            "请求没有令牌，请在 Authorization 请求头中携带 Bearer 令牌"
            "（演示环境：zhitong token police）。",
            "There is no token; send one as Authorization: Bearer … "
            "(in the demo: zhitong token police).",
        )
    token = token.strip(" ")
    if len(token) > LARGEST or not _FORM.fullmatch(token):
        raise invalid(Reason.FORM)
    return token


def _header(token: str) -> Header:
    return msgspec.convert(read_object(_decoded(token.partition(".")[0])), Header)


def _signed(token: str, header: Header, issuer: Issuer, key: Key) -> bytes:
    """Give what was signed; raise `ValueError` if it was not, or not as it must be."""
    if header.alg != issuer.algorithm or header.typ != issuer.type:
        raise ValueError("not this issuer's way to sign")
    first, _, last = token.rpartition(".")
    algorithm = jws.JWSRegistry.algorithms[issuer.algorithm]
    if not algorithm.verify(first.encode(), _decoded(last), key):
        raise ValueError("not signed by this key")
    return _decoded(first.partition(".")[2])


def _decoded(part: str) -> bytes:
    """Decode *part*; raise `ValueError` where another text would decode to the same."""
    decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        raise ValueError("not canonical")
    return decoded


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
