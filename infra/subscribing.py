"""One operation of one subscriber: its first answer, and those that follow.

Each answer is a question of the subscriber like any other: token, allowance, trusted
document, rate, policy and record are looked at anew for every one of them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from opentelemetry import metrics
from opentelemetry.trace import Tracer

from zhitong.exceptions import (
    RateLimitedError,
    SubscriptionsTooManyError,
    ZhitongError,
)
from zhitong.infra.intake import Headers, Intake
from zhitong.infra.occasions import read_occasion
from zhitong.infra.parameters import Parameters
from zhitong.infra.places import Places
from zhitong.infra.receipts import Receipts, with_receipt
from zhitong.infra.settings import Settings
from zhitong.infra.spans import Spans
from zhitong.infra.tokens import Caller
from zhitong.infra.watching import Watching
from zhitong.resolvers.changes import Topic, Watch
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import Principal

RESTS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before an answer that could not be given now is tried again."""

_meter = metrics.get_meter("zhitong.subscriptions")
_open = _meter.create_up_down_counter(
    "zhitong.subscriptions.open", description="Subscriptions that are open."
)
_payloads = _meter.create_counter(
    "zhitong.subscriptions.payloads", description="Answers given to subscribers."
)
_dropped = _meter.create_counter(
    "zhitong.subscriptions.dropped",
    description="Subscriptions that the gateway ended, by reason.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Who asks what, and how to say later that the token still holds."""

    question: Question
    asked: Parameters
    headers: Headers
    verify: Callable[[], Principal]
    transport: str
    follows: asyncio.Event
    """Set when it goes on after its first answer, as a subscription alone does."""


class Subscribing:
    """Answers subscribers, of whatever transport."""

    def __init__(  # noqa: PLR0913 - everything an answer needs, put together once
        self,
        engine: Engine,
        intake: Intake,
        watching: Watching,
        settings: Settings,
        *,
        receipts: Receipts | None = None,
        traces: Tracer | None = None,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.intake = intake
        self._engine = engine
        self._watching = watching
        self._receipts = receipts
        self._spans = Spans(traces)
        self._rest = rest
        self._alive = settings.alive_seconds
        self._places = Places(settings.subscriptions, too_many)

    async def subscriber(  # noqa: PLR0913 - what a question is made of
        self,
        asked: Parameters,
        caller: Caller,
        headers: Headers,
        *,
        verify: Callable[[], Principal],
        transport: str,
        request_id: str,
        read_only: bool = False,
        follows: asyncio.Event | None = None,
    ) -> Subscriber:
        """Make the question that each answer is an answer to."""
        principal, intake = caller.principal, self.intake
        occasion = read_occasion(headers)
        allowance = intake.raised(principal, headers)
        # Before the document is looked for: its register is not to be hunted through.
        spend = intake.pace.question(principal, allowance)
        text = await intake.document(asked, principal, allowance)
        question = intake.question(
            asked,
            text,
            caller,
            occasion=occasion,
            headers=headers,
            allowance=intake.raised(principal, headers, text[1]),
            spend=spend,
            request_id=request_id,
            read_only=read_only,
        )
        return Subscriber(
            question=question,
            asked=asked,
            headers=headers,
            verify=verify,
            transport=transport,
            follows=follows or asyncio.Event(),
        )

    def written(self, answer: Answer) -> bytes:
        """Write *answer* as the payload of a message."""
        return with_receipt(answer, self._receipts)

    async def answers(
        self, subscriber: Subscriber
    ) -> AsyncGenerator[Answer | None, None]:
        """Give the answers as they come, and None where there long was none.

        A query or a mutation has one. Raises what a question raises, and a
        `TokenError` as soon as the token is seen to hold no longer.
        """
        with self._places.taken(subscriber.question.principal):
            watch = Watch(now=self._watching.now)
            states = self._watching.states()
            first = await self._answer(subscriber, subscriber.question, watch)
            if first.executed:
                self.intake.keep(subscriber.asked, subscriber.question.principal)
            yield first
            if watch.topic is None:
                return
            subscriber.follows.set()
            said = {"transport": subscriber.transport}
            _open.add(1, said)
            try:
                async with (
                    self._watching.waiting(),
                    aclosing(self._following(subscriber, watch, states)) as following,
                ):
                    async for answer in following:
                        if answer is not None:
                            _payloads.add(1, said)
                        yield answer
            except ZhitongError as error:
                dropped(subscriber.transport, error.code)
                raise
            finally:
                _open.add(-1, said)

    async def _following(
        self, subscriber: Subscriber, watch: Watch, states: Mapping[str, str]
    ) -> AsyncGenerator[Answer | None, None]:
        while True:
            try:
                async with asyncio.timeout(self._alive):
                    if watch.topic is Topic.LEDGER:
                        watch.changed = await self._watching.since(
                            watch.position, watch.most
                        )
                    else:
                        states = await self._watching.other(states)
            except TimeoutError:
                subscriber.verify()
                yield None
                continue
            answer = await self._given(subscriber, watch)
            watch.position, watch.changed = watch.end, ()
            wrong = "errors" in answer.body
            if watch.told or wrong:
                yield answer
            if wrong and not watch.told:
                # What it was about was not given: its reader goes on from before it.
                dropped(subscriber.transport, "UNANSWERED")
                return

    async def _given(self, subscriber: Subscriber, watch: Watch) -> Answer:
        """Answer; where that cannot be done now, and may be later, wait for it.

        Nothing is passed over: an answer that stays away ends the subscription.
        """
        for rest in RESTS:
            answer = await self._paced(subscriber, watch)
            if not _may_come(answer, watch):
                return answer
            await self._rest(rest)
        return await self._paced(subscriber, watch)

    async def _paced(self, subscriber: Subscriber, watch: Watch) -> Answer:
        """Answer no faster than the client may ask: it did not choose the moment."""
        while True:
            try:
                question = await self._again(subscriber)
                return await self._answer(subscriber, question, watch)
            except RateLimitedError as error:
                await self._rest(float(error.details["after"]))

    async def _again(self, subscriber: Subscriber) -> Question:
        """Make the question once more, with what holds for its client now."""
        principal, asked, intake = subscriber.verify(), subscriber.question, self.intake
        allowance = intake.raised(principal, subscriber.headers, asked.digest)
        # It may have been taken off the register since it was asked first.
        await intake.check_trusted(asked.digest, principal, allowance)
        spend = intake.pace.question(principal, allowance)
        return replace(
            asked, request_id=os.urandom(16).hex(), allowance=allowance, spend=spend
        )

    async def _answer(
        self, subscriber: Subscriber, question: Question, watch: Watch
    ) -> Answer:
        watch.told = watch.missed = False
        with (
            self.intake.pace.running(question.principal, question.allowance),
            self._spans.answering(subscriber.transport, subscriber.headers) as span,
        ):
            span.note_question(question)
            return await self._engine.answer(replace(question, watch=watch))


def dropped(transport: str, why: str) -> None:
    """Count a subscription that we ended."""
    _dropped.add(1, {"transport": transport, "why": why})


def too_many(most: int) -> SubscriptionsTooManyError:
    """Say that there is none left."""
    return SubscriptionsTooManyError(
        f"同一用户最多同时打开 {most} 个订阅，请关闭不用的订阅后再试。",
        f"One user may have {most} subscriptions open at a time; close one and try "
        "again.",
    )


def _may_come(answer: Answer, watch: Watch) -> bool:
    """Say whether the same question may have an answer a little later."""
    if answer.executed:
        return watch.missed
    errors = answer.body.get("errors")
    listed = errors if isinstance(errors, list) else []
    return bool(listed) and all(one["extensions"]["retriable"] for one in listed)
