"""The groups of counts: by their values, those without a value last."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from zhitong.resolvers.statistics import Group, Statistics, in_order

TEXTS = st.text(st.characters(exclude_characters="\0"), max_size=2)
"""What a department's database can hold: U+0000 is none of it."""
CELLS = st.lists(st.tuples(*[st.none() | TEXTS] * 2), unique=True)
STATED = st.lists(st.tuples(*[TEXTS] * 2), unique=True)


@given(CELLS | STATED)
def test_groups_come_by_value_and_those_without_one_last(
    cells: list[tuple[str | None, ...]],
) -> None:
    found = [values for values, _ in in_order(dict.fromkeys(cells, 1))]
    assert sorted(found, key=str) == sorted(cells, key=str)
    for one, other in pairwise(found):
        pairs = zip(one, other, strict=True)
        mine, theirs = next(pair for pair in pairs if pair[0] != pair[1])
        assert theirs is None or (mine is not None and mine < theirs)


def test_groups_say_what_their_cells_say() -> None:
    found = Statistics(
        ("MONTH", "STATUS"), [(("2026-01", "A"), 3), ((None, "B"), None)]
    )
    assert found.groups == (
        Group({"MONTH": "2026-01", "STATUS": "A"}, 3),
        Group({"MONTH": None, "STATUS": "B"}, None),
    )
    for name in ("MONTH", "STATUS", "SUBJECT"):
        assert found.column(name) == [group[name] for group in found.groups]
