"""The groups of counts: by their values, those without a value last."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from zhitong.resolvers.statistics import _in_order

CELLS = st.lists(st.tuples(*[st.none() | st.text(max_size=2)] * 2), unique=True)
STATED = st.lists(st.tuples(*[st.text(max_size=2)] * 2), unique=True)


@given(CELLS | STATED)
def test_groups_come_by_value_and_those_without_one_last(
    cells: list[tuple[str | None, ...]],
) -> None:
    found = [values for values, _ in _in_order(dict.fromkeys(cells, 1))]
    assert sorted(found, key=str) == sorted(cells, key=str)
    for one, other in pairwise(found):
        pairs = zip(one, other, strict=True)
        mine, theirs = next(pair for pair in pairs if pair[0] != pair[1])
        assert theirs is None or (mine is not None and mine < theirs)
