"""The tree of RFC 6962 (section 2.1), over SHA-256 or SM3 (GB/T 32905).

A leaf is ``H(0x00 || body)``, a node ``H(0x01 || left || right)``. All digests are 32
bytes; both algorithms give that length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Digest = Callable[[bytes], bytes]
HASHES = ("sha256", "sm3")
LENGTH = 32
NONE = bytes(LENGTH)
"""Stands where there is no digest yet."""


def digest(name: str) -> Digest:
    """Give the digest called *name*, one of `HASHES`."""
    if name == "sha256":
        return lambda data: hashlib.sha256(data).digest()
    if name == "sm3":
        return lambda data: hashlib.new("sm3", data).digest()
    raise ValueError(name)


def leaf(of: Digest, body: bytes) -> bytes:
    """Digest a body as a leaf."""
    return of(b"\0" + body)


def node(of: Digest, left: bytes, right: bytes) -> bytes:
    """Digest two subtrees as one."""
    return of(b"\1" + left + right)


Made = Callable[[int, int, bytes], None]
"""Is told height, place and root of a subtree."""


class Frontier:
    """The complete subtrees of a growing tree, largest first: all that adding needs."""

    def __init__(self, of: Digest, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        if size.bit_count() != len(roots):
            raise ValueError(size)
        self._of = of
        self.size = size
        self.roots = list(roots)

    def add(self, leaf: bytes, made: Made | None = None) -> None:
        """Add a leaf at the end; *made* is told of each subtree it completes."""
        self.roots.append(leaf)
        carry, height = self.size, 0
        while carry & 1:
            right = self.roots.pop()
            self.roots[-1] = node(self._of, self.roots[-1], right)
            carry >>= 1
            height += 1
            if made:
                made(height, carry, self.roots[-1])
        self.size += 1

    def copy(self) -> Frontier:
        """Give another that grows by itself."""
        return Frontier(self._of, self.size, self.roots)

    def root(self) -> bytes:
        """Give the root of the tree as it is; of none, the digest of nothing."""
        if not self.roots:
            return self._of(b"")
        return folded(self._of, self.roots)


def root(of: Digest, leaves: Iterable[bytes]) -> bytes:
    """Give the root of the tree over *leaves*."""
    tree = Frontier(of)
    for each in leaves:
        tree.add(each)
    return tree.root()


def _split(size: int) -> int:
    """Give the largest power of two below *size*."""
    return 1 << ((size - 1).bit_length() - 1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring leaves that are one step of a proof: from *start*, before *end*."""

    start: int
    end: int

    def subtrees(self) -> Sequence[tuple[int, int]]:
        """Name the complete subtrees it is made of, largest first: height, place."""
        found: list[tuple[int, int]] = []
        start, left = self.start, self.end - self.start
        while left:
            height = left.bit_length() - 1
            found.append((height, start >> height))
            start += 1 << height
            left -= 1 << height
        return found


def inclusion_path(number: int, size: int) -> Sequence[Stretch]:
    """Name the steps of the audit path of leaf *number* (RFC 6962, 2.1.1)."""
    if not 0 <= number < size:
        raise IndexError(number)
    found: list[Stretch] = []
    start, end = 0, size
    while end - start > 1:
        cut = start + _split(end - start)
        if number < cut:
            found.append(Stretch(cut, end))
            end = cut
        else:
            found.append(Stretch(start, cut))
            start = cut
    return found[::-1]


def consistency_path(earlier: int, size: int) -> Sequence[Stretch]:
    """Name the steps that show *earlier* leaves began the tree (RFC 6962, 2.1.2)."""
    if not 0 <= earlier <= size:
        raise IndexError(earlier)
    if earlier in {0, size}:
        return []
    found: list[Stretch] = []
    start, end = 0, size
    while end != earlier:
        cut = start + _split(end - start)
        if earlier <= cut:
            found.append(Stretch(cut, end))
            end = cut
        else:
            found.append(Stretch(start, cut))
            start = cut
    # All of the earlier tree is known to whoever asks, a part of it is not.
    if start:
        found.append(Stretch(start, end))
    return found[::-1]


def folded(of: Digest, roots: Sequence[bytes]) -> bytes:
    """Give the root over neighbouring complete subtrees, largest first."""
    found = roots[-1]
    for left in reversed(roots[:-1]):
        found = node(of, left, found)
    return found


def complete(of: Digest, digests: Sequence[bytes]) -> bytes:
    """Give the root over a power of two of *digests*, all of one height."""
    row = list(digests)
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [node(of, left, right) for left, right in pairs]
    return row[0]


def inclusion(of: Digest, leaves: Sequence[bytes], number: int) -> list[bytes]:
    """Give the audit path of leaf *number*, nearest first."""
    steps = inclusion_path(number, len(leaves))
    return [root(of, leaves[step.start : step.end]) for step in steps]


def consistency(of: Digest, leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """Prove that the first *earlier* leaves began the tree."""
    steps = consistency_path(earlier, len(leaves))
    return [root(of, leaves[step.start : step.end]) for step in steps]


def root_of_path(
    of: Digest, leaf: bytes, number: int, size: int, path: Sequence[bytes]
) -> bytes | None:
    """Give the root that *path* leads to (RFC 9162, 2.1.3.2); None: no path of it."""
    if not 0 <= number < size:
        return None
    place, last, found = number, size - 1, leaf
    for each in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node(of, each, found)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            found = node(of, found, each)
        place >>= 1
        last >>= 1
    return found if last == 0 else None


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree as a head names it."""

    size: int
    root: bytes


def consistent(of: Digest, earlier: Tree, later: Tree, proof: Sequence[bytes]) -> bool:
    """Say whether *proof* shows that *later* begins with *earlier*.

    RFC 9162, 2.1.4.2.
    """
    if earlier.size == later.size:
        return not proof and earlier.root == later.root
    if earlier.size == 0:
        return not proof
    if earlier.size > later.size:
        return False
    # A whole subtree is its own first step.
    whole = [earlier.root] if earlier.size.bit_count() == 1 else []
    found = _roots(of, earlier.size - 1, later.size - 1, [*whole, *proof])
    return found == (earlier.root, later.root)


def _roots(
    of: Digest, place: int, last: int, steps: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Give the roots of both trees that *steps* lead to; None: no proof of any."""
    while place & 1:
        place >>= 1
        last >>= 1
    if not steps:
        return None
    first = second = steps[0]
    for each in steps[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            first, second = node(of, each, first), node(of, each, second)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            second = node(of, second, each)
        place >>= 1
        last >>= 1
    return (first, second) if last == 0 else None
