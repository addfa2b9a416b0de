"""Answers in fewer bytes, for who says that it can read them.

Zstandard first, then Brotli, both at their fastest: what they save beyond that costs
more than sending it. gzip is left out, at its fastest it takes thrice as long. What is
on record, digested and receipted is the answer before this.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial

import brotli

from zhitong.infra.replies import Reply

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LARGE = 262_144
"""Bytes that are compressed in a thread: beyond, it takes most of a millisecond."""
_LONGEST = 1_024
"""Bytes of an Accept-Encoding that is looked at, and remembered."""

_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": partial(zstd.compress, level=1),
    "br": partial(brotli.compress, quality=1),
}
"""By their names in HTTP, the best liked of ours first."""


async def compressed(reply: Reply, accepted: bytes | None, least: int) -> Reply:
    """Compress *reply* as its reader likes it, unless it is smaller than *least*."""
    if not accepted or len(reply.body) < least or len(accepted) > _LONGEST:
        return reply
    name = coding(accepted)
    if name is None:
        return reply
    if len(reply.body) > LARGE:
        body = await asyncio.to_thread(_CODINGS[name], reply.body)
    else:
        body = _CODINGS[name](reply.body)
    return replace(
        reply, body=body, headers={**reply.headers, "content-encoding": name}
    )


@lru_cache(maxsize=256)
def coding(accepted: bytes) -> str | None:
    """Choose what an Accept-Encoding likes best (RFC 9110 §12.5.3); None: as it is.

    An answer as it is, is always acceptable to us, whatever the header says of it.
    """
    liked = dict(map(_liking, accepted.decode("latin-1").lower().split(",")))
    others = liked.get("*", 0.0)
    best = max(_CODINGS, key=lambda name: liked.get(name, others))
    liking = liked.get(best, others)
    return best if liking > 0 and liking >= liked.get("identity", 0.0) else None


def _liking(part: str) -> tuple[str, float]:
    """Read one coding and how it is liked: nothing said is wholly, nonsense not."""
    name, _, weight = part.partition(";")
    said, _, value = weight.partition("=")
    if not weight.strip():
        return name.strip(), 1.0
    try:
        quality = float(value) if said.strip() == "q" else 0.0
    except ValueError:
        quality = 0.0
    return name.strip(), quality if 0 <= quality <= 1 else 0.0
