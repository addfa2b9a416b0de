"""Captured penalties: what a page says is placed, what it does not say is left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.captures import Captured, Codes, read_captures, read_codes

CODES = Codes(
    agencies={"某市城管局": "119900000000000107"},
    parties={"某市某某有限公司": "91990000000000019K"},
)
ROW: Mapping[str, object] = {
    "departmentName": "某市城管局",
    "punishNumber": "某城管罚〔2019〕1号",
    "decisionDate": "2019-06-04",
    "obligorName": "某市某某有限公司",
    "type": "擅自挖掘城市道路",
    "content": "处10,000元罚款。",
    "id": 7,
}


def captured(folder: Path, **changes: object) -> Captured:
    path = folder / "capture.json"
    path.write_text(json.dumps([{**ROW, **changes}]), "utf-8")
    (found,) = read_captures(path, CODES)
    return found


def test_a_row_becomes_the_input_its_agency_would_send(tmp_path: Path) -> None:
    found = captured(tmp_path)
    assert found.notes == ()
    assert found.decision == {
        "localId": "capture-7",
        "actType": "PENALTY",
        "subjectCode": "119900000000000107",
        "subjectName": "某市城管局",
        "documentNo": "某城管罚〔2019〕1号",
        "decidedOn": "2019-06-04",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": "某市某某有限公司",
        "counterpartyCode": "91990000000000019K",
        "violationType": "擅自挖掘城市道路",
        "result": "处10,000元罚款。",
        "penaltyKinds": ["FINE"],
        "fine": "10000.00",
    }


@pytest.mark.parametrize(
    ("value", "day"),
    [
        pytest.param("2019-01-28", "2019-01-28", id="ISO"),
        pytest.param("2019-01-28 00:00:00", "2019-01-28", id="ISO with a time"),
        pytest.param(1576512000, "2019-12-17", id="seconds of local midnight"),
        pytest.param(1576512000000, "2019-12-17", id="milliseconds"),
    ],
)
def test_days_are_those_of_shanghai(tmp_path: Path, value: str | int, day: str) -> None:
    decision = captured(tmp_path, decisionDate=value).decision
    assert decision is not None
    assert decision["decidedOn"] == day


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"departmentName": "某省某厅"}, "对照文件中没有该机关的代码", id="agency"
        ),
        pytest.param({"decisionDate": ""}, "没有可用的决定日期", id="no day"),
        pytest.param({"decisionDate": 0}, "没有可用的决定日期", id="1970"),
        pytest.param({"decisionDate": "昨天"}, "没有可用的决定日期", id="no date"),
        pytest.param(
            {"obligorName": "王小明"}, "当事人类别不明，未登记", id="a person"
        ),
    ],
)
def test_a_row_nobody_could_place_is_not_registered_and_says_why(
    tmp_path: Path, changes: Mapping[str, object], said: str
) -> None:
    found = captured(tmp_path, **changes)
    assert found.decision is None
    assert [note.zh for note in found.notes] == [said]


@pytest.mark.parametrize(
    ("changes", "expected", "said"),
    [
        pytest.param(
            {"content": "某市城管局"},
            {},
            "处罚内容栏写的是机关名称，未采用",
            id="agency",
        ),
        pytest.param(
            {"content": "现场违规搅拌砂浆3869吨。"},
            {"facts": "现场违规搅拌砂浆3869吨。"},
            "处罚内容栏没有处罚内容，作为事实",
            id="facts in the wrong column",
        ),
        pytest.param(
            {"content": "罚款壹仟元整（2000元）"},
            {"result": "罚款壹仟元整（2000元）", "penaltyKinds": ["FINE"]},
            "罚款金额无法确认，未填",
            id="an amount that is not certain",
        ),
    ],
)
def test_what_is_left_out_or_moved_is_noted(
    tmp_path: Path,
    changes: Mapping[str, object],
    expected: dict[str, object],
    said: str,
) -> None:
    found = captured(tmp_path, **changes)
    assert found.decision is not None
    texts = {"facts", "result", "penaltyKinds", "fine"}
    assert {k: v for k, v in found.decision.items() if k in texts} == expected
    assert [note.zh for note in found.notes] == [said]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "《大气污染防治法（2016版）》第118条第1款",
            {"legalBasis": "《大气污染防治法（2016版）》第118条第1款"},
            id="an article alone is the basis",
        ),
        pytest.param(
            "某某工程项目未取得施工许可证即开工，时间长达一年有余，违反《建筑法》第七条,"
            "依据《建筑法》第六十四条、《管理办法》第十二条处罚",
            {
                "facts": "某某工程项目未取得施工许可证即开工，时间长达一年有余，违反"
                "《建筑法》第七条,依据《建筑法》第六十四条、《管理办法》第十二条处罚",
                "legalBasis": "《建筑法》第六十四条、《管理办法》第十二条",
            },
            id="a narrative with its basis",
        ),
        pytest.param(" ", {}, id="blank"),
    ],
)
def test_the_one_text_column_is_placed_by_what_it_is(
    tmp_path: Path, text: str, expected: Mapping[str, object]
) -> None:
    decision = captured(tmp_path, type=text, content="").decision
    assert decision is not None
    texts = {"facts", "legalBasis", "violationType", "result"}
    assert {k: v for k, v in decision.items() if k in texts} == expected


def test_a_row_without_a_party_is_left_to_the_ledger_to_refuse(tmp_path: Path) -> None:
    decision = captured(tmp_path, obligorName="").decision
    assert decision is not None
    assert decision["counterpartyName"] == ""
    assert "counterpartyCode" not in decision


def test_a_file_that_is_no_capture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "capture.json"
    path.write_text("{}", "utf-8")
    with pytest.raises(SettingsError):
        read_captures(path, CODES)
    with pytest.raises(SettingsError):
        read_captures(tmp_path / "nowhere.json", CODES)


def test_an_operators_mapping_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "codes.toml"
    path.write_text('[agencies]\n"某市城管局" = "119900000000000107"\n', "utf-8")
    assert read_codes(path).agencies == CODES.agencies
    path.write_text('[agency]\n"某市城管局" = "119900000000000107"\n', "utf-8")
    with pytest.raises(SettingsError):
        read_codes(path)
