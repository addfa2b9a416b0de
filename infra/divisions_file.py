"""Reading division codes: a table of revisions, and what became of codes.

The table is CSV with ``code, name, first_revision, last_revision`` (months, as
``201904``), as it is made of the revisions of cn/GB2260; what became of codes is JSON
of lists by code, as mumuy/data_location publishes it. Neither is shipped: they are the
operator's to fetch, with their licences (MIT).
"""

from __future__ import annotations

import csv
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import msgspec

from zhitong.exceptions import SettingsError
from zhitong.rules.divisions import Division, Divisions

Became = Mapping[str, tuple[str, ...]]
_COLUMNS = {"code", "name", "first_revision", "last_revision"}


def read_divisions(table: Path, became: Path | None = None) -> Divisions:
    """Read *table*, and what *became* of codes; raise `SettingsError`."""
    try:
        rows = list(_rows(table))
        after: Became = {} if became is None else _became(became)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"行政区划表 {table.name} 读不成，请更正：{error}",
            f"the table of divisions {table.name} cannot be read; correct it: {error}",
        ) from error
    newest = max((last for *_, last in rows), default="")
    return Divisions(
        (
            Division(
                code=code,
                name=name,
                since=_month(first),
                until=None if last == newest else _month_end(last),
            )
            for code, name, first, last in rows
        ),
        after,
    )


def _rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = _COLUMNS - set(reader.fieldnames or ())
        if missing:
            raise ValueError(", ".join(sorted(missing)))
        for row in reader:
            # A row that is cut short has None there.
            first, last = row["first_revision"] or "", row["last_revision"] or ""
            if _month(first) > _month(last):
                raise ValueError(f"{row['code']} {first} > {last}")
            yield row["code"], row["name"], first, last


def _became(path: Path) -> Became:
    found = msgspec.json.decode(path.read_bytes(), type=dict[str, list[str]])
    return {code: tuple(after) for code, after in found.items()}


def _month(text: str) -> date:
    return date(int(text[:4]), int(text[4:]), 1)


def _month_end(text: str) -> date:
    first = _month(text)
    return first.replace(day=monthrange(first.year, first.month)[1])
