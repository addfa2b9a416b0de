"""Two processes that remember together: neither may be blind to what the other told."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhitong.connectors.told_counts import FileToldCounts
from zhitong.exceptions import NarrowingError, RecordUnavailableError
from zhitong.resolvers.narrowing import Asked, Narrowing, Patience
from zhitong.types import Inquiry, Occasion, Principal

TYPE = "CaseRecord"
YEAR, PART = ("2020-01", "2021-01"), ("2020-01", "2020-12")
LARGE = 3_000
HOUR = 3600.0


class Process:
    """One of them."""

    def __init__(self, folder: Path, patience: Patience | None = None) -> None:
        self.now = 0.0
        self.narrowing = Narrowing(
            patience or Patience(),
            lambda: self.now,
            FileToldCounts(folder, seconds=60, large=LARGE),
        )
        self.inquiry = Inquiry(
            principal=Principal(
                kind="dashboard", unit="U", unit_name="大屏", person="甲"
            ),
            occasion=Occasion(),
            id="1",
        )

    def asked(self, *conditions: str) -> None:
        for condition in conditions:
            with self.narrowing.turn(self.inquiry, TYPE):
                self.narrowing.admit(self.inquiry, TYPE, condition)

    def cut(self, condition: str) -> None:
        with self.narrowing.turn(self.inquiry, TYPE):
            self.narrowing.cut(self.inquiry, TYPE, condition)

    def tells(self, span: tuple[str, str], count: int) -> bool:
        asked = Asked(
            inquiry=self.inquiry,
            type=TYPE,
            span=span,
            variant=(False, ()),
            smallest=5,
        )
        with self.narrowing.turn(self.inquiry, TYPE):
            if self.narrowing.narrows(asked, (), (), count):
                return False
            self.narrowing.note(asked, [((), (), count)])
            return True


def file_of(folder: Path) -> Path:
    (found,) = (path for path in folder.iterdir() if not path.suffix)
    return found


def again(process: Process, condition: str, times: int = 1) -> None:
    """Let it be asked again, each time so late that it is noted again."""
    for _ in range(times):
        process.now += HOUR
        process.asked(condition)


def rewritten(folder: Path, process: Process) -> None:
    """Let *process* be asked on, until it writes the file anew."""
    size = -1
    while size < (size := file_of(folder).stat().st_size):
        again(process, "long" * 200)


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_who_was_silent_while_the_file_was_written_anew_is_not_blind(
    tmp_path: Path, times: int
) -> None:
    silent, busy = Process(tmp_path), Process(tmp_path)
    again(silent, "of some length" * 7, times=11)  # Its place is far in the file.
    busy.now = silent.now
    assert busy.tells(YEAR, 100)
    for _ in range(times):
        rewritten(tmp_path, busy)
    again(busy, "long" * 200)
    silent.now = busy.now
    assert not silent.tells(PART, 98)


def test_a_file_that_became_shorter_is_read_as_a_whole(tmp_path: Path) -> None:
    one, other = Process(tmp_path), Process(tmp_path)
    one.asked(*(f"condition {number}" for number in range(20)))
    one.asked("the place of one is beyond all that")
    first = file_of(tmp_path).read_bytes().partition(b"\n")[0]
    file_of(tmp_path).write_bytes(first + b"\n")
    assert other.tells(YEAR, 100)
    assert not one.tells(PART, 98)


@pytest.mark.parametrize("damaged", [b"{", b'{"at":"then"}', b'{"cut":"\xff"}'])
def test_a_line_that_cannot_be_read_refuses_and_loses_nothing(
    tmp_path: Path, damaged: bytes
) -> None:
    one, other = Process(tmp_path), Process(tmp_path)
    one.asked("first")
    assert other.tells(YEAR, 100)
    whole = file_of(tmp_path).read_bytes()
    file_of(tmp_path).write_bytes(whole + damaged + b"\n")
    for _ in range(2):
        with pytest.raises(RecordUnavailableError):
            one.tells(PART, 98)
    file_of(tmp_path).write_bytes(whole)
    assert not one.tells(PART, 98)


def test_what_is_asked_again_does_not_fill_the_file(tmp_path: Path) -> None:
    processes = Process(tmp_path), Process(tmp_path)

    def ask() -> int:
        for process in processes:
            process.asked("the same")
            process.cut("the same")
            assert process.tells(YEAR, 100)
        return file_of(tmp_path).stat().st_size

    size = ask()
    assert [ask() for _ in range(20)] == [size] * 20


def test_what_is_asked_all_the_time_is_not_forgotten(tmp_path: Path) -> None:
    one, other = (Process(tmp_path, Patience(conditions=1)) for _ in range(2))
    for _ in range(40):
        one.now += HOUR / 2
        one.asked("the same")
    other.now = one.now + 23 * HOUR
    with pytest.raises(NarrowingError):
        other.asked("another")
