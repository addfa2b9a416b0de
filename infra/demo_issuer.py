"""The demo's own issuer of tokens."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from zhitong.exceptions import SettingsError
from zhitong.infra.claims import Claims, Confirmation
from zhitong.infra.demo_people import ISSUER, PEOPLE, TENANT
from zhitong.infra.issuers import Issuer, KeyRing
from zhitong.infra.tokens import Clock
from zhitong.types import Principal

NAME = ISSUER
KEY = "demo-issuer.json"

DEMO_PRINCIPALS: Mapping[str, Principal] = PEOPLE
"""Whom it issues tokens to, by the word that ``zhitong token`` takes."""


class DemoIssuer:
    """Signs tokens with a key that is made once and kept in the state folder."""

    def __init__(
        self,
        state: Path,
        *,
        audience: str = "zhitong",
        tenant: str = TENANT,
        clock: Clock = time.time,
    ) -> None:
        self._key = _load_or_create(state / KEY)
        self._kid = self._key.thumbprint()
        self._audience = audience
        self._tenant = tenant
        self._clock = clock
        public = ECKey.import_key(self._key.as_dict(private=False))
        self._issuer = Issuer(
            name=NAME,
            ring=KeyRing.pinned({self._kid: public}),
            tenants=frozenset({tenant}),
        )

    @property
    def issuer(self) -> Issuer:
        """What a `Verifier` pins: the name and the public key."""
        return self._issuer

    def issue(
        self,
        principal: Principal,
        lifetime: timedelta = timedelta(hours=8),
        *,
        certificate: str = "",
    ) -> str:
        """Return a token that says *principal* for *lifetime* from now.

        With *certificate*, a thumbprint, it is good together with that one alone.
        """
        now = int(self._clock())
        claims = Claims(
            iss=NAME,
            aud=self._audience,
            iat=now,
            exp=now + int(lifetime.total_seconds()),
            jti=secrets.token_urlsafe(16),
            sub=principal.person,
            tenant=self._tenant,
            kind=principal.kind,
            unit=principal.unit,
            unit_name=principal.unit_name,
            role=principal.role,
            division=principal.division,
            client=principal.client,
            identity=principal.identity,
            party_code=principal.party_code,
            party_number=principal.party_number,
            cnf=Confirmation(certificate) if certificate else None,
        )
        header = {"alg": "ES256", "kid": self._kid, "typ": "JWT"}
        return jws.serialize_compact(header, _payload(claims), self._key, ["ES256"])


def _payload(claims: Claims) -> bytes:
    # What is not so, or not stated, is left out: a token is sent with every question.
    said = msgspec.to_builtins(claims)
    kept = {name: value for name, value in said.items() if value or name == "division"}
    return msgspec.json.encode(kept)


def _load_or_create(path: Path) -> ECKey:
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise SettingsError(
            f"签发密钥 {path} 可被他人读取，请执行 chmod 600 后重试。",
            f"Others can read the issuer's key {path}; chmod 600 it and try again.",
        )
    try:
        return ECKey.import_key(json.loads(path.read_bytes()))
    except (JoseError, ValueError) as error:
        raise SettingsError(
            f"签发密钥 {path} 已损坏，请删除该文件后重试（旧令牌将失效）。",
            f"The issuer's key {path} is damaged; delete it and try again "
            "(older tokens end with it).",
        ) from error


def _create(path: Path) -> None:
    """Write a new key under *path* whole or not at all; the first writer wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = ECKey.generate_key("P-256", {"use": "sig"})
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(key.as_dict(private=True), file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was faster; its key is the key
    finally:
        draft.unlink()
