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


class Frontier:
    """The complete subtrees of a growing tree, largest first: all that adding needs."""

    def __init__(self, of: Digest, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        if size.bit_count() != len(roots):
            raise ValueError(size)
        self._of = of
        self.size = size
        self.roots = list(roots)

    def add(self, leaf: bytes) -> None:
        """Add a leaf at the end."""
        self.roots.append(leaf)
        carry = self.size
        while carry & 1:
            right = self.roots.pop()
            self.roots[-1] = node(self._of, self.roots[-1], right)
            carry >>= 1
        self.size += 1

    def root(self) -> bytes:
        """Give the root of the tree as it is; of none, the digest of nothing."""
        if not self.roots:
            return self._of(b"")
        found = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            found = node(self._of, left, found)
        return found


def root(of: Digest, leaves: Iterable[bytes]) -> bytes:
    """Give the root of the tree over *leaves*."""
    tree = Frontier(of)
    for each in leaves:
        tree.add(each)
    return tree.root()


def _split(size: int) -> int:
    """Give the largest power of two below *size*."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion(of: Digest, leaves: Sequence[bytes], number: int) -> list[bytes]:
    """Give the audit path of leaf *number* (RFC 6962, 2.1.1), nearest first."""
    if not 0 <= number < len(leaves):
        raise IndexError(number)
    if len(leaves) == 1:
        return []
    cut = _split(len(leaves))
    if number < cut:
        path = inclusion(of, leaves[:cut], number)
        return [*path, root(of, leaves[cut:])]
    path = inclusion(of, leaves[cut:], number - cut)
    return [*path, root(of, leaves[:cut])]


def consistency(of: Digest, leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """Prove that the first *earlier* leaves began the tree (RFC 6962, 2.1.2)."""
    if not 0 <= earlier <= len(leaves):
        raise IndexError(earlier)
    if earlier in {0, len(leaves)}:
        return []
    return _subproof(of, leaves, earlier, whole=True)


def _subproof(
    of: Digest, leaves: Sequence[bytes], earlier: int, *, whole: bool
) -> list[bytes]:
    if earlier == len(leaves):
        return [] if whole else [root(of, leaves)]
    cut = _split(len(leaves))
    if earlier <= cut:
        proof = _subproof(of, leaves[:cut], earlier, whole=whole)
        return [*proof, root(of, leaves[cut:])]
    proof = _subproof(of, leaves[cut:], earlier - cut, whole=False)
    return [*proof, root(of, leaves[:cut])]


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
