"""Published lists of powers, with the defects real ones have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZipFile

import asyncpg
import pytest

from zhitong.connectors.binding_file import read_binding
from zhitong.infra.sample import BINDING, SampleError, load_power_list
from zhitong.infra.sample_sheet import read_power_list
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration

PUBLISHED = (
    Path(__file__).parents[3]
    / "shared/data/power-responsibility-lists/克拉玛依市应急管理局2024年权责清单.xls"
)
HEADER = (
    "序号",
    "事项\n名称",
    "子项名称",
    "权力\n类型",
    "实施依据",
    "行使主体",
    "承办机构",
    "实施层级\n及权限",
    "部门职责",
    "责任事项内容",
    "备注",
)
Cell = str | int | None


def _row(name: Cell, kind: Cell, number: Cell = None, part: Cell = None) -> list[Cell]:
    rest = ("《安泽市某某管理办法》第三条", "市某某局", "执法科", "地州市级", "职责")
    return [number, name, part, kind, *rest, "立案、调查", None]


PENALTIES: list[list[Cell]] = [
    ["  安泽市某某局2024年权责清单"],
    [],
    [*HEADER],
    _row("对无证\n经营的\u3000处罚", "行政\n处罚", 1),
    [],
    _row("对超范围经营的处罚", None, "=A4+1"),
    [*HEADER],
    _row("经营许可", "行政许可", 3, "1.设立"),
    _row(None, "行政许可", None, "2.变更"),
    ["二、行政检查（1项）"],
    _row("对经营者的检查", None, 4),
]
INSPECTIONS: list[list[Cell]] = [
    ["类别", "职权名称", "设定依据", "实施机关", "层级"],
    [" ", "对某某场所的监督检查", "《办法》第九条", "某某局", "县级；限本辖区"],
    ["/", "对某某设备的抽查", "《办法》第十条", "某某局", "市级"],
]


def _xlsx(
    path: Path, sheets: dict[str, list[list[Cell]]], merged: str | None = None
) -> Path:
    """Write the least that is a workbook."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    listed = "".join(
        f'<sheet name="{name}" sheetId="{place}" r:id="rId{place}"/>'
        for place, name in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="rId{place}" Type="{office}/worksheet" '
        f'Target="worksheets/sheet{place}.xml"/>'
        for place in range(1, len(sheets) + 1)
    )
    with ZipFile(path, "w") as archive:
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r" '
            f'Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>",
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook {main} xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">{related}</Relationships>',
        )
        for place, rows in enumerate(sheets.values(), 1):
            merge = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>'
            archive.writestr(
                f"xl/worksheets/sheet{place}.xml",
                f"<worksheet {main}><sheetData>{_cells(rows)}</sheetData>"
                f"{merge if merged and place == 1 else ''}</worksheet>",
            )
    return path


def _cells(rows: Sequence[Sequence[Cell]]) -> str:
    return "".join(
        f'<row r="{number}">'
        + "".join(
            _cell(f"{chr(65 + column)}{number}", cell)
            for column, cell in enumerate(row)
        )
        + "</row>"
        for number, row in enumerate(rows, 1)
    )


def _cell(place: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int):
        return f'<c r="{place}"><v>{cell}</v></c>'
    if cell.startswith("="):
        return f'<c r="{place}"><f>{cell[1:]}</f><v>2</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    # D4:D6 merges the type of the first two items, as real lists do.
    sheets = {"Sheet1": PENALTIES, "空表": [], "行政检查（ 2项）": INSPECTIONS}
    return _xlsx(tmp_path / "made-up.xlsx", sheets, merged="D4:D6")


def test_items_are_found_among_titles_repeated_headers_and_merged_cells(
    workbook: Path,
) -> None:
    items = read_power_list(workbook)
    assert [(item.name, item.parts[0].power_type) for item in items] == [
        ("对无证经营的处罚", "行政处罚"),
        ("对超范围经营的处罚", "行政处罚"),
        ("经营许可", "行政许可"),
        ("对经营者的检查", "行政检查"),
        ("对某某场所的监督检查", "行政检查"),
        ("对某某设备的抽查", "行政检查"),
    ]
    assert [part.name for part in items[2].parts] == ["1.设立", "2.变更"]
    assert [len(item.parts) for item in items] == [1, 1, 2, 1, 1, 1]
    assert items[0].parts[0].duties == "立案、调查"
    assert items[4].parts[0].level == "县级"
    assert (items[5].parts[0].sheet, items[5].parts[0].row) == ("行政检查（ 2项）", 3)


async def test_a_list_becomes_a_table_with_provisional_codes(
    workbook: Path, database: str
) -> None:
    assert await load_power_list(workbook, database) == 6
    assert await load_power_list(workbook, database) == 6
    connection = await asyncpg.connect(database)
    try:
        items = await connection.fetch(
            "SELECT sxbm, lsbz, sxmc FROM qzqd_sample.qzqd ORDER BY sxbm"
        )
        parts = await connection.fetch(
            "SELECT sxbm, xh, zxmc FROM qzqd_sample.qzqd_zx ORDER BY sxbm, xh"
        )
    finally:
        await connection.close()
    assert len(items) == 6
    assert tuple(items[2]) == ("PROVISIONAL-0003", "1", "经营许可")
    assert [tuple(part) for part in parts] == [
        ("PROVISIONAL-0003", 1, "1.设立"),
        ("PROVISIONAL-0003", 2, "2.变更"),
    ]


async def test_the_published_list_of_a_real_bureau_is_loaded_whole(
    database: str,
) -> None:
    if not PUBLISHED.is_file():
        pytest.skip(f"the published list is not here: {PUBLISHED.name}")
    assert await load_power_list(PUBLISHED, database) == 137
    codes = read_binding(BINDING, ENTITIES).codes
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            "SELECT qllx, sscj, count(*) FROM qzqd_sample.qzqd GROUP BY qllx, sscj"
        )
    finally:
        await connection.close()
    assert {row["qllx"] for row in rows} <= set(codes["qllx"])
    assert {row["sscj"] for row in rows} <= set(codes["sscj"])
    kinds = {codes["qllx"][row["qllx"]]: 0 for row in rows}
    for row in rows:
        kinds[codes["qllx"][row["qllx"]]] += row["count"]
    assert kinds == {
        "PENALTY": 92,
        "COERCION": 12,
        "LICENCE": 10,
        "OTHER": 9,
        "INSPECTION": 7,
        "REWARD": 5,
        "PAYMENT": 1,
        "CONFIRMATION": 1,
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("absent.xls", None, "check the path", id="no such file"),
        pytest.param("text.xlsx", b"not a workbook", "save it as", id="no workbook"),
        pytest.param("short.xls", b"\xd0\xcf\x11\xe0" * 9, "save it as", id="cut off"),
    ],
)
async def test_a_file_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SampleError, match=said) as caught:
        await load_power_list(tmp_path / name, "postgresql://127.0.0.1:1/never")
    assert caught.value.code == "SAMPLE"
    assert name in caught.value.label.zh
    assert re.search("请", caught.value.label.zh)


def test_a_workbook_without_a_list_is_refused(tmp_path: Path) -> None:
    path = _xlsx(tmp_path / "roster.xlsx", {"花名册": [["序号", "姓名"], [1, "王芳"]]})
    with pytest.raises(SampleError, match="holds no list of powers"):
        read_power_list(path)


async def test_an_unreachable_database_is_explained(workbook: Path) -> None:
    with pytest.raises(SampleError, match="cannot reach the database"):
        await load_power_list(workbook, "postgresql://u@127.0.0.1:1/x")
