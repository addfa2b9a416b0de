"""Amounts in texts: those of real decisions, and those that must not be guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.rules.written_amounts import _numeral, written


@pytest.mark.parametrize(
    ("text", "fine", "confiscated"),
    [
        pytest.param(
            "1、 没收违法所得1144元； 2、 罚款20000元。 ", 2_000_000, 114_400, id="both"
        ),
        pytest.param(
            "没收违法所得 49.5 元;罚款 1120.5 元", 112_050, 4_950, id="decimals"
        ),
        pytest.param(
            "没收违法所得1117.66元；罚款50000元。", 5_000_000, 111_766, id="fen"
        ),
        pytest.param(
            "1、罚款人民币壹仟叁佰捌拾元整；2、没收违法所得叁佰伍拾元整；3、责令停止生产、"
            "销售；共计罚没款壹仟柒佰叁拾元整。",
            138_000,
            35_000,
            id="numerals and their total",
        ),
        pytest.param(
            "2.对非法占用的315.25平方米土地，按15元/平方米的标准并处罚款，"
            "共计4728.75元(肆仟柒佰贰拾捌元柒角伍分)  ",
            472_875,
            None,
            id="a rate and a total",
        ),
        pytest.param("罚款壹仟元整（1000元）", 100_000, None, id="written twice"),
        pytest.param(
            "责令停止违法行为，限期改正，处10,000元罚款。", 1_000_000, None, id="after"
        ),
        pytest.param("处以人民币贰万元罚款", 2_000_000, None, id="numerals after"),
        pytest.param("罚款：２万元", 2_000_000, None, id="full width, 万元"),
        pytest.param("罚款1.5万元", 1_500_000, None, id="part of 万元"),
        pytest.param("罚款壹拾万零伍佰元", 10_050_000, None, id="with a zero"),
        pytest.param("罚款十元", 1_000, None, id="ten"),
        pytest.param("没收非法财物3，000元", None, 300_000, id="a wide comma"),
    ],
)
def test_a_plain_amount_is_read(
    text: str, fine: int | None, confiscated: int | None
) -> None:
    found = written(text)
    assert (found.fine, found.confiscated) == (fine, confiscated)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("罚款壹仟元整（2000元）", id="figures and numerals disagree"),
        pytest.param("罚款1000元；对李某罚款500元", id="two parties"),
        pytest.param(
            "罚款1000元，没收违法所得5元，共计罚没款2000元", id="a wrong total"
        ),
        pytest.param("货值金额3000元，处以罚款", id="another amount before"),
        pytest.param("罚款，货值金额3000元", id="another amount behind"),
        pytest.param("处5000元以上罚款", id="a limit"),
        pytest.param("按每平方米15元处以罚款", id="a rate"),
        pytest.param("罚款15元/平方米", id="a rate as the amount"),
        pytest.param("罚款1,00元", id="a comma out of place"),
        pytest.param("罚款10.005元", id="parts of a fen"),
        pytest.param("罚款壹贰元", id="digits read out"),
        pytest.param("罚款百千元", id="units out of order"),
        pytest.param("罚款20000", id="no unit"),
        pytest.param("上海市浦东新区市场监督管理局", id="an agency"),
        pytest.param("", id="nothing"),
        pytest.param("现场违规搅拌砂浆量为3869吨", id="tons"),
    ],
)
def test_what_is_not_plain_is_left_out(text: str) -> None:
    found = written(text)
    assert (found.fine, found.confiscated) == (None, None)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        pytest.param("警告，并处罚款", ("WARNING", "FINE"), id="two"),
        pytest.param("不予罚款", (), id="negated"),
        pytest.param("未设置警告标志", (), id="a sign"),
        pytest.param("责令停止违法行为，限期改正", (), id="an order is no penalty"),
        pytest.param("吊销食品经营许可证", ("LICENCE_REVOKED",), id="revoked"),
        pytest.param(
            "没收违法所得及没收非法财物",
            ("CONFISCATED_GAINS", "CONFISCATED_GOODS"),
            id="confiscated",
        ),
    ],
)
def test_kinds_are_those_named_in_the_words_of_the_law(
    text: str, kinds: tuple[str, ...]
) -> None:
    assert written(text).kinds == kinds


def numerals(number: int) -> str:
    """Write *number* below 10^8 as on cheques."""
    if number >= 10_000:
        rest = number % 10_000
        zero = "零" if rest and (rest < 1000) else ""
        tail = numerals(rest) if rest else ""
        return f"{numerals(number // 10_000)}万{zero}{tail}"
    said, empty = "", False
    for place, unit in ((1000, "仟"), (100, "佰"), (10, "拾"), (1, "")):
        digit = number // place % 10
        if digit:
            said += "零" if empty and said else ""
            said += "零壹贰叁肆伍陆柒捌玖"[digit] + unit
            empty = False
        else:
            empty = True
    return said or "零"


@given(number=st.integers(1, 10**8 - 1))
def test_numerals_are_read_as_they_are_written(number: int) -> None:
    assert _numeral(numerals(number)) == number
    assert written(f"罚款人民币{numerals(number)}元整").fine == number * 100
    assert written(f"处罚款{number:,}元").fine == number * 100
