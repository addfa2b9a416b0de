from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

import orjson
import pytest
from msgspec.structs import replace

from zhitong.decisions import (
    Act,
    Change,
    Decision,
    Entry,
    Event,
    Finding,
    Licence,
    Party,
    Penalty,
    Review,
    Severity,
    event_id,
)
from zhitong.exceptions import ReceiverError
from zhitong.infra.receivers_file import read_receivers
from zhitong.rules.resident_ids import has_resident_id
from zhitong.streams.cloud_events import parse
from zhitong.streams.columns import CUT
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.forms import FORMS
from zhitong.streams.keys import ReceiverKeys, unseal
from zhitong.streams.schemas import faults, tables

KEYS = ReceiverKeys.generate("credit")
AGENCY = "11619900MB0004001B"
ID_NUMBER = "11010519491231002X"
ARTICLE = "《中华人民共和国行政处罚法》第四十八条"
AT = datetime(2026, 11, 22, 1, 30, 5, tzinfo=UTC)

PENALTY = Decision(
    local_id="yj-2026-31",
    act=Act.PENALTY,
    subject_code=AGENCY,
    subject_name="安泽市应急管理局",
    case_source="emergency",
    case_no="安应急立〔2026〕31号",
    inspection_no="安应急检〔2026〕108号",
    matter_code=f"{AGENCY}2150010",
    document_no="安应急罚〔2026〕31号",
    document_title="行政处罚决定书",
    decided_on=date(2026, 11, 20),
    division="619900",
    title="某化工有限公司未按规定培训案",
    facts="未对从业人员进行安全生产教育和培训。",
    basis="《中华人民共和国安全生产法》第九十七条",
    content="罚款 20000 元，没收违法所得 1144.05 元",
    party=Party(
        kind="LEGAL_PERSON",
        name="安泽某化工有限公司",
        code="91110000600037341L",
        representative="赵一",
        representative_id_kind="RESIDENT_ID",
        representative_id_number=ID_NUMBER,
    ),
    officers=("61990001", "61990002"),
    review=Review(reference="法审〔2026〕9号", on=date(2026, 11, 18), opinion="AGREE"),
    collective=True,
    penalty=Penalty(
        kinds=("FINE", "CONFISCATED_GAINS"),
        violation_type="安全生产教育培训",
        fine=2_000_000,
        confiscated=114_405,
        procedure="ORDINARY",
        publicity_to=date(2027, 11, 20),
        hearing=False,
    ),
)
PERSON = replace(
    PENALTY,
    party=Party(
        kind="NATURAL_PERSON",
        name="钱二",
        id_kind="RESIDENT_ID",
        id_number=ID_NUMBER,
    ),
)
SHOP = replace(
    PENALTY,
    party=Party(
        kind="INDIVIDUAL_BUSINESS",
        name="安泽孙三小吃店",
        registration_no="619900600123",
    ),
)
LICENCE = replace(
    PENALTY,
    act=Act.LICENCE,
    document_no="安应急许〔2026〕7号",
    document_title="准予行政许可决定书",
    content="准予经营危险化学品",
    penalty=None,
    licence=Licence(
        kind="ORDINARY",
        certificate_name="危险化学品经营许可证",
        certificate_no="安危化经字〔2026〕7号",
        valid_from=date(2026, 11, 20),
    ),
)
INSPECTION = replace(PENALTY, act=Act.INSPECTION, penalty=None)


@cache
def envelopes() -> ReceiverEnvelopes:
    return ReceiverEnvelopes(read_receivers(), {"credit": KEYS.public}, lambda: AT)


def entry(
    decision: Decision, change: Change = Change.RECORDED, version: int = 1
) -> Entry:
    again = change is not Change.RECORDED
    return Entry(
        decision=decision,
        version=version,
        change=change,
        at=AT,
        reason="认定事实有误" if again else "",
        basis=ARTICLE if again else "",
        unit=AGENCY,
        person="周四",
    )


def sent(entry: Entry, receiver: str, *, follows_history: bool = False) -> Event:
    (event,) = envelopes().events(
        [whole(entry, receiver)], follows_history=follows_history
    )
    return event


def shortcomings(decision: Decision) -> tuple[Finding, ...]:
    receivers = envelopes().receivers(decision.act)
    return envelopes().shortcomings(
        [whole(entry(decision), name) for name in receivers]
    )


def row(entry: Entry, receiver: str, table: str) -> dict[str, object]:
    read = parse(sent(entry, receiver).payload)
    assert read.table == table
    return read.row


