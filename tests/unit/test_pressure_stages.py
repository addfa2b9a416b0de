"""How hard what waits presses: from where on, and until when."""

from __future__ import annotations

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.settings import from_environment
from zhitong.rules.pressure import Limits, Stage

LIMITS = Limits(seconds=(60.0, 300.0, 900.0), waiting=4_000, database=1_000)


@pytest.mark.parametrize(
    ("seconds", "waiting", "stage"),
    [
        (0, 0, Stage.NONE),
        (59.9, 999, Stage.NONE),
        (60, 0, Stage.ALARM),
        (0, 1_000, Stage.ALARM),
        (300, 0, Stage.SLOWED),
        (60, 2_000, Stage.SLOWED),
        (900, 0, Stage.UNDELIVERED),
        (0, 4_000, Stage.UNDELIVERED),
    ],
)
def test_age_or_bytes_enter_a_stage_whichever_is_worse(
    seconds: float, waiting: float, stage: Stage
) -> None:
    assert LIMITS.waits(Stage.NONE, seconds, waiting) is stage


def test_a_stage_is_left_at_half_of_what_it_was_entered_at() -> None:
    before = Stage.UNDELIVERED
    assert LIMITS.waits(before, 451, 0) is Stage.UNDELIVERED
    assert LIMITS.waits(before, 449, 0) is Stage.SLOWED
    assert LIMITS.waits(before, 0, 2_001) is Stage.UNDELIVERED
    assert LIMITS.waits(Stage.ALARM, 31, 0) is Stage.ALARM
    assert LIMITS.waits(Stage.ALARM, 29, 0) is Stage.NONE
    assert LIMITS.waits(before, 0, 0) is Stage.NONE
    # What was not entered is not held: half of it alone is nothing.
    assert LIMITS.waits(Stage.NONE, 59, 0) is Stage.NONE


def test_room_is_said_early_slows_and_never_marks_a_decision() -> None:
    assert LIMITS.room(Stage.NONE, 799) is Stage.NONE
    assert LIMITS.room(Stage.NONE, 800) is Stage.ALARM
    assert LIMITS.room(Stage.NONE, 9_000) is Stage.SLOWED
    assert LIMITS.room(Stage.ALARM, 750) is Stage.ALARM
    assert LIMITS.room(Stage.ALARM, 700) is Stage.NONE
    unlimited = Limits(seconds=(1.0, 2.0, 3.0), waiting=1, database=0)
    assert unlimited.room(Stage.SLOWED, 9_000) is Stage.NONE


def test_thresholds_in_a_wrong_order_are_refused() -> None:
    with pytest.raises(SettingsError, match="must not decrease"):
        from_environment({"ZHITONG_PRESSURE_SLOW_SECONDS": "30"})
