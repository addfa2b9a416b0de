"""Notices: who wants to be told of what, in which words, and the file that says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.notifications_file import read_notifications
from zhitong.infra.settings import Settings
from zhitong.rules.clock_events import What
from zhitong.rules.notices import (
    LINES,
    RETRIES,
    Address,
    Message,
    Notice,
    Way,
    rest,
)
from zhitong.types import Label

UNIT = "11619900MB0004001B"
ADDRESS = Address(
    name="legal",
    units=frozenset({UNIT}),
    duties=frozenset({"credit-published"}),
    what=frozenset({What.LATE}),
    way=Way.MAIL,
    to="a@b.example",
)
NOTICE = Notice(
    clock="c",
    decision=uuid4(),
    document_no="（安）应急罚〔2026〕1号",
    duty="credit-published",
    title=Label("推送至信用系统公示", "reaches the credit system"),
    unit=UNIT,
    what=What.LATE,
    due_on=date(2026, 12, 1),
)
GOOD = """tenant = "*"
[[addresses]]
name = "legal"
units = ["11619900MB0004001B"]
duties = ["credit-published"]
what = ["SOON", "LATE"]
way = "mail"
to = "a@b.example"
[mail]
host = "mail.example"
sender = "z@b.example"
"""

TWICE = GOOD.partition("\n")[2].partition("[mail]")[0] + "[mail]"


@pytest.mark.parametrize(
    ("units", "duties", "wanted"),
    [
        ({UNIT}, {"credit-published"}, True),
        ({"*"}, {"*"}, True),
        ({UNIT}, {"credit-withdrawn"}, False),
        ({"other"}, {"*"}, False),
        ({"other", UNIT}, {"*"}, True),
    ],
)
def test_who_is_told_of_what(units: set[str], duties: set[str], wanted: bool) -> None:  # noqa: FBT001 - a table
    one = replace(ADDRESS, units=frozenset(units), duties=frozenset(duties))
    assert one.wants(UNIT, "credit-published", What.LATE) is wanted
    assert not one.wants(UNIT, "credit-published", What.SOON)


def test_a_message_counts_lists_what_is_late_first_and_names_no_party() -> None:
    soon = replace(NOTICE, what=What.SOON, document_no="2号", due_on=date(2026, 11, 1))
    made = Message(id=uuid4(), address=ADDRESS, notices=[soon, NOTICE])
    assert made.subject.endswith("1 late, 1 due soon")
    assert made.text.index("1号") < made.text.index("2号")
    assert "推送至信用系统公示 reaches the credit system" in made.text
    assert made.body["id"] == str(made.id)
    many = replace(made, notices=[NOTICE] * (LINES + 3))
    assert "and 3 more" in many.text


def test_it_is_tried_again_ever_later_and_then_given_up() -> None:
    rests = [rest(number) for number in range(1, len(RETRIES) + 1)]
    assert rests == list(RETRIES)
    assert list(RETRIES) == sorted(RETRIES)
    assert rests[0] == timedelta(minutes=1)
    assert rest(len(RETRIES) + 1) is None


def read(tmp_path: Path, old: str = "", new: str = "") -> object:
    assert old in GOOD
    path = tmp_path / "notifications.toml"
    path.write_text(GOOD.replace(old, new, 1), "utf-8")
    return read_notifications(path, {"credit-published"})


def test_what_is_shipped_tells_nobody(tmp_path: Path) -> None:
    assert read_notifications(Settings().notifications, ()).addresses == ()
    found = read_notifications(Settings().notifications, ())
    assert found.mail is None
    assert read(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('duties = ["credit-published"]', 'duties = ["x"]', "names no duty: x"),
        ('what = ["SOON", "LATE"]', 'what = ["DONE"]', "not of DONE"),
        ('what = ["SOON", "LATE"]', 'what = ["EVER"]', "cannot be read"),
        ('to = "a@b.example"', 'to = "b.example"', "no mail address"),
        ('way = "mail"', 'way = "webhook"', "no https address"),
        (
            'way = "mail"\nto = "a@b.example"',
            'way = "webhook"\nto = "http://b.example/hook"',
            "no https address",
        ),
        ("[mail]\n", '[mail]\nsecurity = "NONE"\n', "for this machine alone"),
        ('way = "mail"', 'way = "pigeon"', "cannot be read"),
        ("[mail]\n", "[post]\n", "cannot be read"),
        ('host = "mail.example"\n', "", "cannot be read"),
        (
            '[mail]\nhost = "mail.example"\nsender = "z@b.example"\n',
            "",
            "without [mail]",
        ),
        ("[mail]", TWICE, "stands there twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=r"notifications\.toml") as caught:
        read(tmp_path, old, new)
    assert says in caught.value.label.en