def test_the_credit_system_has_a_legal_persons_penalty_in_its_own_columns() -> None:
    assert row(entry(PENALTY), "credit", "cf_fr") == {
        "CF_XDR_MC": "安泽某化工有限公司",
        "CF_XDR_LB": "法人及非法人组织",
        "CF_XDR_SHXYM": "91110000600037341L",
        "CF_FRDB": "赵一",
        "CF_WSH": "安应急罚〔2026〕31号",
        "CF_WFXW": "安全生产教育培训",
        "CF_SY": "未对从业人员进行安全生产教育和培训。",
        "CF_YJ": "《中华人民共和国安全生产法》第九十七条",
        "CF_CFLB": "罚款、没收违法所得",
        "CF_NR": "罚款 20000 元，没收违法所得 1144.05 元",
        "CF_NR_FK": "2.000000",
        "CF_NR_WFFF": "0.114405",
        "CF_JDRQ": "2026-11-20",
        "CF_YXQ": "2099-12-31",
        "CF_GSJZQ": "2027-11-20",
        "CF_CFJG": "安泽市应急管理局",
        "CF_CFJGDM": AGENCY,
        "CF_SJLY": "安泽市应急管理局",
        "CF_SJLYDM": AGENCY,
        "CF_ZT": "0",
    }


def test_a_natural_persons_number_goes_to_the_credit_system_sealed() -> None:
    event = sent(entry(PERSON), "credit")
    assert ID_NUMBER.encode() not in event.payload
    read = parse(event.payload)
    assert read.table == "cf_zrr"
    assert unseal(str(read.row["CF_XDR_ZJHM"]), KEYS) == ID_NUMBER
    assert read.row["CF_XDR_ZJLX"] == "身份证"
    assert "CF_XDR_SHXYM" not in read.row
    assert faults("cf_zrr", read.row) == ()


@pytest.mark.parametrize("number", ["", " \x00", "1" * 65])
def test_what_can_be_no_id_number_is_left_out_and_missed(number: str) -> None:
    odd = replace(PERSON, party=replace(PERSON.party, id_number=number))
    said = row(entry(odd), "credit", "cf_zrr")
    assert "CF_XDR_ZJHM" not in said
    (fault,) = faults("cf_zrr", said)
    assert "CF_XDR_ZJHM is missing" in fault


@pytest.mark.parametrize("decision", [PENALTY, PERSON, LICENCE, INSPECTION])
def test_the_province_has_no_id_number_in_any_form(decision: Decision) -> None:
    payload = sent(entry(decision), "provincial").payload
    assert ID_NUMBER.encode() not in payload
    assert b"eyJ" not in payload


def test_a_representatives_number_leaves_only_where_it_is_configured() -> None:
    assert "CF_FR_ZJHM" not in row(entry(PENALTY), "credit", "cf_fr")


def test_a_business_without_a_code_has_the_placeholder_and_its_number() -> None:
    said = row(entry(SHOP), "credit", "cf_fr")
    assert said["CF_XDR_SHXYM"] == "00000000000000000X"
    assert said["CF_XDR_GSZC"] == "619900600123"
    assert faults("cf_fr", said) == ()
    assert faults("cf_fr", said | {"CF_XDR_LB": "法人及非法人组织"}) == (
        (
            "缺少 CF_FRDB 法定代表人：法人及非法人组织须填统一社会信用代码和法定代表人"
            " / CF_FRDB is missing: a legal person needs its code and representative"
        ),
        (
            "17 个 0 加 X 只能用于个体工商户"
            " / 17 zeros and X are for individual businesses alone"
        ),
    )
    del said["CF_XDR_GSZC"]
    assert faults("cf_fr", said) == (
        (
            "缺少 CF_XDR_GSZC 行政相对人代码_2（工商注册号）："
            "没有统一社会信用代码的个体工商户须填工商注册号"
            " / CF_XDR_GSZC is missing: "
            "an individual business without a code needs its registration number"
        ),
    )


