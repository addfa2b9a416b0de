"""Why a question is asked arrives in headers that nobody can abuse."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from zhitong.exceptions import OccasionMalformedError
from zhitong.infra.occasions import HEADERS, read_occasion, said
from zhitong.types import Occasion


def test_absent_headers_leave_the_occasion_empty() -> None:
    assert read_occasion({}) == Occasion()


def test_purpose_basis_and_cause_are_read_in_either_writing() -> None:
    headers = {
        b"zhitong-purpose": "行政处罚".encode(),
        b"zhitong-basis": quote("《行政处罚法》第五十四条").encode(),
        b"zhitong-cause": "东应急〔2026〕3 号".encode(),
    }
    assert read_occasion(headers) == Occasion(
        purpose="行政处罚",
        basis="《行政处罚法》第五十四条",
        cause="东应急〔2026〕3 号",
    )


def test_the_papers_of_a_look_are_read_and_a_client_says_them_the_same_way() -> None:
    occasion = Occasion(
        purpose="party-access",
        letter="安公介〔2026〕7号",
        mandate="安律函〔2026〕3号",
        authorisation="授权书 2026-11-02",
        licence="16199202610000001",
        approval="审批〔2026〕9号",
    )
    headers = {name.encode(): text.encode() for name, text in said(occasion).items()}
    assert set(headers) == {
        b"zhitong-purpose",
        b"zhitong-letter",
        b"zhitong-mandate",
        b"zhitong-authorisation",
        b"zhitong-licence",
        b"zhitong-approval",
    }
    assert read_occasion(headers) == occasion


@pytest.mark.parametrize("header", HEADERS.values())
def test_every_header_is_read_under_the_same_rules(header: bytes) -> None:
    with pytest.raises(OccasionMalformedError, match=header.decode()):
        read_occasion({header: b"a%0Ab"})


def test_two_hundred_characters_are_read_whatever_their_bytes() -> None:
    assert read_occasion({b"zhitong-cause": quote("案" * 200).encode()}).cause == (
        "案" * 200
    )


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("案" * 201, id="too long"),
        pytest.param("案\nINFO forged", id="line feed"),
        pytest.param("案\x00", id="null"),
        pytest.param("案\x7f件", id="delete"),
        pytest.param("案\u202e件", id="right-to-left override"),
        pytest.param("案\u200b件", id="zero-width space"),
        pytest.param("案\u2028件", id="line separator"),
    ],
)
def test_long_or_invisible_text_is_refused(value: str) -> None:
    with pytest.raises(OccasionMalformedError, match="zhitong-purpose"):
        read_occasion({b"zhitong-purpose": quote(value).encode()})


@pytest.mark.parametrize("raw", ["案件".encode("gb18030"), b"%ff", b"%E6%A1"])
def test_bytes_that_are_not_utf_8_are_refused(raw: bytes) -> None:
    with pytest.raises(OccasionMalformedError, match="UTF-8"):
        read_occasion({b"zhitong-cause": raw})


def test_a_header_that_is_long_with_spaces_is_refused_and_not_remembered() -> None:
    with pytest.raises(OccasionMalformedError):
        read_occasion({b"zhitong-purpose": b"a" + b"%20" * 1_000})
