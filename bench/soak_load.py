"""Decisions at a constant rate, whatever becomes of those before: an open loop.

Each decision has a script drawn from the seed: recorded, perhaps corrected, perhaps
withdrawn; a few are malformed, or come again with other content, and must be refused.
A caller sends a step again as a case system does, with the same id; some never do, so
that what nobody asks about again is looked at, too.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import re
import statistics
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from over_http import QUESTIONS, Case
from soak_direct import Direct
from soak_ledger import PLANNED_REFUSALS, Act, Attempt, Ledger, Result

from zhitong.decisions import Entry
from zhitong.infra.client import Client
from zhitong.infra.demonstration_decisions import draft

LINES = 32
"""Connections at most; a step that finds none waits, and its latency shows it."""
CASES = 200
ANSWER_SECONDS = 20.0
PATIENCE = 90.0
"""Seconds for which a patient caller asks again."""
_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
CALM = 1.0
"""Seconds within which half of those who call are answered where nothing is wrong."""
_CALM_SECONDS = 6.0
_REMEMBERED = 20_000
_LENGTH = re.compile(rb"content-length: ([0-9]+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: close", re.IGNORECASE)
_LOST = (OSError, EOFError, asyncio.IncompleteReadError, TimeoutError, ValueError)
_SCRIPTS: Mapping[tuple[Act, ...], int] = {
    (Act.RECORD,): 56,
    (Act.RECORD, Act.WITHDRAW): 12,
    (Act.RECORD, Act.CORRECT): 12,
    (Act.RECORD, Act.CORRECT, Act.CORRECT): 5,
    (Act.RECORD, Act.CORRECT, Act.WITHDRAW): 8,
    (Act.RECORD, Act.CONFLICT): 4,
    (Act.MALFORMED,): 3,
}
"""What callers do, and how often, in a hundred."""
_IMPORTED: Mapping[tuple[Act, ...], int] = {
    (Act.RECORD,): 84,
    (Act.RECORD, Act.WITHDRAW): 4,
    (Act.RECORD, Act.CORRECT): 4,
    (Act.RECORD, Act.CORRECT, Act.WITHDRAW): 4,
    (Act.RECORD, Act.CONFLICT): 3,
    (Act.MALFORMED,): 1,
}
"""And those that enter at the ledger, many at once: an import seldom repents."""
_FAULT = "INTERNAL"
"""A fault of the gateway's own, which says nothing of what was done."""
_READ_AGAIN = 10
"""One caller in so many asks for what has to be read again, as a form does; the others
are case systems, which want to be told that it was taken."""
_RECORD = """mutation Record($decision: DecisionInput!) {
  recordDecision(decision: $decision) {
    decisionId version contentHash replayed events { receiver eventId } } }"""
_CORRECT = """mutation Correct($correction: CorrectionInput!) {
  correctDecision(correction: $correction) {
    decisionId version contentHash replayed events { receiver eventId } } }"""
_NAMES = {
    Act.CORRECT: "correctDecision",
    Act.WITHDRAW: "withdrawDecision",
}
Ask = Callable[[], Awaitable[Mapping[str, Any] | None]]
"""Sends a step once; None: there was no answer, or none that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What will be done with one decision: all of it from the seed."""

    number: int
    case: int
    steps: tuple[Act, ...]
    pauses: tuple[float, ...]
    """Seconds before each later step."""
    patient: bool
    direct: bool
    """Whether it enters at the ledger, not over HTTP."""


def scripts(seed: int, direct: float = 0.0) -> Iterator[Script]:
    """Draw them from *seed*, without an end; a share of *direct* is `Script.direct`."""
    drawn = random.Random(f"load {seed}")  # noqa: S311 - to be drawn again, not secret
    for number in itertools.count():
        imported = drawn.random() < direct
        acts = _IMPORTED if imported else _SCRIPTS
        yield Script(
            number=number,
            case=drawn.randrange(CASES),
            steps=drawn.choices(list(acts), list(acts.values()))[0],
            pauses=tuple(drawn.uniform(0.0, 3.0) for _ in range(3)),
            patient=drawn.random() < 0.85,  # noqa: PLR2004 - the others never ask again
            direct=imported,
        )


