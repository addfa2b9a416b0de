from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from zhitong.decisions import Act
from zhitong.exceptions import ReceiverError
from zhitong.infra.receivers_file import RECEIVERS, read_receivers
from zhitong.schema import codes
from zhitong.streams.receivers import Format, IdNumber

TEXT = RECEIVERS.read_text("utf-8")


def changed(folder: Path, old: str, new: str) -> Path:
    assert old in TEXT
    path = folder / "receivers.toml"
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    return path


def test_two_receivers_are_configured_each_with_its_topic_acts_and_source() -> None:
    config = read_receivers()
    provincial, credit = config.on(date(2026, 11, 22)).values()
    assert provincial.acts == set(Act)
    assert credit.acts == {Act.PENALTY, Act.LICENCE}
    assert (provincial.format, credit.format) == (Format.PROVINCIAL, Format.CREDIT)
    assert provincial.id_numbers == set()
    assert credit.id_numbers == {IdNumber.PARTY}
    assert config.topics == {
        "zhitong.anze.provincial.v1": 12,
        "zhitong.anze.credit.v1": 12,
        "zhitong.anze.receipts.v1": 12,
        "zhitong.anze.recon.provincial.v1": 1,
        "zhitong.anze.recon.credit.v1": 1,
    }
    assert credit.groups == ("zhitong.anze.credit", "zhitong.anze.credit.trial")
    assert all("未读到" in one.source for one in config.receivers)


def test_another_tenant_s_names_are_its_own() -> None:
    ours, theirs = read_receivers(), read_receivers(tenant="other-city")
    assert set(theirs.topics) == {
        "zhitong.other-city.provincial.v1",
        "zhitong.other-city.credit.v1",
        "zhitong.other-city.receipts.v1",
        "zhitong.other-city.recon.provincial.v1",
        "zhitong.other-city.recon.credit.v1",
    }
    assert not {g for one in ours.receivers for g in one.groups} & {
        g for one in theirs.receivers for g in one.groups
    }
    assert theirs.source("credit") == "/zhitong/other-city/619900/credit"


def test_a_receiver_is_one_from_the_day_its_rules_begin() -> None:
    config = read_receivers()
    assert list(config.on(date(2026, 1, 31))) == ["credit"]
    assert list(config.on(date(2026, 2, 1))) == ["provincial", "credit"]


def test_every_code_of_the_graph_has_its_text() -> None:
    words = read_receivers().words
    for texts, known in (
        (words.acts, codes.ACT_TYPE),
        (words.party_kinds, codes.COUNTERPARTY_KIND),
        (words.id_kinds, codes.ID_KIND),
        (words.penalty_kinds, codes.PENALTY_KIND),
        (words.licence_kinds, codes.LICENCE_KIND),
        (words.procedures, codes.PROCEDURE),
        (words.review_opinions, codes.REVIEW_OPINION),
    ):
        # What a department's list has and ours has not cannot be written down.
        assert list(texts) == [code for code in known.values if code != "UNRECOGNISED"]


def test_new_rules_of_a_receiver_follow_the_old_ones(tmp_path: Path) -> None:
    block = TEXT.split("[[receivers]]")[1]
    before = block.replace(
        "since = 2026-02-01", "since = 2025-01-01\nuntil = 2026-01-31"
    ).replace('"INSPECTION"]', "]")
    both = f"{before}[[receivers]]{block}"
    config = read_receivers(changed(tmp_path, block, both))
    assert Act.INSPECTION not in config.on(date(2026, 1, 31))["provincial"].acts
    assert Act.INSPECTION in config.on(date(2026, 2, 1))["provincial"].acts


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("id_numbers = []", "id_number = []", "id_number", id="misspelt"),
        pytest.param(
            'id_numbers = ["party"]', 'id_numbers = ["officer"]', "officer", id="whose"
        ),
        pytest.param(
            "id_numbers = []",
            'id_numbers = ["party"]',
            "no place for ID numbers",
            id="a number the form has no place for",
        ),
        pytest.param(
            'acts = ["PENALTY", "LICENCE"]',
            'acts = ["PENALTY", "COERCION"]',
            "penalties and licences alone",
            id="an act the form has no table for",
        ),
        pytest.param(
            'name = "credit"', 'name = "provincial"', "one topic", id="a name twice"
        ),
        pytest.param(
            'topic = "credit.v1"',
            'topic = "provincial.v1"',
            "one topic",
            id="two receivers on one topic",
        ),
        pytest.param(
            'name = "credit"', 'name = "relay"', "the platform itself", id="our user"
        ),
        pytest.param(
            'topic = "credit.v1"',
            'topic = "receipts.v1"',
            "the platform itself",
            id="the topic of receipts",
        ),
        pytest.param(
            "since = 2018-07-25",
            "since = 2018-07-25\nuntil = 2018-07-24",
            "ends before it begins",
            id="an end before the beginning",
        ),
        pytest.param(
            "partitions = 12", "partitions = 0", "partitions", id="no partitions"
        ),
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
        pytest.param(TEXT, "", "tenant", id="an empty file"),
        pytest.param(TEXT, "[[", "receivers.toml", id="no TOML"),
    ],
)
def test_a_mistake_is_named_before_anything_starts(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(ReceiverError) as caught:
        read_receivers(path)
    assert named in caught.value.label.en


def test_a_receiver_with_two_rules_on_one_day_is_named(tmp_path: Path) -> None:
    block = TEXT.split("[[receivers]]")[1]
    path = changed(tmp_path, "[[receivers]]" + block, f"[[receivers]]{block}" * 2)
    with pytest.raises(ReceiverError, match="hold on the same day"):
        read_receivers(path)
    fewer = block.replace("partitions = 12", "partitions = 6")
    path.write_text(
        TEXT.replace(block, f"{block}[[receivers]]{fewer}"), encoding="utf-8"
    )
    with pytest.raises(ReceiverError, match="partitions cannot change"):
        read_receivers(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReceiverError, match=r"receivers\.toml"):
        read_receivers(tmp_path / "receivers.toml")
