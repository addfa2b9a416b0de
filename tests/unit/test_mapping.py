"""A binding against a database's catalogue: which codec, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pytest

from zhitong.connectors.binding import Binding
from zhitong.connectors.codecs import (
    Codec,
    CodeCodec,
    ExactCodec,
    IntegerCodec,
    MoneyCodec,
    TextCodec,
)
from zhitong.connectors.date_codecs import (
    ChineseDateCodec,
    DateCodec,
    DigitDateCodec,
    InstantCodec,
)
from zhitong.connectors.mapping import (
    ColumnType,
    Drift,
    MappedType,
    map_type,
    quoted,
    tables_of,
)
from zhitong.schema.declare import code, codes, entity, item
from zhitong.types import Kind, Label

KINDS = codes("Kind", "种类", "Kind", FIRM=("企业", "Firm"))
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
        item("day", "日期", "Day", Kind.DATE),
        item("moment", "时间", "Moment", Kind.DATETIME),
        item("paid", "金额", "Paid", Kind.MONEY),
        item("count", "数量", "Count", Kind.INTEGER),
        item("tags", "标签", "Tags", Kind.TEXTS),
        item("town", "镇", "Town"),
    ),
)
ZONED, PLAIN = "timestamp with time zone", "timestamp without time zone"


def _mapped(
    entry: Mapping[str, object] | str,
    name: str = "town",
    family: str = "text",
    tables: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[MappedType | None, list[Drift]]:
    """Map a type of key and one field, with two joins in a chain."""
    found = tables or {
        "d.party": {"id": "text", "c": family, "place": "text"},
        "d.place": {"code": "text", "town": "text"},
        "d.town": {"code": "text", "name": "text"},
        "d.tag": {"party": "text", "tag": "text"},
    }
    return map_type(
        _binding(name, entry),
        PARTY,
        {
            table: {name: ColumnType(family) for name, family in columns.items()}
            for table, columns in found.items()
        },
    )


def _binding(name: str, entry: Mapping[str, object] | str) -> Binding:
    joins = {
        "town": {"table": "d.town", "on": {"code": "place.town"}},
        "place": {"table": "d.place", "on": {"code": "base.place"}},
    }
    fields = {"id": "id", name: entry}
    party = {"table": "d.party", "key": "id", "joins": joins, "fields": fields}
    return msgspec.convert(
        {
            "name": "dept",
            "title": {"zh": "部门", "en": "Department"},
            "tenant": "anze",
            "owner": "11619900MB0001003U",
            "none": ["/"],
            "codes": {"kinds": {"1": "FIRM"}},
            "types": {"Party": party},
        },
        Binding,
    )


def _written(form: str) -> dict[str, object]:
    return {"column": "c", "format": form}


NONE = ("/",)
CODES = {"column": "c", "codes": "kinds"}


@pytest.mark.parametrize(
    ("name", "entry", "family", "codec"),
    [
        ("town", "c", "character varying", TextCodec("character varying", NONE)),
        ("town", "c", "bigint", TextCodec("bigint", NONE)),
        ("kind", CODES, "integer", CodeCodec("integer", NONE, (("1", "FIRM"),))),
        ("day", "c", "date", DateCodec("date", NONE)),
        ("day", "c", PLAIN, InstantCodec(PLAIN, NONE)),
        ("day", "c", ZONED, InstantCodec(ZONED, NONE)),
        ("day", _written("epoch-s"), "integer", InstantCodec("integer", NONE, 1)),
        ("day", _written("epoch-ms"), "numeric", InstantCodec("numeric", NONE, 1000)),
        ("day", _written("yyyymmdd"), "character", DigitDateCodec("character", NONE)),
        ("day", _written("yyyy-mm-dd"), "text", DigitDateCodec("text", NONE, "-")),
        ("day", _written("yyyy/mm/dd"), "text", DigitDateCodec("text", NONE, "/")),
        ("day", _written("yyyy年m月d日"), "text", ChineseDateCodec("text", NONE)),
        ("moment", "c", ZONED, InstantCodec(ZONED, NONE, whole=False)),
        ("paid", "c", "numeric", MoneyCodec("numeric")),
        (
            "paid",
            {"column": "c", "unit": "fen"},
            "text",
            MoneyCodec("text", Decimal("0.01")),
        ),
        ("count", "c", "smallint", IntegerCodec("smallint")),
        ("tags", "c", "text[]", TextCodec("text", NONE)),
        ("tags", {"column": "c", "split": ","}, "text", TextCodec("text", NONE)),
        ("town", {"value": "东岭"}, "text", ExactCodec()),
        ("kind", {"value": "FIRM"}, "text", ExactCodec()),
        ("day", {"value": "2024-03-11"}, "text", DateCodec()),
    ],
)
def test_a_column_and_its_entry_choose_the_codec(
    name: str, entry: Mapping[str, object] | str, family: str, codec: Codec
) -> None:
    mapped, drifts = _mapped(entry, name, family)
    assert mapped is not None
    assert drifts == []
    assert mapped.fields[name].codec == codec


@pytest.mark.parametrize(
    ("name", "entry", "family"),
    [
        ("day", "c", "text"),
        ("day", "c", "integer"),
        ("day", _written("yyyymmdd"), "integer"),
        ("day", _written("epoch-s"), "text"),
        ("moment", "c", "date"),
        ("paid", "c", "date"),
        ("count", "c", "boolean"),
        ("tags", "c", "text"),
        ("tags", {"column": "c", "split": ","}, "text[]"),
    ],
)
def test_a_column_of_a_type_that_cannot_be_read_is_named(
    name: str, entry: Mapping[str, object] | str, family: str
) -> None:
    mapped, drifts = _mapped(entry, name, family)
    assert mapped is not None
    assert name not in mapped.fields
    kind = PARTY.fields[name].kind
    what = Label(
        f"列 c 的类型 {family} 读不成 {kind}",
        f"column c is {family}, which cannot be read as {kind}",
    )
    assert drifts == [Drift("Party", (name,), what)]


def test_a_joined_field_takes_the_joins_it_hangs_on_in_order() -> None:
    mapped, _ = _mapped("town.name")
    assert mapped is not None
    assert mapped.fields["town"].joins == {"place", "town"}
    assert list(mapped.joins.items()) == [
        (
            "place",
            'left join "d"."place" "place" on "place"."code" = base."place"',
        ),
        ("town", 'left join "d"."town" "town" on "town"."code" = "place"."town"'),
    ]


@pytest.mark.parametrize(
    ("gone", "what"),
    [
        ("d.place", Label("库中没有表 d.place", "there is no table d.place")),
        ("d.town", Label("库中没有表 d.town", "there is no table d.town")),
        (
            "d.party.place",
            Label("表 d.party 没有列 place", "table d.party has no column place"),
        ),
        (
            "d.place.town",
            Label("表 d.place 没有列 town", "table d.place has no column town"),
        ),
        (
            "d.town.name",
            Label("表 d.town 没有列 name", "table d.town has no column name"),
        ),
    ],
)
def test_whatever_a_joined_field_hangs_on_is_named_when_it_is_gone(
    gone: str, what: Label
) -> None:
    tables = {
        "d.party": {"id": "text", "place": "text"},
        "d.place": {"code": "text", "town": "text"},
        "d.town": {"code": "text", "name": "text"},
    }
    left = {
        table: {
            name: kind for name, kind in columns.items() if f"{table}.{name}" != gone
        }
        for table, columns in tables.items()
        if table != gone
    }
    mapped, drifts = _mapped("town.name", tables=left)
    assert mapped is not None
    assert set(mapped.fields) == {"id"}
    assert drifts == [Drift("Party", ("town",), what)]


@pytest.mark.parametrize(
    ("tables", "what"),
    [
        ({"d.x": {}}, Label("库中没有表 d.party", "there is no table d.party")),
        (
            {"d.party": {"c": "text"}},
            Label("表 d.party 没有列 id", "table d.party has no column id"),
        ),
    ],
)
def test_without_its_table_or_key_a_type_is_lost_whole(
    tables: Mapping[str, Mapping[str, str]], what: Label
) -> None:
    assert _mapped("c", tables=tables) == (None, [Drift("Party", ("id", "town"), what)])


def test_a_list_in_a_table_of_its_own_is_read_in_order() -> None:
    entry = {"table": "d.tag", "on": {"party": "base.id"}, "column": "tag"}
    mapped, _ = _mapped(entry, "tags")
    assert mapped is not None
    cell = "nullif(nullif(btrim(l.\"tag\", E' \\t\\r\\n\\u3000\\u00a0'), ''), '/')"
    rows = 'from "d"."tag" l where l."party" = base."id"'
    assert mapped.fields["tags"].value == (
        f'array_remove(array(select {cell} {rows} order by l."tag", l."tag"), null)'
    )


@pytest.mark.parametrize(
    ("split", "inside"), [("、；", "、；"), ("]", "\\]"), ("-^", "\\-\\^"), ("n", "n")]
)
def test_a_separator_stands_for_itself(split: str, inside: str) -> None:
    mapped, _ = _mapped({"column": "c", "split": split}, "tags")
    assert mapped is not None
    blanks = r"[\s\u3000\u00a0]"
    assert mapped.fields["tags"].raw == (
        f'array_remove(regexp_split_to_array(base."c", \'{blanks}*[{inside}]{blanks}*'
        f"|^{blanks}+|{blanks}+$'), '')"
    )


def test_names_are_quoted_and_every_table_is_known() -> None:
    assert quoted('s.a"b') == '"s"."a""b"'
    entry = {"table": "d.tag", "on": {"party": "base.id"}, "column": "tag"}
    assert tables_of(_binding("tags", entry)) == {
        "d.party",
        "d.place",
        "d.town",
        "d.tag",
    }
