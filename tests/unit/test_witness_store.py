"""What a witness keeps: whole lines only, found by size, whatever tore the last one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from zhitong.connectors import witness_store
from zhitong.connectors.witness_forms import Place, Word
from zhitong.connectors.witness_store import WitnessStore
from zhitong.evidence import Head, stamp
from zhitong.exceptions import WitnessError
from zhitong.rules.merkle import NONE

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SMALL = 1_500
"""Bytes of a file: some three heads."""


def word(size: int, second: int) -> Word:
    at = NOON + timedelta(seconds=second)
    head = Head(
        origin="anze", hash="sha256", size=size, root=NONE, at=at, previous=NONE
    )
    return Word(
        note=head.note.decode(),
        signatures=(),
        seen=stamp(at),
        key_id="k",
        algorithm="a",
        value=b"v",
    )


SIZES = [0, 0, 0, 0, 0, 0, 0, 3, 4, 4, 4, 4, 4, 4, 4, 4, 9, 10, 11, 12, 13, 40]
WORDS = [word(size, second) for second, size in enumerate(SIZES)]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    store = WitnessStore(tmp_path, segment=SMALL)
    for each in WORDS:
        store.keep(each)
    assert len(list((tmp_path / "heads").iterdir())) > 3
    return tmp_path


def test_it_goes_on_where_it_was(filled: Path) -> None:
    store = WitnessStore(filled, segment=SMALL)
    assert (store.count, store.last) == (len(WORDS), WORDS[-1])


def test_every_head_is_found_by_its_note(filled: Path) -> None:
    store = WitnessStore(filled, segment=SMALL)
    assert [store.find(each.note) for each in WORDS] == WORDS
    assert store.find(word(4, 77).note) is None
    assert store.find(word(41, 0).note) is None


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
@pytest.mark.parametrize("size", [0, 1, 4, 5, 13, 41])
def test_pages_give_every_head_once_whatever_their_size(
    filled: Path, size: int, limit: int
) -> None:
    store = WitnessStore(filled, segment=SMALL)
    place: Place | None = Place(size=size)
    found: list[Word] = []
    while place is not None:
        page = store.page(place, limit)
        assert len(page.heads) <= limit
        found += page.heads
        place = page.next
    assert found == [each for each in WORDS if each.head.size >= size]


def test_a_torn_line_is_forgotten_and_the_next_stands_whole(filled: Path) -> None:
    last = max((filled / "heads").iterdir())
    for cut in (1, 40, 200):
        text = last.read_bytes()
        last.write_bytes(text[:-cut])
        store = WitnessStore(filled, segment=SMALL)
        assert store.last == WORDS[-2]
        store.keep(WORDS[-1])
        assert WitnessStore(filled, segment=SMALL).last == WORDS[-1]


def test_a_file_of_which_only_a_torn_line_is_left_is_taken_away(filled: Path) -> None:
    store = WitnessStore(filled, segment=1)
    store.keep(word(50, 60))
    last = max((filled / "heads").iterdir())
    last.write_bytes(last.read_bytes()[:-1])
    again = WitnessStore(filled, segment=1)
    assert (again.count, again.last) == (len(WORDS), WORDS[-1])
    again.keep(word(60, 61))
    assert WitnessStore(filled).last == word(60, 61)


def test_a_line_spoilt_in_the_middle_stops_it(filled: Path) -> None:
    last = max((filled / "heads").iterdir())
    last.write_bytes(b"{" + last.read_bytes())
    with pytest.raises(WitnessError, match="1"):
        WitnessStore(filled)


def test_a_head_spoilt_within_a_line_stops_it_too(filled: Path) -> None:
    last = max((filled / "heads").iterdir())
    last.write_bytes(last.read_bytes().replace(b"origin anze", b"origin  nze"))
    with pytest.raises(WitnessError):
        WitnessStore(filled)


def test_a_line_that_is_being_written_is_not_read(filled: Path) -> None:
    store = WitnessStore(filled, segment=SMALL)
    with max((filled / "heads").iterdir()).open("ab") as file:
        file.write(b'{"note":"zhitong-head/1')
    assert store.page(Place(size=40), 10).heads == (WORDS[-1],)


def test_what_it_refused_is_kept_once(tmp_path: Path) -> None:
    store = WitnessStore(tmp_path)
    assert store.refuse("FORK", b"{}", signed=True, now="now")
    assert not store.refuse("FORK", b"{}", signed=True, now="later")
    assert not WitnessStore(tmp_path).refuse("FORK", b"{}", signed=True, now="then")
    assert store.refuse("ROLLBACK", b"\xff", signed=True, now="now")
    assert (tmp_path / "refused.jsonl").read_bytes().count(b"\n") == 2
    assert not WitnessStore(tmp_path).refuse("ROLLBACK", b"\xff", signed=True, now="")


def test_strangers_cannot_fill_the_disk_nor_keep_evidence_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_store, "UNSIGNED", 500)
    store = WitnessStore(tmp_path)
    kept = [
        store.refuse("UNSIGNED", f"{number}".encode(), signed=False, now="now")
        for number in range(100)
    ]
    assert 0 < sum(kept) < 20
    assert store.refuse("FORK", b"{}", signed=True, now="now")
