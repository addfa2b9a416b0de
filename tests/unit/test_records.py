"""The recorder: protected looks wait for their record, public ones are not lost."""

from __future__ import annotations

import asyncio
import logging

import pytest

from zhitong.exceptions import RecordUnavailableError
from zhitong.resolvers import records
from zhitong.resolvers.denials import SILENCE
from zhitong.resolvers.records import Recorder
from zhitong.types import Gap, Inquiry, Label, Look, Occasion, Principal, Ruling

WANG = Principal(kind="police", unit="U", unit_name="公安局", person="王建国")


class Register:
    """A register that can be away."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.away = False
        self.refused: set[str] = set()
        self.written = asyncio.Event()

    async def record(self, inquiry: Inquiry) -> str:
        await asyncio.sleep(0)
        if self.away or inquiry.id in self.refused:
            raise RecordUnavailableError("不可用", "away")
        self.entries.append(inquiry.id)
        self.written.set()
        return inquiry.id


def look(*, protected: bool) -> Look:
    return Look(
        type="T", source="s", fields={}, rows=1, keys=("1",), protected=protected
    )


def inquiry(name: str, *looks: Look) -> Inquiry:
    return Inquiry(principal=WANG, occasion=Occasion(), id=name, looks=list(looks))


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def recorder(register: Register, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr(records, "RETRY_SECONDS", 0.01)
    return Recorder(register)


async def until_recorded(register: Register, *names: str) -> None:
    async with asyncio.timeout(2):
        while register.entries != list(names):
            register.written.clear()
            await register.written.wait()
    for _ in range(5):  # the recorder learns of it a few steps later
        await asyncio.sleep(0)


async def test_who_looked_at_nothing_leaves_no_record(
    recorder: Recorder, register: Register
) -> None:
    assert await recorder.record(inquiry("a")) is None
    assert register.entries == []


async def test_a_refusal_and_a_missing_source_are_recorded_too(
    recorder: Recorder, register: Register
) -> None:
    refused, missing = inquiry("refused"), inquiry("missing")
    refused.restrictions["T", "f"] = (Ruling(SILENCE),)
    label = Label("缺", "away")
    missing.gaps.append(
        Gap(source="s", title=label, type="T", code="SOURCE_TIMEOUT", detail=label)
    )
    assert await recorder.record(refused) == "refused"
    assert await recorder.record(missing) == "missing"
    assert register.entries == ["refused", "missing"]


async def test_without_a_register_protected_data_is_refused(
    recorder: Recorder, register: Register
) -> None:
    register.away = True
    looks = look(protected=False), look(protected=True)
    with pytest.raises(RecordUnavailableError):
        await recorder.record(inquiry("a", *looks))
    assert recorder.waiting == 0


async def test_without_a_register_public_looks_follow_in_their_order(
    recorder: Recorder, register: Register
) -> None:
    register.away = True
    names = [str(number) for number in range(50)]
    for name in names:
        assert await recorder.record(inquiry(name, look(protected=False))) == name
    assert recorder.waiting == 50
    register.away = False
    await until_recorded(register, *names)
    assert recorder.waiting == 0
    await recorder.close()


async def test_a_record_that_cannot_be_stored_holds_up_no_other(
    recorder: Recorder, register: Register
) -> None:
    register.away = True
    for name in ("bad", "good", "better"):
        await recorder.record(inquiry(name, look(protected=False)))
    register.refused, register.away = {"bad"}, False
    await until_recorded(register, "good", "better")
    assert recorder.waiting == 1
    register.refused = set()
    await until_recorded(register, "good", "better", "bad")
    await recorder.close()


async def test_too_many_waiting_looks_are_refused(
    recorder: Recorder, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "WAITING", 2)
    register.away = True
    await recorder.record(inquiry("a", look(protected=False)))
    await recorder.record(inquiry("b", look(protected=False)))
    with pytest.raises(RecordUnavailableError):
        await recorder.record(inquiry("c", look(protected=False)))
    await recorder.close()


async def test_closing_tries_once_more(recorder: Recorder, register: Register) -> None:
    register.away = True
    await recorder.record(inquiry("a", look(protected=False)))
    register.away = False
    await recorder.close()
    assert register.entries == ["a"]


async def test_closing_without_a_register_says_how_many_are_lost(
    recorder: Recorder, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    register.away = True
    await recorder.record(inquiry("a", look(protected=False)))
    with caplog.at_level(logging.ERROR):
        await recorder.close()
    assert "1 access records could not be written" in caplog.text
