"""Document numbers: one number in two styles is one, two numbers stay two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.rules.document_numbers import expanded, normalised, usual

PAIRS = ("〔〕", "[]", "【】", "（）", "()", "﹝﹞", "［］", "[〕", ("", ""))
BLANKS = ("", " ", "\u3000", "\xa0", "\t", "\u200b")
prefixes = st.text("市住建罚字应急决安XZ", min_size=1, max_size=6)
years = st.integers(1949, 2099).map(str)
numbers = st.integers(1, 999_999).map(str)


@st.composite
def written(draw: st.DrawFn, prefix: str, year: str, number: str) -> str:
    """Write a number in any of the styles that occur."""
    opening, closing = draw(st.sampled_from(PAIRS))
    blank = st.sampled_from(BLANKS)
    parts = (
        prefix,
        opening + year + draw(st.sampled_from(("", "年"))) + closing,
        draw(st.sampled_from(("", "第"))) + number,
        "号",
    )
    text = "".join(part + draw(blank) for part in parts)
    if draw(st.booleans()):
        text = text.translate({ord("0") + d: 0xFF10 + d for d in range(10)})
    return text


@pytest.mark.parametrize(
    "text",
    [
        "市住建建罚〔2019〕9号",
        "市住建建罚（2019）9号",
        "市住建建罚[2019] 9 号",
        "市住建建罚【２０１９】第９号",
        "市住建建罚﹝2019﹞9号",
        "市住建建罚2019第9号",
        "市住建建罚2019年9号",
        "市住建建罚2019-9号",
        "市住建建罚20199号",
        "\u3000市住建\xa0建罚第〔2019〕第9",
    ],
)
def test_every_style_is_the_same_number(text: str) -> None:
    assert normalised(text) == "市住建建罚〔2019〕9号"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("安交罚决第ZD021974号", "安交罚决第ZD021974号"),
        ("安交罚决ZD021974号", "安交罚决第ZD021974号"),
        ("安交罚决第 021974 号", "安交罚决第021974号"),
        ("安交罚决021974", "安交罚决第021974号"),
        ("[2019]第1520号", "〔2019〕1520号"),
        ("安城管委( 路 )处罚字〔2019〕第1号", "安城管委(路)处罚字〔2019〕1号"),
        ("安金罚决字【2025】7-8号 ", "安金罚决字〔2025〕7-8号"),
    ],
)
def test_numbers_as_they_occur(text: str, same: str) -> None:
    assert normalised(text) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("罚〔2019〕9号", "罚〔2018〕9号"),
        ("罚〔2019〕9号", "罚〔2019〕90号"),
        ("罚〔2019〕9号", "罚〔2019〕9-1号"),
        ("罚字第20191号", "罚字〔2019〕1号"),
        ("罚〔2019〕11号", "罚〔2019〕1-1号"),
        ("建罚〔2019〕9号", "罚〔2019〕9号"),
    ],
)
def test_another_number_stays_another(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@given(st.data(), prefixes, years, numbers)
def test_two_writings_of_one_number_are_equal(
    data: st.DataObject, prefix: str, year: str, number: str
) -> None:
    one = data.draw(written(prefix, year, number))
    assert normalised(one) == f"{prefix}〔{year}〕{number}号"


@given(
    st.data(),
    st.tuples(prefixes, years, numbers),
    st.tuples(prefixes, years, numbers),
)
def test_two_numbers_never_meet(
    data: st.DataObject, one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    same = normalised(data.draw(written(*one))) == normalised(
        data.draw(written(*other))
    )
    assert same == (one == other)


@given(st.text("罚字第号年〔2019〕()-1 5", max_size=16))
def test_a_normal_form_is_its_own(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("市住建建罚（2019）9号", True),
        ("安公(治)行罚决字〔2026〕12号", True),
        ("东应急罚〔2026〕12-1号", True),
        ("市监处罚〔2026〕12号之一", True),
        ("（安）应急罚〔2026〕12号", True),
        ("〔2026〕12号", False),
        ("罚字第12号", False),
        ("公告", False),
        ("", False),
    ],
)
def test_a_usual_form_has_name_year_and_number(text: str, *, fits: bool) -> None:
    assert usual(text) is fits


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param(
            "安金罚决字〔2025〕8-11号",
            [f"安金罚决字〔2025〕{n}号" for n in (8, 9, 10, 11)],
            id="a range",
        ),
        pytest.param(
            "安金罚决字【2025】71号-72号",
            ["安金罚决字〔2025〕71号", "安金罚决字〔2025〕72号"],
            id="a range with 号 at both ends",
        ),
        pytest.param(
            "安金罚决字（２０２５）８～１０号",
            [f"安金罚决字〔2025〕{n}号" for n in (8, 9, 10)],
            id="a range with a wave, full-width",
        ),
        pytest.param(
            "安金罚决字〔2025〕8号至第9号",
            ["安金罚决字〔2025〕8号", "安金罚决字〔2025〕9号"],
            id="a range in words",
        ),
        pytest.param(
            "安金罚决字[2025] 8、9、12-13号",
            [f"安金罚决字〔2025〕{n}号" for n in (8, 9, 12, 13)],
            id="a list with a range",
        ),
        pytest.param(
            "安金罚决字〔2025〕8号和9号",
            ["安金罚决字〔2025〕8号", "安金罚决字〔2025〕9号"],
            id="two with 和",
        ),
        pytest.param(
            "和县应急罚〔2025〕8号", ["和县应急罚〔2025〕8号"], id="和 in a name"
        ),
        pytest.param(
            "甲罚〔2025〕8号，乙罚〔2024〕9号",
            ["甲罚〔2025〕8号", "乙罚〔2024〕9号"],
            id="another agency and year",
        ),
        pytest.param(
            "甲罚〔2025〕8、9号；8号",
            ["甲罚〔2025〕8号", "甲罚〔2025〕9号"],
            id="one twice",
        ),
        pytest.param(
            "甲罚〔2025〕098-101号",
            [f"甲罚〔2025〕{n}号" for n in ("098", "099", "100", "101")],
            id="noughts before",
        ),
        pytest.param(
            "东应急罚〔2026〕12-1号",
            ["东应急罚〔2026〕12-1号"],
            id="a number of a number",
        ),
        pytest.param(
            "甲罚〔2025〕1-20250号", ["甲罚〔2025〕1-20250号"], id="too long a range"
        ),
        pytest.param("第20191号", ["第20191号"], id="no year"),
        pytest.param(
            "市监处罚〔2026〕12号之一", ["市监处罚〔2026〕12号之一"], id="之一"
        ),
        pytest.param("", [], id="nothing"),
    ],
)
def test_a_title_that_names_several_numbers_names_each(
    text: str, numbers: list[str]
) -> None:
    assert list(expanded(text)) == numbers


@given(st.data(), prefixes, years, st.integers(1, 900), st.integers(1, 60))
def test_a_range_has_every_number_from_end_to_end(
    data: st.DataObject, prefix: str, year: str, first: int, more: int
) -> None:
    opening, closing = data.draw(st.sampled_from(PAIRS[:-1]))
    text = f"{prefix}{opening}{year}{closing}{first}-{first + more}号"
    assert list(expanded(text)) == [
        normalised(f"{prefix}〔{year}〕{number}号")
        for number in range(first, first + more + 1)
    ]


@given(st.data(), prefixes, years, numbers)
def test_one_number_alone_is_expanded_to_itself(
    data: st.DataObject, prefix: str, year: str, number: str
) -> None:
    text = data.draw(written(prefix, year, number))
    assert expanded(text) == (normalised(text),)
