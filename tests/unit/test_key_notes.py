"""The note on a new key: read back as it was written, and in no other form."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from zhitong.evidence import KeyNote
from zhitong.rules.key_notes import key_id, read_key_note

SPKI = bytes(range(91))
NOTE = KeyNote(
    origin="anze",
    purpose="head",
    old="0" * 16,
    new=key_id(SPKI),
    algorithm="ecdsa-p256-sha256",
    spki=SPKI,
    at=datetime(2026, 11, 22, 8, 0, 0, 5, UTC),
)


def test_a_note_is_read_back() -> None:
    assert read_key_note(NOTE.text) == NOTE


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(replace(NOTE, new="1" * 16).text, id="a key by another's name"),
        pytest.param(replace(NOTE, spki=SPKI[1:]).text, id="another key"),
        pytest.param(NOTE.text + b"\n", id="a line more"),
        pytest.param(NOTE.text.replace(b"key/1", b"key/2"), id="another version"),
        pytest.param(NOTE.text.replace(b"purpose h", b"purpose H"), id="a capital"),
        pytest.param(NOTE.text.replace(b"T08", b"T24"), id="an hour there is not"),
        pytest.param(b"", id="nothing"),
        pytest.param("zhitong-键/1\n".encode(), id="no ASCII"),
    ],
)
def test_what_could_be_taken_for_a_note_is_none(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever says that it is none
        read_key_note(text)
