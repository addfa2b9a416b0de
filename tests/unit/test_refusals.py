"""Why a document was refused: the place and the kind, and never what was written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphql import parse

from zhitong.exceptions import ScalarError, ZhitongError
from zhitong.schema.graph import graph
from zhitong.schema.refusals import placed, refused

CANARY = "110101199003071233"
RECORD = "mutation($d: DecisionInput!) { recordDecision(decision: $d) { version } }"
INLINE = "mutation {{ recordDecision(decision: {{{}}}) {{ version }} }}"
WHOLE: dict[str, object] = {
    "localId": "1",
    "actType": "PENALTY",
    "subjectCode": "11619900MB0004001B",
    "documentNo": "（安）应急罚〔2026〕1号",
    "decidedOn": "2026-06-01",
    "counterpartyKind": "NATURAL_PERSON",
    "counterpartyName": f"张三{CANARY}",
    "idNumber": CANARY,
}
TEXT = (
    'localId: "1", actType: PENALTY, subjectCode: "11619900MB0004001B", '
    'documentNo: "1", decidedOn: "2026-06-01", counterpartyKind: NATURAL_PERSON, '
    'counterpartyName: "张三"'
)


async def told(document: str, **variables: object) -> list[ZhitongError]:
    result: Any = await graph().execute(document, variable_values=variables)
    errors = []
    for error in result.errors:
        original = error.original_error
        while original is not None and hasattr(original, "original_error"):
            original = original.original_error
        if isinstance(original, ScalarError):
            errors.append(placed(original, error, parse(document)))
        else:
            assert original is None
            errors.append(refused(error, parse(document)))
    return errors


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in WHOLE.items() if key != name}


@pytest.mark.parametrize(
    ("document", "variables", "zh", "en"),
    [
        pytest.param(
            RECORD,
            {"d": without("documentNo")},
            "查询有误，$d：缺少必填的 documentNo（类型 DecisionInput）",
            "$d: the required field documentNo of DecisionInput is missing",
            id="a required field",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "finne": "1"}},
            "查询有误，$d：类型 DecisionInput 没有 finne 这一项，请核对拼写",
            "$d: DecisionInput has no field finne; check its spelling",
            id="an unknown field",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, CANARY: 1}},
            "查询有误，$d：有类型 DecisionInput 没有的项，请核对拼写",
            "$d: there is a field that DecisionInput has not; check its spelling",
            id="a number for a field",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "a" + CANARY: 1}},
            "查询有误，$d：类型 DecisionInput 没有 … 这一项，请核对拼写",
            "$d: DecisionInput has no field …; check its spelling",
            id="a number in the name of a field",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "idNumber": int(CANARY)}},
            "查询有误，$d.idNumber：值不是 String 类型",
            "$d.idNumber: the value is no String",
            id="a number for a text",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "officerCertificates": ["1", [CANARY]]}},
            "查询有误，$d.officerCertificates[1]：值不是 String 类型",
            "$d.officerCertificates[1]: the value is no String",
            id="a list in a list",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "idKind": CANARY}},
            "查询有误，$d.idKind：值不在 IdKind 的代码表内，"
            "请按代码表填写（查询 codeLists）",
            "$d.idKind: the value is not in the code list IdKind; codeLists has the "
            "values",
            id="no code",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "idKind": f"1' does not exist in '{CANARY}\n"}},
            "查询有误，$d.idKind：值不在 IdKind 的代码表内，"
            "请按代码表填写（查询 codeLists）",
            "$d.idKind: the value is not in the code list IdKind; codeLists has the "
            "values",
            id="a code that talks like the library",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "idKind": [CANARY]}},
            "查询有误，$d.idKind：应为 IdKind 代码表中的代码（查询 codeLists）",
            "$d.idKind: a code of the list IdKind is due; codeLists has the values",
            id="a list for a code",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "localId": None}},
            "查询有误，$d.localId：必填的值（类型 String!）不能是 null",
            "$d.localId: a value of type String! is required and cannot be null",
            id="null",
        ),
        pytest.param(
            RECORD,
            {"d": CANARY},
            "查询有误，$d：应为对象（类型 DecisionInput）",
            "$d: an object of type DecisionInput is due",
            id="a text for an object",
        ),
        pytest.param(
            RECORD,
            {},
            "查询有误，$d：缺少必填的值（类型 DecisionInput!）",
            "$d: a value of type DecisionInput! is required and missing",
            id="no variable",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "fine": "2万"}},
            '$d.fine：金额以元为单位，最多两位小数，写作 "1200.50"',
            '$d.fine: an amount is in yuan with at most two decimals, as "1200.50"',
            id="an amount in words",
        ),
        pytest.param(
            RECORD,
            {"d": {**WHOLE, "decidedOn": CANARY}},
            "$d.decidedOn：日期应写作 2024-03-11",
            "$d.decidedOn: a date is written as 2024-03-11",
            id="a number for a day",
        ),
        pytest.param(
            INLINE.format(f'{TEXT}, fine: "{CANARY}元"'),
            {},
            'decision.fine：金额以元为单位，最多两位小数，写作 "1200.50"',
            "decision.fine: an amount is in yuan with at most two decimals, "
            'as "1200.50"',
            id="an amount in the document",
        ),
        pytest.param(
            INLINE.format(f"{TEXT}, idNumber: {CANARY}"),
            {},
            "查询有误，decision.idNumber：值不是 String 类型",
            "decision.idNumber: the value is no String",
            id="a number in the document",
        ),
        pytest.param(
            INLINE.format(f"{TEXT}, idNumber: A{CANARY}"),
            {},
            "查询有误，decision.idNumber：值不是 String 类型",
            "decision.idNumber: the value is no String",
            id="a text without quotes",
        ),
        pytest.param(
            INLINE.format(f'{TEXT}, officerCertificates: ["1", {CANARY}]'),
            {},
            "查询有误，decision.officerCertificates[1]：值不是 String 类型",
            "decision.officerCertificates[1]: the value is no String",
            id="a number in a list of the document",
        ),
        pytest.param(
            INLINE.format(f'{TEXT}, officerCertificates: ["1", {{a: "{CANARY}"}}]'),
            {},
            "查询有误：值不是 String 类型",
            "the value is no String",
            id="an object in a list of the document",
        ),
        pytest.param(
            INLINE.format(f'idNumber: "{CANARY}", {TEXT[14:]}'),
            {},
            "查询有误，decision：缺少必填的 localId（类型 DecisionInput）",
            "decision: the required field localId of DecisionInput is missing",
            id="a required field in the document",
        ),
        pytest.param(
            INLINE.format(f'{TEXT}, idNumbr: "{CANARY}"'),
            {},
            "查询有误，decision.idNumbr：类型 DecisionInput 没有 idNumbr 这一项，"
            "请核对拼写",
            "decision.idNumbr: DecisionInput has no field idNumbr; check its spelling",
            id="an unknown field in the document",
        ),
        pytest.param(
            INLINE.format(f'{TEXT}, idKind: A{CANARY}, idNumber: "{CANARY}"'),
            {},
            "查询有误，decision.idKind：值不在 IdKind 的代码表内，"
            "请按代码表填写（查询 codeLists）",
            "decision.idKind: the value is not in the code list IdKind; codeLists has "
            "the values",
            id="no code in the document",
        ),
        pytest.param(
            f'mutation {{ recordDecision(decision: "{CANARY}") {{ version }} }}',
            {},
            "查询有误，decision：应为对象（类型 DecisionInput）",
            "decision: an object of type DecisionInput is due",
            id="a text for an object in the document",
        ),
        pytest.param(
            f'query($c: Int="{CANARY}") {{ caseRecords(first: $c) {{ __typename }} }}',
            {},
            "查询有误，$c：值不是 Int 类型",
            "$c: the value is no Int",
            id="a default",
        ),
        pytest.param(
            "{ caseRecord { id } }",
            {},
            "查询有误：类型 Query 没有字段 caseRecord，请核对拼写",
            "Query has no field caseRecord; check its spelling",
            id="an unknown field of the schema",
        ),
        pytest.param(
            f'{{ caseRecords(name: "{CANARY}") {{ __typename }} }}',
            {},
            "查询有误，name：字段 Query.caseRecords 没有参数 name，请核对拼写",
            "name: the field Query.caseRecords has no argument name; check its "
            "spelling",
            id="an unknown argument",
        ),
        pytest.param(
            "{ counterparty { id } }",
            {},
            "查询有误：字段 Query.counterparty 缺少必填的参数 code（类型 CreditCode!）",
            "the field Query.counterparty lacks its required argument code of type "
            "CreditCode!",
            id="a required argument",
        ),
        pytest.param(
            "{ caseRecords }",
            {},
            "查询有误：字段 caseRecords（类型 CaseRecordConnection）须写明要哪些子字段",
            "the field caseRecords of type CaseRecordConnection needs a selection of "
            "its fields",
            id="no selection",
        ),
        pytest.param(
            "{ caseRecords(first: $n) { __typename } }",
            {},
            "查询有误，first：变量 $n 没有声明，请在操作名后声明",
            "first: the variable $n is not declared; declare it after the operation's "
            "name",
            id="no such variable",
        ),
        pytest.param(
            "query($n: String) { caseRecords(first: $n) { __typename } }",
            {},
            "查询有误：变量 $n 声明为 String，此处应为 Int",
            "the variable $n is declared as String, here Int is due",
            id="a variable of another type",
        ),
        pytest.param(
            f'{{ a: caseRecords(first: 1) @skip(if: "{CANARY}") {{ __typename }} }}',
            {},
            "查询有误，if：值不是 Boolean 类型",
            "if: the value is no Boolean",
            id="a directive's argument",
        ),
        pytest.param(
            f'{{ __typename @nope(id: "{CANARY}") }}',
            {},
            "查询有误：此处与模式不符，请对照模式（/explorer/）",
            "this does not fit the schema; compare it (/explorer/)",
            id="anything else",
        ),
    ],
)
async def test_a_refusal_names_the_place_and_the_kind_and_no_value(
    document: str, variables: dict[str, object], zh: str, en: str
) -> None:
    errors = await told(document, **variables)
    assert [(error.label.zh, error.label.en) for error in errors] == [(zh, en)]
    assert CANARY not in json.dumps([error.details for error in errors]) + str(errors)


async def test_the_place_is_a_detail_for_programs() -> None:
    (error,) = await told(RECORD, d={**WHOLE, "fine": "20,000"})
    assert error.details == {"at": "$d.fine"}
