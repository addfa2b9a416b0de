"""A clock that jumps is said; one that drifts a little is none."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from zhitong.connectors.clock import JUMP_SECONDS, Clock

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Hands:
    """Two clocks that a test sets."""

    def __init__(self) -> None:
        self.wall = NOON
        self.steady = 1_000.0

    def pass_by(self, wall: float, steady: float) -> None:
        self.wall += timedelta(seconds=wall)
        self.steady += steady


@pytest.mark.parametrize(
    ("wall", "steady", "said"),
    [
        pytest.param(3_600, 3_600, 0, id="an hour passes"),
        pytest.param(1 + JUMP_SECONDS, 1, 0, id="a small correction"),
        pytest.param(86_400, 1, 1, id="a day ahead"),
        pytest.param(-86_400, 1, 1, id="a day back"),
        # A machine that slept: its wall clock went on, the other one did not.
        pytest.param(600, 0.5, 1, id="asleep"),
    ],
)
def test_a_jump_is_said_once(
    caplog: pytest.LogCaptureFixture, wall: float, steady: float, said: int
) -> None:
    hands = Hands()
    clock = Clock(lambda: hands.wall, lambda: hands.steady)
    clock.watch()
    hands.pass_by(wall, steady)
    clock.watch()
    hands.pass_by(1, 1)
    clock.watch()
    with caplog.at_level(logging.WARNING):
        found = [each for each in caplog.records if each.name == "zhitong.sealer"]
    assert len(found) == said
    assert clock.now() == hands.wall
