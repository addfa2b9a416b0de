"""docs/inbound.md against the code: no type, field, verdict or reason left unsaid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhitong.inbound import MEANINGS, Fate, Fault, Tidings, tidings_of
from zhitong.infra.inbound_file import needed_words
from zhitong.infra.receivers_file import read_receivers
from zhitong.streams.confidence import Confidence
from zhitong.streams.inbound_schemas import Shape, shapes

PAGE = (Path(__file__).parents[2] / "docs" / "inbound.md").read_text("utf-8")
LINES = PAGE.splitlines()
HOW_SURE = {
    Confidence.READ: "原文 the text itself",
    Confidence.PUBLIC: "公开摘要 public summaries",
    Confidence.DEPLOYED: "已部署系统 deployed systems",
    Confidence.CONFIGURED: "配置规则 configured rule",
}
"""As the page has it in front of the text that a type rests on."""


def test_every_type_has_a_schema_a_sender_and_its_source_on_the_page() -> None:
    known = {one.tidings for one in shapes().values()}
    granted = {each for one in read_receivers().inbound for each in one.types}
    assert known == set(Tidings) == granted
    for shape in shapes().values():
        assert tidings_of(shape.type) is shape.tidings
        (line,) = (one for one in LINES if one.startswith(f"| `{shape.type}` |"))
        assert str(shape.document["x-source"]) in line
        assert str(shape.document["title"]) in line
        assert HOW_SURE[Confidence(str(shape.document["x-confidence"]))] in line


@pytest.mark.parametrize("shape", shapes().values(), ids=list(shapes()))
def test_every_field_of_a_type_is_on_the_page_and_whether_it_is_required(
    shape: Shape,
) -> None:
    section = PAGE.partition(f"\n### {shape.tidings}\n")[2].partition("\n#")[0]
    shown = dict(
        re.findall(r"^\| `(\w+)` \|.*\| (是 yes)? ?\|$", section, re.MULTILINE)
    )
    fields, required = shape.document["properties"], shape.document["required"]
    assert isinstance(fields, dict)
    assert isinstance(required, list)
    assert list(shown) == list(fields)
    assert {name for name, said in shown.items() if said} == set(required)


@pytest.mark.parametrize("words", [Fate, Fault])
def test_every_verdict_and_every_reason_is_on_the_page(
    words: type[Fate | Fault],
) -> None:
    for word in words:
        assert any(line.startswith(f"| `{word.value}` |") for line in LINES), word
    assert set(MEANINGS) == set(Fault)


@pytest.mark.parametrize("kind", ["listing.entered", "", "cn.zhitong.inbound.a.v1"])
def test_a_type_of_another_kind_is_none_of_ours(kind: str) -> None:
    assert tidings_of(kind) is None


def test_what_a_dictionary_must_have_is_what_we_write() -> None:
    words = needed_words(read_receivers())
    assert words["party_kinds"] == {"法人及非法人组织", "个体工商户", "自然人"}
    assert len(words) == 7
