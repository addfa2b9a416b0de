"""Masks: what is left of a value, in Python and as SQL."""

from __future__ import annotations

import pytest

from zhitong.connectors.masks import blurred, blurred_value, masked
from zhitong.connectors.pseudonyms import Pseudonyms, pseudonymous
from zhitong.types import Kind, Mask, MaskKind

EDGES = (0, 1_000, 5_000)
NUMBER = "110101199003078515"


@pytest.mark.parametrize(
    ("mask", "text", "left"),
    [
        (MaskKind.NAME, "王建国", "王**"),
        (MaskKind.NAME, "欧阳建国", "欧***"),
        (MaskKind.NAME, "王", "王*"),
        (MaskKind.NAME, "", "*"),
        (MaskKind.ID_NUMBER, "110101199003078515", "1****************5"),
        (MaskKind.ID_NUMBER, "12345678", "1******8"),
        (MaskKind.ID_NUMBER, "1234567", "*******"),
        (MaskKind.PHONE, "13812345678", "138******78"),
        (MaskKind.PHONE, "88651234", "886***34"),
        (MaskKind.PHONE, "6512345", "*******"),
        (MaskKind.ADDRESS, "安泽市东岭县建设路1号", "安泽市东岭县***"),
        (MaskKind.ADDRESS, "安泽市高新区软件园区2号", "安泽市高新区***"),
        (MaskKind.ADDRESS, "建设路1号", "***"),
        (MaskKind.ADDRESS, "一二三四五六七八九十一二三四五六七八九十一县", "***"),
    ],
)
def test_a_mask_leaves_so_much(mask: MaskKind, text: str, left: str) -> None:
    assert blurred(mask, text) == left


def test_a_mask_keeps_null_and_never_selects_the_value_alone() -> None:
    assert masked(MaskKind.NAME, Kind.TEXT, "base.xm") == (
        "left(base.xm, 1) || repeat('*', greatest(char_length(base.xm) - 1, 1))"
    )


def test_every_value_of_a_list_is_masked() -> None:
    assert masked(MaskKind.NAME, Kind.TEXTS, "base.cym") == (
        "array(select left(m.v, 1) || repeat('*', greatest(char_length(m.v) - 1, 1)) "
        "from unnest(base.cym) with ordinality m(v, n) order by m.n)"
    )


@pytest.mark.parametrize(
    ("amount", "edge"),
    [
        ("0.00", "0.00"),
        ("999.99", "0.00"),
        ("1000.00", "1000.00"),
        ("4999.99", "1000.00"),
        ("9999999.00", "5000.00"),
        ("-1.00", None),
    ],
)
def test_of_an_amount_the_lower_edge_of_its_band_is_left(
    amount: str, edge: str | None
) -> None:
    mask = Mask("r", MaskKind.AMOUNT_BAND, edges=EDGES)
    assert blurred_value(mask, Kind.MONEY, amount) == edge


def test_without_bands_no_amount_is_told() -> None:
    mask = Mask("r", MaskKind.AMOUNT_BAND)
    assert blurred_value(mask, Kind.MONEY, "1.00") is None
    assert masked(MaskKind.AMOUNT_BAND, Kind.MONEY, "base.fk") == "null"


def test_of_a_day_the_year_is_left() -> None:
    mask = Mask("r", MaskKind.YEAR)
    assert blurred_value(mask, Kind.DATE, "2024-03-11") == "2024-01-01"
    moment = "2024-03-11T09:30:00.000000+08:00"
    assert blurred_value(mask, Kind.DATETIME, moment) == "2024-01-01T00:00:00+08:00"


def test_a_pseudonym_is_the_same_for_one_unit_and_another_for_another() -> None:
    digest, other = (blurred(MaskKind.HASH, text) or "" for text in (NUMBER, "x"))
    made = Pseudonyms(b"k" * 32)
    assert made.of(digest, "anze U") == made.of(digest, "anze U")
    assert len({made.of(digest, who) for who in ("anze U", "anze V", "luning U")}) == 3
    assert made.of(digest, "anze U") != made.of(other, "anze U")
    assert made.of(digest, "anze U") != Pseudonyms(b"j" * 32).of(digest, "anze U")


def test_no_digest_leaves_a_connector() -> None:
    digest = blurred(MaskKind.HASH, NUMBER) or ""
    record = (digest, [digest, digest], "王建国")
    hashed = {0: "anze U", 1: "anze U"}
    shown = pseudonymous(record, hashed, Pseudonyms(b"k" * 32))
    assert digest not in str(shown)
    assert shown == (shown[0], [shown[0]] * 2, "王建国")
    assert pseudonymous(record, hashed, None)[0] is None


@pytest.mark.parametrize("mask", [MaskKind.NULL, MaskKind.AMOUNT_BAND, MaskKind.YEAR])
def test_of_a_text_these_masks_leave_nothing(mask: MaskKind) -> None:
    assert masked(mask, Kind.TEXT, "base.xm", EDGES) == "null"
    assert masked(mask, Kind.TEXTS, "base.cym", EDGES) == "null"
    assert blurred_value(Mask("r", mask, edges=EDGES), Kind.TEXT, "王") is None
    assert blurred_value(Mask("r", mask, edges=EDGES), Kind.TEXTS, ("王",)) is None


@pytest.mark.parametrize(
    "kind", [Kind.DATE, Kind.DATETIME, Kind.MONEY, Kind.INTEGER, Kind.CODE]
)
def test_what_has_no_blurred_form_is_not_shown_at_all(kind: Kind) -> None:
    assert masked(MaskKind.NAME, kind, "base.rq") == "null"
