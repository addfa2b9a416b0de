"""The gateway as departments meet it: decisions over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from machine import quantiles

from zhitong.infra.client import Client
from zhitong.infra.demonstration_decisions import draft
from zhitong.types import Occasion

QUESTIONS = Path(__file__).parents[1] / "infra" / "demo" / "questions"
CASES = """{ caseRecords(first: 200, sources: ["emergency"], where: {
  actType: {eq: PENALTY}, counterpartyKind: {eq: LEGAL_PERSON}}) { nodes {
    caseNo title division subjectCode subjectName matterCode legalBasis facts
    counterpartyName counterpartyCode counterparty { representative }
    officers { certificateNo } } } }"""
Case = dict[str, Any]


def some_cases(caller: Client) -> list[Case]:
    """Ask for penalty cases of the department with two officers each, newest first."""
    reply = caller.ask(CASES, Occasion(purpose="case-handling", cause="bench"))
    if not reply.good:
        raise SystemExit(f"no whole answer: {reply.body}")
    nodes: list[Case] = reply.body["data"]["caseRecords"]["nodes"]  # type: ignore[index]
    return [
        {**case, "officers": case["officers"][:2]}
        for case in nodes
        if len(case["officers"] or ()) > 1 and case["counterparty"]
    ]


RECORD = (QUESTIONS / "record-decision.graphql").read_text("utf-8")
BARE = """mutation Record($decision: DecisionInput!) {
  recordDecision(decision: $decision) { decisionId version contentHash replayed } }"""
"""Asks for nothing that is read again."""


async def over_http(  # noqa: PLR0913 - what differs from bench to bench
    caller: Client,
    cases: Sequence[Case],
    callers: int,
    count: int,
    *,
    called: str = "",
    document: str = RECORD,
) -> tuple[float, str]:
    """Give decisions/s of the gateway with so many callers, and what one takes.

    Decisions that are *called* otherwise are others.
    """
    where = urlsplit(caller.url)
    numbers = iter(range(count))
    taken: list[float] = []

    def request(number: int) -> bytes:
        case = cases[number % len(cases)]
        name = f"{called}{callers}-{number}"
        decision = draft(case) | {
            "localId": f"http-{name}",
            "documentNo": f"安应急罚〔2026〕{called}{9 * callers}{number:07d}号",
        }
        text = json.dumps({"query": document, "variables": {"decision": decision}})
        body = text.encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nhost: {where.netloc}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"authorization: Bearer {caller.token}\r\n"
            f"zhitong-purpose: case-handling\r\n"
            f"zhitong-cause: {quote(str(case['caseNo']))}\r\n\r\n"
        )
        return head.encode() + body

    async def call() -> None:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        for number in numbers:
            sent = request(number)
            began = time.perf_counter()
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"content-length: ([0-9]+)", head, re.IGNORECASE)
            body = json.loads(await reader.readexactly(int(size[1]) if size else 0))
            taken.append(time.perf_counter() - began)
            if body.get("errors") or body["data"]["recordDecision"]["replayed"]:
                raise SystemExit(f"not recorded: {body}")
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    return count / (time.perf_counter() - began), quantiles(taken)
