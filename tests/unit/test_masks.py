"""Masks: what is left of a value, in Python and as SQL."""

from __future__ import annotations

import pytest

from zhitong.connectors.masks import blurred, masked
from zhitong.types import Kind, MaskKind


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
        "case when base.xm is not null then left(base.xm, 1) || "
        "repeat('*', greatest(char_length(base.xm) - 1, 1)) end"
    )


def test_every_value_of_a_list_is_masked() -> None:
    assert masked(MaskKind.NAME, Kind.TEXTS, "base.cym") == (
        "array(select left(m.v, 1) || repeat('*', greatest(char_length(m.v) - 1, 1)) "
        "from unnest(base.cym) with ordinality m(v, n) order by m.n)"
    )


@pytest.mark.parametrize(
    "kind", [Kind.DATE, Kind.DATETIME, Kind.MONEY, Kind.INTEGER, Kind.CODE]
)
def test_what_has_no_blurred_form_is_not_shown_at_all(kind: Kind) -> None:
    assert masked(MaskKind.NAME, kind, "base.rq") == "null"
