"""What an identifier is, whatever column it came in, and whether it is a person's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhitong.infra.checks_file import read_checks
from zhitong.infra.settings import Settings
from zhitong.rules.credit_codes import parts
from zhitong.rules.identifiers import (
    CREDIT_PLACEHOLDER,
    credit_code,
    resident_id,
)
from zhitong.rules.officer_certificates import (
    OfficerCertificate,
    certificate,
    certificates,
)
from zhitong.rules.recognition import IdentifierKind as Kind
from zhitong.rules.recognition import recognised

NOTHING = read_checks(Settings().checks).limits.placeholders


@pytest.mark.parametrize(
    ("text", "kind", "value", "says"),
    [
        pytest.param(
            "91110000600037341L",
            Kind.CREDIT_CODE,
            "91110000600037341L",
            None,
            id="code",
        ),
        pytest.param(
            " 9111 0000 6000 3734 1l ",
            Kind.CREDIT_CODE,
            "91110000600037341L",
            None,
            id="blanks and small letters",
        ),
        pytest.param(
            "91110000600037341L（1-1）",
            Kind.CREDIT_CODE,
            "91110000600037341L",
            None,
            id="which copy",
        ),
        pytest.param(
            "９１１１００００６０００３７３４１Ｌ",
            Kind.CREDIT_CODE,
            "91110000600037341L",
            None,
            id="full-width",
        ),
        pytest.param(
            "9111O000600037341L",
            Kind.CREDIT_CODE,
            "9111O000600037341L",
            "probably meant: 0",
            id="O for 0 stays and is named",
        ),
        pytest.param(
            credit_code("N2619921MA0000001"),
            Kind.CREDIT_CODE,
            credit_code("N2619921MA0000001"),
            None,
            id="a village's, with a letter in front",
        ),
        pytest.param(
            CREDIT_PLACEHOLDER,
            Kind.CREDIT_PLACEHOLDER,
            CREDIT_PLACEHOLDER,
            None,
            id="the placeholder of the forms",
        ),
        pytest.param(
            "11010519491231002x",
            Kind.RESIDENT_ID,
            "11010519491231002X",
            None,
            id="an ID number in a column of codes",
        ),
        pytest.param(
            "110105194912310021",
            Kind.RESIDENT_ID,
            "110105194912310021",
            "does not fit the first 17",
            id="an ID number with a slip",
        ),
        pytest.param(
            "110105491231003",
            Kind.RESIDENT_ID,
            "110105194912310038",
            None,
            id="an ID number of fifteen digits",
        ),
        pytest.param(
            "60003734-1", Kind.ORGANISATION_CODE, "600037341", None, id="organisation"
        ),
        pytest.param(
            "60003734-2",
            Kind.ORGANISATION_CODE,
            "600037342",
            "first 8",
            id="organisation with a slip",
        ),
        pytest.param(
            "1101081234567", Kind.REGISTRATION_NUMBER, "1101081234567", None, id="13"
        ),
        pytest.param(
            "110108001234567",
            Kind.REGISTRATION_NUMBER,
            "110108001234567",
            "first 14",
            id="15 digits that are no day of birth",
        ),
        pytest.param("", Kind.NONE, "", None, id="blank"),
        pytest.param("　", Kind.NONE, "", None, id="an ideographic blank"),
        pytest.param("／", Kind.NONE, "", None, id="a slash"),
        pytest.param("暂无", Kind.NONE, "", None, id="a word for none"),
        pytest.param("——", Kind.NONE, "", None, id="dashes"),
        pytest.param("京朝字第12号", Kind.OTHER, "京朝字第12号", None, id="else"),
    ],
)
def test_a_value_is_recognised(
    text: str, kind: Kind, value: str, says: str | None
) -> None:
    found = recognised(text, NOTHING)
    assert (found.kind, found.value) == (kind, value)
    assert (found.fault is None) is (says is None)
    assert says is None or (found.fault is not None and says in found.fault.en)
    assert found.personal is (kind is Kind.RESIDENT_ID)


def test_a_number_that_is_valid_as_both_is_kept_as_a_persons() -> None:
    # Of a thousand ID numbers of one day about thirty are credit codes by chance.
    codes = [credit_code(f"11010519490101{serial:03d}") for serial in range(1_000)]
    both = [code for code in codes if resident_id(code[:-1]) == code]
    assert both
    for code in both:
        found = recognised(code)
        assert found.kind is Kind.CREDIT_CODE
        assert found.personal


def test_a_registration_number_that_may_be_a_persons_is_kept_as_one() -> None:
    # 110105 1 January 1949 and a serial number: one in ten fits the check digit.
    found = [recognised(f"110105490101{serial:03d}") for serial in range(100)]
    assert {one.kind for one in found} == {Kind.REGISTRATION_NUMBER, Kind.RESIDENT_ID}
    assert all(one.personal for one in found)


@given(st.text("0123456789ABXabx 暂无／-（1-1）()１Ｘ.", max_size=24))
def test_whatever_comes_is_something_and_again_the_same(text: str) -> None:
    found = recognised(text, NOTHING)
    again = recognised(found.value, NOTHING)
    assert again.value == found.value
    assert again.personal is found.personal


def test_a_credit_code_is_taken_apart() -> None:
    found = parts("91110000600037341L")
    assert (found.authority.zh, found.body.zh) == ("市场监管", "企业")
    assert (found.division, found.organisation) == ("110000", "600037341")
    assert not found.old_organisation
    village = parts(credit_code("N2619921MA0000001"))
    assert (village.authority.zh, village.body.zh) == ("农业", "不详")
    assert parts(credit_code("11619900MA0000000")).old_organisation


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1900101、1900102", ["1900101", "1900102"]),
        ("1900101，1900102；1900103", ["1900101", "1900102", "1900103"]),
        ("1900101\u30001900102 1900101", ["1900101", "1900102"]),
        ("１９００１０１", ["1900101"]),
        ("安执-07a", ["安执-07a"]),
        (" 、", []),
    ],
)
def test_a_cell_of_certificates_names_each_once(text: str, numbers: list[str]) -> None:
    assert [one.number for one in certificates(text)] == numbers


def test_one_number_of_two_issuers_is_two_certificates() -> None:
    assert certificate("07", "甲省") != certificate("07", "乙省")
    assert certificate(" 07", "甲 省") == OfficerCertificate("07", "甲省")
