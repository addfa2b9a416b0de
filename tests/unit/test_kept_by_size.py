"""What is kept of documents: by number and by size, the longest unasked goes first."""

from __future__ import annotations

from zhitong.resolvers.kept_by_size import KeptBySize


def test_the_one_that_was_not_asked_for_the_longest_is_let_go() -> None:
    kept: KeptBySize[str, int] = KeptBySize(2, 100)
    assert kept.keep("a", 1, 10) == []
    assert kept.keep("b", 2, 10) == []
    assert kept.get("a") == 1
    assert kept.keep("c", 3, 10) == [2]
    assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept)) == (1, None, 3, 2)


def test_a_large_one_takes_the_place_of_several() -> None:
    kept: KeptBySize[str, int] = KeptBySize(10, 100)
    for name, value in (("a", 1), ("b", 2), ("c", 3)):
        assert kept.keep(name, value, 30) == []
    assert kept.keep("d", 4, 65) == [1, 2]
    assert kept.keep("e", 5, 5) == []
    assert (kept.get("c"), kept.get("d"), kept.get("e")) == (3, 4, 5)


def test_what_is_kept_once_more_counts_once() -> None:
    kept = KeptBySize[str, str](most=9, size=10)
    for _ in range(5):
        assert kept.keep("a", "one", 6) == []
    assert kept.keep("b", "other", 4) == []
    assert kept.get("a") == "one"
