"""Moments in signed texts have one form, wherever they come from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from zhitong.evidence import stamp


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 22, 8, 5, 9, tzinfo=UTC),
        datetime(2026, 11, 22, 16, 5, 9, tzinfo=ZoneInfo("Asia/Shanghai")),
        datetime(2026, 11, 22, 1, 5, 9, tzinfo=timezone(-timedelta(hours=7))),
        datetime(2026, 11, 22, 8, 5, 9, tzinfo=ZoneInfo("UTC")),
    ],
)
def test_a_moment_is_written_in_utc_with_microseconds(moment: datetime) -> None:
    assert stamp(moment) == "2026-11-22T08:05:09.000000Z"
