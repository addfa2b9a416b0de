"""Why a question is asked, and on which papers, out of the headers that say so."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from zhitong.exceptions import OccasionMalformedError
from zhitong.types import Occasion

HEADERS: Mapping[str, bytes] = {
    each.name: f"zhitong-{each.name}".encode() for each in fields(Occasion)
}
"""The header that says each part of an occasion."""
_NAMES = tuple(HEADERS.values())
_NOTHING = (None,) * len(_NAMES)
_SILENT = Occasion()

_LONGEST = 200
_LARGEST = 12 * _LONGEST
"""Bytes of it: a character is four at most, each percent-encoded as three."""
# Line ends and other controls forge log lines; format characters (bidi
# overrides, zero-width ones) make a recorded purpose read as another.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that no text of a caller may have."""


def read_occasion(headers: Mapping[bytes, bytes]) -> Occasion:
    """Read what is said; empty where a header is absent."""
    said = tuple(map(headers.get, _NAMES))
    return _SILENT if said == _NOTHING else _occasion(said)


@lru_cache(maxsize=256)
def _occasion(said: tuple[bytes | None, ...]) -> Occasion:
    """Read what is said in the headers, in their order."""
    return Occasion(
        **{
            part: _text(header.decode(), raw or b"")
            for (part, header), raw in zip(HEADERS.items(), said, strict=True)
        }
    )


def said(occasion: Occasion) -> dict[str, str]:
    """Give the headers that say *occasion*: the way `read_occasion` reads them."""
    texts = {part: getattr(occasion, part) for part in HEADERS}
    return {HEADERS[part].decode(): quote(text) for part, text in texts.items() if text}


def _text(header: str, raw: bytes) -> str:
    if len(raw) > _LARGEST:
        raise _too_long(header)
    try:
        text = unquote_to_bytes(raw).decode().strip()
    except UnicodeDecodeError as error:
        raise OccasionMalformedError(
            f"请求头 {header} 须为 UTF-8 或百分号编码的 UTF-8。",
            f"{header} must be UTF-8, or UTF-8 percent-encoded.",
        ) from error
    if len(text) > _LONGEST:
        raise _too_long(header)
    if not INVISIBLE.isdisjoint(map(unicodedata.category, text)):
        raise OccasionMalformedError(
            f"请求头 {header} 含有控制字符或不可见字符，请删除。",
            f"{header} has control or invisible characters; remove them.",
        )
    return text


def _too_long(header: str) -> OccasionMalformedError:
    return OccasionMalformedError(
        f"请求头 {header} 不得超过 {_LONGEST} 个字符。",
        f"{header} must not be longer than {_LONGEST} characters.",
    )
