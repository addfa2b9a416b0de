"""What the other side of a front-end database writes, as it is read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from zhitong.connectors.front_end import _number
from zhitong.connectors.front_end_answers import _moment


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-11-23 10:00:00", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        ("2026-11-23T10:00:00+08:00", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        # As programs write a day that they do not have.
        ("0001-01-01 00:00:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("2026年11月23日", None),
        ("", None),
        (None, None),
    ],
)
def test_a_moment_is_one_of_shanghai_or_none(
    said: str | None, moment: datetime | None
) -> None:
    assert _moment(said) == moment


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("2026112300017", 2026112300017),
        ("20261123000170", 0),
        ("taken", 0),
        ("２０２６１１２３０００１７", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_a_batch_s_number_is_one_of_ours_or_none(said: str | None, number: int) -> None:
    assert _number(said) == number
