"""The file of unusual looks: dated, with a ground for each threshold, or refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.patterns_file import read_patterns
from zhitong.infra.settings import Settings
from zhitong.rules.access_patterns import Unusual, in_force

GOOD = """tenant = "*"
[[patterns]]
check = "look-crowd"
from = 2026-01-01
at_least = 20
source = "configured rule"
"""
LATER = """[[patterns]]
check = "look-crowd"
from = 2026-07-01
at_least = 10
source = "configured rule"
"""


def read(tmp_path: Path, text: str) -> dict[str, int]:
    path = tmp_path / "patterns.toml"
    path.write_text(text, "utf-8")
    found = in_force(read_patterns(path), date(2026, 8, 1))
    return {check: pattern.at_least for check, pattern in found.items()}


def test_every_kind_has_a_threshold_with_a_ground_in_the_shipped_file() -> None:
    patterns = read_patterns(Settings().patterns)
    assert {each.check for each in patterns} == set(Unusual)
    # No article gives such a number: none may look as if one did.
    assert all(each.source.startswith("configured rule") for each in patterns)


def test_the_latest_threshold_by_that_day_is_in_force(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD + LATER) == {"look-crowd": 10}
    path = tmp_path / "patterns.toml"
    patterns = read_patterns(path)
    assert in_force(patterns, date(2026, 6, 30))[Unusual.CROWD].at_least == 20
    assert in_force(patterns, date(2025, 12, 31)) == {}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD.replace("20", "0"), id="everybody"),
        pytest.param(GOOD + GOOD.partition("\n")[2], id="twice"),
        pytest.param(GOOD + "times = 5.0\n", id="another kind's key"),
        pytest.param(GOOD + "night = [22, 6]\n", id="a night of a crowd"),
        pytest.param(GOOD + "atleast = 5\n", id="a misspelt key"),
        pytest.param(GOOD.replace("look-crowd", "look-volume"), id="no median"),
        pytest.param(GOOD.replace("look-crowd", "look-at-night"), id="no hours"),
        pytest.param(
            GOOD.replace("look-crowd", "look-at-night") + "night = [6, 6]\n",
            id="no night",
        ),
        pytest.param(GOOD.replace("configured rule", " "), id="no ground"),
        pytest.param(GOOD.replace("look-crowd", "look-up"), id="no such kind"),
    ],
)
def test_a_file_that_is_wrong_is_refused_and_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"patterns\.toml"):
        read(tmp_path, text)
