from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from receiver_files import changed, forms_changed, replaced, text, written

from zhitong.decisions import Act
from zhitong.exceptions import ReceiverError
from zhitong.infra.forms_file import SHARED
from zhitong.infra.receivers_file import RECEIVERS, read_receivers
from zhitong.schema import codes
from zhitong.streams.confidence import Confidence
from zhitong.streams.receivers import Acknowledge, IdNumber

PROVINCIAL = text("provincial")


def test_two_receivers_are_configured_each_with_its_topic_acts_and_source() -> None:
    config = read_receivers()
    credit, provincial = config.on(date(2026, 11, 22)).values()
    assert provincial.acts == set(Act)
    assert credit.acts == {Act.PENALTY, Act.LICENCE}
    assert (provincial.format, credit.format) == ("provincial@2019", "credit@2018")
    assert provincial.id_numbers == set()
    assert credit.id_numbers == {IdNumber.PARTY}
    assert config.topics == {
        "zhitong.anze.provincial.v1": 12,
        "zhitong.anze.credit.v1": 12,
        "zhitong.anze.receipts.v1": 12,
        "zhitong.anze.recon.provincial.v1": 1,
        "zhitong.anze.recon.credit.v1": 1,
        "zhitong.anze.clocks.v1": 12,
        "zhitong.anze.inbound.credit.v1": 6,
        "zhitong.anze.inbound.receipts.credit.v1": 1,
        "zhitong.anze.inbound.provincial.v1": 6,
        "zhitong.anze.inbound.receipts.provincial.v1": 1,
    }
    assert config.kafka["credit"] == credit.channel
    assert config.kafka["credit"].groups == (
        "zhitong.anze.credit",
        "zhitong.anze.credit.trial",
    )
    for one in config.receivers:
        assert "未读到" in one.source
        assert one.confidence is Confidence.DEPLOYED


def test_another_tenant_s_names_are_its_own() -> None:
    ours, theirs = read_receivers(), read_receivers(tenant="other-city")
    assert set(theirs.topics) == {
        "zhitong.other-city.provincial.v1",
        "zhitong.other-city.credit.v1",
        "zhitong.other-city.receipts.v1",
        "zhitong.other-city.recon.provincial.v1",
        "zhitong.other-city.recon.credit.v1",
        "zhitong.other-city.clocks.v1",
        "zhitong.other-city.inbound.credit.v1",
        "zhitong.other-city.inbound.receipts.credit.v1",
        "zhitong.other-city.inbound.provincial.v1",
        "zhitong.other-city.inbound.receipts.provincial.v1",
    }
    assert not {g for one in ours.kafka.values() for g in one.groups} & {
        g for one in theirs.kafka.values() for g in one.groups
    }
    assert theirs.source("credit") == "/zhitong/other-city/619900/credit"


def test_a_receiver_is_one_from_the_day_its_rules_begin() -> None:
    config = read_receivers()
    assert list(config.on(date(2026, 1, 31))) == ["credit"]
    assert list(config.on(date(2026, 2, 1))) == ["credit", "provincial"]


def test_every_code_of_the_graph_has_its_text() -> None:
    words = read_receivers().words
    for texts, known in (
        (words["acts"], codes.ACT_TYPE),
        (words["party_kinds"], codes.COUNTERPARTY_KIND),
        (words["id_kinds"], codes.ID_KIND),
        (words["penalty_kinds"], codes.PENALTY_KIND),
        (words["licence_kinds"], codes.LICENCE_KIND),
        (words["procedures"], codes.PROCEDURE),
        (words["review_opinions"], codes.REVIEW_OPINION),
    ):
        # What a department's list has and ours has not cannot be written down.
        assert list(texts) == [code for code in known.values if code != "UNRECOGNISED"]


def block(name: str) -> str:
    """Give the rules of the shipped receiver *name*, without what stands above."""
    return "[[rules]]" + text(name).split("[[rules]]")[1]


