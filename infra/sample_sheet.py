"""Reading a published list of powers 权责清单 as authorities really publish it.

Titles above the header, line feeds inside words, header variants, headers repeated
for print, merged cells, empty sheets, sub-items and other levels on rows of their
own. An item is a row that names a matter; its further rows are its parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from zhitong.exceptions import ZhitongError

_HEADERS: Mapping[str, tuple[str, ...]] = {
    "name": (
        "事项名称",
        "权力名称",
        "职权名称",
        "项目名称",
        "权力事项",
        "权责事项",
        "权责事项名称",
        "主项名称",
    ),
    "part": ("子项名称", "子项", "分项名称"),
    "power_type": ("权力类型", "权力类别", "职权类型", "职权类别", "类型", "类别"),
    "basis": ("实施依据", "设定依据", "法律依据", "职权依据", "法定依据"),
    "body": ("行使主体", "实施主体", "责任主体", "实施机关", "行使机关"),
    "office": ("承办机构", "承办科室", "责任科室", "实施机构", "内设机构"),
    "level": ("实施层级及权限", "行使层级", "实施层级", "层级"),
    "duties": ("责任事项内容", "责任事项", "部门职责"),
    "telephone": ("监督电话", "投诉电话", "监督方式"),
    "remark": ("备注",),
}
_COLUMNS = {text: column for column, texts in _HEADERS.items() for text in texts}
_RANKS = {text: rank for texts in _HEADERS.values() for rank, text in enumerate(texts)}
_TYPES = re.compile("行政(许可|处罚|强制|征收|给付|检查|确认|奖励|裁决)|其他行政权力")
_BLANK = re.compile(r"[\s\u00a0\u3000]+")
_NOTHING = frozenset({"", "无", "/", "-", "—"})
_HEADER_WORDS = 3
_HEADING_LENGTH = 60


class SampleError(ZhitongError):
    """A workbook cannot be read as a list of powers."""

    code = "SAMPLE"
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A sub-item, or the same item at another level of government."""

    sheet: str
    row: int
    """As the spreadsheet counts, from 1."""
    name: str | None
    power_type: str | None
    basis: str | None
    body: str | None
    office: str | None
    level: str | None
    duties: str | None
    telephone: str | None
    remark: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of the list with its parts, the first of which tells most of it."""

    name: str
    parts: tuple[Part, ...]


def read_power_list(path: Path) -> tuple[Item, ...]:
    """Read every item of every sheet; raise `SampleError` when there is none."""
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            items = tuple(
                item
                for name in workbook.sheet_names
                for item in _items(workbook.get_sheet_by_name(name))
            )
    except OSError as error:
        raise SampleError(
            f"打不开文件 {path.name}，请核对路径和读取权限",
            f"cannot open {path.name}, check the path and the right to read it",
        ) from error
    except CalamineError as error:
        raise SampleError(
            f"{path.name} 不是可读的工作簿，请用表格软件另存为 .xlsx 后重试：{error}",
            f"{path.name} is no readable workbook, save it as .xlsx and try again: "
            f"{error}",
        ) from error
    if not items:
        raise SampleError(
            f"{path.name} 里没有权责清单：找不到含“事项名称”“权力类型”等列的表头",
            f"{path.name} holds no list of powers: no header with columns such as "
            "事项名称 and 权力类型; check that it is the right file",
        )
    return items


def _items(sheet: CalamineSheet) -> Iterator[Item]:
    cells = [[_text(cell) for cell in row] for row in sheet.to_python(False)]  # noqa: FBT003 - its only positional
    lent = _lent(cells, sheet)
    columns: Mapping[str, int] = {}
    hint = _type_in(sheet.name)
    item: Item | None = None
    for number, row in enumerate(cells):
        header = _header(row)
        if header:
            columns = header
        elif not columns or _is_heading(row):
            hint = _heading_type("".join(row)) or hint
        else:
            part = _part(sheet.name, number, lent[number], columns, hint)
            name = _word(row[columns["name"]])
            if name:
                if item:
                    yield item
                item = Item(name=name, parts=(part,))
            elif item and _tells(row, columns):
                item = replace(item, parts=(*item.parts, part))
    if item:
        yield item


def _lent(cells: Sequence[Sequence[str]], sheet: CalamineSheet) -> list[list[str]]:
    """Lend the text of a cell merged downwards to the rows it covers."""
    lent = [list(row) for row in cells]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if left != right or top >= len(lent) or left >= len(lent[top]):
            continue
        for row in lent[top : bottom + 1]:
            row[left] = lent[top][left]
    return lent


def _header(row: Sequence[str]) -> Mapping[str, int]:
    """Find the columns if *row* is a header; of two for one thing the better."""
    found: dict[str, int] = {}
    for place, cell in enumerate(row):
        text = _BLANK.sub("", cell)
        column = _COLUMNS.get(text)
        if column is None:
            continue
        taken = found.get(column)
        if taken is None or _RANKS[text] < _RANKS[_BLANK.sub("", row[taken])]:
            found[column] = place
    return found if "name" in found and len(found) >= _HEADER_WORDS else {}


def _is_heading(row: Sequence[str]) -> bool:
    """Say whether one cell alone is filled: a title or a note, not an item."""
    return sum(bool(cell) for cell in row) == 1


def _tells(row: Sequence[str], columns: Mapping[str, int]) -> bool:
    return any(row[place] for place in columns.values())


def _part(
    sheet: str,
    number: int,
    row: Sequence[str],
    columns: Mapping[str, int],
    hint: str | None,
) -> Part:
    def cell(column: str) -> str | None:
        text = row[columns[column]] if column in columns else ""
        return None if text in _NOTHING else text

    level = cell("level")
    return Part(
        sheet=sheet,
        row=number + 1,
        name=_word(cell("part")),
        power_type=_word(cell("power_type")) or hint,
        basis=cell("basis"),
        body=_word(cell("body")),
        office=_word(cell("office")),
        level=_word(re.split("[；;，,。]", level)[0]) if level else None,
        duties=cell("duties"),
        telephone=_word(cell("telephone")),
        remark=cell("remark"),
    )


def _heading_type(text: str) -> str | None:
    """Take the type from a heading; a legal text spilt over a row is none."""
    return _type_in(text) if len(text) < _HEADING_LENGTH else None


def _type_in(text: str) -> str | None:
    found = _TYPES.search(_BLANK.sub("", text))
    return found.group() if found else None


def _text(cell: object) -> str:
    """Give a cell as trimmed text; a whole number without its ``.0``."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).replace("\u00a0", " ").strip(" \t\r\n\u3000")


def _word(text: str | None) -> str | None:
    """Join what was wrapped: names and codes have no blanks inside."""
    return _BLANK.sub("", text) or None if text else None
