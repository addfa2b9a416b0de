"""Cursors: where a page ended, sealed so that none can be made up or passed on.

A cursor is base64url of JSON ``[list, owner, value, source, key]`` followed by a
16-byte HMAC-SHA-256 over it. *list* names type, order and parent, *owner* is a keyed
digest of the principal.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass

from zhitong.exceptions import (
    CursorElsewhereError,
    CursorForeignError,
    CursorMalformedError,
)
from zhitong.types import Principal

MAC = 16
LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Mark:
    """The last row of a page: its order value, its source, its key there."""

    value: str | None
    source: str
    key: str


class Cursors:
    """Writes and reads cursors under one secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, listing: str, principal: Principal, mark: Mark) -> str:
        """Seal *mark* for one list and one principal."""
        payload = json.dumps(
            [listing, self._owner(principal), mark.value, mark.source, mark.key],
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        return base64.urlsafe_b64encode(payload + self._mac(payload)).decode()

    def read(self, listing: str, principal: Principal, cursor: str) -> Mark:
        """Open *cursor*; raise a `QuestionError` that says what is wrong with it."""
        payload = self._opened(cursor)
        written_for, owner, value, source, key = json.loads(payload)
        if owner != self._owner(principal):
            raise CursorForeignError(
                "该游标是发给其他调用方的，请从第一页重新查询",
                "this cursor was given to another principal; start at the first page",
            )
        if written_for != listing:
            raise CursorElsewhereError(
                f"该游标属于另一列表（{written_for}），此处是 {listing}",
                f"this cursor belongs to another list ({written_for}), not {listing}",
            )
        return Mark(value, source, key)

    def _opened(self, cursor: str) -> bytes:
        try:
            sealed = base64.urlsafe_b64decode(cursor[:LONGEST].encode("ascii"))
        except (binascii.Error, UnicodeEncodeError):
            sealed = b""
        payload, mac = sealed[:-MAC], sealed[-MAC:]
        if not payload or not hmac.compare_digest(mac, self._mac(payload)):
            raise CursorMalformedError(
                "游标无法识别，请原样使用上一页返回的 endCursor",
                "not a cursor of this service; use endCursor of the last page as it is",
            )
        return payload

    def _owner(self, principal: Principal) -> str:
        who = f"{principal.kind}|{principal.unit}|{principal.person}".encode()
        return hmac.new(self._secret, who, hashlib.sha256).hexdigest()[:12]

    def _mac(self, payload: bytes) -> bytes:
        return hmac.new(self._secret, payload, hashlib.sha256).digest()[:MAC]