def twice(folder: Path, before: str, after: str = "since = 2026-02-01") -> Path:
    """Give the province a block before its own, with other days."""
    since = "since = 2026-02-01"
    earlier = replaced(block("provincial"), since, before).replace('"INSPECTION"', "")
    later = replaced(block("provincial"), since, after)
    # The later first: their order in the file does not matter.
    head = PROVINCIAL.split("[[rules]]")[0]
    return written(folder, "provincial", f"{head}{later}\n{earlier}")


def test_new_rules_of_a_receiver_follow_the_old_ones(tmp_path: Path) -> None:
    config = read_receivers(twice(tmp_path, "since = 2025-01-01\nuntil = 2026-01-31"))
    assert Act.INSPECTION not in config.on(date(2026, 1, 31))["provincial"].acts
    assert Act.INSPECTION in config.on(date(2026, 2, 1))["provincial"].acts


def test_days_without_rules_between_two_blocks_must_be_meant(tmp_path: Path) -> None:
    before = "since = 2025-01-01\nuntil = 2025-12-31"
    with pytest.raises(ReceiverError, match="no rules from 2025-12-31 to 2026-02-01"):
        read_receivers(twice(tmp_path, before))
    meant = "since = 2026-02-01\nresumes = true"
    config = read_receivers(twice(tmp_path, before, meant))
    assert "provincial" not in config.on(date(2026, 1, 1))
    assert "provincial" in config.on(date(2026, 2, 1))
    # And who says so where there are none has misread the days.
    until = "since = 2025-01-01\nuntil = 2026-01-31"
    with pytest.raises(ReceiverError, match="only there"):
        read_receivers(twice(tmp_path, until, meant))


def test_another_receiver_is_another_file(tmp_path: Path) -> None:
    added = replaced(
        replaced(text("credit"), 'name = "credit"', 'name = "credit-province"'),
        'topic = "credit.v1"',
        'topic = "credit-province.v1"',
    )
    added += "acknowledge = { within_hours = 4, signed = false }\n"
    folder = written(tmp_path, "credit-province", added)
    config = read_receivers(folder)
    assert list(config.kafka) == ["credit", "credit-province", "provincial"]
    one = config.on(date(2026, 11, 22))["credit-province"]
    assert one.acknowledge == Acknowledge(within_hours=4, signed=False)
    assert config.topics["zhitong.anze.credit-province.v1"] == 12


