"""Whose tokens count: an issuer's keys, its one algorithm, and what it may say."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from zhitong.exceptions import IssuerUnavailableError
from zhitong.infra.claims import Claims, Origin, read_object

KEPT_SECONDS = 600.0
"""After which keys are read again; a removed one ends by then."""
STALE_SECONDS = 3_600.0
"""How long keys count that cannot be read again: an outage of the issuer is not ours,
but a key it has revoked in the meantime must not live on."""
PAUSE_SECONDS = 10.0
"""Between two attempts for the sake of a missing key: anybody can name one."""
RSA_BITS = range(2_048, 8_193)
"""Shorter ones are broken, longer ones are a way to keep us busy."""

LOGGER = logging.getLogger("zhitong.issuers")

Key = ECKey | RSAKey | OKPKey
Keys = Mapping[str, Key]
Read = Callable[[], Awaitable[Keys]]


@dataclass(frozen=True, slots=True)
class _Need:
    type: str
    curve: str = ""


ALGORITHMS: Mapping[str, _Need] = MappingProxyType(
    {
        "ES256": _Need("EC", "P-256"),
        "ES384": _Need("EC", "P-384"),
        "RS256": _Need("RSA"),
        "PS256": _Need("RSA"),
        "EdDSA": _Need("OKP", "Ed25519"),
        "Ed25519": _Need("OKP", "Ed25519"),
    }
)
"""Algorithms an issuer may sign with, and the keys they take."""


class KeyRing:
    """An issuer's public keys by *kid*: pinned for good, or read again and again.

    Only *kids* are taken from what is read; an issuer that is broken into cannot add
    one, and no token of one issuer is looked up among another's keys.
    """

    def __init__(
        self,
        kids: frozenset[str],
        read: Read,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kids = kids
        self._read: Read | None = read
        self._clock = clock
        self._keys: Keys = {}
        self._at: float | None = None
        self._tried: float | None = None
        self._turn = asyncio.Lock()

    @classmethod
    def pinned(cls, keys: Keys) -> KeyRing:
        """Hold *keys*, for good."""

        async def read() -> Keys:
            return keys

        ring = cls(frozenset(keys), read)
        ring._keys, ring._read = dict(keys), None
        return ring

    @property
    def known(self) -> bool:
        """Whether keys are at hand, and not too old."""
        if self._read is None:
            return True
        return self._at is not None and self._clock() - self._at < STALE_SECONDS

    def key(self, kid: str) -> Key | None:
        """Give the key of *kid* as it was last read; None: none, or too long ago."""
        return self._keys.get(kid) if self.known else None

    async def refresh(self) -> None:
        """Read the keys again; raise `IssuerUnavailableError`, the old ones kept."""
        async with self._turn:
            await self._refresh()

    async def seek(self) -> None:
        """Read them for the sake of one that is missing, unless that was just done."""
        async with self._turn:
            now = self._clock()
            if self._tried is not None and now - self._tried < PAUSE_SECONDS:
                return
            try:
                await self._refresh()
            except IssuerUnavailableError as error:
                LOGGER.warning("%s", error)

    async def _refresh(self) -> None:
        if self._read is None:
            return
        self._tried = self._clock()
        found = await self._read()
        # The same key stays the same object: what was verified by it still counts.
        self._keys = {
            kid: old if (old := self._keys.get(kid)) and _same(old, key) else key
            for kid, key in found.items()
        }
        self._at = self._clock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Somebody whose tokens count, and for whom it may speak; empty sets: for all."""

    name: str
    ring: KeyRing
    algorithm: str = "ES256"
    type: str = "JWT"
    audience: str = ""
    """What its tokens' ``aud`` is; empty: the gateway's own."""
    kinds: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    divisions: tuple[str, ...] = ()
    """Leading digits of the divisions it speaks for."""
    origins: Mapping[str, Origin] | None = None
    """Where our claims come from; None: the token has them by our names."""
    longest: int = 0
    """Seconds that a token may live at most; 0: it may say."""
    require_certificate: bool = False
    single_use_mutations: bool = False

    def may_say(self, claims: Claims) -> bool:
        """Say whether it may speak for whom *claims* name."""
        return (
            (not self.kinds or claims.kind in self.kinds)
            and (not self.tenants or claims.tenant in self.tenants)
            and (not self.units or claims.unit in self.units)
            and (not self.divisions or claims.division.startswith(self.divisions))
            and (not self.longest or claims.exp - claims.iat <= self.longest)
        )


def read_keys(
    raw: bytes, *, issuer: str, algorithm: str, kids: frozenset[str]
) -> dict[str, Key]:
    """Read a JWKS: the keys of *kids*; raise `IssuerUnavailableError`.

    A key of ours that is of another kind, too short or secret spoils the whole set:
    to take the rest would hide that somebody is careless with keys.
    """
    try:
        return _chosen(read_object(raw).get("keys"), algorithm, kids)
    except (ValueError, TypeError, KeyError, JoseError, RecursionError) as error:
        raise IssuerUnavailableError(
            f"签发方 {issuer} 的密钥集不可用（{type(error).__name__}）。",
            f"The key set of the issuer {issuer} cannot be used "
            f"({type(error).__name__}).",
        ) from error


def _chosen(said: object, algorithm: str, kids: frozenset[str]) -> dict[str, Key]:
    if not isinstance(said, list):
        raise msgspec.ValidationError("no list of keys")
    found: dict[str, Key] = {}
    for each in said:
        kid = each.get("kid") if isinstance(each, dict) else None
        if not isinstance(kid, str) or kid not in kids:
            continue
        if kid in found:
            raise ValueError("two keys of one kid")
        found[kid] = public_key(each, algorithm)
    return found


def public_key(form: Mapping[str, object], algorithm: str) -> Key:
    """Make the key that *form*, a JWK, describes; raise `ValueError`."""
    need = ALGORITHMS[algorithm]
    if form.get("kty") != need.type or form.get("crv", "") != need.curve:
        raise ValueError("of another type")
    if "d" in form:
        raise ValueError("a private key")
    if form.get("use", "sig") != "sig" or form.get("alg", algorithm) != algorithm:
        raise ValueError("for another use")
    public: dict[str, str | list[str]] = {
        name: value
        for name in ("kty", "crv", "x", "y", "n", "e")
        if isinstance(value := form.get(name), str)
    }
    if need.type == "RSA":
        if _bits(str(public["n"])) not in RSA_BITS:
            raise ValueError("of another size")
        return RSAKey.import_key(public)
    if need.type == "EC":
        return ECKey.import_key(public)
    return OKPKey.import_key(public)


def _bits(number: str) -> int:
    decoded = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))
    return int.from_bytes(decoded, "big").bit_length()


def _same(one: Key, other: Key) -> bool:
    return one.thumbprint() == other.thumbprint()
