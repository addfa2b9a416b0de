"""The recorder: protected looks wait for their record, public ones follow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from zhitong.exceptions import (
    EvidenceStaleError,
    GrantEndedError,
    RecordUnavailableError,
    SpoolFullError,
)
from zhitong.resolvers import records
from zhitong.resolvers.denials import SILENCE
from zhitong.resolvers.records import Recorder
from zhitong.types import Gap, Inquiry, Label, Look, Occasion, Principal, Ruling

WANG = Principal(kind="police", unit="U", unit_name="公安局", person="王建国")


class Register:
    """A register that can be away, and a disk that can be full."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.kept: list[str] = []
        self.away = False
        self.full = False
        self.ended = False
        self.hung = False
        self.bad: set[str] = set()
        self.batches: list[list[str]] = []

    async def record(self, inquiry: Inquiry) -> str:
        await asyncio.sleep(0)
        if self.hung:
            await asyncio.Event().wait()
        if self.ended:
            raise GrantEndedError("已终止", "ended")
        if self.away:
            raise RecordUnavailableError("不可用", "away")
        self.entries.append(inquiry.id)
        return inquiry.id

    async def follow(self, inquiries: Sequence[Inquiry]) -> Sequence[Inquiry]:
        self.batches.append([each.id for each in inquiries])
        for each in inquiries:
            if each.id not in self.bad:
                await self.record(each)
        return [each for each in inquiries if each.id in self.bad]

    async def keep(self, inquiry: Inquiry) -> None:
        await asyncio.sleep(0)
        if self.full:
            raise SpoolFullError("已满", "full")
        self.kept.append(inquiry.id)


def look(*, protected: bool, emergency: bool = False) -> Look:
    return Look(
        type="T",
        source="s",
        fields={},
        rows=1,
        keys=("1",),
        protected=protected,
        emergency=emergency,
    )


def inquiry(name: str, *looks: Look) -> Inquiry:
    return Inquiry(principal=WANG, occasion=Occasion(), id=name, looks=list(looks))


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def recorder(register: Register) -> Recorder:
    return Recorder(register)


async def test_who_looked_at_nothing_leaves_no_record(
    recorder: Recorder, register: Register
) -> None:
    assert await recorder.record(inquiry("a")) is None
    assert register.entries == []


async def test_a_refusal_and_a_missing_source_are_recorded_too(
    recorder: Recorder, register: Register
) -> None:
    refused, missing = inquiry("refused"), inquiry("missing")
    refused.restrictions["T", "f"] = ((Ruling(SILENCE),),)
    label = Label("缺", "away")
    missing.gaps.append(
        Gap(source="s", title=label, type="T", code="SOURCE_TIMEOUT", detail=label)
    )
    assert await recorder.record(refused) == "refused"
    assert await recorder.record(missing) == "missing"
    await recorder.settled()
    assert register.entries == ["refused", "missing"]


async def test_a_protected_look_waits_for_its_record_and_a_public_one_does_not(
    recorder: Recorder, register: Register
) -> None:
    await recorder.record(inquiry("public", look(protected=False)))
    assert (register.entries, recorder.following) == ([], 1)
    await recorder.record(inquiry("protected", look(protected=True)))
    assert "protected" in register.entries
    await recorder.settled()
    assert sorted(register.entries) == ["protected", "public"]
    assert recorder.following == 0


async def test_without_a_register_protected_data_is_refused(
    recorder: Recorder, register: Register
) -> None:
    register.away = True
    looks = look(protected=False), look(protected=True)
    with pytest.raises(RecordUnavailableError):
        await recorder.record(inquiry("a", *looks))
    assert register.kept == []


async def test_without_a_register_public_looks_are_on_the_disk_before_the_answer(
    recorder: Recorder, register: Register
) -> None:
    register.away = True
    await recorder.record(inquiry("a", look(protected=False)))
    assert (register.kept, recorder.following) == (["a"], 0)


async def test_a_register_that_does_not_answer_in_time_is_not_waited_for(
    recorder: Recorder, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "FOLLOW_SECONDS", 0.01)
    register.hung = True
    await recorder.record(inquiry("a", look(protected=False)))
    assert register.kept == []
    await recorder.settled()
    assert register.kept == ["a"]


async def test_an_emergency_is_kept_on_the_disk_where_the_register_is_away(
    recorder: Recorder, register: Register
) -> None:
    urgent = inquiry("urgent", look(protected=True, emergency=True))
    await recorder.record(urgent)
    assert (register.entries, register.kept) == (["urgent"], [])
    register.away = True
    await recorder.record(urgent)
    assert register.kept == ["urgent"]


async def test_an_emergency_that_meets_a_failing_register_is_kept(
    register: Register,
) -> None:
    class Failing(Register):
        async def record(self, inquiry: Inquiry) -> str:
            raise RecordUnavailableError("不可用", f"away {inquiry.id}")

    failing = Failing()
    urgent = inquiry("urgent", look(protected=True, emergency=True))
    await Recorder(failing).record(urgent)
    assert (failing.kept, register.kept) == (["urgent"], [])


async def test_other_protected_data_is_no_more_urgent_for_being_asked_for_beside(
    register: Register,
) -> None:
    looks = look(protected=True, emergency=True), look(protected=True)
    with pytest.raises(EvidenceStaleError):
        await Recorder(register, Proof()).record(inquiry("stale", *looks))
    register.away = True
    for order in (looks, looks[::-1]):
        with pytest.raises(RecordUnavailableError):
            await Recorder(register).record(inquiry("away", *order))
    assert register.kept == []
    beside = looks[0], look(protected=False)
    await Recorder(register, Proof()).record(inquiry("urgent", *beside))
    assert register.kept == ["urgent"]


