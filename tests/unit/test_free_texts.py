"""People's own words: whole for kinds that are named, else without ID numbers."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhitong.connectors.masks import blurred
from zhitong.exceptions import FieldHiddenError
from zhitong.infra.policy_file import read_policy
from zhitong.requesters import KINDS
from zhitong.resolvers.policy import Caller
from zhitong.resolvers.read import Reader
from zhitong.resolvers.verdicts import decide
from zhitong.rules.identifiers import resident_id
from zhitong.rules.resident_ids import has_resident_id, without_resident_ids
from zhitong.schema.entities import ENTITIES
from zhitong.types import Allow, Inquiry, Mask, MaskKind, Occasion, Principal

POLICY = read_policy(Path("infra/rules/policy.toml"), ENTITIES)
BETWEEN = ["", " ", "\u3000", "-", "\u200b", ".", "·", "－", "\n", " - ", "\xa0"]


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Write a resident's ID number as people do: apart, wide, in capitals or not."""
    days = draw(st.integers(0, 80_000))
    born = date(1800, 1, 1) + timedelta(days=days)
    place, order = draw(st.integers(100_000, 999_999)), draw(st.integers(0, 999))
    number = resident_id(f"{place}{born:%Y%m%d}{order:03d}")
    if draw(st.booleans()):
        number = number.lower()
    if draw(st.booleans()):
        number = "".join(chr(ord(each) + 0xFEE0) for each in number)
    return "".join(each + draw(st.sampled_from(BETWEEN)) for each in number).strip()


@settings(deadline=None, max_examples=400)
@given(st.lists(st.one_of(numbers(), st.text(max_size=8), st.just("、")), max_size=6))
def test_no_id_number_is_left_in_a_text(parts: list[str]) -> None:
    left = blurred(MaskKind.TEXT, "".join(parts))
    assert left is not None
    assert not has_resident_id(left)


@given(st.text(max_size=60))
def test_a_text_without_anything_like_an_id_number_is_left_as_it_is(text: str) -> None:
    if sum(each.isdigit() for each in text) < 15:
        assert blurred(MaskKind.TEXT, text) == text == without_resident_ids(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("张三11010519491231002X。", "张三1****************X。"),
        ("110105 19491231 002X", "1****************X"),
        ("440524188001010014", "4****************4"),
        ("一代证110105491231002号", "一代证1*************2号"),
        ("联系电话13800138000", "联系电话13800138000"),
        ("91110000600037341L", "91110000600037341L"),
        ("文号1101051949123100211", "文号1101051949123100211"),
    ],
)
def test_an_id_number_keeps_its_ends(text: str, left: str) -> None:
    assert blurred(MaskKind.TEXT, text) == left


def caller(kind: str) -> Principal:
    return Principal(kind=kind, unit="U", unit_name="", person="")


@pytest.mark.parametrize("kind", sorted(set(KINDS) - POLICY.whole_texts))
def test_no_kind_that_is_not_named_has_peoples_words_whole(kind: str) -> None:
    occasion = Occasion(purpose="double-publicity", basis="法", cause="案")
    asking = Caller(principal=caller(kind), occasion=occasion)
    for entity in ENTITIES.values():
        verdicts = decide(POLICY, asking, entity)
        for name, field in entity.fields.items():
            if field.free:
                given = [one.verdict for one in verdicts.fields[name]]
                assert not [one for one in given if isinstance(one, Allow)], name


def test_the_public_reads_what_a_case_is_about_and_cannot_search_in_it() -> None:
    inquiry = Inquiry(principal=caller("public"), occasion=Occasion(), id="")
    case = ENTITIES["CaseRecord"]
    reader = Reader(dict, POLICY)
    (ruling,) = reader.verdicts(inquiry, case).fields["title"]
    assert isinstance(ruling.verdict, Mask)
    assert ruling.verdict.kind is MaskKind.TEXT
    with pytest.raises(FieldHiddenError, match="title"):
        reader.restriction(inquiry, case, "title")


def test_an_officer_has_them_whole() -> None:
    asking = Caller(principal=caller("own-officer"), occasion=Occasion())
    verdicts = decide(POLICY, asking, ENTITIES["CaseRecord"])
    assert isinstance(verdicts.fields["title"][0].verdict, Allow)
