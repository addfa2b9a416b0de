"""Heads in their order, held against the leaves and against what witnesses have seen.

- A head names the note before it, and time never goes back; its root is the leaves'.
- Every head the witness has given its word for is ours, and the longest is not longer;
  none of ours stays for long beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zhitong.evidence import Countersignature, Head, stamp
from zhitong.rules.faults import Fault, FaultKind, Faults
from zhitong.rules.head_checks import LEEWAY, Seen, Verify, head_fault
from zhitong.rules.merkle import NONE, Digest
from zhitong.rules.verification import micros


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A head that a witness has given its word for."""

    head: Head
    word: Countersignature

    def holds(self, spki: bytes, verify: Verify) -> bool:
        """Say whether the key *spki* has signed it."""
        signature = self.word.signature
        text = self.word.text(self.head.note)
        return verify(spki, signature.algorithm, text, signature.value)


@dataclass(slots=True)
class _Reach:
    """How far one witness has seen."""

    covered: int = 0
    """Leaves under a head of ours that it has given its word for."""
    beyond: Seen | None = None
    """The first head, old enough to be known, of more leaves than that."""

    def add(self, seen: Seen, *, known: bool, due: bool) -> None:
        if known:
            self.covered, self.beyond = max(self.covered, seen.size), None
        elif seen.size > self.covered and self.beyond is None and due:
            self.beyond = seen


@dataclass(slots=True)
class Chain:
    """Heads in their order, held against the leaves and against the witness."""

    of: Digest
    faults: Faults
    witnessed: dict[bytes, list[Witnessed]] = field(default_factory=dict)
    """By digest of the note; what has met ours is taken away."""
    settled: int = 0
    """Words of the witness seen at or before this, in microseconds, should be here."""
    now: int | None = None
    """No head is made after it, in microseconds; None: that is not looked at."""
    late: int | None = None
    """The newest head may be this old, in microseconds; None: that is not looked at."""
    quorum: int = 1
    """How many witnesses' words make a head, and all before it, count."""
    count: int = 0
    last: Seen | None = None
    _good: int = 0
    """The last size at which the root was right."""
    _reaches: dict[str, _Reach] = field(default_factory=dict)
    """By key id of a witness; of those that are missing by their place."""
    _words: bool = False
    """Whether there is any word of a witness."""

    def __post_init__(self) -> None:
        """Begin with the witnesses there are; who is missing has seen nothing."""
        self._words = bool(self.witnessed)
        for words in self.witnessed.values():
            for each in words:
                self._reaches[each.word.signature.key_id] = _Reach()
        for place in range(len(self._reaches), self.quorum):
            self._reaches[str(place)] = _Reach()

    def add(self, seen: Seen, root: bytes | None) -> None:
        """Take the next head; *root* is that of the leaves, None where none can be."""
        before = self.last
        self.count += 1
        if seen.previous != (NONE if before is None else before.digest):
            self._fault(FaultKind.PREVIOUS_DIFFERS, seen)
        if before is not None and seen.at < before.at:
            self._fault(FaultKind.TIME_BACK, seen)
        if root == seen.root:
            self._good = seen.size
        elif root is not None:
            leaves = f"leaves {self._good}…{seen.size - 1}"
            self._fault(FaultKind.ROOT_DIFFERS, seen, leaves)
        self.last = seen
        words = self.witnessed.get(seen.digest, ())
        known = {each.word.signature.key_id for each in words}
        for key_id, reach in self._reaches.items():
            reach.add(seen, known=key_id in known, due=self._due(seen))
        self._meet(seen)

    def _due(self, seen: Seen) -> bool:
        """Say whether a witness should know *seen*, or no clock can have made it."""
        made_up = self.now is not None and seen.at > self.now + LEEWAY
        return seen.at <= self.settled or made_up

    def _meet(self, seen: Seen) -> None:
        for known in self.witnessed.pop(seen.digest, ()):
            if seen.witnesses is None or micros(stamp(known.word.seen)) > self.settled:
                continue
            key_id = known.word.signature.key_id
            if key_id not in seen.witnesses:
                kind = FaultKind.COUNTERSIGNATURE_MISSING
                self._fault(kind, seen, f"key {key_id}")

    def _fault(self, kind: FaultKind, seen: Seen, detail: str = "") -> None:
        self.faults.add(head_fault(kind, seen.place, "", detail))

    def settle(self, leaves: int, roots: Mapping[int, bytes]) -> None:
        """Say what is wrong at the end, *roots* being those at the witness's sizes."""
        size = 0 if self.last is None else self.last.size
        if leaves > size:
            missed = Fault(
                kind=FaultKind.LEAF_UNCOVERED,
                table="sealed_leaf",
                id=f"{size}…{leaves - 1}",
                number=size,
            )
            self.faults.add(missed)
        self._weigh()
        heads = [words[0].head for words in self.witnessed.values()]
        for head in sorted(heads, key=lambda one: (one.size, one.at)):
            if head.size > leaves:
                kind = FaultKind.WITNESS_AHEAD
            elif roots.get(head.size, head.root) != head.root:
                kind = FaultKind.WITNESS_ROOT
            else:
                kind = FaultKind.WITNESS_HEAD
            detail = f"ours has {leaves}" if head.size > leaves else ""
            self.faults.add(
                Fault(
                    kind=kind,
                    table="witness",
                    id=f"{head.size}@{stamp(head.at)}",
                    detail=detail,
                )
            )

    def _weigh(self) -> None:
        """Say what no quorum of witnesses has seen, and whether heads have ended."""
        reaches = sorted(self._reaches.values(), key=lambda one: -one.covered)
        reach = reaches[self.quorum - 1]
        # Without any witness, that is said already.
        if reach.beyond is not None and self._words:
            detail = f"witnessed {reach.covered}"
            self._fault(FaultKind.WITNESS_BEHIND, reach.beyond, detail)
        if self.late is None or self.now is None:
            return
        if self.last is None or self.last.at < self.now - self.late:
            place = "" if self.last is None else self.last.place
            self.faults.add(head_fault(FaultKind.HEAD_LATE, place))
