"""Looks that wait on our own disk: signed, chained, whole however a process ended."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from zhitong.connectors import spool as spools
from zhitong.connectors.signers import ECDSA, SM2, file_signer, generate, verify
from zhitong.connectors.spool import FIRST, Spool, open_spools
from zhitong.exceptions import RecordUnavailableError, SpoolFullError

SIGNER = file_signer(generate(ECDSA))
LIMIT = 1_000_000
NAME = "looks-0.spool"

Open = Callable[..., Spool]


def check(name: str, text: bytes, signature: bytes) -> bool:
    known = name == SIGNER.key_id
    return known and verify(SIGNER.spki, SIGNER.algorithm, text, signature)


def body(number: int) -> bytes:
    return f'{{"record":"{number}","person":"王建国\\n"}}'.encode()


class Register:
    """Takes bodies, refuses some, and may be away."""

    def __init__(self) -> None:
        self.entered: list[bytes] = []
        self.refused: dict[bytes, str] = {}
        self.left = 10**9
        """Bodies it takes before it is away."""

    async def enter(self, bodies: Sequence[bytes]) -> Sequence[str | None]:
        if self.left < len(bodies):
            raise RecordUnavailableError("不可用", "away")
        self.left -= len(bodies)
        self.entered += [one for one in bodies if one not in self.refused]
        return [self.refused.get(one) for one in bodies]


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Give a process's own file, as often as it starts."""
    last: list[Spool] = []

    def again(limit: int = LIMIT) -> Spool:
        for one in last:
            one.close()
        last[:] = open_spools(tmp_path, SIGNER, check, limit)
        return last[0]

    return again


async def keep(spool: Spool, *numbers: int) -> None:
    await asyncio.gather(*(spool.keep(body(number)) for number in numbers))


def aside(tmp_path: Path) -> list[bytes]:
    file = tmp_path / "looks-0.spoilt"
    return file.read_bytes().splitlines() if file.exists() else []


async def test_what_is_kept_is_entered_in_its_order_and_the_file_is_empty(
    opened: Open, register: Register, tmp_path: Path
) -> None:
    spool = opened()
    await keep(spool, *range(700))
    assert spool.size > 0
    await spool.drain(register.enter)
    assert register.entered == [body(number) for number in range(700)]
    assert spool.empty
    assert (tmp_path / NAME).read_bytes() == b""
    await keep(spool, 7)
    await spool.drain(register.enter)
    assert register.entered[-1] == body(7)


async def test_a_line_is_the_body_its_signature_and_the_digest_of_the_line_before(
    opened: Open, tmp_path: Path
) -> None:
    await keep(opened(), 1, 2)
    first, second = (tmp_path / NAME).read_bytes().splitlines()
    said = json.loads(first)
    assert said["body"].encode() == body(1)
    assert (said["key"], said["previous"]) == (SIGNER.key_id, FIRST)
    assert json.loads(second)["previous"] == spools._digest(first)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


