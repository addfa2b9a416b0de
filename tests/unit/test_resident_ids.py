"""ID numbers in the middle of texts: found however they are written, and masked."""

from __future__ import annotations

from datetime import date

import pytest

from zhitong.rules.resident_ids import (
    born,
    completed,
    has_resident_id,
    resident_id_fault,
    without_resident_ids,
)

STARS = "*" * 16


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param("11010519491231002X", f"1{STARS}X", id="alone"),
        pytest.param(
            "身份证11010519491231002x。", f"身份证1{STARS}x。", id="in a text"
        ),
        pytest.param(
            "１１０１０５１９４９１２３１００２Ｘ",
            f"１{STARS}Ｘ",
            id="full-width",
        ),
        pytest.param("110105 19491231\u3000002X", f"1{'*' * 18}X", id="blanks between"),
        pytest.param("110105-19491231-002X", f"1{'*' * 18}X", id="dashes between"),
        pytest.param("110105\u200b19491231002X", f"1{'*' * 17}X", id="nothing seen"),
        pytest.param(
            "2. 11010519491231002X 3", f"2. 1{STARS}X 3", id="numbers beside it"
        ),
        pytest.param(
            "11010519491231002X、440524188001010014",
            f"1{STARS}X、4{STARS}4",
            id="two",
        ),
    ],
)
def test_an_id_number_in_a_text_is_masked_but_for_its_ends(
    text: str, left: str
) -> None:
    assert has_resident_id(text)
    assert without_resident_ids(text) == left
    assert not has_resident_id(left)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "未对从业人员进行培训",
        "110105194912310021",
        "110105194902300020",
        "1101051949123100211",
        "911010519491231002X",
        "联系电话13800138000",
    ],
)
def test_what_is_no_id_number_stays_as_it_is(text: str) -> None:
    assert not has_resident_id(text)
    assert without_resident_ids(text) == text


def test_the_day_of_birth_is_in_the_number() -> None:
    assert born("11010519491231002X") == date(1949, 12, 31)
    assert born("110105194912310021") is None


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("11010519491231002X", None),
        ("440524188001010014", None),
        ("110105194912310021", "does not fit the first 17"),
        ("11010519490231002X", "no such day"),
        ("01010519491231002X", "17 digits"),
        ("1101054912310021", "17 digits"),
        ("11010519491231002x", "17 digits"),
        ("", "17 digits"),
    ],
)
def test_what_is_wrong_with_an_id_number_is_said_without_it(
    number: str, says: str | None
) -> None:
    fault = resident_id_fault(number)
    assert (fault is None) is (says is None)
    if fault is not None and says is not None:
        assert says in fault.en
        assert not number or number not in f"{fault.zh}{fault.en}"


def test_a_number_of_fifteen_digits_is_completed() -> None:
    assert completed("110105491231002") == "11010519491231002X"
    assert completed("110105490231002") is None
    assert completed("010105491231002") is None
    assert completed("11010549123100") is None
