"""The tree in parts: the same roots as the whole, wherever it is cut."""

from __future__ import annotations

import random

import pytest

from zhitong.rules.merkle import digest, leaf, root
from zhitong.rules.tree_parts import WIDTH, PartBuilder, Whole

SHA256 = digest("sha256")


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 1000, 2048, 2600])
def test_the_roots_of_parts_are_those_of_the_whole_at_every_size(length: int) -> None:
    chosen = random.Random(length)  # noqa: S311 - a test's choice
    leaves = [leaf(SHA256, b"%d" % each) for each in range(length)]
    cuts = [0, *(each for each in range(WIDTH, length, WIDTH) if chosen.random() < 0.5)]
    sizes = sorted({0, length, *chosen.sample(range(length + 1), min(60, length))})
    whole = Whole(SHA256)
    found: dict[int, bytes] = {}
    for first, end in zip(cuts, [*cuts[1:], length], strict=True):
        builder = PartBuilder(SHA256, first, sizes)
        rest = leaves[first:end]
        while rest:
            step = chosen.randint(1, 700)
            builder.add(rest[:step])
            rest = rest[step:]
        found |= whole.roots(builder.end(), sizes)
    assert found == {size: root(SHA256, leaves[:size]) for size in sizes}
    assert whole.size == length


def test_parts_come_in_their_order() -> None:
    whole = Whole(SHA256)
    with pytest.raises(ValueError, match="256"):
        whole.roots(PartBuilder(SHA256, 256, []).end(), [])
