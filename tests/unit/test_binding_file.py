"""Mistakes in a binding: each names file, line, field and what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhitong.connectors.binding_file import read_binding, read_folder
from zhitong.exceptions import BindingError
from zhitong.schema.declare import code, codes, entity, item
from zhitong.types import Kind, Sharing

KINDS = codes("Kind", "种类", "Kind", FIRM=("企业", "Firm"), PERSON=("人", "Person"))
PARTY = entity(
    "Party",
    "parties",
    "当事人。",
    "A party.",
    key="id",
    orders=("id",),
    fields=(
        item("id", "编号", "Id"),
        code("kind", "种类", "Kind", KINDS),
        item("since", "日期", "Since", Kind.DATE),
        item("seen", "时间", "Seen", Kind.DATETIME),
        item("paid", "金额", "Paid", Kind.MONEY),
        item("tags", "标签", "Tags", Kind.TEXTS),
    ),
)
RIGHT = """\
name  = "market"
title = { zh = "市监局", en = "Market" }
owner = "11619900MB0001003U"
tenant = "anze"
[codes.kinds]
"1" = "FIRM"

[types.Party]
table = "sc.party"
key   = "dm"

[types.Party.joins.place]
table = "sc.place"
on    = { code = "base.place" }

[types.Party.fields]
id    = "dm"
kind  = { column = "lx", codes = "kinds" }
since = { column = "rq", format = "yyyymmdd" }
paid  = { column = "je", unit = "fen" }
tags  = { column = "bq", split = "、" }
"""


def _read(folder: Path, text: str) -> BindingError | None:
    path = folder / "market.toml"
    path.write_text(text, encoding="utf-8")
    try:
        read_binding(path, {"Party": PARTY})
    except BindingError as error:
        return error
    return None


def test_a_right_binding_is_read(tmp_path: Path) -> None:
    assert _read(tmp_path, RIGHT) is None


@pytest.mark.parametrize(
    ("old", "new", "place", "zh", "en"),
    [
        pytest.param(
            '"market"',
            '"credit"',
            "1 name",
            "写的是 credit，应与文件名 market 相同",
            "is credit, must equal the file's name market",
            id="name of another file",
        ),
        pytest.param(
            "11619900MB0001003U",
            "11619900MB0001003X",
            "3 owner",
            "校验码“X”与前 17 位不符，请逐位核对",
            "check character X does not fit the first 17, compare each",
            id="owner code",
        ),
        pytest.param(
            "split =",
            "splitt =",
            "21 types.Party.fields.tags.splitt",
            "格式有误：Object contains unknown field `splitt`",
            "Object contains unknown field `splitt`",
            id="misspelt key",
        ),
        pytest.param(
            "title =",
            "titel =",
            "2 titel",
            "格式有误：Object contains unknown field `titel`",
            "Object contains unknown field `titel`",
            id="misspelt top key",
        ),
        pytest.param(
            "[codes.kinds]",
            "[codes.kinds",
            "5",
            (
                "不是 TOML：Expected ']' at the end of a table declaration (at line 5"
                ", column 13)"
            ),
            (
                "is no TOML: Expected ']' at the end of a table declaration (at line "
                "5, column 13)"
            ),
            id="no TOML",
        ),
        pytest.param(
            'key   = "dm"',
            "key   = 7",
            "10 types.Party.key",
            "格式有误：Expected `str`, got `int`",
            "Expected `str`, got `int`",
            id="wrong form",
        ),
        pytest.param(
            "[types.Party]\n",
            (
                '[types.Person]\ntable = "x"\nkey = "y"\nfields = { id = "y" }'
                "\n[types.Party]\n"
            ),
            "8 types.Person",
            "没有这个类型，可用的有 Party",
            "no such type; there are Party",
            id="unknown type",
        ),
        pytest.param(
            "since = {",
            "sinse = {",
            "19 types.Party.fields.sinse",
            "Party 没有这个字段，可用的有 id、kind、since、seen、paid、tags",
            "Party has no such field; it has id, kind, since, seen, paid, tags",
            id="unknown field",
        ),
        pytest.param(
            'id    = "dm"\n',
            "",
            "16 types.Party.fields",
            "缺少标识字段 id",
            "the key field id is missing",
            id="key field missing",
        ),
        pytest.param(
            'codes = "kinds"',
            'codes = "kind"',
            "18 types.Party.fields.kind",
            "需要 codes，写明用哪个代码表；现有 kinds",
            "needs codes, the name of a code list; there are kinds",
            id="unknown code list",
        ),
        pytest.param(
            'kind  = { column = "lx", codes = "kinds" }',
            'kind  = "lx"',
            "18 types.Party.fields.kind",
            "需要 codes，写明用哪个代码表；现有 kinds",
            "needs codes, the name of a code list; there are kinds",
            id="no code list",
        ),
        pytest.param(
            '"FIRM"',
            '"COMPANY"',
            "18 types.Party.fields.kind",
            "COMPANY 不是 kind 的值，可用的有 FIRM、PERSON、UNRECOGNISED",
            "COMPANY is no value of kind; there are FIRM, PERSON, UNRECOGNISED",
            id="unknown code",
        ),
        pytest.param(
            '{ column = "lx", codes = "kinds" }',
            '{ value = "COMPANY" }',
            "18 types.Party.fields.kind",
            "COMPANY 不是 kind 的值，可用的有 FIRM、PERSON、UNRECOGNISED",
            "COMPANY is no value of kind; there are FIRM, PERSON, UNRECOGNISED",
            id="constant code unknown",
        ),
        pytest.param(
            'id    = "dm"',
            'id    = { column = "dm", codes = "kinds" }',
            "17 types.Party.fields.id",
            "codes 只用于代码字段",
            "codes is for fields of a code list",
            id="codes on text",
        ),
        pytest.param(
            "yyyymmdd",
            "ddmmyyyy",
            "19 types.Party.fields.since",
            (
                "format = ddmmyyyy 不可用，可用的有 yyyymmdd、yyyy-mm-dd、yyyy/mm/dd"
                "、yyyy年m月d日、epoch-s、epoch-ms"
            ),
            (
                "format = ddmmyyyy cannot be used here; known are yyyymmdd, yyyy-mm-d"
                "d, yyyy/mm/dd, yyyy年m月d日, epoch-s, epoch-ms"
            ),
            id="unknown format",
        ),
        pytest.param(
            'since = { column = "rq", format = "yyyymmdd" }',
            'seen = { column = "rq", format = "yyyymmdd" }',
            "19 types.Party.fields.seen",
            "format = yyyymmdd 不可用，可用的有 epoch-s、epoch-ms",
            "format = yyyymmdd cannot be used here; known are epoch-s, epoch-ms",
            id="format of days for a moment",
        ),
        pytest.param(
            'id    = "dm"',
            'id    = { column = "dm", format = "yyyymmdd" }',
            "17 types.Party.fields.id",
            "format 不能用于这个字段",
            "format is not for such a field",
            id="format on text",
        ),
        pytest.param(
            '"fen"',
            '"jiao"',
            "20 types.Party.fields.paid",
            "unit = jiao 不可用，可用的有 yuan、wan-yuan、fen",
            "unit = jiao cannot be used here; known are yuan, wan-yuan, fen",
            id="unknown unit",
        ),
        pytest.param(
            'format = "yyyymmdd"',
            'unit = "fen"',
            "19 types.Party.fields.since",
            "unit 不能用于这个字段",
            "unit is not for such a field",
            id="unit on a date",
        ),
        pytest.param(
            '{ column = "rq", format = "yyyymmdd" }',
            '{ value = "2024-02-30" }',
            "19 types.Party.fields.since",
            "2024-02-30 读不成 date",
            "2024-02-30 cannot be read as date",
            id="constant no date",
        ),
        pytest.param(
            '{ column = "je", unit = "fen" }',
            '{ value = "ten" }',
            "20 types.Party.fields.paid",
            "ten 读不成 money",
            "ten cannot be read as money",
            id="constant no amount",
        ),
        pytest.param(
            'column = "je", unit = "fen"',
            'column = "je", value = "1"',
            "20 types.Party.fields.paid",
            "column 与 value 必须且只能写一个",
            "exactly one of column and value",
            id="column and value",
        ),
        pytest.param(
            'column = "je", unit = "fen"',
            'unit = "fen"',
            "20 types.Party.fields.paid",
            "column 与 value 必须且只能写一个",
            "exactly one of column and value",
            id="neither column nor value",
        ),
        pytest.param(
            'id    = "dm"',
            'id    = { column = "dm", split = "," }',
            "17 types.Party.fields.id",
            "split 和 table 只用于多值字段",
            "split and table are for lists of texts",
            id="split on text",
        ),
        pytest.param(
            'column = "bq", split = "、"',
            'column = "bq", table = "sc.tags"',
            "21 types.Party.fields.tags",
            "table 与 on 必须同时写",
            "table and on go together",
            id="table without on",
        ),
        pytest.param(
            '"dm"\nkind',
            '"plac.dm"\nkind',
            "17 types.Party.fields.id",
            "没有别名 plac",
            "there is no alias plac",
            id="no alias of a column",
        ),
        pytest.param(
            'column = "bq", split = "、"',
            'column = "bq", table = "t", on = { p = "plac.id" }',
            "21 types.Party.fields.tags",
            "没有别名 plac",
            "there is no alias plac",
            id="no alias of a link",
        ),
        pytest.param(
            '"base.place"',
            '"plac.code"',
            "12 types.Party.joins.place",
            "没有别名 plac",
            "there is no alias plac",
            id="no alias of a join",
        ),
        pytest.param(
            'on    = { code = "base.place" }',
            (
                'on    = { code = "town.code" }\n[types.Party.joins.town]\ntable = '
                '"sc.town"\non = { code = "place.code" }'
            ),
            "12 types.Party.joins.place",
            "连接成环：place → town → place",
            "the joins form a cycle: place → town → place",
            id="cycle among joins",
        ),
        pytest.param(
            'unit = "fen"',
            'secrecy = "state-secret"',
            "20 types.Party.fields.paid",
            "标为国家秘密，不得接入平台，请从绑定中删除",
            "is marked as a state secret and cannot be bound; remove it",
            id="state secret",
        ),
        pytest.param(
            'unit = "fen"',
            'secrecy = "work-secret"',
            "20 types.Party.fields.paid",
            "标为工作秘密，不得接入平台，请从绑定中删除",
            "is marked as a work secret and cannot be bound; remove it",
            id="work secret",
        ),
        pytest.param(
            'unit = "fen"',
            'secrecy = "top"',
            "20 types.Party.fields.paid",
            "标为top，不得接入平台，请从绑定中删除",
            "is marked as top and cannot be bound; remove it",
            id="unknown secrecy",
        ),
    ],
)
def test_a_mistake_names_its_place_and_what_was_found(  # noqa: PLR0913, PLR0917 - a table's columns
    tmp_path: Path, old: str, new: str, place: str, zh: str, en: str
) -> None:
    assert RIGHT.count(old) == 1
    error = _read(tmp_path, RIGHT.replace(old, new))
    assert error is not None
    assert error.code == "BINDING"
    assert error.label.zh == f"market.toml:{place}：{zh}"
    assert error.label.en == f"market.toml:{place}: {en}"


def test_every_mistake_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    wrong = RIGHT.replace("yyyymmdd", "d.m.y").replace("fen", "jiao")
    error = _read(tmp_path, wrong)
    assert error is not None
    assert error.label.en == (
        "market.toml:19 types.Party.fields.since: format = d.m.y cannot be used here; "
        "known are yyyymmdd, yyyy-mm-dd, yyyy/mm/dd, yyyy年m月d日, epoch-s, epoch-ms\n"
        "market.toml:20 types.Party.fields.paid: unit = jiao cannot be used here; "
        "known are yuan, wan-yuan, fen"
    )


def test_a_wrong_file_leaves_the_others_standing(tmp_path: Path) -> None:
    (tmp_path / "market.toml").write_text(RIGHT, encoding="utf-8")
    wrong = RIGHT.replace('"market"', '"credit"').replace('"dm"\nkind', '"dm\nkind')
    (tmp_path / "credit.toml").write_text(wrong, encoding="utf-8")
    bindings, errors = read_folder(tmp_path, {"Party": PARTY})
    assert list(bindings) == ["market"]
    assert [error.label.en.partition(":")[0] for error in errors] == ["credit.toml"]


def test_a_file_as_windows_editors_save_it_is_read(tmp_path: Path) -> None:
    assert _read(tmp_path, "\ufeff" + RIGHT) is None


PERSON = entity(
    "Party",
    "parties",
    "当事人。",
    "A party.",
    key="id",
    orders=("id",),
    fields=(
        item("id", "编号", "Id"),
        item("code", "代码", "Code", Kind.CREDIT_CODE),
        item("number", "证件号码", "ID number", sharing=Sharing.WITHHELD),
    ),
)


@pytest.mark.parametrize(
    ("key", "fields", "place"),
    [
        ("dm", 'id = "dm"\nnumber = "zjhm"', None),
        ("dm", 'id = "dm"\ncode = "zjhm"\nnumber = "zjhm"', None),
        ("zjhm", 'id = "dm"\nnumber = "zjhm"', "key"),
        ("zjhm", 'id = "dm"\nnumber = "base.zjhm"', "key"),
        ("dm", 'id = "zjhm"\nnumber = "zjhm"', "fields.id"),
        (
            "dm",
            (
                'id = "dm"\nnumber = "h"\n'
                'code = { column = "h", sharing = "conditional", '
                'sharing_basis = "某法" }'
            ),
            None,
        ),
    ],
)
def test_no_column_that_is_withheld_is_given_as_a_key_or_under_another_name(
    tmp_path: Path, key: str, fields: str, place: str | None
) -> None:
    path = tmp_path / "market.toml"
    path.write_text(
        f"""name = "market"
title = {{ zh = "市监局", en = "Market" }}
owner = "11619900MB0001003U"
tenant = "anze"
[types.Party]
table = "sc.party"
key = "{key}"
[types.Party.fields]
{fields}
""",
        encoding="utf-8",
    )
    if place is None:
        read_binding(path, {"Party": PERSON})
        return
    with pytest.raises(BindingError, match=f"types.Party.{place}"):
        read_binding(path, {"Party": PERSON})
