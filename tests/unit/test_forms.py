"""Further forms: golden rows, gaps of dictionaries, and what examples declare."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from receiver_files import EXAMPLES, forms_changed, replaced, with_examples

from zhitong.decisions import (
    Act,
    Change,
    Copy,
    Decision,
    Entry,
    Finding,
    Licence,
    Party,
    Penalty,
    Review,
    Severity,
)
from zhitong.exceptions import ReceiverError
from zhitong.infra.forms_file import SHARED
from zhitong.infra.receivers_file import RECEIVERS, read_receivers
from zhitong.streams import examples
from zhitong.streams.channels import (
    FileChannel,
    FrontEndChannel,
    HttpChannel,
    KafkaChannel,
)
from zhitong.streams.cloud_events import parse
from zhitong.streams.confidence import Confidence
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.form import Form, Gap, Writing
from zhitong.streams.forms import FORMS, form
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.receivers import Acknowledge, IdNumber, Receivers
from zhitong.streams.schemas import faults, tables
from zhitong.types import Label

AT = datetime(2026, 11, 22, 1, 30, 5, tzinfo=UTC)
AGENCY = "11619900MB0004001B"
NUMBER = "11010519491231002X"
CONFIG = read_receivers()
FINE = Penalty(
    kinds=("FINE", "CONFISCATED_GAINS", "WARNING"),
    violation_type="安全生产教育培训",
    fine=2_000_000,
    confiscated=114_405,
    procedure="ORDINARY",
    publicity_to=date(2027, 11, 20),
    hearing=False,
)
PENALTY = Decision(
    local_id="yj-2026-31",
    act=Act.PENALTY,
    subject_code=AGENCY,
    subject_name="安泽市应急管理局",
    matter_code=f"{AGENCY}2150010",
    document_no="安应急罚〔2026〕31号",
    document_title="行政处罚决定书",
    decided_on=date(2026, 11, 20),
    division="619900",
    title="未按规定培训案",
    facts="未对从业人员进行安全生产教育和培训。",
    basis="《中华人民共和国安全生产法》第九十七条",
    content="罚款 20000 元，没收违法所得 1144.05 元",
    party=Party(
        kind="LEGAL_PERSON",
        name="某化工有限公司",
        code="91110000600037341L",
        representative="赵一",
    ),
    officers=("61990001",),
    review=Review(reference="法审〔2026〕9号", on=date(2026, 11, 18), opinion="AGREE"),
    collective=True,
    penalty=FINE,
)
PERSON = Party(
    kind="NATURAL_PERSON", name="钱二", id_kind="RESIDENT_ID", id_number=NUMBER
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


def copied(decision: Decision, change: Change = Change.RECORDED) -> Copy:
    again = change is not Change.RECORDED
    entry = Entry(
        decision=decision,
        version=2 if again else 1,
        change=change,
        at=AT,
        reason="认定事实有误" if again else "",
        unit=AGENCY,
        unit_name="安泽市应急管理局",
        person="周四",
    )
    return whole(entry, "one")


def writing(
    key: str, *whose: IdNumber, config: Receivers = CONFIG
) -> tuple[Form, Writing]:
    known = form(key)
    one = changed(
        CONFIG.receivers[0], format=key, acts=known.acts, id_numbers=frozenset(whose)
    )
    return known, Writing(receiver=one, config=config, seal=lambda _: examples.SEALED)


def row(key: str, copy: Copy, *whose: IdNumber) -> dict[str, object]:
    known, with_what = writing(key, *whose)
    made = known.row(copy, with_what)
    table = known.table(copy.entry.decision)
    assert not [*table.errors(made)]
    return made


# --- golden rows ---------------------------------------------------------------


def test_the_older_generation_has_a_penalty_in_its_one_table() -> None:
    said = row("credit@2015", copied(PENALTY))
    assert said == {
        "CF_WSH": "安应急罚〔2026〕31号",
        "CF_CFMC": "未按规定培训案",
        "CF_CFLB1": "罚款",
        "CF_CFLB2": "没收违法所得、警告",
        "CF_SY": "未对从业人员进行安全生产教育和培训。",
        "CF_YJ": "《中华人民共和国安全生产法》第九十七条",
        "CF_XDR_MC": "某化工有限公司",
        "CF_XDR_SHXYM": "91110000600037341L",
        "CF_FR": "赵一",
        "CF_JG": "罚款 20000 元，没收违法所得 1144.05 元",
        "CF_JDRQ": "2026-11-20",
        "CF_XZJG": "安泽市应急管理局",
        "CF_ZT": "0",
        "DFBM": "619900",
        "SJC": "2026-11-22 09:30:05",
        "CF_GSJZQ": "2027-11-20",
        "CF_BM": f"{AGENCY}2150010",
    }
    assert faults("cf", said) == ()
    withdrawn = row("credit@2015", copied(PENALTY, Change.WITHDRAWN))
    assert (withdrawn["CF_ZT"], withdrawn["CF_GSJZQ"]) == ("1", "2026-11-22")
    assert withdrawn["BZ"] == "撤销（第2版）；原因：认定事实有误"


def test_a_number_leaves_in_the_older_generation_only_where_it_is_demanded() -> None:
    said = copied(replace(PENALTY, party=PERSON))
    assert "CF_XDR_SFZ" not in row("credit@2015", said)
    assert row("credit@2015", said, IdNumber.PARTY)["CF_XDR_SFZ"] == examples.SEALED
    passport = replace(PERSON, id_kind="PASSPORT")
    other = copied(replace(PENALTY, party=passport))
    assert "CF_XDR_SFZ" not in row("credit@2015", other, IdNumber.PARTY)


def test_a_publicity_without_an_end_is_no_fault_of_the_older_generation() -> None:
    endless = replace(PENALTY, penalty=replace(FINE, publicity_to=None))
    said = row("credit@2015", copied(endless))
    assert "CF_GSJZQ" not in said
    assert faults("cf", said) == ()


def test_a_licence_is_shared_with_its_holder_and_its_end() -> None:
    said = row("licence-share@1", copied(LICENCE))
    assert said == {
        "record_id": str(LICENCE.id),
        "data_version": 1,
        "status": "有效",
        "entered_at": "2026-11-22 09:30:05",
        "holder_name": "某化工有限公司",
        "holder_kind": "法人及非法人组织",
        "holder_code": "91110000600037341L",
        "representative": "赵一",
        "licence_kind": "普通",
        "certificate_name": "危险化学品经营许可证",
        "certificate_no": "安危化经字〔2026〕7号",
        "document_title": "准予行政许可决定书",
        "document_no": "安应急许〔2026〕7号",
        "content": "准予经营危险化学品",
        "issued_on": "2026-11-20",
        "valid_from": "2026-11-20",
        "valid_to": "2099-12-31",
        "issuer_name": "安泽市应急管理局",
        "issuer_code": AGENCY,
        "matter_code": f"{AGENCY}2150010",
        "division_code": "619900",
    }
    assert faults("shared_licence", said) == ()
    gone = row("licence-share@1", copied(LICENCE, Change.WITHDRAWN))
    assert gone["status"] == "撤销"
    assert faults("shared_licence", gone) == ()


def test_an_end_that_is_kept_back_is_not_written_as_for_long() -> None:
    kept_back = replace(copied(LICENCE), withheld=frozenset({"validTo"}))
    assert "valid_to" not in row("licence-share@1", kept_back)


def test_a_clue_has_the_decision_and_what_was_found_of_it() -> None:
    found = Finding(
        check="two-officers",
        severity=Severity.BREACH,
        detail=Label(f"一人执法 {NUMBER}", "one officer"),
        source="行政处罚法第四十二条",
    )
    said = row("supervision@1", replace(copied(PENALTY), findings=(found,)))
    assert said["findings"] == [
        {
            "check": "two-officers",
            "severity": "BREACH",
            "zh": f"一人执法 1{'*' * 16}X",
            "en": "one officer",
            "source": "行政处罚法第四十二条",
        }
    ]
    assert (said["act_type"], said["fine"]) == ("行政处罚", "20000.00")
    assert (said["legal_review"], said["collective"], said["hearing"]) == (
        "是",
        "是",
        "否",
    )
    assert said["off_site"] == "是"
    assert faults("supervised", said) == ()
    assert "findings" not in row("supervision@1", copied(PENALTY))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param(AGENCY, "否", id="the same city"),
        pytest.param("91110000600037341L", "是", id="a municipality elsewhere"),
        pytest.param(None, None, id="no code"),
        pytest.param("00000000000000000X", None, id="the placeholder"),
        pytest.param("11610000MB0901001Y", None, id="registered by a province"),
    ],
)
def test_whether_it_is_off_site_is_said_only_where_both_codes_have_a_city(
    code: str | None, said: str | None
) -> None:
    party = replace(PENALTY.party, code=code)
    made = row("supervision@1", copied(replace(PENALTY, party=party)))
    assert made.get("off_site") == said


def test_the_plain_form_has_the_graph_s_names_and_says_what_is_kept_back() -> None:
    blank = replace(PENALTY, facts=None)
    copy = replace(copied(blank), withheld=frozenset({"facts", "recordedByPerson"}))
    said = row("cloudevent@1", copy)
    assert said["withheld"] == ["facts"]
    assert "facts" not in said
    assert said["penaltyKinds"] == ["FINE", "CONFISCATED_GAINS", "WARNING"]
    assert (said["fine"], said["confiscated"]) == ("20000.00", "1144.05")
    assert (said["collective"], said["hearing"]) == (True, False)
    assert said["changedAt"] == "2026-11-22T09:30:05+08:00"
    assert (said["actType"], said["change"]) == ("PENALTY", "RECORDED")
    assert "周四" not in str(said)
    assert faults("decision", said) == ()


def test_the_plain_form_gives_numbers_sealed_or_not_at_all() -> None:
    copy = copied(replace(PENALTY, party=PERSON))
    assert NUMBER not in str(row("cloudevent@1", copy))
    said = row("cloudevent@1", copy, IdNumber.PARTY)
    assert said["counterpartyIdNumber"] == examples.SEALED


# --- dictionaries --------------------------------------------------------------


def test_a_code_without_a_text_is_a_gap_and_the_rest_is_written() -> None:
    strange = replace(PENALTY, penalty=Penalty(kinds=("FINE", "STONING")))
    known, with_what = writing("credit@2015")
    said = known.row(copied(strange), with_what)
    assert said["CF_CFLB1"] == "罚款"
    assert with_what.gaps == [Gap("penalty_kinds", "STONING")]


def test_a_gap_is_a_finding_and_its_decision_leaves_all_the_same() -> None:
    keys = {
        one.name: ReceiverKeys.generate(one.name).public for one in CONFIG.receivers
    }
    envelopes = ReceiverEnvelopes(CONFIG, keys, lambda: AT)
    strange = replace(PENALTY, penalty=Penalty(kinds=("FINE", "石刑"), fine=1))
    copy = replace(copied(strange), receiver="credit")
    found = [one for one in envelopes.shortcomings([copy]) if "GAP" in one.detail.en]
    assert [one.check for one in found] == ["form-credit"]
    assert "penalty_kinds" in found[0].detail.zh
    # A department's own text is not repeated, only a word that could be a code.
    assert "石刑" not in str(found)
    (event,) = envelopes.events([copy], follows_history=False)
    assert parse(event.payload).row["CF_CFLB"] == "罚款"


def test_a_form_may_have_a_text_of_its_own_for_a_code(tmp_path: Path) -> None:
    own = '[own_words."credit@2015".penalty_kinds]\nFINE = "罚金"\n\n[words.acts]'
    path = forms_changed(tmp_path, "[words.acts]", own)
    config = read_receivers(forms=path)
    known, with_what = writing("credit@2015", config=config)
    assert known.row(copied(PENALTY), with_what)["CF_CFLB1"] == "罚金"
    newer, other = writing("credit@2018", config=config)
    assert str(newer.row(copied(PENALTY), other)["CF_CFLB"]).startswith("罚款")


DATED = """
[[dated]]
since = 2027-01-01
source = "configured rule"
confidence = "CONFIGURED"
penalty_open_end = 2199-12-31
forms."credit@2018" = { separator = "；" }
own_words."credit@2015".penalty_kinds = { FINE = "罚金" }

