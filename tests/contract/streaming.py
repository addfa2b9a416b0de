"""What the tests of streams share: a decision to record, a clock, events as sent."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import httpx

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS

BUREAU = DEMO_PRINCIPALS["department"]


def penalty() -> dict[str, object]:
    """Give a decision that was not recorded yet."""
    number = uuid.uuid4().hex[:12]
    return {
        "localId": f"live-{number}",
        "actType": "PENALTY",
        "subjectCode": BUREAU.unit,
        "documentNo": f"（安）应急罚〔2026〕{int(number, 16)}号",
        "decidedOn": "2026-06-01",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": "安泽金丝雀化工有限公司",
        "counterpartyCode": "91110000600037341L",
        "penaltyKinds": ["FINE"],
        "fine": "20000.00",
        "procedure": "ORDINARY",
    }


class Clock:
    """The verifier's clock, which tests move."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + 1_700_000_000 + self.ahead


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    """Give the name and the data of each event; comments are left out."""
    rest = b""
    async for part in response.aiter_bytes():
        assert b"\r" not in part  # frames end in line feeds alone
        *frames, rest = (rest + part).split(b"\n\n")
        for frame in frames:
            if not frame.startswith(b":"):
                name, data = frame.decode().split("\n")
                yield name.removeprefix("event: "), data.removeprefix("data: ")