class Load:
    """*rate* decisions a second until it is told that this is enough."""

    def __init__(  # noqa: PLR0913 - what it asks, what it notes, and how much
        self,
        caller: Client,
        cases: Sequence[Case],
        ledger: Ledger,
        imports: Direct,
        *,
        seed: int,
        rate: float,
        direct: float,
    ) -> None:
        self._caller = caller
        self._imports = imports
        self._direct = direct
        self._cases = cases
        self._ledger = ledger
        self._enough = False
        self._seed = seed
        self.rate = rate
        """May be changed meanwhile."""
        self._head = _head(caller)
        self._free: list[_Line] = []
        self._room = asyncio.Semaphore(LINES)
        self._gate = asyncio.Semaphore(LINES)
        """Of imports: those that wait for the ledger hold no caller up."""
        self._record = (QUESTIONS / "record-decision.graphql").read_text("utf-8")
        self._withdraw = (QUESTIONS / "withdraw-decision.graphql").read_text("utf-8")
        self.attempts: list[Attempt] = []
        self.codes: Counter[str] = Counter()
        """Refusals and lost answers, by their codes."""
        self.failures: list[tuple[float, float, str]] = []
        """Requests without an answer of the gateway: from when to when, and why."""
        self.last_ok: Attempt | None = None
        self.answered: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        """When a step was answered, and how long after its planned time."""

    async def run(self) -> None:
        """Do it; returns when it was enough and each step is settled."""
        due = time.time()
        async with asyncio.TaskGroup() as group:
            for script in scripts(self._seed, self._direct):
                due += 1.0 / self.rate
                await asyncio.sleep(max(0.0, due - time.time()))
                if self._enough:
                    break
                group.create_task(self._do(script, due))
        for line in self._free:
            line.hang_up()

    def enough(self) -> None:
        """Begin nothing more; what is begun is brought to its end."""
        self._enough = True

    def median(self, seconds: float) -> float:
        """Say how long those waited who were answered in the last *seconds*."""
        since = time.time() - seconds
        found = [took for at, took in self.answered if at >= since]
        return statistics.median(found) if found else math.inf

    async def calms(self, seconds: float) -> bool:
        """Wait until nobody waits for others any more; say whether that came."""
        ends = time.time() + seconds
        while self._room.locked() or self.median(_CALM_SECONDS) > CALM:
            if time.time() > ends:
                return False
            await asyncio.sleep(_PAUSE)
        return True

    async def _do(self, script: Script, due: float) -> None:
        before: Attempt | None = None
        for place, act in enumerate(script.steps):
            if before is not None:
                await asyncio.sleep(script.pauses[place - 1])
                due = time.time()
            attempt = await self._settled(script, place, before, due)
            if attempt.result is not Result.OK:
                return
            if act not in PLANNED_REFUSALS:
                before = attempt

    async def _settled(
        self, script: Script, place: int, before: Attempt | None, due: float
    ) -> Attempt:
        act = script.steps[place]
        local = f"soak-{self._seed}-{script.number}"
        attempt = Attempt(
            mark=f"soak{self._seed}n{script.number}s{place + 1}e",
            local=local,
            version=1 if act is Act.CONFLICT else place + 1,
            act=act,
            planned=due,
            began=time.time(),
        )
        self._ledger.begin(attempt)
        ask = await self._asking(script, attempt, before)
        attempt = await self._until_known(attempt, ask, patient=script.patient)
        attempt = replace(attempt, ended=time.time())
        self._ledger.settle(attempt)
        self.attempts.append(attempt)
        if attempt.result is Result.OK:
            self.last_ok = attempt
            self.answered.append((attempt.ended, attempt.ended - attempt.planned))
        return attempt

    async def _until_known(
        self, attempt: Attempt, ask: Ask, *, patient: bool
    ) -> Attempt:
        ends = time.time() + PATIENCE
        pause, lost = _PAUSE, False
        while True:
            attempt = replace(attempt, sent=attempt.sent + 1)
            body = await ask()
            errors = (body or {}).get("errors") or []
            if body is not None and not errors:
                return _ok(attempt, body)
            code = str(errors[0]["extensions"]["code"]) if errors else "NO_ANSWER"
            self.codes[code] += 1
            attempt = replace(attempt, code=code)
            if errors and code != _FAULT and not errors[0]["extensions"]["retriable"]:
                # A refusal of what may have been taken before says nothing of that.
                known = Result.UNKNOWN if lost else Result.REFUSED
                return replace(attempt, result=known)
            lost = True
            if not patient or time.time() > ends:
                return attempt
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _asking(
        self, script: Script, attempt: Attempt, before: Attempt | None
    ) -> Ask:
        """Give what sends the step, as often as it is called."""
        if not script.direct:
            return partial(self._asked, self._request(script, attempt, before))
        case = self._cases[script.case % len(self._cases)]
        entry = await self._imports.entry(attempt, case, script.number, before)
        return partial(self._entered, entry, _name(attempt.act))

    async def _entered(self, entry: Entry, name: str) -> Mapping[str, Any]:
        async with self._gate:
            return await self._imports.ask(entry, name)

    async def _asked(self, request: bytes) -> dict[str, Any] | None:
        """Ask once; None: there was no answer, or none that can be read."""
        async with self._room:
            line = self._free.pop() if self._free else _Line(self._caller.url)
            began = time.time()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    body = await line.ask(request)
            except _LOST as error:
                # Whether it was committed is found by sending it again.
                line.hang_up()
                why = f"{type(error).__name__} {error}"
                self.failures.append((began, time.time(), why))
                return None
            self._free.append(line)
            return body

    def _request(
        self, script: Script, attempt: Attempt, before: Attempt | None
    ) -> bytes:
        case = self._cases[script.case % len(self._cases)]
        document, variables = _RECORD, self._asks(script, attempt, case, before)
        if script.number % _READ_AGAIN == 0:
            document = self._record
        if attempt.act is Act.CORRECT:
            document = _CORRECT
        elif attempt.act is Act.WITHDRAW:
            document = self._withdraw
        text = msgspec.json.encode({"query": document, "variables": variables})
        return b"%b%d\r\n\r\n%b" % (self._head, len(text), text)

    def _asks(
        self, script: Script, attempt: Attempt, case: Case, before: Attempt | None
    ) -> dict[str, Any]:
        if attempt.act is Act.WITHDRAW:
            assert before is not None  # noqa: S101 - it comes after a record
            withdrawal = {"reason": attempt.said, "basis": "本局复查意见"}
            return {"withdrawal": {"decisionId": before.decision, **withdrawal}}
        decision = draft(case) | {
            "localId": attempt.local,
            "caseNo": f"{case['caseNo']}/{script.case}",
            "documentNo": f"安应急罚〔2026〕{self._seed}-{script.number + 1:07d}号",
            "facts": attempt.said,
        }
        if attempt.act is Act.MALFORMED:
            decision["fine"] = "1000000000000000.00"
        if attempt.act is not Act.CORRECT:
            return {"decision": decision}
        assert before is not None  # noqa: S101 - it comes after a record
        named = {"decisionId": before.decision, "version": before.version}
        return {"correction": {**named, "decision": decision, "reason": "笔误"}}


