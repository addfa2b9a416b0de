"""What anybody may fetch of the proof: ``/evidence/keys`` and ``/evidence/head``.

Both are the same for all who ask, and are read from the database once a second at most.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response

from zhitong.connectors.key_ring import PublicKey
from zhitong.connectors.published import Published, PublishedHead
from zhitong.evidence import Signature, stamp

_SECONDS = 1.0
_HEADERS = {"cache-control": "public, max-age=1", "x-content-type-options": "nosniff"}


class Remembered:
    """An answer that is computed once for all who ask within a second."""

    def __init__(self, compute: Callable[[], Awaitable[object]]) -> None:
        self._compute = compute
        self._alone = asyncio.Lock()
        self._until = 0.0
        self._body = b""

    async def body(self) -> bytes:
        """Give the answer, JSON."""
        async with self._alone:
            if time.monotonic() >= self._until:
                self._body = orjson.dumps(await self._compute())
                self._until = time.monotonic() + _SECONDS
            return self._body


class EvidencePages:
    """The two addresses; without *published* there is nothing at either."""

    def __init__(self, published: Published | None) -> None:
        self._published = published
        self._keys = Remembered(self._all_keys)
        self._head = Remembered(self._newest)

    async def keys(self, _request: Request) -> Response:
        """Answer with every public key there was."""
        return _answer(await self._keys.body())

    async def head(self, _request: Request) -> Response:
        """Answer with the newest head and all that was said of it."""
        return _answer(await self._head.body())

    async def _all_keys(self) -> object:
        if self._published is None:
            return None
        return {"keys": [_key(each) for each in await self._published.keys()]}

    async def _newest(self) -> object:
        found = await self._published.head() if self._published else None
        return None if found is None else _head(found)


def _answer(body: bytes) -> Response:
    found = body != b"null"
    return Response(body, 200 if found else 404, _HEADERS, "application/json")


def _key(key: PublicKey) -> Mapping[str, object]:
    unit = {"unit": key.unit} if key.unit else {}
    return {
        "kid": key.key_id,
        "use": "sig",
        "purpose": key.purpose,
        "algorithm": key.algorithm,
        "pem": key.pem,
        "since": stamp(key.since),
        "retired": stamp(key.retired) if key.retired else None,
        **unit,
    }


def _head(head: PublishedHead) -> Mapping[str, object]:
    return {
        "note": _text(head.note),
        "signatures": [_signed(each) for each in head.signatures],
        "countersignatures": [
            {**_signed(each.signature), "seen": stamp(each.seen)}
            for each in head.countersignatures
        ],
    }


def _signed(signature: Signature) -> Mapping[str, str]:
    return {
        "kid": signature.key_id,
        "algorithm": signature.algorithm,
        "value": _text(signature.value),
    }


def _text(data: bytes) -> str:
    return b64encode(data).decode()
