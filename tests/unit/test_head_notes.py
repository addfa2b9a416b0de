"""The note of a head: read back as it was written, and in no other form."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.evidence import Head
from zhitong.rules.head_notes import read_head
from zhitong.rules.merkle import NONE

HEAD = Head(
    origin="anze",
    hash="sha256",
    size=12,
    root=bytes(range(32)),
    at=datetime(2026, 11, 22, 8, 0, 0, 5, UTC),
    previous=NONE,
)


@given(
    st.integers(0, 10**17),
    st.binary(min_size=32, max_size=32),
    st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the strategy adds the zone
)
def test_every_head_is_read_from_its_note(size: int, root: bytes, at: datetime) -> None:
    head = Head(origin="anze/2", hash="sm3", size=size, root=root, at=at, previous=root)
    assert read_head(head.note) == head


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"zhitong-head/1", b"zhitong-head/2", id="another version"),
        pytest.param(b"size 12", b"size 012", id="a zero before the size"),
        pytest.param(b"size 12", b"size -12", id="a negative size"),
        pytest.param(b"sha256", b"md5", id="another digest"),
        pytest.param(b"00010203", b"000102AF", id="capitals in the root"),
        pytest.param(b"\n", b"\r\n", id="other line ends"),
        pytest.param(b"000005Z", b"000005+00:00", id="a zone in figures"),
        pytest.param(b"2026-11-22", b"2026-13-22", id="a month there is not"),
        pytest.param(b"T08:", b"T25:", id="an hour there is not"),
        pytest.param(b"origin anze", b"origin an ze", id="a blank in the origin"),
        pytest.param(b"origin anze", b"origin \xe5\xae\x89", id="no ASCII"),
    ],
)
def test_what_could_be_taken_for_a_note_is_none(old: bytes, new: bytes) -> None:
    note = HEAD.note.replace(old, new)
    assert note != HEAD.note
    with pytest.raises(ValueError):  # noqa: PT011 - whatever says that it is none
        read_head(note)


def test_a_line_too_many_or_too_few_is_no_note() -> None:
    for note in (HEAD.note + b"\n", HEAD.note[:-1], b"", HEAD.note * 4):
        with pytest.raises(ValueError, match="no head"):
            read_head(note)
