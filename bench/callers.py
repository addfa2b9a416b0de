"""Asking over connections that stay open, as fast as the answers come.

It knows both forms of a body: Go sends everything above 2 KB in chunks. What asking
takes is in no figure, but it has its share of the machine.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LATE = (b'"SOURCE_TIMEOUT"', b'"SOURCE_UNAVAILABLE"', b'"SOURCE_RESTING"')
"""In an answer of ours that lacks a department's part, which was late."""
_HEAD = 300
"""Where in a body its errors would begin, from the front or from the end."""


class AnswerError(Exception):
    """An answer is not what was to be timed."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where questions go, and what goes with them."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    expects: bytes = b""
    """What the head of each answer must have, in small letters."""

    def request(self, document: str, variables: Mapping[str, object]) -> bytes:
        """Write one POST."""
        where = urlsplit(self.url)
        body = json.dumps({"query": document, "variables": variables}).encode()
        lines = {
            "host": where.netloc,
            "content-type": "application/json",
            "accept": "application/json",
            "content-length": str(len(body)),
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST {where.path} HTTP/1.1\r\n{head}\r\n".encode() + body


@dataclass(slots=True)
class Asked:
    """What was seen of some questions."""

    seconds: list[float] = field(default_factory=list)
    """What each took."""
    took: float = 0.0
    again: int = 0
    """Questions whose record or sources were late: asked once more."""


class Caller:
    """One connection."""

    def __init__(
        self, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._target = target
        self._reader = reader
        self._writer = writer

    @classmethod
    async def at(cls, target: Target) -> Caller:
        """Connect."""
        where = urlsplit(target.url)
        return cls(target, *await asyncio.open_connection(where.hostname, where.port))

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Give head, in small letters, and body of what is answered."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        return head, await self._body(head)

    async def whole(self, request: bytes) -> int:
        """Ask until the answer is whole; give how often it was not, being late."""
        again = 0
        while True:
            head, body = await self.ask(request)
            status = head.partition(b"\r\n")[0]
            if not (b" 503 " in status or any(code in body for code in LATE)):
                break
            again += 1
        errors = b'"errors"' in body[:_HEAD] or b'"errors"' in body[-_HEAD:]
        if b" 200 " not in status or errors or self._target.expects not in head:
            raise AnswerError(f"{head[:100]!r} {body[:500]!r}")
        return again

    async def _body(self, head: bytes) -> bytes:
        _, said, length = head.partition(b"content-length: ")
        if said:
            return await self._reader.readexactly(int(length.split()[0]))
        parts: list[bytes] = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(parts)

    @property
    def gone(self) -> bool:
        """Whether the server has hung up, as it does after idle seconds."""
        return self._reader.at_eof()

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(OSError):  # the other side was first
            await self._writer.wait_closed()


async def ask(
    target: Target, requests: Iterator[bytes], callers: int, count: int
) -> Asked:
    """Send *count* requests by so many callers."""
    numbers, found = iter(range(count)), Asked()

    async def calling() -> None:
        caller = await Caller.at(target)
        try:
            for _ in numbers:
                sent = next(requests)
                began = time.perf_counter()
                found.again += await caller.whole(sent)
                found.seconds.append(time.perf_counter() - began)
        finally:
            await caller.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(calling())
    found.took = time.perf_counter() - began
    return found
