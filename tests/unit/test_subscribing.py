"""A subscription from answer to answer: what is sent, waited for and ended by."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

# The SDK is banned elsewhere; here it looks at what the API was told.
from opentelemetry.sdk.trace import TracerProvider  # noqa: TID251
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: TID251
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: TID251
    InMemorySpanExporter,
)
from opentelemetry.trace import Tracer, format_trace_id

from zhitong.decisions import Change, Changed
from zhitong.exceptions import (
    DocumentNotTrustedError,
    RecordUnavailableError,
    TokenExpiredError,
    ZhitongError,
)
from zhitong.infra import subscribing as module
from zhitong.infra.clients_file import Clients
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.intake import Headers, Intake
from zhitong.infra.pace import Pace
from zhitong.infra.parameters import from_members
from zhitong.infra.settings import Settings
from zhitong.infra.subscribing import Subscriber, Subscribing
from zhitong.infra.watching import Watching
from zhitong.resolvers.changes import Topic, Watch
from zhitong.schema.engine import Answer, Question, problem
from zhitong.types import Allowance, Occasion, Principal

ENDLESS = 60.0
TEXT = "subscription { decisions { position } }"
POLICE = DEMO_PRINCIPALS["police"]
Say = Callable[[Watch], Answer]


class Ledger:
    """Two changes, and no more."""

    async def since(self, position: int, most: int) -> Sequence[Changed]:
        found = [
            Changed(
                number=number,
                decision_id=f"d{number}",
                version=1,
                change=Change.RECORDED,
            )
            for number in (4, 8)
        ]
        return [one for one in found if one.number >= position][:most]

    async def end(self) -> int:
        return 0


class Register:
    """A register of trusted documents from which one may be taken."""

    def __init__(self) -> None:
        self.digests = {hashlib.sha256(TEXT.encode()).hexdigest()}

    async def find(self, digest: str, principal: Principal) -> str | None:
        assert principal == POLICE
        return TEXT if digest in self.digests else None


def given(watch: Watch) -> Answer:
    """Tell what has changed."""
    watch.told = True
    return Answer(body={"data": [one.number for one in watch.changed]}, executed=True)


def nothing(_watch: Watch) -> Answer:
    """Tell nothing: it is not to be seen."""
    return Answer(body={"data": []}, executed=True)


def unsure(watch: Watch) -> Answer:
    """Say that a source did not answer."""
    watch.missed = True
    return Answer(body={"data": None, "errors": [{}]}, executed=True)


def refused(error: ZhitongError) -> Say:
    """Refuse it for *error*."""

    def say(_watch: Watch) -> Answer:
        return Answer(body={"errors": [problem(error)]}, executed=False)

    return say


class Script:
    """Opens every subscription from the log's beginning, then says what is next."""

    def __init__(self, *says: Say) -> None:
        self.says = list(says)
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        watch = question.watch
        assert watch is not None
        if watch.topic is None:
            watch.topic, watch.position, watch.most = Topic.LEDGER, 0, 1
            return Answer(body={"data": "begun"}, executed=True)
        return self.says.pop(0)(watch)


Following = AsyncGenerator[Answer | None, None]


