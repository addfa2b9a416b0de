"""Division codes over time, over a small table and over all there were."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.divisions_file import read_divisions

# A county that became a district, one that was split, two that were merged, and two
# that a careless table sends to each other.
TABLE = """code,name,first_revision,last_revision
619921,甲县,198012,201210
619902,甲区,201308,201904
619922,乙县,198012,201511
619903,乙区,201512,201904
619904,丙区,201512,201610
619905,丁区,198012,201904
619923,戊县,198012,198312
619924,己县,198012,198312
"""
BECAME = """{"619921": ["619902"], "619922": ["619903", "619904"],
"619904": ["619905"], "619923": ["619924"], "619924": ["619923"]}"""
REAL = Path(__file__).parents[3] / "shared" / "data" / "administrative-divisions"


def written(
    folder: Path, table: str = TABLE, became: str = BECAME
) -> tuple[Path, Path]:
    paths = folder / "table.csv", folder / "became.json"
    for path, text in zip(paths, (table, became), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


@pytest.mark.parametrize(
    ("code", "day", "name"),
    [
        ("619921", "1980-12-01", "甲县"),
        ("619921", "2012-10-31", "甲县"),
        ("619921", "2012-11-01", None),
        ("619921", "1980-11-30", None),
        ("619902", "2026-11-23", "甲区"),
        ("619999", "2026-11-23", None),
    ],
)
def test_a_code_stands_from_its_first_revision_to_its_last(
    tmp_path: Path, code: str, day: str, name: str | None
) -> None:
    found = read_divisions(*written(tmp_path)).on(code, date.fromisoformat(day))
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("code", "present"),
    [
        ("619902", {"619902"}),
        ("619921", {"619902"}),
        ("619922", {"619903", "619905"}),
        ("619923", set()),
        ("619999", set()),
    ],
)
def test_what_became_of_a_code_is_followed_to_those_that_stand(
    tmp_path: Path, code: str, present: set[str]
) -> None:
    assert read_divisions(*written(tmp_path)).present(code) == present


def test_codes_of_different_times_are_of_one_place(tmp_path: Path) -> None:
    divisions = read_divisions(*written(tmp_path))
    assert divisions.one_place("619921", "619902")
    assert divisions.one_place("619922", "619904")
    assert not divisions.one_place("619921", "619905")
    assert not divisions.one_place("619923", "619924")
    assert divisions.one_place("619999", "619999")
    assert divisions.known("619923")
    assert not divisions.known("619999")


@pytest.mark.parametrize(
    ("table", "became"),
    [
        pytest.param("code,name\n", BECAME, id="columns"),
        pytest.param(TABLE.replace("201210", "198011"), BECAME, id="ends first"),
        pytest.param(TABLE.replace("201210", "201213"), BECAME, id="no month"),
        pytest.param(TABLE, '{"619921": "619902"}', id="no list"),
    ],
)
def test_a_table_that_is_wrong_is_named(
    tmp_path: Path, table: str, became: str
) -> None:
    with pytest.raises(SettingsError, match=r"table\.csv"):
        read_divisions(*written(tmp_path, table, became))


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared data are not here")
def test_every_code_there_was_ends_in_codes_that_stand_or_in_none() -> None:
    table = REAL / "gb2260_code_history.csv"
    divisions = read_divisions(table, REAL / "data_location_diff.json")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 7_000
    standing = {row["code"] for row in rows if row["last_revision"] == "201904"}
    for row in rows:
        assert divisions.known(row["code"])
        present = divisions.present(row["code"])
        assert present <= standing
        if row["code"] in standing:
            assert present == {row["code"]}
    # Nanjing: 白下 went into 秦淮, 下关 into 鼓楼.
    assert divisions.one_place("320103", "320104")
    assert divisions.one_place("320107", "320106")
    assert not divisions.one_place("320103", "320106")