async def test_with_a_full_disk_not_even_an_emergency_or_a_public_look_is_answered(
    recorder: Recorder, register: Register
) -> None:
    register.away = register.full = True
    urgent = inquiry("urgent", look(protected=True, emergency=True))
    for asked in (urgent, inquiry("public", look(protected=False))):
        with pytest.raises(SpoolFullError):
            await recorder.record(asked)


async def test_what_rests_on_a_grant_that_has_ended_is_neither_given_nor_kept(
    recorder: Recorder, register: Register
) -> None:
    register.ended = True
    urgent = inquiry("urgent", look(protected=True, emergency=True))
    with pytest.raises(GrantEndedError):
        await recorder.record(urgent)
    assert register.kept == []


async def test_too_many_public_looks_on_their_way_are_refused(
    recorder: Recorder, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "FOLLOWING", 2)
    monkeypatch.setattr(records, "FOLLOW_SECONDS", 0.01)
    register.hung = True
    await recorder.record(inquiry("a", look(protected=False)))
    await recorder.record(inquiry("b", look(protected=False)))
    with pytest.raises(RecordUnavailableError):
        await recorder.record(inquiry("c", look(protected=False)))
    await recorder.close()
    assert sorted(register.kept) == ["a", "b"]


async def test_public_looks_of_one_moment_are_committed_together(
    recorder: Recorder, register: Register
) -> None:
    for name in "abc":
        await recorder.record(inquiry(name, look(protected=False)))
    assert recorder.following == 3
    await recorder.settled()
    assert register.batches == [["a", "b", "c"]]


async def test_of_looks_committed_together_only_what_cannot_be_is_kept_on_the_disk(
    recorder: Recorder, register: Register
) -> None:
    register.bad = {"b"}
    for name in "abc":
        await recorder.record(inquiry(name, look(protected=False)))
    await recorder.settled()
    assert (register.entries, register.kept) == (["a", "c"], ["b"])


async def test_a_look_that_is_lost_is_said_loudly(
    recorder: Recorder, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    await recorder.record(inquiry("gone", look(protected=False)))
    register.away = register.full = True
    with caplog.at_level(logging.ERROR, records.__name__):
        await recorder.close()
    assert "the record of gone is lost" in caplog.text


class Proof:
    """A proof that is too old."""

    def stale(self) -> EvidenceStaleError | None:
        return EvidenceStaleError("太久", "too old")

    def announcement(self) -> str:
        return "closed"


async def test_without_proof_protected_looks_are_refused_and_public_ones_are_not(
    register: Register,
) -> None:
    recorder = Recorder(register, Proof())
    with pytest.raises(EvidenceStaleError):
        await recorder.record(inquiry("a", look(protected=True)))
    assert register.entries == []
    assert await recorder.record(inquiry("b", look(protected=False))) == "b"
    await recorder.settled()
    assert register.entries == ["b"]


async def test_without_proof_an_emergency_and_a_decisions_check_go_on(
    register: Register,
) -> None:
    recorder = Recorder(register, Proof())
    emergency = inquiry("a", look(protected=True, emergency=True))
    assert await recorder.record(emergency) == "a"
    check = replace(
        inquiry("b", look(protected=True)), principal=replace(WANG, kind="platform")
    )
    assert await recorder.record(check) == "b"
    assert register.entries == ["a", "b"]


async def test_a_look_that_cannot_be_written_down_loses_no_other(
    recorder: Recorder, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(_: Sequence[Inquiry]) -> Sequence[Inquiry]:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "half a character")

    monkeypatch.setattr(register, "follow", failing)
    for name in "abc":
        await recorder.record(inquiry(name, look(protected=False)))
    await recorder.settled()
    assert (register.kept, recorder.following) == (["a", "b", "c"], 0)


async def cancel_gathering(recorder: Recorder) -> None:
    (gathering,) = recorder._tasks
    await asyncio.sleep(0)
    gathering.cancel()
    await asyncio.wait([gathering])


async def test_what_gathered_for_one_who_was_cancelled_is_committed_by_the_next(
    recorder: Recorder, register: Register
) -> None:
    await recorder.record(inquiry("a", look(protected=False)))
    await cancel_gathering(recorder)
    await recorder.record(inquiry("b", look(protected=False)))
    await recorder.settled()
    assert register.entries == ["a", "b"]


async def test_who_waits_for_all_commits_what_a_cancelled_one_left(
    recorder: Recorder, register: Register
) -> None:
    await recorder.record(inquiry("a", look(protected=False)))
    await cancel_gathering(recorder)
    await recorder.settled()
    assert (register.entries, recorder.following) == (["a"], 0)


async def test_what_was_being_committed_by_one_who_was_cancelled_is_not_lost(
    recorder: Recorder, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "TOGETHER_SECONDS", 0.0)
    register.hung = True
    await recorder.record(inquiry("a", look(protected=False)))
    (gathering,) = recorder._tasks
    async with asyncio.timeout(60):
        while not register.batches:  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(0.001)
    gathering.cancel()
    await asyncio.wait([gathering])
    register.hung = False
    await recorder.settled()
    assert (register.entries, recorder.following) == (["a"], 0)
