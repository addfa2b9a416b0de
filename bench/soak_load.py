"""Callers that record decisions as case systems do: until there is an answer."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from over_http import QUESTIONS, Case

from zhitong.infra.client import Client
from zhitong.infra.demonstration_decisions import draft

CALLERS = 16
EVERY = 5
"""Every so many decisions one is withdrawn."""
CASES = 500
_ANSWER_SECONDS = 30.0
_PAUSE = 0.2
_LOST = (OSError, EOFError, asyncio.IncompleteReadError, TimeoutError, ValueError)


@dataclass(frozen=True)
class Acknowledged:
    """A version the gateway said it has, and the events it named."""

    decision: str
    version: int
    events: frozenset[tuple[str, str]]
    """Event id and receiver."""


class Load:
    """So many decisions by sixteen callers, over HTTP, *rate* of them a second."""

    def __init__(
        self, caller: Client, cases: Sequence[Case], count: int, rate: float
    ) -> None:
        self._caller = caller
        self._cases = cases
        self._count = count
        self._rate = rate
        self._began = 0.0
        self._numbers: Iterator[int] = iter(range(count))
        self._record = (QUESTIONS / "record-decision.graphql").read_text("utf-8")
        self._withdraw = (QUESTIONS / "withdraw-decision.graphql").read_text("utf-8")
        self.acknowledged: list[Acknowledged] = []
        self.refused: list[str] = []
        self.decided = self.withdrawn = self.repeated = 0

    @property
    def progress(self) -> float:
        """Say which share of the decisions is acknowledged."""
        return self.decided / self._count

    async def run(self) -> None:
        """Record them all."""
        self._began = time.monotonic()
        await asyncio.gather(*(self._call() for _ in range(CALLERS)))

    async def _call(self) -> None:
        line = _Line(self._caller)
        for number in self._numbers:
            due = self._began + number / self._rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            case = self._cases[number % len(self._cases)]
            decision = draft(case) | {
                "localId": f"soak-{number}",
                "caseNo": f"{case['caseNo']}/{number % CASES}",
                "documentNo": f"安应急罚〔2026〕{number + 1:07d}号",
            }
            found = await self._until_answered(
                line, self._record, "recordDecision", {"decision": decision}
            )
            self.decided += 1
            if found is None or number % EVERY:
                continue
            withdrawal = {
                "decisionId": found["decisionId"],
                "reason": "经复查，认定事实的证据不足，自行撤销",
                "basis": "本局复查意见",
            }
            await self._until_answered(
                line, self._withdraw, "withdrawDecision", {"withdrawal": withdrawal}
            )
            self.withdrawn += 1
        line.hang_up()

    async def _until_answered(
        self, line: _Line, document: str, name: str, variables: dict[str, Any]
    ) -> dict[str, Any] | None:
        while True:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    body = await line.ask(document, variables)
            except _LOST:
                # Whether it was committed is found by sending it again.
                line.hang_up()
                self.repeated += 1
                await asyncio.sleep(_PAUSE)
                continue
            errors = body.get("errors") or []
            if any(each["extensions"].get("retriable") for each in errors):
                self.repeated += 1
                await asyncio.sleep(_PAUSE)
                continue
            if errors:
                code = errors[0].get("extensions", {}).get("code")
                self.refused.append(f"{name} refused: {code} {errors[0]['message']}")
                return None
            found: dict[str, Any] = body["data"][name]
            events = {(each["eventId"], each["receiver"]) for each in found["events"]}
            self.acknowledged.append(
                Acknowledged(found["decisionId"], found["version"], frozenset(events))
            )
            return found


class _Line:
    """One connection to the gateway, made anew when it broke."""

    def __init__(self, caller: Client) -> None:
        self._caller = caller
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        where = urlsplit(self._caller.url)
        if self._open is None:
            self._open = await asyncio.open_connection(where.hostname, where.port)
        reader, writer = self._open
        text = json.dumps({"query": document, "variables": variables}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nhost: {where.netloc}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(text)}\r\n"
            f"authorization: Bearer {self._caller.token}\r\n"
            f"zhitong-purpose: case-handling\r\n"
            f"zhitong-cause: {quote('持续试验')}\r\n\r\n"
        )
        writer.write(head.encode() + text)
        answer = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"content-length: ([0-9]+)", answer, re.IGNORECASE)
        body = json.loads(await reader.readexactly(int(size[1]) if size else 0))
        if not isinstance(body, dict):
            raise TypeError(body)
        return body

    def hang_up(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = None
