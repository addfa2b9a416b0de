"""Batches in a folder: whole or not there, the same again behind a crash."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from dropping import POINTS, batch
from outgoing import outgoing

from zhitong.decisions import Ack, Outgoing
from zhitong.streams.channels import FileChannel
from zhitong.streams.file_drop import LARGEST, FileSender, Manifest
from zhitong.streams.producer import Fault, Unsent, batch_number

SCRIPT = Path(__file__).parents[1] / "contract" / "dropping.py"
PLACE = "file:///drop"


def send(
    folder: Path, events: Sequence[Outgoing], rows: int = 1_000
) -> Sequence[Ack | Fault | Unsent]:
    """Send *events* by a sender that knows of nothing but the folder."""
    sender = FileSender("credit", FileChannel(folder=str(folder), rows=rows))
    answers = sender.send_batch(events)
    sender.close()
    return answers


def held(folder: Path) -> dict[int, list[str]]:
    """Give the events of each batch as a receiver takes them, verified."""
    found = {}
    for path in sorted(folder.glob("*.manifest.json")):
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        file = folder / manifest.file
        data = file.read_bytes() if file.exists() else b""
        assert hashlib.sha256(data).hexdigest() == manifest.sha256
        assert data.count(b"\n") == manifest.rows == len(manifest.events)
        assert (manifest.events[0], manifest.events[-1]) == (
            manifest.first,
            manifest.last,
        )
        assert path.name == f"credit-{manifest.batch}.manifest.json"
        found[manifest.batch] = data.decode().splitlines()
    return found


def places(answers: Sequence[Ack | Fault | Unsent]) -> list[int]:
    assert all(isinstance(each, Ack) for each in answers), answers
    return [batch_number(each) for each in answers if isinstance(each, Ack)]


def codes(answers: Sequence[Ack | Fault | Unsent]) -> list[str]:
    return [
        each.error.code if isinstance(each, Fault) else type(each).__name__
        for each in answers
    ]


def test_a_batch_lies_in_order_behind_a_manifest(tmp_path: Path) -> None:
    events = [outgoing(seq, "one", topic=PLACE) for seq in range(1, 8)]
    found = places(send(tmp_path, events, rows=3))
    first = found[0]
    assert len(str(first)) == 13
    assert found == [first] * 3 + [first + 1] * 3 + [first + 2]
    assert held(tmp_path) == {
        first: ["1", "2", "3"],
        first + 1: ["4", "5", "6"],
        first + 2: ["7"],
    }
    assert {path.suffix for path in tmp_path.glob("[!.]*")} == {".jsonl", ".json"}


def test_killed_at_any_point_each_event_is_there_once(tmp_path: Path) -> None:
    ran = subprocess.run(  # noqa: S603 - a script of ours
        [sys.executable, str(SCRIPT), str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for point in range(1, POINTS + 2):
        folder = tmp_path / str(point)
        planned = {path.name[:13] for path in (folder / ".zhitong").glob("*.[pd]*")}
        # What has a manifest is whole, whenever it died.
        held(folder)
        # What was planned before it died is what is laid down; a fourth goes apart.
        found = places(send(folder, [*batch(), outgoing(4, topic=PLACE)]))
        lines = held(folder)
        assert sorted(line for some in lines.values() for line in some) == [
            "1",
            "2",
            "3",
            "4",
        ], point
        whole = {str(number) for number, some in lines.items() if len(some) > 1}
        if point > 1 and planned - {""}:
            assert whole == {name for name in planned if name.isdecimal()}, point
            assert found[3] == found[0] + 1


def test_what_was_laid_down_is_not_laid_down_twice(tmp_path: Path) -> None:
    events = batch()
    first = places(send(tmp_path, events))
    # Its acknowledgement was lost, and the receiver has taken the files since.
    for path in tmp_path.glob("credit-*"):
        path.unlink()
    assert places(send(tmp_path, events)) == first
    assert held(tmp_path) == {}


def test_what_is_asked_for_again_is_laid_down_again_byte_for_byte(
    tmp_path: Path,
) -> None:
    events = batch()
    (number, *_) = places(send(tmp_path, events))
    before = {path.name: path.read_bytes() for path in tmp_path.glob("credit-*")}
    for path in tmp_path.glob("credit-*"):
        path.unlink()
    again = [
        msgspec.structs.replace(each, replay="r1", place=number) for each in events
    ]
    assert places(send(tmp_path, again)) == [number] * 3
    assert {p.name: p.read_bytes() for p in tmp_path.glob("credit-*")} == before


def test_relays_that_share_a_folder_take_numbers_of_their_own(tmp_path: Path) -> None:
    channel = FileChannel(folder=str(tmp_path))
    one, two = FileSender("credit", channel), FileSender("credit", channel)
    # Both have looked before either has laid anything down.
    found = [
        *places(one.send_batch([outgoing(1, topic=PLACE)])),
        *places(two.send_batch([outgoing(2, topic=PLACE)])),
        *places(one.send_batch([outgoing(3, topic=PLACE)])),
    ]
    assert len(set(found)) == 3
    assert sorted(held(tmp_path).values()) == [["1"], ["2"], ["3"]]


def test_what_another_relay_laid_down_and_did_not_note_is_not_laid_down_twice(
    tmp_path: Path,
) -> None:
    channel = FileChannel(folder=str(tmp_path))
    one, two = FileSender("credit", channel), FileSender("credit", channel)
    places(two.send_batch([outgoing(9, topic=PLACE)]))
    # It dies before it can note anything; the other has looked long ago.
    first = places(one.send_batch(batch()))
    assert places(two.send_batch(batch())) == first
    assert sorted(held(tmp_path).values()) == [["1", "2", "3"], ["9"]]


def test_plans_that_lead_elsewhere_are_not_used(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "drop", tmp_path / "elsewhere"
    for path in (folder, elsewhere):
        path.mkdir()
    theirs = elsewhere / "1.done"
    theirs.touch()
    os.utime(theirs, (0, 0))
    (folder / ".zhitong").symlink_to(elsewhere, target_is_directory=True)
    assert codes(send(folder, batch())) == ["RECEIVER_UNAVAILABLE"] * 3
    assert theirs.exists()


def test_drafts_of_the_receiver_are_its_own(tmp_path: Path) -> None:
    theirs = tmp_path / ".incoming.part"
    ours = tmp_path / f".{'0a' * 8}.part"
    for path in (theirs, ours):
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    send(tmp_path, batch())
    assert theirs.exists()
    assert not ours.exists()


def test_a_plan_of_which_some_left_by_another_relay_is_given_up(
    tmp_path: Path,
) -> None:
    events = batch()
    sender = FileSender("credit", FileChannel(folder=str(tmp_path)))
    sender._read()
    plan = sender._new(tuple(str(each.event_id) for each in events), "")
    found = places(send(tmp_path, events[1:]))
    assert set(found) == {plan.batch + 1}
    assert held(tmp_path) == {plan.batch + 1: ["2", "3"]}
    assert not sender._planned(plan.batch).exists()


def test_a_folder_that_is_not_there_is_waited_for_and_never_made(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "mounted"
    assert codes(send(folder, batch())) == ["RECEIVER_UNAVAILABLE"] * 3
    assert not folder.exists()
    folder.mkdir()
    assert len(places(send(folder, batch()))) == 3


@pytest.mark.parametrize("payload", [b"a\nb", b"x" * (LARGEST + 1)])
def test_what_cannot_stand_on_a_line_is_poison_and_its_case_waits(
    tmp_path: Path, payload: bytes
) -> None:
    events = [
        outgoing(1, "one", topic=PLACE, payload=payload),
        outgoing(2, "one", topic=PLACE),
        outgoing(3, topic=PLACE),
    ]
    answers = send(tmp_path, events)
    assert codes(answers) == ["EVENT_POISON", "BROKER_UNAVAILABLE", "Ack"]
    assert list(held(tmp_path).values()) == [["3"]]


def test_once_closed_it_takes_nothing(tmp_path: Path) -> None:
    sender = FileSender("credit", FileChannel(folder=str(tmp_path)))
    sender.close()
    assert codes(sender.send_batch(batch())) == ["RECEIVER_UNAVAILABLE"] * 3
    assert list(tmp_path.iterdir()) == []