def test_a_licence_for_long_has_the_long_term_date_and_its_own_columns() -> None:
    assert row(entry(LICENCE), "credit", "xk_fr") == {
        "XK_XDR_MC": "安泽某化工有限公司",
        "XK_XDR_LB": "法人及非法人组织",
        "XK_XDR_SHXYM": "91110000600037341L",
        "XK_FRDB": "赵一",
        "XK_XKWS": "准予行政许可决定书",
        "XK_WSH": "安应急许〔2026〕7号",
        "XK_XKLB": "普通",
        "XK_XKZS": "危险化学品经营许可证",
        "XK_XKBH": "安危化经字〔2026〕7号",
        "XK_NR": "准予经营危险化学品",
        "XK_JDRQ": "2026/11/20",
        "XK_YXQZ": "2026/11/20",
        "XK_YXQZI": "2099/12/31",
        "XK_XKJG": "安泽市应急管理局",
        "XK_XKJGDM": AGENCY,
        "XK_ZT": "1",
        "XK_LYDW": "安泽市应急管理局",
        "XK_LYDWDM": AGENCY,
    }
    natural = replace(LICENCE, party=PERSON.party)
    assert faults("xk_zrr", row(entry(natural), "credit", "xk_zrr")) == ()


def test_the_province_has_a_penalty_with_its_review_and_transport_columns() -> None:
    name = str(PENALTY.id)
    assert row(entry(PENALTY), "provincial", "penalty") == {
        "cd_id": AGENCY + PENALTY.id.hex,
        "cd_time": "2026-11-22 09:30:05",
        "cd_source": f"610000{AGENCY}",
        "cd_batch": "2026112234205",
        "cd_operation": "i",
        "record_unique_identity": name,
        "data_version": 1,
        "status": "0",
        "act_type": "行政处罚",
        "matter_code": f"{AGENCY}2150010",
        "agency_name": "安泽市应急管理局",
        "agency_code": AGENCY,
        "object_kind": "法人及非法人组织",
        "object_name": "安泽某化工有限公司",
        "party_name": "安泽某化工有限公司",
        "party_kind": "法人及非法人组织",
        "party_code": "91110000600037341L",
        "division_code": "619900",
        "submitted_at": "2026-11-22 09:30:05",
        "submitted_by": "周四",
        "act_name": "某化工有限公司未按规定培训案",
        "act_no": "yj-2026-31",
        "inspection_no": "安应急检〔2026〕108号",
        "document_title": "行政处罚决定书",
        "document_no": "安应急罚〔2026〕31号",
        "decided_on": "2026-11-20",
        "facts": "未对从业人员进行安全生产教育和培训。",
        "basis": "《中华人民共和国安全生产法》第九十七条",
        "procedure": "普通程序",
        "hearing": "否",
        "legal_review": "是",
        "review_date": "2026-11-18",
        "review_opinion": "同意",
        "collective": "是",
        "penalty_kinds": ["罚款", "没收违法所得"],
        "fine": "20000.00",
        "result": "罚款 20000 元，没收违法所得 1144.05 元",
    }


@pytest.mark.parametrize("act", list(Act))
def test_each_act_has_a_table_at_the_province_and_is_accepted_there(act: Act) -> None:
    decision = replace(
        PENALTY,
        act=act,
        penalty=PENALTY.penalty if act is Act.PENALTY else None,
        licence=LICENCE.licence if act is Act.LICENCE else None,
    )
    assert envelopes().receivers(act) == (
        ("credit", "provincial")
        if act in {Act.PENALTY, Act.LICENCE}
        else ("provincial",)
    )
    assert faults(act.lower(), row(entry(decision), "provincial", act.lower())) == ()


def test_only_an_inspection_tells_the_province_who_the_officers_were() -> None:
    said = row(entry(INSPECTION), "provincial", "inspection")
    assert said["officer_certificates"] == ["61990001", "61990002"]
    assert "officer_certificates" not in row(entry(PENALTY), "provincial", "penalty")


def test_a_withdrawal_keeps_the_row_and_says_that_and_why_it_was_withdrawn() -> None:
    withdrawn = entry(PENALTY, Change.WITHDRAWN, 2)
    remark = f"撤销（第2版）；原因：认定事实有误；依据：{ARTICLE}"
    assert row(withdrawn, "credit", "cf_fr") == row(
        entry(PENALTY), "credit", "cf_fr"
    ) | {
        "CF_ZT": "1",
        "CF_GSJZQ": "2026-11-22",
        "BZ": remark,
    }
    before = row(entry(PENALTY), "provincial", "penalty")
    assert row(withdrawn, "provincial", "penalty") == before | {
        "cd_operation": "u",
        "data_version": 2,
        "status": "1",
        "change_reason": remark,
    }
    licence = row(entry(LICENCE, Change.WITHDRAWN, 2), "credit", "xk_fr")
    assert (licence["XK_ZT"], licence["BZ"]) == ("2", remark)