@pytest.mark.parametrize(
    ("name", "old", "new", "named"),
    [
        pytest.param(
            "provincial",
            "id_numbers = []",
            "id_number = []",
            "id_number",
            id="misspelt",
        ),
        pytest.param(
            "credit",
            'id_numbers = ["party"]',
            'id_numbers = ["officer"]',
            "officer",
            id="whose",
        ),
        pytest.param(
            "provincial",
            "id_numbers = []",
            'id_numbers = ["party"]',
            "no place for ID numbers",
            id="a number the form has no place for",
        ),
        pytest.param(
            "credit",
            'acts = ["PENALTY", "LICENCE"]',
            'acts = ["PENALTY", "COERCION"]',
            "has no table for COERCION",
            id="an act the form has no table for",
        ),
        pytest.param(
            "credit",
            'topic = "credit.v1"',
            'topic = "provincial.v1"',
            "one topic",
            id="two receivers on one topic",
        ),
        pytest.param(
            "credit",
            'name = "credit"',
            'name = "relay"',
            "the platform itself",
            id="our user",
        ),
        pytest.param(
            "credit",
            'topic = "credit.v1"',
            'topic = "receipts.v1"',
            "the platform itself",
            id="the topic of receipts",
        ),
        pytest.param(
            "credit",
            "since = 2018-07-25",
            "since = 2018-07-25\nuntil = 2018-07-24",
            "ends before it begins",
            id="an end before the beginning",
        ),
        pytest.param(
            "credit",
            "partitions = 12",
            "partitions = 0",
            "partitions",
            id="no partitions",
        ),
        pytest.param(
            "credit", 'kind = "kafka"', 'kind = "pigeon"', "pigeon", id="no channel"
        ),
        pytest.param(
            "credit",
            'format = "credit@2018"',
            'format = "credit@2011"',
            "no format credit@2011, but",
            id="no form",
        ),
        pytest.param(
            "credit",
            'confidence = "DEPLOYED"',
            'confidence = "SURE"',
            "SURE",
            id="no such confidence",
        ),
        pytest.param(
            "credit",
            'confidence = "DEPLOYED"',
            'confidence = "READ"\nacknowledge = { within_hours = 1, same_day = true }',
            "one clock at most",
            id="two clocks",
        ),
        pytest.param("credit", text("credit"), "", "tenant", id="an empty file"),
        pytest.param("credit", text("credit"), "[[", "credit.toml", id="no TOML"),
    ],
)
def test_a_mistake_is_named_before_anything_starts(
    name: str, old: str, new: str, named: str, tmp_path: Path
) -> None:
    folder = changed(tmp_path, name, old, new)
    with pytest.raises(ReceiverError) as caught:
        read_receivers(folder)
    assert named in caught.value.label.en
    assert ".toml" in caught.value.label.zh or "receivers" in caught.value.label.zh


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param(
            'separator = "、"', 'separator = "+"', "separator", id="separator"
        ),
        pytest.param('stands = "0"', 'stands = "9"', "CF_ZT", id="no such status"),
        pytest.param(
            'penalty_dates = "%Y-%m-%d"',
            'penalty_dates = "%d.%m.%Y"',
            "CF_JDRQ",
            id="dates another way round",
        ),
        pytest.param('FINE = "罚款"', 'FINE = "罚金"', "penalty_kinds", id="a word"),
        pytest.param(
            'INSPECTION = "行政检查"\n', "", "INSPECTION", id="an act without a text"
        ),
        pytest.param('division = "619900"', "division = 619900", "division", id="code"),
        pytest.param(SHARED.read_text("utf-8"), "[[", "forms.toml", id="no TOML"),
    ],
)
def test_a_mistake_in_what_forms_share_is_named(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    path = forms_changed(tmp_path, old, new)
    with pytest.raises(ReceiverError) as caught:
        read_receivers(forms=path)
    assert named in caught.value.label.en


def test_a_receiver_with_two_rules_on_one_day_is_named(tmp_path: Path) -> None:
    both = text("provincial") + "\n" + block("provincial")
    with pytest.raises(ReceiverError, match="hold on the same day"):
        read_receivers(written(tmp_path, "provincial", both))


def test_a_file_is_called_as_the_receiver_in_it(tmp_path: Path) -> None:
    folder = written(tmp_path, "credit", text("credit"))
    (folder / "credit.toml").rename(folder / "tax.toml")
    with pytest.raises(ReceiverError, match=r"must be called credit\.toml"):
        read_receivers(folder)


def test_one_file_for_all_as_it_was_once_is_refused_with_what_to_do(
    tmp_path: Path,
) -> None:
    path = tmp_path / "receivers.toml"
    path.write_text('tenant = "*"\n[[receivers]]\n', "utf-8")
    with pytest.raises(ReceiverError) as caught:
        read_receivers(path)
    assert "ZHITONG_FORMS" in caught.value.label.en
    assert "一个接收方一个文件" in caught.value.label.zh


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_receivers_is_named(tmp_path: Path, *, there: bool) -> None:
    folder = tmp_path / "nobody"
    if there:
        folder.mkdir()
    with pytest.raises(ReceiverError, match=r"nobody has no receiver's file"):
        read_receivers(folder)


def test_no_file_is_shipped_that_is_not_read() -> None:
    assert {path.stem for path in RECEIVERS.glob("*.toml")} == {
        one.name for one in read_receivers().receivers
    }
