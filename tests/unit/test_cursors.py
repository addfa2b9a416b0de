"""Cursors: only ours, only for the list and the principal they were made for."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.exceptions import (
    CursorElsewhereError,
    CursorForeignError,
    CursorMalformedError,
)
from zhitong.resolvers.cursors import Cursors, Mark
from zhitong.types import Principal

CURSORS = Cursors(b"a secret of the tests")
WANG = Principal(kind="police", unit="U1", unit_name="公安局", person="王建国")
MARK = Mark("2026-01-02", "market", "7")
LISTING = "CaseRecord filedOn desc"
CURSOR = CURSORS.write(LISTING, WANG, MARK)


@given(
    value=st.none() | st.text(max_size=50),
    source=st.text(max_size=20),
    key=st.text(max_size=100),
)
def test_a_mark_comes_back_as_it_went(value: str | None, source: str, key: str) -> None:
    if any("\ud800" <= each <= "\udfff" for each in (value or "") + source + key):
        return
    mark = Mark(value, source, key)
    assert CURSORS.read(LISTING, WANG, CURSORS.write(LISTING, WANG, mark)) == mark


@pytest.mark.parametrize(
    "cursor",
    [
        pytest.param("", id="empty"),
        pytest.param("abc", id="too short"),
        pytest.param("!!!!", id="not base64"),
        pytest.param("游标", id="not ASCII"),
        pytest.param(CURSOR[:-4], id="cut"),
        pytest.param(CURSOR[:-5] + "AAAA=", id="another seal"),
        pytest.param("A" * 100_000, id="very long"),
        pytest.param(base64.urlsafe_b64encode(b"[]" + b"\0" * 16).decode(), id="made"),
    ],
)
def test_what_is_not_ours_is_malformed(cursor: str) -> None:
    with pytest.raises(CursorMalformedError):
        CURSORS.read(LISTING, WANG, cursor)


def test_a_changed_bit_anywhere_is_malformed() -> None:
    sealed = base64.urlsafe_b64decode(CURSOR)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(CursorMalformedError):
            CURSORS.read(LISTING, WANG, base64.urlsafe_b64encode(changed).decode())


def test_another_gateways_secret_does_not_open_it() -> None:
    with pytest.raises(CursorMalformedError):
        Cursors(b"another secret").read(LISTING, WANG, CURSOR)


@pytest.mark.parametrize(
    "listing",
    [
        pytest.param("Inspection filedOn desc", id="type"),
        pytest.param("CaseRecord decidedOn desc", id="order"),
        pytest.param("CaseRecord filedOn asc", id="direction"),
        pytest.param("CaseRecord filedOn desc cases@Q291", id="parent"),
    ],
)
def test_it_belongs_to_one_list(listing: str) -> None:
    with pytest.raises(CursorElsewhereError, match="CaseRecord filedOn desc"):
        CURSORS.read(listing, WANG, CURSOR)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(WANG, person="李秀英"), id="person"),
        pytest.param(replace(WANG, unit="U2"), id="unit"),
        pytest.param(replace(WANG, kind="public"), id="kind"),
    ],
)
def test_it_belongs_to_one_principal(other: Principal) -> None:
    with pytest.raises(CursorForeignError):
        CURSORS.read(LISTING, other, CURSOR)


def test_it_does_not_name_its_owner() -> None:
    opened = base64.urlsafe_b64decode(CURSOR).decode(errors="replace")
    assert WANG.person not in opened
    assert WANG.unit not in opened