def _name(act: Act) -> str:
    return _NAMES.get(act, "recordDecision")


def _ok(attempt: Attempt, body: Mapping[str, Any]) -> Attempt:
    found = body["data"][_name(attempt.act)]
    return replace(
        attempt,
        result=Result.OK,
        decision=found["decisionId"],
        version=found["version"],
        digest=found["contentHash"],
        events=frozenset((e["eventId"], e["receiver"]) for e in found["events"]),
        code="",
    )


def _head(caller: Client) -> bytes:
    """Write what is the same above each request."""
    return (
        f"POST /graphql HTTP/1.1\r\nhost: {urlsplit(caller.url).netloc}\r\n"
        f"content-type: application/json\r\n"
        f"authorization: Bearer {caller.token}\r\n"
        f"zhitong-purpose: case-handling\r\n"
        f"zhitong-cause: {quote('持续试验')}\r\n"
        f"content-length: "
    ).encode()


class _Line:
    """One connection to the gateway, made anew when it broke."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._at = where.hostname, where.port
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> dict[str, Any]:
        if self._open is not None and self._open[0].at_eof():
            self.hang_up()  # it was closed while nobody asked over it
        if self._open is None:
            self._open = await asyncio.open_connection(*self._at)
        reader, writer = self._open
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        size = _LENGTH.search(answer)
        body = msgspec.json.decode(
            await reader.readexactly(int(size[1]) if size else 0)
        )
        if not isinstance(body, dict):
            raise TypeError(body)
        if _CLOSES.search(answer):
            self.hang_up()
        return body

    def hang_up(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = None