class Rests:
    """Passes over what would be waited for, and notes it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def following(  # noqa: PLR0913 - what a subscription rests on
    script: Script,
    state: Path,
    *,
    verify: Callable[[], Principal] = lambda: POLICE,
    allowance: Allowance | None = None,
    register: Register | None = None,
    pace: Pace | None = None,
    rests: Rests | None = None,
    headers: Headers | None = None,
    traces: Tracer | None = None,
) -> Following:
    settings = replace(Settings(state=state), alive_seconds=ENDLESS)
    intake = Intake(
        settings,
        clients=Clients([], allowance or Allowance()),
        documents=register,
        pace=pace,
    )
    watching = Watching(Ledger(), seconds=ENDLESS)
    served = Subscribing(
        script, intake, watching, settings, traces=traces, rest=rests or Rests()
    )
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    question = Question(
        document=TEXT,
        digest=digest,
        variables=None,
        operation=None,
        principal=POLICE,
        occasion=Occasion(),
        request_id="first",
        allowance=allowance or Allowance(),
    )
    return served.answers(
        Subscriber(
            question=question,
            asked=from_members({"query": TEXT}),
            headers=headers or {},
            verify=verify,
            transport="websocket",
            follows=asyncio.Event(),
        )
    )


async def bodies(answers: Following, most: int) -> list[Any]:
    """Give the data of the first *most* answers, the opening one left out."""
    found: list[Any] = []
    async with asyncio.timeout(ENDLESS), aclosing(answers):
        assert (await anext(answers)) is not None
        async for answer in answers:
            if answer is not None:
                found.append(answer.body.get("data"))
            if len(found) == most:
                break
    return found


async def test_each_change_is_told_once_and_in_order(tmp_path: Path) -> None:
    script = Script(given, given)
    assert await bodies(following(script, tmp_path), 2) == [[4], [8]]
    ids = [one.request_id for one in script.asked]
    assert ids[0] == "first"
    assert len(set(ids)) == 3


async def test_what_is_not_to_be_seen_is_not_sent(tmp_path: Path) -> None:
    assert await bodies(following(Script(nothing, given), tmp_path), 1) == [[8]]


async def test_what_may_have_been_missed_is_asked_again_and_never_passed_over(
    tmp_path: Path,
) -> None:
    rests = Rests()
    script = Script(unsure, unsure, given, given)
    assert await bodies(following(script, tmp_path, rests=rests), 2) == [[4], [8]]
    assert rests.seconds == [1.0, 2.0]


async def test_a_register_that_is_away_is_waited_for(
    tmp_path: Path,
) -> None:
    rests = Rests()
    away = refused(RecordUnavailableError("登记簿不可用", "the register is away"))
    assert await bodies(following(Script(away, given), tmp_path, rests=rests), 1) == [
        [4]
    ]
    assert rests.seconds == [1.0]


async def test_what_stays_away_ends_it_with_the_error(
    tmp_path: Path,
) -> None:
    rests = Rests()
    script = Script(*[unsure] * (len(module.RESTS) + 1), given)
    assert await bodies(following(script, tmp_path, rests=rests), 2) == [None]
    assert len(script.says) == 1
    assert tuple(rests.seconds) == module.RESTS


async def test_what_is_refused_for_good_ends_it_at_once(tmp_path: Path) -> None:
    gone = DocumentNotTrustedError("未登记", "it is not registered")
    script = Script(refused(gone), given)
    assert await bodies(following(script, tmp_path), 2) == [None]
    assert len(script.says) == 1


async def test_a_token_that_ended_ends_it_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    ended = False

    def verify() -> Principal:
        if ended:
            raise TokenExpiredError("令牌已过期", "the token has ended")
        return POLICE

    script = Script(given)
    async with (
        asyncio.timeout(ENDLESS),
        aclosing(following(script, tmp_path, verify=verify)) as answers,
    ):
        await anext(answers)
        ended = True
        with pytest.raises(TokenExpiredError):
            await anext(answers)
    assert len(script.asked) == 1


async def test_a_document_that_is_no_longer_trusted_ends_it(tmp_path: Path) -> None:
    register = Register()
    allowance = Allowance(trusted_only=True)
    script = Script(given)
    async with (
        asyncio.timeout(ENDLESS),
        aclosing(
            following(script, tmp_path, allowance=allowance, register=register)
        ) as answers,
    ):
        await anext(answers)
        register.digests.clear()
        with pytest.raises(DocumentNotTrustedError):
            await anext(answers)
    assert len(script.asked) == 1


async def test_what_comes_too_fast_is_given_later(
    tmp_path: Path,
) -> None:
    rests = Rests()
    moments = iter(range(0, 1_000, 5))
    pace = Pace(clock=lambda: float(next(moments)))
    allowance = Allowance(rate=0.1, burst=1)
    script = Script(given, given)
    answers = following(script, tmp_path, allowance=allowance, pace=pace, rests=rests)
    assert await bodies(answers, 2) == [[4], [8]]
    assert rests.seconds


async def test_each_answer_has_a_span_in_the_trace_of_who_asked(tmp_path: Path) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace = "0af7651916cd43dd8448eb211c80319c"
    answers = following(
        script := Script(given, given),
        tmp_path,
        headers={b"traceparent": f"00-{trace}-b7ad6b7169203331-01".encode()},
        traces=provider.get_tracer("test"),
    )
    assert await bodies(answers, 2) == [[4], [8]]
    spans = exporter.get_finished_spans()
    assert {one.name for one in spans} == {"websocket /graphql"}
    contexts = [one.get_span_context() for one in spans]
    assert {one and format_trace_id(one.trace_id) for one in contexts} == {trace}
    told = [dict(one.attributes or {})["zhitong.request_id"] for one in spans]
    assert told == [one.request_id for one in script.asked]
