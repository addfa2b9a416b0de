"""The pages of forms against the schemas: no column and no rule is left unsaid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from zhitong.infra.receivers_file import read_receivers
from zhitong.streams.annotations import ANNOTATION_TYPE
from zhitong.streams.annotations import table as annotation_table
from zhitong.streams.cloud_events import TYPES
from zhitong.streams.columns import CUT
from zhitong.streams.grants import grants
from zhitong.streams.notices import NOTICE_TYPE
from zhitong.streams.schemas import tables

DOCS = Path(__file__).parents[2] / "docs"
PAGE = "".join((DOCS / name).read_text("utf-8") for name in ("streams.md", "forms.md"))
LINES = PAGE.splitlines()


@pytest.mark.parametrize("name", list(tables()))
def test_every_column_of_every_table_is_on_the_page_with_its_label(name: str) -> None:
    table = tables()[name]
    missing = [
        column
        for column, said in table.columns.items()
        if not any(
            line.startswith(f"| `{column}` | {said['title']} |") for line in LINES
        )
        # Columns that all tables share bear one of their labels.
        and not (column in tables()["levy"].columns and f"| `{column}` |" in PAGE)
    ]
    assert missing == []
    assert name in PAGE


@pytest.mark.parametrize("name", list(tables()))
def test_every_rule_of_acceptance_is_on_the_page_with_its_columns(name: str) -> None:
    for rule in tables()[name].rules:
        due = rule.get("require", ())
        assert isinstance(due, list | tuple)
        said = f"- {rule['zh']} {rule['en']}：" + "、".join(f"`{one}`" for one in due)
        assert any(line.startswith(said) for line in LINES), said
        assert f". {rule['source']}" in PAGE


def test_topics_types_and_the_mark_of_a_cut_text_are_on_the_page() -> None:
    for topic in read_receivers().topics:
        assert f"`{topic}`" in PAGE
    for name in TYPES.values():
        assert name.removeprefix("cn.zhitong.decision") in PAGE
    for name in (NOTICE_TYPE, ANNOTATION_TYPE):
        assert f"`{name}`" in PAGE
    assert CUT in PAGE


def test_what_an_annotation_says_is_on_the_page() -> None:
    for name, said in annotation_table().columns.items():
        title = said["title"]
        assert f"| `{name}` | {title} |" in LINES
        for word in cast("Sequence[str]", said.get("enum", ())):
            assert f"`{word}`" in PAGE


def test_the_grants_on_the_page_are_those_declared_and_no_others() -> None:
    shown = [line for line in LINES if re.search(r"\| (READ|WRITE) \|$", line)]
    assert shown == [
        f"| `{each.user}` | {each.kind} | `{each.name}` | {each.operation} |"
        for each in sorted(grants(read_receivers()))
    ]