def test_publicity_that_had_ended_is_not_prolonged_by_a_withdrawal() -> None:
    ended = replace(PENALTY, penalty=Penalty(publicity_to=date(2026, 11, 1)))
    said = row(entry(ended, Change.WITHDRAWN, 2), "credit", "cf_fr")
    assert said["CF_GSJZQ"] == "2026-11-01"


def test_a_withdrawal_is_accepted_whatever_the_row_lacks() -> None:
    bare = Decision(
        local_id="7",
        act=Act.PENALTY,
        subject_code=AGENCY,
        subject_name="安泽市应急管理局",
        document_no="安应急罚〔2026〕7号",
        decided_on=date(2026, 11, 1),
        party=Party(kind="LEGAL_PERSON", name="某公司"),
    )
    stands = row(entry(bare), "credit", "cf_fr")
    assert len(faults("cf_fr", stands)) == 7
    for receiver, table in (("credit", "cf_fr"), ("provincial", "penalty")):
        withdrawn = row(entry(bare, Change.WITHDRAWN, 2), receiver, table)
        assert faults(table, withdrawn) == ()


def test_an_event_says_what_when_and_for_whom_around_the_row() -> None:
    traced = replace(entry(PENALTY, Change.CORRECTED, 3), traceparent="00-ab-cd-01")
    event = sent(traced, "credit", follows_history=True)
    said = orjson.loads(event.payload)
    del said["data"]
    assert said == {
        "specversion": "1.0",
        "id": str(event_id(PENALTY.id, 3, Change.CORRECTED)),
        "source": "/zhitong/anze/619900/credit",
        "type": "cn.zhitong.decision.corrected.v1",
        "subject": str(PENALTY.id),
        "time": "2026-11-22T09:30:05+08:00",
        "datacontenttype": "application/json",
        "dataschema": "urn:zhitong:schema:credit:cf_fr:1",
        "receiver": "credit",
        "decisionversion": 3,
        "partitionkey": "88978920f9d0f597",
        "followshistory": True,
        "traceparent": "00-ab-cd-01",
    }
    assert (event.topic, event.schema) == ("zhitong.anze.credit.v1", said["dataschema"])
    assert str(event.event_id) == said["id"]


def test_source_and_id_are_unique_together_though_receivers_share_the_id() -> None:
    said = [
        orjson.loads(sent(entry(PENALTY), receiver).payload)
        for receiver in ("provincial", "credit")
    ]
    assert said[0]["id"] == said[1]["id"]
    assert [one["source"] for one in said] == [
        "/zhitong/anze/619900/provincial",
        "/zhitong/anze/619900/credit",
    ]


def test_a_correction_of_history_changes_a_row_the_province_has() -> None:
    first = sent(entry(PENALTY), "provincial", follows_history=True)
    assert parse(first.payload).row["cd_operation"] == "u"


TYPED = (
    "11010519491231002X",
    "110105 19491231 002x",
    "１１０１０５１９４９１２３１００２Ｘ",
)


@pytest.mark.parametrize("number", TYPED)
@pytest.mark.parametrize("change", list(Change))
@pytest.mark.parametrize("said", [PENALTY, PERSON, LICENCE, INSPECTION])
def test_no_id_number_in_any_text_leaves_in_the_clear(
    said: Decision, change: Change, number: str
) -> None:
    text = f"张三（身份证号{number}）"
    canary = replace(
        said,
        subject_name=text,
        document_title=text,
        title=text,
        facts=f"{'查' * 200}{text}{'明' * 32_800}",
        basis=text,
        content=text,
        party=replace(
            said.party,
            name=number,
            code=number,
            registration_no=number,
            representative=text,
        ),
        penalty=said.penalty
        and replace(said.penalty, violation_type=text, licence_affected=text),
        licence=said.licence
        and replace(said.licence, certificate_name=text, certificate_no=f"T{number}"),
    )
    leaves = replace(
        entry(canary, change, 2), reason=text, basis=text, unit_name=text, person=text
    )
    for receiver in envelopes().receivers(said.act):
        event = sent(leaves, receiver)
        values = parse(event.payload).row.values()
        assert [value for value in values if has_resident_id(str(value))] == []
        assert number not in event.payload.decode()
        reasons = faults(parse(event.payload).table, parse(event.payload).row)
        assert not any(has_resident_id(reason) for reason in reasons)
    for finding in shortcomings(canary):
        assert not has_resident_id(str(finding))


