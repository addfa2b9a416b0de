"""A type, a binding and tables, and the questions whose statements are golden."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from zhitong.connectors.binding import Binding
from zhitong.connectors.mapping import ColumnType, MappedType, map_type
from zhitong.connectors.masks import numberless
from zhitong.schema.declare import code, codes, entity, item
from zhitong.types import (
    SOURCE_KEY,
    All,
    Allow,
    AnyOf,
    Column,
    Compare,
    Deny,
    GroupBy,
    Keys,
    Kind,
    Label,
    Mask,
    MaskKind,
    Not,
    Op,
    Order,
    Position,
    Predicate,
    RowQuery,
    Ruling,
    TallyQuery,
)

KINDS = codes("Kind", "种类", "Kind", FIRM=("企业", "Firm"), PERSON=("人", "Person"))
CASE = entity(
    "Case",
    "cases",
    "案件。",
    "A case.",
    key="id",
    orders=("filed",),
    fields=(
        item("id", "编号", "Id"),
        code("kind", "种类", "Kind", KINDS),
        item("name", "名称", "Name", mask=MaskKind.NAME),
        item("filed", "立案日期", "Filed", Kind.DATE),
        item("fine", "罚款", "Fine", Kind.MONEY),
        item("officers", "执法人员", "Officers", Kind.TEXTS),
        item("inspectors", "检查人员", "Inspectors", Kind.TEXTS),
        item("division", "区划", "Division", Kind.DIVISION),
        item("party", "当事人", "Party"),
        item("place", "地点", "Place"),
    ),
)
BINDING = msgspec.convert(
    {
        "name": "dept",
        "title": {"zh": "部门", "en": "Department"},
        "tenant": "anze",
        "owner": "11619900MB0001003U",
        "codes": {"kinds": {"1": "FIRM", "2": "PERSON"}},
        "types": {
            "Case": {
                "table": "d.aj",
                "key": "xh",
                "joins": {"dsr": {"table": "d.dsr", "on": {"ajxh": "xh"}}},
                "fields": {
                    "id": "xh",
                    "kind": {"column": "lx", "codes": "kinds"},
                    "name": "mc",
                    "filed": "larq",
                    "fine": {"column": "je", "unit": "wan-yuan"},
                    "officers": {"column": "zfzh", "split": "、"},
                    "inspectors": {
                        "table": "d.ry",
                        "on": {"ajxh": "xh"},
                        "column": "zh",
                        "order": "px",
                    },
                    "division": {"value": "619921"},
                    "party": "dsr.dm",
                },
            }
        },
    },
    Binding,
)
TABLES = {
    "d.aj": {
        "xh": "bigint",
        "lx": "text",
        "mc": "text",
        "larq": "date",
        "je": "numeric",
        "zfzh": "text",
    },
    "d.dsr": {"ajxh": "bigint", "dm": "character"},
    "d.ry": {"ajxh": "bigint", "zh": "text", "px": "integer"},
}
NEWEST = Order("filed")
BY_KEY = Order(SOURCE_KEY, descending=False)
SHOWN = (Ruling(Allow("all")),)
REFUSED = Deny("none", Label("不", "no"), Label("无", "none"))
ID = (Column("id", "id", SHOWN),)
PERSONS = Compare("kind", Op.EQ, "PERSON")


def _patterns() -> list[str]:
    said: list[str] = []

    def say(text: str) -> str:
        said.append(text)
        return text

    numberless(CASE.fields["name"], "v", say)
    return said


PATTERNS: list[object] = [*_patterns()]
"""What ID numbers look like: parameters, each of them once in a statement."""


def mapped() -> MappedType:
    tables = {
        table: {name: ColumnType(family) for name, family in columns.items()}
        for table, columns in TABLES.items()
    }
    found, drifts = map_type(BINDING, CASE, tables)
    assert found is not None
    assert drifts == []
    return found


def rows(
    order: Order = NEWEST,
    *,
    columns: tuple[Column, ...] = ID,
    where: Predicate | None = None,
    after: Position | None = None,
    keys: Keys | None = None,
) -> RowQuery:
    return RowQuery(
        type="Case",
        columns=columns,
        order=order,
        limit=11,
        where=where,
        after=after,
        keys=keys,
    )


def tally(
    *by: GroupBy, where: Predicate | None = None, keys: Keys | None = None
) -> TallyQuery:
    return TallyQuery(type="Case", by=by, where=where, keys=keys)


QUERIES: dict[str, tuple[RowQuery | TallyQuery, list[object]]] = {
    "first page": (rows(), [11]),
    "next page": (
        rows(after=Position("2024-03-11", "7")),
        [date(2024, 3, 11), date(2024, 3, 11), "7", 11],
    ),
    "next page among rows without a value": (
        rows(after=Position(None, "7")),
        ["7", 11],
    ),
    "next page after a row of another source": (
        rows(after=Position("2024-03-11T09:30:00.000000", None, inclusive=True)),
        [date(2024, 3, 11), 11],
    ),
    "filters": (
        rows(
            BY_KEY,
            columns=(),
            where=All(
                (
                    Compare("filed", Op.GTE, "2024-01-01"),
                    Not(AnyOf((PERSONS, Compare("party", Op.IN, ("A", "B"))))),
                    Compare("name", Op.CONTAINS, "50%"),
                    Compare("fine", Op.LTE, "1000"),
                    Compare("officers", Op.IN, ("14010001",)),
                    Compare("inspectors", Op.IN, ("14010002",)),
                    Compare("division", Op.PREFIX, "6199"),
                    Compare("place", Op.EQ, "nowhere"),
                )
            ),
        ),
        [
            date(2024, 1, 1),
            ["PERSON"][0],
            ["A", "B"],
            "%50\\%%",
            *PATTERNS,
            Decimal(1000),
            ["14010001"],
            ["14010002"],
            "6199%",
            11,
        ],
    ),
    "verdicts": (
        rows(
            BY_KEY,
            columns=(
                Column(
                    "name",
                    "name",
                    (Ruling(Mask("masked", MaskKind.NAME), PERSONS), *SHOWN),
                ),
                Column("fine", "fine", (Ruling(REFUSED),)),
                Column(
                    "party", "party", (Ruling(REFUSED, Compare("place", Op.EQ, "x")),)
                ),
            ),
        ),
        ["PERSON", 11],
    ),
    "names without ID numbers": (
        rows(
            BY_KEY,
            columns=(Column("name", "name", (Ruling(Allow("all", numberless=True)),)),),
            where=All(
                (
                    Compare("name", Op.CONTAINS, "安泽"),
                    Compare("name", Op.IN, ("安泽商店", "李四110105194912310021")),
                )
            ),
        ),
        [*PATTERNS, "%安泽%", "安泽商店", 11],
    ),
    "rows by key": (rows(keys=Keys("party", ("A", "B"))), ['{"A","B"}', 11]),
    "rows by number": (
        rows(BY_KEY, keys=Keys("id", ("7", "seven"))),
        ['{"7"}', 11],
    ),
    "rows by a value of a link table": (
        rows(BY_KEY, keys=Keys("inspectors", ("14010002",))),
        ['{"14010002"}', 11],
    ),
    "rows by a value of a split cell": (
        rows(after=Position("2024-03-11", "7"), keys=Keys("officers", ("14010001",))),
        [date(2024, 3, 11), date(2024, 3, 11), "7", 11, ["14010001"]],
    ),
    "rows by a constant": (
        rows(BY_KEY, keys=Keys("division", ("619921",))),
        ['{"619921"}', 11],
    ),
    "counts by month and kind": (
        tally(GroupBy("filed", month=True), GroupBy("kind")),
        [],
    ),
    "counts by name": (tally(GroupBy("name")), PATTERNS),
    "counts by each value of a list": (tally(GroupBy("inspectors")), []),
    "counts by key": (tally(keys=Keys("party", ("A",))), ['{"A"}']),
}
