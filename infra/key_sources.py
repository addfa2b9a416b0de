"""Where an issuer's keys are read from: a file, an address, or by OIDC discovery.

Addresses are https, or http on this machine; nothing is followed elsewhere, for an
answer that sends us on would choose whose keys we take.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import ssl
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from zhitong.exceptions import IssuerUnavailableError, SettingsError
from zhitong.infra.claims import read_object
from zhitong.infra.issuers import Keys, Read, read_keys

SECONDS = 5.0
LARGEST = 262_144
DISCOVERY = "/.well-known/openid-configuration"


def from_file(path: Path, issuer: str, algorithm: str, kids: frozenset[str]) -> Read:
    """Read the keys from *path*, a JWKS that the issuer has given us."""

    async def read() -> Keys:
        try:
            raw = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise _away(issuer, error) from error
        return read_keys(raw, issuer=issuer, algorithm=algorithm, kids=kids)

    return read


def from_address(url: str, issuer: str, algorithm: str, kids: frozenset[str]) -> Read:
    """Read the keys from *url*; raise `SettingsError` if it is no safe address."""
    checked(url)

    async def read() -> Keys:
        raw = await _fetched(url, issuer)
        return read_keys(raw, issuer=issuer, algorithm=algorithm, kids=kids)

    return read


def from_discovery(issuer: str, algorithm: str, kids: frozenset[str]) -> Read:
    """Read the keys from where the issuer's own configuration says they are."""
    checked(issuer)

    async def read() -> Keys:
        raw = await _fetched(issuer.rstrip("/") + DISCOVERY, issuer)
        try:
            said = read_object(raw)
            # OIDC Discovery §4.3: who answers for another name is somebody else.
            if said.get("issuer") != issuer:
                raise ValueError("of another issuer")  # noqa: TRY301 - one place tells
            url = checked(str(said.get("jwks_uri")))
        except (ValueError, RecursionError, SettingsError) as error:
            raise _away(issuer, error) from error
        keys = await _fetched(url, issuer)
        return read_keys(keys, issuer=issuer, algorithm=algorithm, kids=kids)

    return read


def checked(url: str) -> str:
    """Give *url* if it is one that keys may come from; raise `SettingsError`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    safe = parts.scheme == "https" or (parts.scheme == "http" and _here(host))
    if not safe or not host or parts.username or parts.query or parts.fragment:
        raise SettingsError(
            f"签发方地址 {url!r} 不可用：须为 https，或本机的 http。",
            f"The issuer's address {url!r} will not do: it must be https, or http on "
            "this machine.",
        )
    return url


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _fetched(url: str, issuer: str) -> bytes:
    try:
        async with asyncio.timeout(SECONDS * 2):
            return await asyncio.to_thread(_get, url)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _away(issuer, error) from error


def _get(url: str) -> bytes:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, port, timeout=SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", parts.path or "/", headers={"accept": "*/*"})
        response = connection.getresponse()
        if response.status != HTTPStatus.OK:
            raise ValueError(response.status)
        body = response.read(LARGEST + 1)
    finally:
        connection.close()
    if len(body) > LARGEST:
        raise ValueError(LARGEST)
    return body


def _away(issuer: str, error: Exception) -> IssuerUnavailableError:
    return IssuerUnavailableError(
        f"取不到签发方 {issuer} 的密钥（{type(error).__name__}）。",
        f"The keys of the issuer {issuer} cannot be had ({type(error).__name__}).",
    )
