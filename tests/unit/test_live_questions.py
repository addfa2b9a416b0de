"""What the live page asks, and when: one viewer's questions at fixed moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import pytest
from graphql import build_schema, parse, validate

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.live import _failed
from zhitong.infra.live_questions import AT_ONCE, DOCUMENT, MINUTES, Questions, Viewer
from zhitong.schema.engine import Answer, Question
from zhitong.schema.gate import Bounds, parsed
from zhitong.schema.graph import sdl
from zhitong.types import Occasion

AUDITOR = Viewer(
    principal=DEMO_PRINCIPALS["auditor"], occasion=Occasion(purpose="supervision")
)
START = datetime.fromisoformat("2026-11-22T09:30:20+08:00").timestamp()


def total(count: int, *, partial: bool = False) -> dict[str, object]:
    missing = ["platform"] if partial else []
    return {"totalCount": {"count": count, "partial": partial, "missing": missing}}


class Ledger:
    """An engine over moments: counts what was recorded between two of them."""

    def __init__(self, *recorded: str) -> None:
        self.recorded = [datetime.fromisoformat(each) for each in recorded]
        self.asked: list[Question] = []
        self.answer_with: Callable[[int], dict[str, object] | None] = total

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        given = question.variables or {}
        data: dict[str, object] = {}
        if question.operation == "Now":
            data["thisMinute"] = self._between(given["minute"], None)
            data["lastMinute"] = self._between(given["before"], given["beforeEnds"])
        if question.operation == "Minutes":
            for place in range(1, AT_ONCE + 1):
                data[f"m{place:02}"] = self._between(
                    given[f"from{place:02}"], given[f"to{place:02}"]
                )
        return Answer(body={"data": data}, executed=True)

    def _between(self, first: object, last: object) -> dict[str, object] | None:
        assert isinstance(first, str)
        till = datetime.fromisoformat(str(last)) if last else None
        return self.answer_with(
            sum(
                datetime.fromisoformat(first) <= each and (till is None or each <= till)
                for each in self.recorded
            )
        )

    def operations(self) -> list[str | None]:
        return [question.operation for question in self.asked]


class Moving:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at


def questions(ledger: Ledger, clock: Moving) -> Questions:
    return Questions(ledger, AUDITOR, late_seconds=60.0, clock=clock)


def counts(body: Mapping[str, object]) -> list[int | None]:
    minutes = body["minutes"]
    assert isinstance(minutes, Mapping)
    shown = minutes["counts"]
    assert isinstance(shown, list)
    return shown


def test_the_document_fits_the_schema_and_the_gate() -> None:
    assert validate(build_schema(sdl()), parse(DOCUMENT)) == []
    parsed(DOCUMENT, Bounds())


def test_the_document_asks_for_no_amounts_and_no_content() -> None:
    named = {"fine", "confiscated", "facts", "legalBasis", "result", "representative"}
    assert named & set(DOCUMENT.split()) == set()


async def test_every_question_is_the_viewers_own_and_reads_only() -> None:
    ledger = Ledger()
    asking = questions(ledger, Moving())
    await asking.words()
    await asking.now()
    await asking.standing()
    await asking.count_minutes()
    assert ledger.operations() == ["Words", "Now", "Standing", "Minutes"]
    for question in ledger.asked:
        assert question.principal == AUDITOR.principal
        assert question.occasion == AUDITOR.occasion
        assert question.document == DOCUMENT
        assert question.read_only
    assert len({question.request_id for question in ledger.asked}) == 4


async def test_moments_are_those_of_the_city_with_its_offset() -> None:
    ledger = Ledger()
    asking = questions(ledger, Moving())
    await asking.now()
    await asking.standing()
    now, standing = ledger.asked
    assert now.variables == {
        "today": "2026-11-22T00:00:00+08:00",
        "minute": "2026-11-22T09:30:00+08:00",
        "before": "2026-11-22T09:29:00+08:00",
        "beforeEnds": "2026-11-22T09:29:59.999999+08:00",
    }
    assert standing.variables == {
        "day": "2026-11-21T09:30:20+08:00",
        "late": "2026-11-22T09:29:20+08:00",
    }


async def test_each_minute_of_the_hour_has_its_own_count() -> None:
    ledger = Ledger(
        "2026-11-22T08:30:59.999999+08:00",
        "2026-11-22T08:31:00+08:00",
        "2026-11-22T09:00:59.999999+08:00",
        "2026-11-22T09:29:59+08:00",
        "2026-11-22T09:30:01+08:00",
        "2026-11-22T09:30:02+08:00",
    )
    asking = questions(ledger, Moving())
    first = await asking.now()
    assert counts(first) == [None] * 58 + [1, 2]
    while await asking.count_minutes():
        pass
    body = await asking.now()
    expected: list[int | None] = [0] * MINUTES
    expected[0] = expected[29] = expected[58] = 1
    expected[59] = 2
    assert counts(body) == expected
    assert body["minutes"] == {
        "start": "2026-11-22T08:31:00+08:00",
        "counts": expected,
    }


async def test_an_hour_is_counted_once_in_five_questions() -> None:
    ledger = Ledger()
    asking = questions(ledger, Moving())
    await asking.now()
    while await asking.count_minutes():
        pass
    assert ledger.operations() == ["Now", *["Minutes"] * 5]
    assert not await asking.count_minutes()
    assert len(ledger.asked) == 6


async def test_a_minute_watched_to_its_end_is_not_counted_again() -> None:
    ledger, clock = Ledger(), Moving()
    asking = questions(ledger, clock)
    for _ in range(3 * 60):
        await asking.now()
        clock.at += 1
        while await asking.count_minutes():
            pass
    assert ledger.operations().count("Minutes") == 5


async def test_a_commit_that_came_late_is_in_the_count_of_its_minute() -> None:
    ledger, clock = Ledger(), Moving()
    asking = questions(ledger, clock)
    await asking.now()
    clock.at = datetime.fromisoformat("2026-11-22T09:31:05+08:00").timestamp()
    assert counts(await asking.now())[-2:] == [0, 0]
    ledger.recorded = [datetime.fromisoformat("2026-11-22T09:30:59+08:00")]
    clock.at += 6
    assert counts(await asking.now())[-2:] == [1, 0]


async def test_after_a_pause_the_minutes_between_are_counted() -> None:
    ledger, clock = Ledger("2026-11-22T09:30:40+08:00"), Moving()
    asking = questions(ledger, clock)
    await asking.now()
    clock.at += 600
    while await asking.count_minutes():
        pass
    shown = counts(await asking.now())
    assert shown[-11:] == [1, *[0] * 10]
    assert len(shown) == MINUTES


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: None, id="hidden by policy"),
        pytest.param(lambda count: total(count, partial=True), id="a source is away"),
        pytest.param(lambda _: {"totalCount": None}, id="not counted"),
    ],
)
async def test_what_is_not_counted_is_unknown_and_not_zero_and_not_hunted(
    answer: Callable[[int], dict[str, object] | None],
) -> None:
    ledger = Ledger("2026-11-22T09:30:01+08:00")
    ledger.answer_with = answer
    asking = questions(ledger, Moving())
    await asking.now()
    assert not await asking.count_minutes()
    assert counts(await asking.now()) == [None] * MINUTES


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        pytest.param({"data": {}}, False, id="whole"),
        pytest.param({"extensions": {"access": [{}]}}, False, id="hidden by policy"),
        pytest.param({"extensions": {"sources": [{}]}}, True, id="a source is away"),
    ],
)
def test_where_a_source_is_missing_it_is_counted_through_less_often(
    body: dict[str, object],
    failed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert _failed(body) is failed
