"""The file of duties: what it may not say is named, each place of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhitong.exceptions import DutiesError
from zhitong.infra.duties_file import read_duties
from zhitong.infra.figures_file import read_figures
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.rules.clocks import Milestone

SHIPPED = Settings()
FIGURES = read_figures(SHIPPED.figures)
RECEIVERS = {one.name for one in receivers_of(SHIPPED).receivers}


def read(tmp_path: Path, old: str = "", new: str = "") -> object:
    """Read what is shipped with *old* replaced once by *new*."""
    text = SHIPPED.duties.read_text("utf-8")
    assert old in text
    path = tmp_path / "duties.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return read_duties(path, FIGURES, RECEIVERS)


def test_what_is_shipped_goes_by_figures_and_receivers_that_there_are() -> None:
    duties = read_duties(SHIPPED.duties, FIGURES, RECEIVERS)
    assert [one.name for one in duties] == [
        *("credit-published", "credit-withdrawn"),
        *("own-site-penalty-published", "own-site-published"),
    ]
    published, withdrawn, penalty, _ = duties
    assert (penalty.receiver, penalty.figure.channel) == ("", "own-site")
    assert published.lapses == {Milestone.WITHDRAWN}
    assert not withdrawn.lapses
    assert withdrawn.figure is FIGURES["withdrawn-credit-china"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"published-credit-china"', '"shown-nowhere"', "there is none of"),
        ('"published-credit-china"', '"fine-paid"', "runs from none of"),
        ('"published-credit-china"', '"withdrawn"', "there is none of"),
        ('receiver = "credit"', 'receiver = "credit-china"', "names no receiver"),
        (
            'name = "credit-published"',
            'name = "credit-withdrawn"',
            "stands there twice",
        ),
        ('lapses = ["WITHDRAWN"]', 'lapses = ["HELD"]', "both be done and lapse"),
        ("ahead = 2", "ahead = -1", "cannot be read"),
        ("ahead = 2", "before = 2", "cannot be read"),
        ('done = "HELD"', 'done = "SENT"', "cannot be read"),
        ('receiver = "credit"\n', "", "names no receiver: None"),
        ('done = "HELD"', 'done = "SHOWN"', "is done by SHOWN and has no receiver"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with pytest.raises(DutiesError, match=r"duties\.toml") as caught:
        read(tmp_path, old, new)
    assert says in caught.value.label.en


def test_everything_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    text = SHIPPED.duties.read_text("utf-8")
    path = tmp_path / "duties.toml"
    path.write_text(text.replace('receiver = "credit"', 'receiver = "c"'), "utf-8")
    with pytest.raises(DutiesError) as caught:
        read_duties(path, FIGURES, RECEIVERS)
    assert "credit-published names" in caught.value.label.en
    assert "credit-withdrawn names" in caught.value.label.en