[[dated]]
since = 2028-01-01
source = "configured rule"
confidence = "CONFIGURED"
own_words."credit@2015".penalty_kinds = { FINE = "处以罚款" }
"""


def test_what_changes_on_a_day_changes_at_midnight_in_shanghai(tmp_path: Path) -> None:
    path = forms_changed(tmp_path, "[words.acts]", f"{DATED}\n[words.acts]")
    folder = with_examples(tmp_path, "credit-older")
    config = read_receivers(folder, forms=path)
    key = ReceiverKeys.generate("any").public
    envelopes = ReceiverEnvelopes(config, {one.name: key for one in config.receivers})

    def sent(receiver: str, at: datetime) -> dict[str, object]:
        copy = copied(PENALTY)
        said = replace(copy, receiver=receiver, entry=replace(copy.entry, at=at))
        (event,) = envelopes.events([said], follows_history=False)
        return parse(event.payload).row

    before = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
    after, later = before + timedelta(seconds=1), datetime(2028, 6, 1, tzinfo=UTC)
    kinds = [sent("credit-older", at)["CF_CFLB1"] for at in (before, after, later)]
    assert kinds == ["罚款", "罚金", "处以罚款"]
    found = [sent("credit", at) for at in (before, after, later)]
    assert [str(one["CF_CFLB"])[2] for one in found] == ["、", "；", "；"]
    assert [one["CF_YXQ"] for one in found] == [
        "2099-12-31",
        "2199-12-31",
        "2199-12-31",
    ]
    # And what is not named is as it was.
    assert {str(one["CF_ZT"]) for one in found} == {"0"}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("2028-01-01", "2027-01-01", "of one day", id="two of one day"),
        pytest.param("credit@2018", "credit@9", "no format credit@9", id="no form"),
        pytest.param('"；"', '"x"', "separator", id="an option there is not"),
        pytest.param('{ FINE = "罚金" }', "{ FINE = 1 }", "dated", id="no text"),
        pytest.param("source", "sauce", "sauce", id="a key there is not"),
        pytest.param(
            'own_words."credit@2015".penalty_kinds = { FINE = "罚金" }',
            'words.kinds = { FINE = "罚金" }',
            "not there before: kinds",
            id="a new list",
        ),
        pytest.param(
            'own_words."credit@2015".penalty_kinds = { FINE = "罚金" }',
            'words.party_kinds = { LEGAL_PERSON = "公司" }',
            "does not fit",
            id="a text that no table takes",
        ),
    ],
)
def test_a_mistake_in_what_changes_on_a_day_is_named_at_once(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    wrong = replaced(DATED, old, new)
    path = forms_changed(tmp_path, "[words.acts]", f"{wrong}\n[words.acts]")
    with pytest.raises(ReceiverError) as caught:
        read_receivers(forms=path)
    assert named in caught.value.label.en


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param(
            "[words.acts]",
            '[own_words."credit@2015".acts]\nPENALTY = "处罚"\n\n[words.acts]',
            "does not use acts",
            id="a list that the form does not use",
        ),
        pytest.param(
            "[words.acts]",
            '[own_words."credit@1".acts]\nPENALTY = "处罚"\n\n[words.acts]',
            "is no form",
            id="words of no form",
        ),
        pytest.param(
            '[forms."licence-share@1"]',
            '[forms."licence-share@9"]',
            "no format licence-share@9",
            id="options of no form",
        ),
        pytest.param(
            'withdrawn = "撤销" }',
            'withdrawn = "吊销" }',
            "does not fit the column status of shared_licence",
            id="a status that the table has not",
        ),
        pytest.param('scope = ""', 'scope = "7"', "scope", id="an option there is not"),
        pytest.param(
            "[words.procedures]", "[words.ways]", "procedures", id="a list is missing"
        ),
    ],
)
def test_a_mistake_in_a_form_s_own_section_is_named(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    with pytest.raises(ReceiverError) as caught:
        read_receivers(forms=forms_changed(tmp_path, old, new))
    assert named in caught.value.label.en


# --- the registry and the examples ----------------------------------------------


@pytest.mark.parametrize("key", FORMS)
def test_every_form_says_how_sure_it_is_and_what_was_not_seen(key: str) -> None:
    known = FORMS[key]
    assert known.source
    assert (known.reading is None) == (known.confidence is Confidence.READ)
    assert {table.name for table in known.of(known.acts)} == set(known.tables)


def test_a_form_has_no_table_for_an_act_that_is_not_its_own() -> None:
    with pytest.raises(ReceiverError, match="no table for LICENCE"):
        form("credit@2015").table(LICENCE)
    with pytest.raises(ReceiverError, match="no format credit@1"):
        form("credit@1")


@pytest.mark.parametrize("table", sorted(tables()))
def test_every_table_s_sample_is_accepted(table: str) -> None:
    known = next(one for one in FORMS.values() if table in one.tables)
    said = examples.sample(known, tables()[table], CONFIG)
    assert faults(table, said["data"]["row"]) == ()


def test_the_examples_are_receivers_and_none_is_in_force(tmp_path: Path) -> None:
    names = sorted(path.stem for path in EXAMPLES.glob("*.toml"))
    assert {one.name for one in CONFIG.receivers}.isdisjoint(names)
    config = read_receivers(with_examples(tmp_path, *names))
    reached = {one.name: type(one.channel) for one in config.receivers}
    assert reached.keys() == {*names, "credit", "provincial"}
    channels = {KafkaChannel, HttpChannel, FrontEndChannel, FileChannel}
    assert set(reached.values()) == channels
    used = {one.format for one in config.receivers}
    assert used == set(FORMS)
    sharing = config.on(date(2026, 11, 22))["e-licence"]
    assert sharing.acknowledge == Acknowledge(same_day=True)


def test_the_folder_of_examples_is_not_read_and_lies_with_the_rules() -> None:
    assert EXAMPLES.parent == RECEIVERS
    assert SHARED.parent == RECEIVERS.parent
