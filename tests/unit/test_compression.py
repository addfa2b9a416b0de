"""Answers are compressed for who can read it, and nothing of the proof changes."""

from __future__ import annotations

import sys
from collections.abc import Callable

import brotli
import pytest

from zhitong.infra.compression import LARGE, coding, compressed
from zhitong.infra.replies import Reply

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

READ: dict[str, Callable[[bytes], bytes]] = {
    "zstd": zstd.decompress,
    "br": brotli.decompress,
}
BODY = '{"data":{"名":"甲"}}'.encode() * 400
LEAST = 4_096


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        (b"gzip, deflate, br, zstd", "zstd"),
        (b"br", "br"),
        (b"BR;q=1.0", "br"),
        (b"zstd;q=0.5, br;q=0.9", "br"),
        (b"zstd;q=0.5,br;q=0.5", "zstd"),
        (b"*", "zstd"),
        (b"zstd;q=0, *", "br"),
        (b"*;q=0", None),
        (b"gzip, deflate", None),
        (b"identity", None),
        (b"identity;q=0", None),
        (b"identity;q=0, br", "br"),
        (b"identity, br;q=0.5", None),
        (b"br;q=0.5, identity;q=0.1", "br"),
        (b"br;q=0", None),
        (b"br;q=2", None),
        (b"br;q=nan", None),
        (b"br;level=9", None),
        (b"\xff,;,q", None),
    ],
)
def test_the_reader_chooses_by_its_liking(accepted: bytes, chosen: str | None) -> None:
    assert coding(accepted) == chosen


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("size", [LEAST, LARGE + 1])
async def test_what_is_unpacked_is_the_answer(name: str, size: int) -> None:
    body = (BODY * (size // len(BODY) + 1))[:size]
    given = await compressed(
        Reply(status=200, body=body, headers={"zhitong-record": "7"}),
        name.encode(),
        LEAST,
    )
    assert given.headers == {"zhitong-record": "7", "content-encoding": name}
    assert len(given.body) < size // 10
    assert READ[name](given.body) == body


@pytest.mark.parametrize(
    ("accepted", "size"),
    [(b"br", LEAST - 1), (None, LEAST), (b"", LEAST), (b"br," * 500, LEAST)],
)
async def test_what_is_small_or_for_another_reader_goes_out_as_it_is(
    accepted: bytes | None, size: int
) -> None:
    reply = Reply(status=200, body=b"x" * size)
    assert await compressed(reply, accepted, LEAST) is reply
