"""Bindings that are no text, or hold text that no statement can."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhitong.connectors.binding_file import read_folder
from zhitong.schema.declare import entity, item
from zhitong.types import Kind

PARTY = entity(
    "Party",
    "parties",
    "当事人。",
    "A party.",
    key="id",
    orders=("id",),
    fields=(item("id", "编号", "Id"), item("tags", "标签", "Tags", Kind.TEXTS)),
)
RIGHT = """\
name  = "market"
title = { zh = "市监局", en = "Market" }
owner = "11619900MB0001003U"
none  = ["无"]
tenant = "anze"
[types.Party]
table = "sc.party"
key   = "dm"
[types.Party.fields]
id    = "dm"
tags  = { column = "bq", split = "、" }
"""


@pytest.mark.parametrize("kind", ["GBK", "folder", "dangling link"])
def test_a_file_that_cannot_be_read_leaves_the_others_standing(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "market.toml").write_text(RIGHT, encoding="utf-8")
    credit = tmp_path / "credit.toml"
    if kind == "GBK":
        credit.write_bytes(RIGHT.encode("gbk"))
    elif kind == "folder":
        credit.mkdir()
    else:
        credit.symlink_to(tmp_path / "nowhere.toml")
    bindings, errors = read_folder(tmp_path, {"Party": PARTY})
    assert list(bindings) == ["market"]
    [error] = errors
    assert error.label.en.startswith(
        "credit.toml:1: cannot be read, must be a file in UTF-8 ("
    )


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"、"', '""', "market.toml:11 types.Party.fields.tags.split"),
        ('["无"]', '["\\u0000"]', "market.toml:4 none"),
    ],
)
def test_a_text_that_no_statement_can_hold_is_refused(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    wrong = RIGHT.replace(old, new)
    (tmp_path / "market.toml").write_text(wrong, encoding="utf-8")
    _, [error] = read_folder(tmp_path, {"Party": PARTY})
    assert error.label.en.startswith(f"{place}: Expected `str` ")
