"""How long looks may go without proof, and what follows."""

from __future__ import annotations

import pytest

from zhitong.rules.freshness import Patience, Standing

DAY = Patience(alarm=60, limit=24 * 3600)
HASTY = Patience(alarm=60, limit=20)


@pytest.mark.parametrize(
    ("patience", "age", "standing"),
    [
        pytest.param(DAY, 0, Standing.FRESH, id="nothing waits"),
        pytest.param(DAY, 59.9, Standing.FRESH, id="for less than a minute"),
        pytest.param(DAY, 60, Standing.LATE, id="for a minute"),
        pytest.param(DAY, 12 * 3600 - 1, Standing.LATE, id="for almost half a day"),
        pytest.param(DAY, 12 * 3600, Standing.CLOSING, id="for half a day"),
        pytest.param(DAY, 24 * 3600 - 1, Standing.CLOSING, id="almost for a day"),
        pytest.param(DAY, 24 * 3600, Standing.CLOSED, id="for a day"),
        pytest.param(HASTY, 9, Standing.FRESH, id="less than half of a short limit"),
        pytest.param(HASTY, 10, Standing.CLOSING, id="half of a short limit"),
        pytest.param(HASTY, 20, Standing.CLOSED, id="a limit before the alarm"),
    ],
)
def test_the_age_says_how_the_proof_stands(
    patience: Patience, age: float, standing: Standing
) -> None:
    assert patience.standing(age) is standing
