"""What one question may read and build."""

from __future__ import annotations

import pytest

from zhitong.exceptions import TooWideError
from zhitong.resolvers.budget import MOST_BUILT, MOST_READ, ROW, Budget


def test_a_question_may_build_so_much_and_nothing_after_it() -> None:
    budget = Budget()
    assert budget.may_build(MOST_BUILT // (ROW + 15), 15)
    budget.check()
    assert not budget.may_build(1, 0)
    assert not budget.may_build(0, 0)
    with pytest.raises(TooWideError, match="too large"):
        budget.check()


def test_reads_count_by_what_they_may_bring() -> None:
    budget = Budget()
    assert budget.may_read(MOST_READ)
    assert not budget.may_read(1)
    assert budget.exceeded
