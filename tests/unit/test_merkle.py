"""The tree of RFC 6962: its published vectors, and every proof of small trees."""

from __future__ import annotations

import pytest

from zhitong.rules.merkle import (
    HASHES,
    Frontier,
    Stretch,
    Tree,
    consistency,
    consistent,
    digest,
    folded,
    inclusion,
    leaf,
    root,
    root_of_path,
)

SHA256 = digest("sha256")
# The reference leaves of certificate-transparency's merkletree tests.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
LARGEST = 20


def leaves(name: str, size: int) -> list[bytes]:
    return [leaf(digest(name), b"%d" % each) for each in range(size)]


@pytest.mark.parametrize("size", ROOTS)
def test_the_published_roots_are_ours(size: int) -> None:
    found = root(SHA256, [leaf(SHA256, each) for each in INPUTS[:size]])
    assert found.hex() == ROOTS[size]


def test_the_root_of_nothing_is_the_digest_of_nothing() -> None:
    assert root(SHA256, []) == SHA256(b"")


def test_sm3_is_that_of_its_standard() -> None:
    # GB/T 32905-2016, annex A.1.
    assert (
        digest("sm3")(b"abc").hex()
        == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


def test_another_digest_is_none_of_ours() -> None:
    with pytest.raises(ValueError, match="md5"):
        digest("md5")


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("size", range(1, LARGEST))
def test_every_leaf_has_a_path_to_the_root_and_to_no_other(
    name: str, size: int
) -> None:
    of, all_leaves = digest(name), leaves(name, size)
    whole = root(of, all_leaves)
    for number, each in enumerate(all_leaves):
        path = inclusion(of, all_leaves, number)
        assert root_of_path(of, each, number, size, path) == whole
        assert root_of_path(of, of(each), number, size, path) != whole
        assert root_of_path(of, each, number, size, [*path, each]) != whole
        for other in range(size):
            if other != number:
                assert root_of_path(of, each, other, size, path) != whole


@pytest.mark.parametrize("size", range(1, LARGEST))
def test_every_beginning_is_proved_and_no_other_tree(size: int) -> None:
    all_leaves = leaves("sha256", size)
    later = Tree(size, root(SHA256, all_leaves))
    for earlier in range(size + 1):
        proof = consistency(SHA256, all_leaves, earlier)
        before = Tree(earlier, root(SHA256, all_leaves[:earlier]))
        assert consistent(SHA256, before, later, proof)
        if earlier == 0:
            continue
        forged = Tree(earlier, SHA256(before.root))
        assert not consistent(SHA256, forged, later, proof)
        other = Tree(size, SHA256(later.root))
        assert not consistent(SHA256, before, other, proof)
        assert not consistent(SHA256, before, later, [*proof, later.root])
        if proof:
            assert not consistent(SHA256, before, later, proof[:-1])


def test_a_later_tree_is_no_beginning_of_an_earlier_one() -> None:
    assert not consistent(SHA256, Tree(3, b""), Tree(2, b""), [])


@pytest.mark.parametrize("size", range(LARGEST))
def test_a_tree_goes_on_from_its_frontier(size: int) -> None:
    first = leaves("sha256", size)
    tree = Frontier(SHA256)
    for each in first:
        tree.add(each)
    again = Frontier(SHA256, tree.size, tree.roots)
    more = leaves("sha256", size + 7)[size:]
    for each in more:
        again.add(each)
    assert again.root() == root(SHA256, [*first, *more])


def test_a_frontier_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="3"):
        Frontier(SHA256, 3, [b"one alone"])


def test_no_path_is_asked_for_what_is_not_there() -> None:
    with pytest.raises(IndexError):
        inclusion(SHA256, leaves("sha256", 3), 3)
    with pytest.raises(IndexError):
        consistency(SHA256, leaves("sha256", 3), 4)
    assert root_of_path(SHA256, b"", 3, 3, []) is None


def test_a_growing_tree_tells_of_each_complete_subtree_where_it_stands() -> None:
    found: dict[tuple[int, int], bytes] = {}
    grown, all_leaves = Frontier(SHA256), leaves("sha256", LARGEST)

    def made(height: int, place: int, digest: bytes) -> None:
        found[height, place] = digest

    for each in all_leaves:
        grown.add(each, made)
    assert found == {
        (height, place): root(
            SHA256, all_leaves[place << height : (place + 1) << height]
        )
        for height in range(1, 5)
        for place in range(LARGEST >> height)
    }


@pytest.mark.parametrize("end", range(1, LARGEST))
def test_a_stretch_of_a_proof_is_its_complete_subtrees(end: int) -> None:
    all_leaves = leaves("sha256", end)
    parts = Stretch(0, end).subtrees()
    roots = [
        root(SHA256, all_leaves[place << height : (place + 1) << height])
        for height, place in parts
    ]
    assert folded(SHA256, roots) == root(SHA256, all_leaves)
    assert len(parts) == end.bit_count()


def test_a_copy_of_a_tree_grows_by_itself() -> None:
    tree = Frontier(SHA256)
    for each in leaves("sha256", 7):
        tree.add(each)
    copy = tree.copy()
    copy.add(b"x" * 32)
    assert (tree.size, copy.size) == (7, 8)
    assert tree.root() == root(SHA256, leaves("sha256", 7))
