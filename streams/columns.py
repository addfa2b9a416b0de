"""How values are written in receivers' columns, whatever the receiver.

A row of these is always of its table's structure: what cannot stand in a column is
left out, and then missed by the rules of acceptance. Free text longer than its
column is cut and says so; what identifies something is never cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from zhitong.streams.schemas import Table

CUT = "…（全文见平台）"
"""Ends a text that was longer than its column."""
_UNSTORABLE = {
    code: None
    for code in (*range(32), *range(127, 160), *range(0xD800, 0xE000))
    if chr(code) not in "\t\n\r"
}


def fill(table: Table, values: Mapping[str, object]) -> dict[str, object]:
    """Give the row of *table* with those of *values* that can stand there."""
    row: dict[str, object] = {}
    for column, value in values.items():
        fitted = _fitted(table.columns[column], value)
        if fitted is not None:
            row[column] = fitted
    return row


def ten_thousands(fen: int | None) -> str | None:
    """Write fen in units of 10,000 yuan with six decimals: exact to the fen."""
    return None if fen is None else f"{Decimal(fen).scaleb(-6):.6f}"


def yuan(fen: int | None) -> str | None:
    """Write fen in yuan with two decimals."""
    return None if fen is None else f"{Decimal(fen).scaleb(-2):.2f}"


def yes_no(said: bool | None) -> str | None:  # noqa: FBT001 - it is the value itself
    """Write what was said, and nothing where nothing was."""
    return None if said is None else "是" if said else "否"


def joined(parts: Iterable[str], separator: str) -> str | None:
    """Join what there is."""
    return separator.join(parts) or None


def _fitted(column: Mapping[str, object], value: object) -> object | None:
    if isinstance(value, str):
        text = _text(column, value)
        return text if _stands(column, text) else None
    if isinstance(value, tuple):
        item, most = column["items"], column.get("maxItems")
        parts = dict.fromkeys(clean(str(part)) for part in value)
        kept = [
            part for part in parts if isinstance(item, dict) and _stands(item, part)
        ]
        return kept[: most if isinstance(most, int) else None] or None
    return value


def _stands(column: Mapping[str, object], text: str) -> bool:
    """Say what a JSON Schema validator says of a text, fifty times as fast."""
    enum, pattern = column.get("enum"), column.get("pattern")
    return (
        text != ""
        and len(text) <= int(str(column.get("maxLength", len(text))))
        and (not isinstance(enum, list) or text in enum)
        and (not isinstance(pattern, str) or re.search(pattern, text) is not None)
    )


def _text(column: Mapping[str, object], text: str) -> str:
    text, longest = clean(text), column.get("maxLength")
    if not isinstance(longest, int) or len(text) <= longest or "x-longest" in column:
        return text
    return text[: longest - len(CUT)] + CUT


def clean(text: str) -> str:
    """Take away blanks at the ends and characters that no table can hold."""
    return text.translate(_UNSTORABLE).strip()
