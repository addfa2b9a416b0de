"""Pseudonyms: equal values stay equal for one unit, and tell another nothing.

A department's database gives a digest (`zhitong.connectors.masks`), so that the value
does not leave it; the digest of an ID number can be guessed, so it does not leave the
connector: what does is its HMAC under a key of the tenant's requesting unit.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping

from zhitong.connectors.masks import DIGEST
from zhitong.types import Column, Mask, MaskKind

_DIGEST = re.compile(f"{DIGEST}[0-9a-f]{{64}}")
LENGTH = 32
"""Hexadecimal digits of a pseudonym: 128 bits."""


class Pseudonyms:
    """Makes pseudonyms under a key for each audience, all derived from one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, digest: str, audience: str) -> str:
        """Give what *audience* may know of a value with this *digest*."""
        key = hmac.digest(self._secret, audience.encode(), hashlib.sha256)
        return hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()[:LENGTH]


def audiences(columns: Iterable[Column]) -> Mapping[str, str]:
    """Name the columns that may hold digests, and for whom."""
    return {
        column.name: ruling.verdict.audience
        for column in columns
        for ruling in column.rulings
        if isinstance(ruling.verdict, Mask) and ruling.verdict.kind is MaskKind.HASH
    }


def pseudonymous(
    record: Iterable[object],
    hashed: Mapping[int, str],
    pseudonyms: Pseudonyms | None,
) -> tuple[object, ...]:
    """Put pseudonyms in the place of digests; nothing where there is no secret.

    *hashed* says which cells may be digests, and for whom.
    """

    def shown(value: object, audience: str) -> object:
        if isinstance(value, list):
            return [shown(each, audience) for each in value]
        if not isinstance(value, str) or not _DIGEST.fullmatch(value):
            return value
        return None if pseudonyms is None else pseudonyms.of(value, audience)

    return tuple(
        shown(value, hashed[place]) if place in hashed else value
        for place, value in enumerate(record)
    )