def test_an_id_number_in_a_text_keeps_its_first_and_last_character() -> None:
    said = replace(LICENCE, facts=f"持证人{ID_NUMBER}，", content="准予")
    certified = replace(
        said, licence=Licence(kind="ORDINARY", certificate_no=f"T{ID_NUMBER}")
    )
    province = row(entry(certified), "provincial", "licence")
    assert province["facts"] == f"持证人1{'*' * 16}X，"
    assert province["certificate_no"] == f"T1{'*' * 16}X"
    assert row(entry(certified), "credit", "xk_fr")["XK_XKBH"] == f"T1{'*' * 16}X"


def test_numbers_that_identify_are_never_masked() -> None:
    number = "440524188001010014"
    said = replace(PENALTY, document_no=number, local_id=number, inspection_no=number)
    province = row(entry(said), "provincial", "penalty")
    assert province["document_no"] == number
    assert province["act_no"] == number
    assert province["inspection_no"] == number
    assert row(entry(said), "credit", "cf_fr")["CF_WSH"] == number


def test_a_withdrawn_row_is_judged_by_what_identifies_it_alone() -> None:
    odd = replace(
        PENALTY,
        local_id="y" * 51,
        party=replace(PENALTY.party, code="9" * 19, registration_no="6" * 51),
    )
    for receiver, table, code in (
        ("credit", "cf_fr", "CF_XDR_SHXYM"),
        ("provincial", "penalty", "party_code"),
    ):
        stands = row(entry(odd), receiver, table)
        assert stands[code] == "9" * 19
        assert len(faults(table, stands)) == {"credit": 3, "provincial": 2}[receiver]
        withdrawn = row(entry(odd, Change.WITHDRAWN, 2), receiver, table)
        assert faults(table, withdrawn) == ()
        assert "act_no" not in withdrawn
        assert "CF_XDR_GSZC" not in withdrawn
        # Nineteen characters fit the province's column, not the credit system's.
        assert (code in withdrawn) == (receiver == "provincial")
        # As another sender may write it.
        assert faults(table, withdrawn | {code: "9" * 30}) == ()


def test_a_withdrawal_before_the_day_of_its_decision_is_taken() -> None:
    early = replace(PENALTY, decided_on=date(2062, 1, 1))
    said = row(entry(early), "provincial", "penalty")
    assert len(faults("penalty", said)) == 1
    gone = row(entry(early, Change.WITHDRAWN, 2), "provincial", "penalty")
    assert faults("penalty", gone) == ()


def test_the_same_entry_gives_the_same_bytes() -> None:
    once, again = (
        envelopes().events(
            [whole(entry(PENALTY), name) for name in ("provincial", "credit")],
            follows_history=False,
        )
        for _ in range(2)
    )
    assert once == again


def test_free_text_is_cut_at_the_columns_length_and_says_so() -> None:
    long = replace(PENALTY, content="罚" * 1001, title="案" * 500)
    said = row(entry(long), "provincial", "penalty")
    assert said["result"] == "罚" * (1000 - len(CUT)) + CUT
    assert said["act_name"] == "案" * 500
    assert row(entry(long), "credit", "cf_fr")["CF_NR"] == "罚" * 1001


def test_what_identifies_is_not_cut_but_found_too_long() -> None:
    long = replace(PENALTY, document_no="安" * 129)
    said = row(entry(long), "credit", "cf_fr")
    assert said["CF_WSH"] == "安" * 129
    assert faults("cf_fr", said) == (
        (
            "CF_WSH 行政处罚决定书文号：至多 128 字，现有 129 字"
            " / CF_WSH: 128 characters at most, it has 129"
        ),
    )


def test_an_event_of_the_longest_texts_is_under_the_brokers_limit() -> None:
    most = "\U0002000b" * 1_000_000
    texts = ("title", "facts", "basis", "content", "document_title", "case_no")
    vast = replace(
        PENALTY,
        **dict.fromkeys(texts, most),
        officers=tuple(f"{place:050d}" for place in range(5000)),
        party=replace(PENALTY.party, name=most, representative=most),
        penalty=replace(
            PENALTY.penalty or Penalty(), violation_type=most, licence_affected=most
        ),
    )
    withdrawn = replace(entry(vast, Change.WITHDRAWN, 2), reason=most, basis=most)
    for receiver in ("provincial", "credit"):
        event = sent(withdrawn, receiver)
        assert len(event.payload) < 900 * 1024
        read = parse(event.payload)
        assert faults(read.table, read.row) == ()
    inspection = replace(vast, act=Act.INSPECTION, penalty=None)
    said = row(entry(inspection), "provincial", "inspection")
    assert len(str(said["officer_certificates"])) < 6000


