"""The kit that partners judge their rows by: files good and bad, and what is said."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import orjson
import pytest

from zhitong.exceptions import ReceiverError, SettingsError
from zhitong.infra import conforming
from zhitong.infra.cli import main
from zhitong.infra.conforming import run, sample
from zhitong.infra.settings import Settings
from zhitong.streams.conformance import judge
from zhitong.streams.forms import FORMS, form

SETTINGS = Settings()
CREDIT = form("credit@2018")
EVERY = [(key, table) for key, known in FORMS.items() for table in known.tables]
WORDS = "张三丰的秘密"


def given(key: str | None, file: Path | None = None, **more: object) -> Namespace:
    return Namespace(
        **{"format": key, "file": file, "table": "", "sample": False} | more
    )


def good(table: str = "cf_fr") -> dict[str, Any]:
    lines = sample(SETTINGS, CREDIT).splitlines()
    events: list[dict[str, Any]] = [orjson.loads(line) for line in lines]
    return next(one for one in events if one["data"]["table"] == table)


def row(**changes: object) -> dict[str, Any]:
    found: dict[str, Any] = good()["data"]["row"]
    return found | changes


def written(folder: Path, *rows: object, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(orjson.dumps(one) for one in rows))
    return path


def columns(said: object, table: str = "cf_fr") -> list[str]:
    return [fault.column for fault in judge(CREDIT, said, table).faults]


# --- samples ---------------------------------------------------------------------


@pytest.mark.parametrize("key", FORMS)
def test_a_form_s_sample_of_events_is_accepted(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(SETTINGS, given(key, sample=True))
    path = tmp_path / "sample.jsonl"
    path.write_text(capsys.readouterr().out, "utf-8")
    assert run(SETTINGS, given(key, path))
    count = len(form(key).tables)
    assert f"accepted: {count}；" in capsys.readouterr().out


@pytest.mark.parametrize(("key", "table"), EVERY)
def test_a_table_s_sample_as_csv_is_accepted(
    key: str, table: str, tmp_path: Path
) -> None:
    path = tmp_path / f"{table}.csv"
    path.write_text(sample(SETTINGS, form(key), table), "utf-8")
    assert run(SETTINGS, given(key, path, table=table))


# --- what is said of a row ---------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "column", "zh", "en"),
    [
        pytest.param(
            {"CF_XDR_LB": WORDS},
            "CF_XDR_LB",
            "下列之一：法人及非法人组织、自然人、个体工商户",
            "expected is one of 法人及非法人组织",
            id="no word of the list",
        ),
        pytest.param(
            {"CF_JDRQ": "20.11.2026"},
            "CF_JDRQ",
            "应为形式",
            "expected is the pattern",
            id="a date another way round",
        ),
        pytest.param(
            {"CF_XDR_SHXYM": "911100006000373410"},
            "CF_XDR_SHXYM",
            "不是有效的统一社会信用代码",
            "no valid unified social credit code",
            id="a code that does not check",
        ),
        pytest.param(
            {"CF_WSH": "罚" * 129},
            "CF_WSH",
            "至多 128 字，现有 129 字",
            "128 characters at most",
            id="too wide",
        ),
        pytest.param(
            {"CF_MZ": WORDS}, "CF_MZ", "没有列 CF_MZ", "no column CF_MZ", id="strange"
        ),
        pytest.param(
            {WORDS + " ": WORDS}, "?", "没有列 ?", "no column ?", id="no name at all"
        ),
        pytest.param(
            {"CF_FR_ZJHM": "11010519491231002X"},
            "CF_FR_ZJHM",
            "加密的证件号码（JWE）",
            "a sealed ID number",
            id="an ID number in the clear",
        ),
    ],
)
def test_a_fault_names_column_words_and_source_and_nothing_of_the_content(
    changes: dict[str, object], column: str, zh: str, en: str
) -> None:
    (fault,) = judge(CREDIT, row(**changes), "cf_fr").faults
    assert fault.column == column
    assert zh in fault.label.zh
    assert en in fault.label.en
    assert fault.source
    assert WORDS not in str(fault)
    assert "11010519491231002X" not in str(fault)


def test_a_rule_of_acceptance_names_the_column_that_is_due() -> None:
    said = row()
    del said["CF_NR_FK"], said["CF_FRDB"]
    found = judge(CREDIT, said, "cf_fr").faults
    assert [one.column for one in found] == ["CF_FRDB", "CF_NR_FK"]
    assert all("原文未读到" in one.source for one in found)


@pytest.mark.parametrize("said", [[], "text", 7, None])
def test_what_is_no_object_is_said_to_be_none(said: object) -> None:
    (fault,) = judge(CREDIT, said).faults
    assert "JSON object" in fault.label.en


def test_a_row_s_table_is_told_by_its_columns_or_must_be_said() -> None:
    assert judge(CREDIT, row()).table == "cf_fr"
    (fault,) = judge(CREDIT, {"BZ": "备注"}).faults
    assert "--table" in fault.label.en
    wrapped = judge(CREDIT, {"table": "penalty", "row": {}})
    assert "no such table" in wrapped.faults[0].label.en


def test_an_event_is_judged_with_its_envelope() -> None:
    event = good()
    assert judge(CREDIT, event).accepted
    other = event | {"dataschema": "urn:zhitong:schema:credit:cf_zrr:1"}
    assert columns(other) == ["dataschema"]
    assert not judge(CREDIT, event | {"decisionversion": 2}).accepted
    assert not judge(form("credit@2015"), event).accepted


# --- files -----------------------------------------------------------------------


def test_a_file_with_one_bad_row_is_not_accepted_and_its_line_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, row(), row(CF_ZT="9"), row())
    assert not run(SETTINGS, given("credit@2018", path))
    said = capsys.readouterr().out
    assert "第 2 行 line 2  cf_fr  CF_ZT" in said
    assert "accepted: 2；不接受 not accepted: 1" in said
    assert "我们对双公示数据标准" in said
    assert "This is our reading of the annex" in said
    assert "confidence: DEPLOYED" in said


def test_the_plain_form_is_ours_and_no_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(SETTINGS, given("cloudevent@1", written(tmp_path, {})))
    assert "our reading" not in capsys.readouterr().out


def test_a_csv_of_a_spreadsheet_is_read_in_its_encoding(tmp_path: Path) -> None:
    text = sample(SETTINGS, CREDIT, "cf_fr").replace("\n", "\r\n")
    for encoding in ("utf-8-sig", "gb18030"):
        path = tmp_path / "行.CSV"
        path.write_bytes(text.encode(encoding))
        assert run(SETTINGS, given("credit@2018", path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("CF_WSH,CF_WSH\n1,2\n", "stands there twice", id="a name twice"),
        pytest.param("CF_WSH,CF_SY\n1\n", "as many cells", id="a cell less"),
        pytest.param('CF_WSH,CF_SY\n"1,2\n', "no CSV", id="an open quote"),
        pytest.param("BZ\nx\n", "--table", id="a table that cannot be told"),
        pytest.param("CF_WSH\n\n", "no row", id="no row at all"),
        pytest.param("", "no row", id="empty"),
    ],
)
def test_a_csv_that_is_none_is_said_to_be_so(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text, "utf-8")
    assert not run(SETTINGS, given("credit@2018", path))
    assert said in capsys.readouterr().out


def test_lines_arrays_and_single_objects_are_read_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files: list[list[object]] = [[row(), row()], [[row(), row()]], [good()]]
    for rows in files:
        assert run(SETTINGS, given("credit@2018", written(tmp_path, *rows)))
    path = tmp_path / "broken.jsonl"
    path.write_bytes(orjson.dumps(row()) + b"\n\n{\n")
    capsys.readouterr()
    assert not run(SETTINGS, given("credit@2018", path))
    assert "第 3 行 line 3" in capsys.readouterr().out


def test_many_bad_rows_are_counted_and_not_all_printed(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conforming, "SHOWN", 2)
    path = written(tmp_path, *[row(CF_ZT="9")] * 5)
    assert not run(SETTINGS, given("credit@2018", path))
    said = capsys.readouterr().out
    assert said.count("CF_ZT 状态") == 2
    assert "另有 3 行不接受" in said


def test_what_the_caller_can_put_right_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReceiverError, match="no format credit@1"):
        run(SETTINGS, given("credit@1"))
    with pytest.raises(SettingsError, match="no table penalty"):
        run(SETTINGS, given("credit@2018", table="penalty"))
    with pytest.raises(SettingsError, match="--sample"):
        run(SETTINGS, given("credit@2018"))
    with pytest.raises(SettingsError, match="cannot read the file"):
        run(SETTINGS, given("credit@2018", tmp_path / "nowhere.csv"))
    odd = tmp_path / "odd.csv"
    odd.write_bytes(b"\xff\xff\xff")
    with pytest.raises(SettingsError, match="neither UTF-8 nor GB 18030"):
        run(SETTINGS, given("credit@2018", odd))
    monkeypatch.setattr(conforming, "LARGEST", 1)
    with pytest.raises(SettingsError, match="a part of it"):
        run(SETTINGS, given("credit@2018", odd))


def test_the_command_lists_its_forms_and_exits_with_1_for_a_bad_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["conform"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert all(key in said for key in FORMS)
    with pytest.raises(SystemExit) as left:
        main(["conform", "credit@2018", str(written(tmp_path, row(CF_ZT="9")))])
    assert left.value.code == 1
