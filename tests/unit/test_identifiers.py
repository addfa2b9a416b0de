"""Codes of bodies and persons, against public vectors and python-stdnum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc
from stdnum.iso7064 import mod_11_10

from zhitong.rules.identifiers import (
    CREDIT_ALPHABET,
    CREDIT_PLACEHOLDER,
    credit_code,
    credit_code_fault,
    organisation_code,
    organisation_code_fault,
    registration_number,
    registration_number_fault,
    resident_id,
)

DIGITS = "0123456789"
BODIES = st.builds(
    "{}{}{}".format,
    st.text(CREDIT_ALPHABET, min_size=2, max_size=2),
    st.text(DIGITS, min_size=6, max_size=6),
    st.text(CREDIT_ALPHABET, min_size=9, max_size=9),
)


@pytest.mark.parametrize(
    "code",
    ["91110000600037341L", "11230500001755309F", "91320105780688132K"],
)
def test_codes_of_public_organisations_are_valid(code: str) -> None:
    assert credit_code_fault(code) is None
    assert credit_code(code[:-1]) == code
    assert organisation_code(code[8:16]) == code[8:17]


def test_letters_in_the_first_two_places_are_valid() -> None:
    assert credit_code_fault(credit_code("N2619921MA0000001")) is None
    assert credit_code_fault(credit_code("YA619921MA0000001")) is None


@given(BODIES)
def test_a_completed_code_is_valid_and_any_other_check_character_is_not(
    body: str,
) -> None:
    good = credit_code(body)
    assert credit_code_fault(good) is None
    for character in CREDIT_ALPHABET.replace(good[-1], ""):
        fault = credit_code_fault(body + character)
        assert fault is not None
        assert "校验码" in fault.zh or body + character == CREDIT_PLACEHOLDER


@given(
    st.text(DIGITS, min_size=8, max_size=8),
    st.text(CREDIT_ALPHABET, min_size=9, max_size=9),
)
def test_stdnum_agrees_on_codes_that_begin_with_digits(head: str, tail: str) -> None:
    assert uscc.calc_check_digit(head + tail) == credit_code(head + tail)[-1]


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        pytest.param("", "18 位，收到 0 位", "this has 0", id="blank"),
        pytest.param(
            "110108001234567", "18 位，收到 15 位", "this has 15", id="old number"
        ),
        pytest.param(
            "9111O000600037341L", "第 5 位“O”", "probably meant: 0", id="O for 0"
        ),
        pytest.param(
            "9I110000600037341L", "第 2 位“I”", "probably meant: 1", id="I for 1"
        ),
        pytest.param(
            "91110000S00037341L", "多半应为“5”", "probably meant: 5", id="S for 5"
        ),
        pytest.param(
            "91110000V00037341L", "多半应为“U”", "probably meant: U", id="V for U"
        ),
        pytest.param(
            "91110000Z00037341L", "多半应为“2”", "probably meant: 2", id="Z for 2"
        ),
        pytest.param(
            "91110000600037341l", "第 18 位“l”应为大写", "capital", id="lower case"
        ),
        pytest.param(
            "91110000600037341号", "不是代码用字", "never occurs", id="not a letter"
        ),
        pytest.param(
            "911A0000600037341L", "行政区划部分", "a digit is due", id="division"
        ),
        pytest.param(
            "91110000600037341M", "校验码“M”", "check character M", id="wrong check"
        ),
        pytest.param(CREDIT_PLACEHOLDER, "占位符", "no code", id="placeholder"),
    ],
)
def test_a_fault_says_in_both_languages_what_is_wrong(
    text: str, zh: str, en: str
) -> None:
    fault = credit_code_fault(text)
    assert fault is not None
    assert zh in fault.zh
    assert en in fault.en


def test_the_resident_number_of_the_standard_is_completed() -> None:
    assert resident_id("11010519491231002") == "11010519491231002X"


@given(st.text(DIGITS, min_size=17, max_size=17))
def test_stdnum_agrees_on_resident_numbers(first17: str) -> None:
    assert ric.calc_check_digit(first17 + "0") == resident_id(first17)[-1]


@given(st.text(DIGITS, min_size=14, max_size=14))
def test_stdnum_agrees_on_old_registration_numbers(first14: str) -> None:
    number = registration_number(first14)
    assert mod_11_10.is_valid(number)
    assert registration_number_fault(number) is None
    for digit in DIGITS.replace(number[-1], ""):
        fault = registration_number_fault(first14 + digit)
        assert fault is not None
        assert "first 14" in fault.en


@pytest.mark.parametrize(
    ("text", "en"),
    [
        ("1101081234567", None),
        ("110108123456", "this has 12"),
        ("11010812345678A", "this has 15"),
        ("", "this has 0"),
    ],
)
def test_a_registration_number_has_its_form(text: str, en: str | None) -> None:
    fault = registration_number_fault(text)
    assert (fault is None) if en is None else (fault is not None and en in fault.en)


@given(st.text(CREDIT_ALPHABET, min_size=8, max_size=8))
def test_an_organisation_code_has_one_check_character(first8: str) -> None:
    code = organisation_code(first8)
    assert organisation_code_fault(code) is None
    for character in "0123456789X".replace(code[-1], ""):
        fault = organisation_code_fault(first8 + character)
        assert fault is not None
        assert "first 8" in fault.en


@pytest.mark.parametrize(
    "text", ["", "60003734", "60003734-1", "60003734l", "六0003734L"]
)
def test_an_organisation_code_has_its_form(text: str) -> None:
    fault = organisation_code_fault(text)
    assert fault is not None
    assert "8 digits" in fault.en
