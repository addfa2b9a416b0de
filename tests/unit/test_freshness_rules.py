"""How long looks may go without proof, and what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zhitong.rules.freshness import Moment, Patience, Proof, Standing, agreed

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


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hours: float, *, clock_off: float = 0) -> Moment:
    """Give the moment so long after noon, by a clock that is so far ahead."""
    return Moment(wall=NOON + (hours + clock_off) * HOUR, steady=hours * 3600)


@pytest.mark.parametrize(
    ("proof", "now", "hours"),
    [
        pytest.param(Proof(seen=NOON, known=at(0)), at(0), 0, id="just given"),
        pytest.param(Proof(seen=NOON, known=at(0)), at(5), 5, id="hours go by"),
        pytest.param(Proof(seen=NOON, known=at(3)), at(3), 3, id="known late"),
        pytest.param(
            Proof(seen=NOON, known=at(0)), at(5, clock_off=-5), 5, id="set back"
        ),
        pytest.param(
            Proof(seen=NOON, known=at(0)), at(1, clock_off=9), 10, id="set ahead"
        ),
        pytest.param(
            Proof(seen=NOON + 4 * HOUR, known=at(0)), at(0), 4, id="of the future"
        ),
        pytest.param(
            Proof(seen=NOON + 4 * HOUR, known=at(0)), at(4), 8, id="its moment come"
        ),
        pytest.param(
            Proof(seen=NOON, known=at(0, clock_off=-6)), at(0), 6, id="known wrongly"
        ),
    ],
)
def test_no_clock_makes_a_word_younger(proof: Proof, now: Moment, hours: float) -> None:
    assert proof.age(now) == hours * 3600


def test_a_quorum_is_the_word_that_made_it() -> None:
    words = [Proof(seen=NOON - each * HOUR, known=at(0)) for each in (3, 1, 2)]
    found = [agreed(words, quorum, at(0)) for quorum in (1, 2, 3, 4)]
    assert found == [words[1], words[2], words[0], None]
