"""Media types: what a request is written in, what its answer shall be."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message
from functools import lru_cache
from typing import NamedTuple

from zhitong.exceptions import MediaTypeError

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
HTML = "text/html"

_LONGEST_ACCEPT = 1_024
_LONGEST_TYPE = 256
"""Bytes of a Content-Type that is looked at, and remembered."""


class _Range(NamedTuple):
    """One range of an Accept header, as ``text/*;q=0.5``."""

    type: str
    quality: float
    place: int


@lru_cache(maxsize=64)
def check_content_type(value: bytes) -> None:
    """Accept JSON in UTF-8, said or not; raise `MediaTypeError` for all else."""
    header = Message()
    header["content-type"] = value[:_LONGEST_TYPE].decode("latin-1")
    charset = header.get_param("charset", "utf-8")
    named = header.get_content_type() == JSON and 0 < len(value) <= _LONGEST_TYPE
    if named and isinstance(charset, str) and charset.lower() in ("utf-8", "utf8"):
        return
    raise MediaTypeError(
        "请以 Content-Type: application/json（UTF-8）发送请求。",
        "Send the request with Content-Type: application/json in UTF-8.",
    )


def check_encoding(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a body that is no JSON, or is compressed."""
    check_content_type(headers.get(b"content-type", b""))
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise MediaTypeError(
            "不支持压缩的请求体，请不压缩发送。",
            "Compressed bodies are not read; send it uncompressed.",
        )


def choose(accept: bytes, served: tuple[str, ...]) -> str:
    """Choose from *served* what *accept* likes best.

    Equal liking is decided by how exactly a range names the type, then by the
    header's order, then by ours. A header that likes none of *served*, or is
    absent or absurdly long, is disregarded, as the specification allows.
    """
    if not accept or len(accept) > _LONGEST_ACCEPT:
        return served[0]
    return _choose(accept, served)


@lru_cache(maxsize=256)
def _choose(accept: bytes, served: tuple[str, ...]) -> str:
    ranges = _ranges(accept.decode("latin-1").lower())
    ranked = [
        (*rank, -ours, media)
        for ours, media in enumerate(served)
        if (rank := _rank(media, ranges)) is not None
    ]
    return max(ranked)[-1] if ranked else served[0]


def _ranges(accept: str) -> list[_Range]:
    ranges: list[_Range] = []
    for place, part in enumerate(accept.split(",")):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        ranges.append(_Range(name, _quality(parameters), place))
    return ranges


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                return 0.0
    return 1.0


def _rank(media: str, ranges: list[_Range]) -> tuple[float, int, int] | None:
    """Rank *media* by its most exact range; None where it is not wanted."""
    family = media.partition("/")[0] + "/*"
    for exactness, name in ((2, media), (1, family), (0, "*/*")):
        for wanted in ranges:
            if wanted.type == name:
                quality = wanted.quality
                return (quality, exactness, -wanted.place) if quality > 0 else None
    return None
