"""What processes tell each other of counts: in turn, whole lines, or not at all."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from zhitong.connectors.told_counts import FileToldCounts
from zhitong.exceptions import RecordUnavailableError


def noted(counts: FileToldCounts, name: str = "a") -> list[bytes]:
    with counts.turn(name) as turn:
        return list(turn.since(None)[0])


def note(counts: FileToldCounts, *lines: bytes, name: str = "a") -> None:
    with counts.turn(name) as turn:
        turn.add(lines)


def file_of(folder: Path, suffix: str = "") -> Path:
    (found,) = (path for path in folder.iterdir() if path.suffix == suffix)
    return found


def test_what_one_notes_the_other_is_given_once(tmp_path: Path) -> None:
    one, other = FileToldCounts(tmp_path), FileToldCounts(tmp_path)
    note(one, b"1", b"2")
    with other.turn("a") as turn:
        lines, place = turn.since(None)
        assert lines == [b"1", b"2"]
    note(one, b"3")
    with other.turn("a") as turn:
        lines, place = turn.since(place)
        assert lines == [b"3"]
        assert turn.since(place)[0] == []


def test_each_name_has_notes_of_its_own(tmp_path: Path) -> None:
    counts = FileToldCounts(tmp_path)
    note(counts, b"1")
    assert noted(counts, "b") == []


def test_a_line_that_was_cut_off_is_none_and_spoils_no_other(tmp_path: Path) -> None:
    counts = FileToldCounts(tmp_path)
    note(counts, b"1")
    with file_of(tmp_path).open("ab") as file:
        file.write(b'{"cut o')
    assert noted(counts) == [b"1"]
    note(counts, b"2")
    assert noted(counts) == [b"1", b"2"]


def test_a_file_that_is_written_anew_is_given_anew(tmp_path: Path) -> None:
    one, other = FileToldCounts(tmp_path, large=36), FileToldCounts(tmp_path)
    note(one, b"1", b"2")
    with other.turn("a") as turn:
        _, place = turn.since(None)
    with one.turn("a") as turn:
        assert turn.large
        turn.replace([b"2"])
    with one.turn("a") as turn:
        assert not turn.large
    with other.turn("a") as turn:
        assert turn.since(place)[0] == [b"2"]


def test_no_file_is_taken_for_one_that_was_there_before(tmp_path: Path) -> None:
    one, other = FileToldCounts(tmp_path), FileToldCounts(tmp_path)
    note(one, b"1", b"2")
    with other.turn("a") as turn:
        _, place = turn.since(None)
    for text in (b"3", b"4"):
        with one.turn("a") as turn:
            turn.replace([text, text])
    with other.turn("a") as turn:
        assert turn.since(place)[0] == [b"4", b"4"]


def test_a_first_line_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    counts = FileToldCounts(tmp_path)
    note(counts, b"1")
    path = file_of(tmp_path)
    path.write_bytes(path.read_bytes()[:7])
    assert noted(counts) == []
    note(counts, b"2")
    assert noted(counts) == [b"2"]


def test_while_another_has_its_turn_nothing_is_told(tmp_path: Path) -> None:
    counts = FileToldCounts(tmp_path, seconds=0.01)
    note(counts, b"1")
    with file_of(tmp_path, ".lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RecordUnavailableError):
            noted(counts)
        assert noted(counts, "b") == []
    assert noted(counts) == [b"1"]


def test_without_its_folder_nothing_is_told(tmp_path: Path) -> None:
    counts = FileToldCounts(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(RecordUnavailableError):
        noted(counts)


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    counts = FileToldCounts(tmp_path / "told")
    note(counts, b"1")
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "told").iterdir()}
    assert modes == {0}
