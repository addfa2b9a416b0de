"""Why a question is asked, out of the three headers that say so."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from zhitong.exceptions import OccasionMalformedError
from zhitong.types import Occasion

_LONGEST = 200
# Line ends and other controls forge log lines; format characters (bidi
# overrides, zero-width ones) make a recorded purpose read as another.
_REFUSED = frozenset({"Cc", "Cf", "Zl", "Zp"})


def read_occasion(headers: Mapping[bytes, bytes]) -> Occasion:
    """Read purpose, basis and cause; empty where a header is absent."""
    return Occasion(
        purpose=_text("zhitong-purpose", headers.get(b"zhitong-purpose", b"")),
        basis=_text("zhitong-basis", headers.get(b"zhitong-basis", b"")),
        cause=_text("zhitong-cause", headers.get(b"zhitong-cause", b"")),
    )


@lru_cache(maxsize=1_024)
def _text(header: str, raw: bytes) -> str:
    try:
        text = unquote_to_bytes(raw).decode().strip()
    except UnicodeDecodeError as error:
        raise OccasionMalformedError(
            f"请求头 {header} 须为 UTF-8 或百分号编码的 UTF-8。",
            f"{header} must be UTF-8, or UTF-8 percent-encoded.",
        ) from error
    if len(text) > _LONGEST:
        raise OccasionMalformedError(
            f"请求头 {header} 不得超过 {_LONGEST} 个字符。",
            f"{header} must not be longer than {_LONGEST} characters.",
        )
    if not _REFUSED.isdisjoint(map(unicodedata.category, text)):
        raise OccasionMalformedError(
            f"请求头 {header} 含有控制字符或不可见字符，请删除。",
            f"{header} has control or invisible characters; remove them.",
        )
    return text