def test_characters_no_table_can_hold_are_left_out() -> None:
    odd = replace(PENALTY, facts="一\x00二\x1b三\ud800\n四 ", title="\x00 ")
    said = row(entry(odd), "provincial", "penalty")
    assert said["facts"] == "一二三\n四"
    assert "act_name" not in said


def test_what_a_form_asks_for_and_nobody_stated_is_found_beforehand() -> None:
    assert shortcomings(PENALTY) == ()
    assert shortcomings(PERSON) == ()
    assert shortcomings(SHOP) == ()
    assert shortcomings(LICENCE) == ()
    gap = replace(PENALTY, penalty=Penalty(kinds=("FINE",), violation_type="培训"))
    found = shortcomings(gap)
    assert [one.check for one in found] == ["form-credit", "form-provincial"]
    assert found[0] == Finding(
        check="form-credit",
        severity=Severity.DOUBT,
        detail=found[0].detail,
        source=found[0].source,
    )
    assert found[0].detail.zh == (
        "信用信息共享平台（双公示）：缺少 CF_NR_FK 罚款金额：处以罚款的须填罚款金额"
    )
    assert found[0].detail.en == (
        "Credit system (double publicity): CF_NR_FK is missing: "
        "with a fine its amount is due"
    )
    assert "原文未读到" in found[0].source


def test_a_natural_person_without_a_number_is_found_beforehand() -> None:
    nobody = replace(PERSON, party=Party(kind="NATURAL_PERSON", name="钱二"))
    prefix, end = "Credit system (double publicity): ", ": columns that are required"
    assert [one.detail.en for one in shortcomings(nobody)] == [
        f"{prefix}CF_XDR_ZJLX is missing{end}",
        f"{prefix}CF_XDR_ZJHM is missing{end}",
    ]


def test_the_unit_that_registers_for_another_is_named_as_the_source_of_the_data() -> (
    None
):
    other = replace(entry(PENALTY), unit="12619900MB200315XY", unit_name="大数据中心")
    said = row(other, "credit", "cf_fr")
    assert (said["CF_SJLY"], said["CF_SJLYDM"]) == ("大数据中心", "12619900MB200315XY")
    assert said["CF_CFJGDM"] == AGENCY
    nameless = replace(other, unit_name="")
    assert "CF_SJLY" not in row(nameless, "credit", "cf_fr")


def test_a_receiver_nobody_configured_is_named() -> None:
    with pytest.raises(ReceiverError, match="no receiver tax"):
        sent(entry(PENALTY), "tax")


def test_a_form_without_a_table_for_an_act_says_so() -> None:
    with pytest.raises(ReceiverError, match="no table for INSPECTION"):
        sent(entry(INSPECTION), "credit")


def test_without_the_key_a_form_demands_nothing_starts() -> None:
    with pytest.raises(ReceiverError, match="credit"):
        ReceiverEnvelopes(read_receivers(), {})


def test_a_code_list_without_an_entry_leaves_the_column_out() -> None:
    strange = replace(
        PENALTY,
        party=Party(kind="FOUNDATION", name="某基金会"),
        penalty=Penalty(kinds=("STONING",), procedure="SWIFT", fine=-1),
        division="六一",
    )
    said = row(entry(strange), "provincial", "penalty")
    left_out = {"party_kind", "penalty_kinds", "procedure", "fine", "division_code"}
    assert not left_out & set(said)


def test_every_table_belongs_to_one_form() -> None:
    by_form: dict[str, list[str]] = {}
    for name, table in tables().items():
        by_form.setdefault(table.format, []).append(name)
        assert table.urn == f"urn:zhitong:schema:{table.format}:{name}:1"
    assert by_form == {
        "cloudevent": ["decision"],
        "credit": ["cf_fr", "cf_zrr", "xk_fr", "xk_zrr"],
        "credit2015": ["cf"],
        "licence-share": ["shared_licence"],
        "provincial": sorted(act.lower() for act in Act),
        "supervision": ["supervised"],
    }
    forms = [name for one in FORMS.values() for name in one.tables]
    assert sorted(forms) == sorted(tables())