async def test_who_is_answered_has_a_line_on_the_disk(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def counting(descriptor: int) -> None:
        fsync(descriptor)
        synced.append((tmp_path / NAME).read_bytes().count(b"\n"))

    monkeypatch.setattr(os, "fsync", counting)
    await keep(opened(), *range(50))
    assert synced[-1] == 50
    assert len(synced) <= 2  # those that come together share it


async def test_the_next_process_enters_what_the_last_one_left(
    opened: Open, register: Register
) -> None:
    await keep(opened(), 1, 2)
    again = opened()
    await keep(again, 3)
    await again.drain(register.enter)
    assert register.entered == [body(1), body(2), body(3)]


async def test_a_file_of_a_process_that_ended_is_entered_by_another_one(
    tmp_path: Path, register: Register
) -> None:
    first = open_spools(tmp_path, SIGNER, check, LIMIT)[0]
    second = open_spools(tmp_path, SIGNER, check, LIMIT)[0]
    assert (first.path.name, second.path.name) == (NAME, "looks-1.spool")
    await keep(first, 1)
    await keep(second, 2)
    first.close()
    second.close()
    for one in open_spools(tmp_path, SIGNER, check, LIMIT):
        await one.drain(register.enter)
    assert sorted(register.entered) == [body(1), body(2)]


async def test_a_torn_last_line_is_put_aside_and_the_others_stand(
    opened: Open, register: Register, tmp_path: Path
) -> None:
    await keep(opened(), 1, 2)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"body":"to')
    again = opened()
    await keep(again, 3)
    await again.drain(register.enter)
    assert register.entered == [body(1), body(2), body(3)]
    assert aside(tmp_path) == [b'{"body":"to']


async def test_a_changed_byte_anywhere_is_found_and_the_line_kept_aside(
    opened: Open,
    register: Register,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await keep(opened(), *range(3))
    whole = (tmp_path / NAME).read_bytes()
    lines = whole.splitlines()
    for place in range(len(whole)):
        number = whole.count(b"\n", 0, place)
        if place == len(lines[0]) + number or whole[place] == ord("\n"):
            continue
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << place % 5
        if spoilt[place] == ord("\n"):
            continue
        (tmp_path / NAME).write_bytes(spoilt)
        (tmp_path / "looks-0.spoilt").unlink(missing_ok=True)
        register.entered.clear()
        caplog.clear()
        with caplog.at_level(logging.ERROR, spools.__name__):
            await opened().drain(register.enter)
        kept = [body(one) for one in range(3) if one != number]
        assert register.entered == kept, place
        assert aside(tmp_path) == [bytes(spoilt).splitlines()[number]]
        assert [one.getMessage() for one in caplog.records] == [
            record for record in caplog.messages if f"line {number + 1} " in record
        ]


async def test_a_line_that_was_taken_out_is_named(
    opened: Open,
    register: Register,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await keep(opened(), *range(4))
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    (tmp_path / NAME).write_bytes(lines[0] + lines[2] + lines[3])
    with caplog.at_level(logging.ERROR, spools.__name__):
        await opened().drain(register.enter)
    assert register.entered == [body(0), body(2), body(3)]
    assert caplog.messages == [f"{NAME}: lines are missing before 2"]


async def test_lines_that_others_remove_are_missed(
    opened: Open,
    register: Register,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spool = opened()
    await keep(spool, *range(4))
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    os.truncate(tmp_path / NAME, len(lines[0]))
    with caplog.at_level(logging.ERROR, spools.__name__):
        await spool.drain(register.enter)
    assert register.entered == [body(0)]
    assert caplog.messages == [f"{NAME}: lines were removed by others"]
    await keep(spool, 5)
    await spool.drain(register.enter)
    assert register.entered == [body(0), body(5)]


async def test_a_line_of_another_key_is_none_of_ours(
    tmp_path: Path, opened: Open, register: Register
) -> None:
    foreign = file_signer(generate(SM2))
    (theirs,) = open_spools(tmp_path, foreign, check, LIMIT)
    await keep(theirs, 1)
    theirs.close()
    await opened().drain(register.enter)
    assert register.entered == []
    assert len(aside(tmp_path)) == 1


async def test_what_the_register_refuses_is_put_aside_and_holds_up_no_other(
    opened: Open, register: Register, tmp_path: Path
) -> None:
    register.refused = {body(1): "the register refuses it"}
    spool = opened()
    await keep(spool, 0, 1, 2)
    await spool.drain(register.enter)
    assert register.entered == [body(0), body(2)]
    (line,) = aside(tmp_path)
    assert json.loads(line)["body"].encode() == body(1)
    assert spool.empty


async def test_a_register_that_goes_away_again_is_entered_the_rest_later(
    opened: Open, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "AT_ONCE", 10)
    register.left = 25
    spool = opened()
    await keep(spool, *range(30))
    with pytest.raises(RecordUnavailableError):
        await spool.drain(register.enter)
    assert len(register.entered) == 20
    await keep(spool, 30)
    register.left = 100
    await spool.drain(register.enter)
    assert register.entered == [body(number) for number in range(31)]
    assert spool.empty


async def test_what_comes_while_the_file_is_entered_is_entered_too(
    opened: Open, register: Register
) -> None:
    spool = opened()
    await keep(spool, *range(300))
    draining = asyncio.create_task(spool.drain(register.enter))
    for number in range(300, 400):
        await spool.keep(body(number))
    await draining
    await spool.drain(register.enter)
    assert register.entered == [body(number) for number in range(400)]
    assert spool.empty


async def test_what_is_only_coming_is_not_drained_for(opened: Open) -> None:
    spool = opened()
    coming = asyncio.ensure_future(spool.keep(body(1)))
    await asyncio.sleep(0)  # it has come, and its writer had no turn yet
    assert spool._coming
    # A drain would find nothing to enter, and look again for ever, without a pause.
    assert spool.empty
    await coming
    assert not spool.empty


async def test_a_full_file_takes_nothing_and_loses_nothing(
    opened: Open, register: Register
) -> None:
    spool = opened(limit=1_500)
    await keep(spool, 1, 2)
    with pytest.raises(SpoolFullError):
        await keep(spool, *range(3, 20))
    await spool.drain(register.enter)
    assert register.entered[:2] == [body(1), body(2)]
    await keep(spool, 3)


async def test_what_comes_together_is_measured_once(opened: Open) -> None:
    class Measured(bytes):
        """Of 10,000 lines each would be measured for all after it: two seconds."""

        times = 0

        def __len__(self) -> int:
            Measured.times += 1
            return super().__len__()

    spool = opened()
    bodies = [Measured(body(number)) for number in range(200)]
    await asyncio.gather(*map(spool.keep, bodies))
    assert 200 <= Measured.times <= 2_000


async def test_a_full_disk_leaves_no_half_line(
    opened: Open, register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = opened()
    await keep(spool, 1)
    write = os.write

    def torn(descriptor: int, data: bytes) -> int:
        if len(data) > 10:
            return write(descriptor, data[:10])
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", torn)
        with pytest.raises(SpoolFullError):
            await keep(spool, 2)
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 1
    await keep(spool, 3)
    await spool.drain(register.enter)
    assert register.entered == [body(1), body(3)]


async def test_a_disk_that_fails_is_said_and_nothing_is_answered(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_descriptor: int) -> None:
        raise OSError(errno.EIO, "broken")

    spool = opened()
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(RecordUnavailableError):
        await keep(spool, 1)
