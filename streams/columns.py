"""How values are written in receivers' columns, whatever the receiver.

A row of these is always of its table's structure: what cannot stand in a column is
left out, and then missed by the rules of acceptance. Free text longer than its
column is cut and says so; what identifies something is never cut. ID numbers that
stand in free text are masked: they leave in columns made for them, sealed, or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from zhitong.rules.identifiers import credit_code_fault
from zhitong.rules.resident_ids import born, plain, without_resident_ids
from zhitong.streams.schemas import Column, Table

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
        fitted = _fitted(table.shapes[column], value)
        if fitted is not None:
            row[column] = fitted
    return table.held(row)


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


def day_as(day: date | None, form: str = "%Y-%m-%d") -> str | None:
    """Write *day* as *form* says."""
    # strftime's %Y writes the year 25 as 25; no form means that.
    return None if day is None else day.strftime(form.replace("%Y", f"{day.year:04d}"))


def _fitted(column: Column, value: object) -> object | None:
    if isinstance(value, str):
        text = clean(value)
        if column.free:
            text = without_resident_ids(text)
        if column.credit_code and no_resident_id(text) is None:
            return None
        over = column.longest is not None and len(text) > column.longest
        if over and column.width is None:
            text = text[: (column.longest or 0) - len(CUT)] + CUT
        return text if column.has(text) else None
    if isinstance(value, tuple) and column.item is not None:
        parts = dict.fromkeys(clean(str(part)) for part in value)
        kept = [part for part in parts if column.item.has(part)]
        return kept[: column.longest] or None
    return value


def no_resident_id(number: str | None) -> str | None:
    """Give a party's code or number, unless an ID number was put in its place."""
    # All in digits, a credit code may pass for an ID number too.
    if number and born(plain(number)) and credit_code_fault(number):
        return None
    return number


def masked(number: str | None) -> str | None:
    """Mask a certificate's number that is made of its holder's ID number."""
    return None if number is None else without_resident_ids(number)


def clean(text: str) -> str:
    """Take away blanks at the ends and characters that no table can hold."""
    # Ten times as fast for the most; blanks of other kinds are not printable either.
    if text.isprintable():
        return text.strip()
    return text.translate(_UNSTORABLE).strip()
