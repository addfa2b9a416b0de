"""What a witness of the log decides: whether it gives its word for another head.

The rules, in their order:

1. The head is of the log it was asked to witness, and of that log's digest.
2. A key it trusts has signed the head, and no signature of a trusted key is wrong.
3. A head it has given its word for gets the same word again: its answer may be lost.
4. The log never shrinks, and at one size it has one root.
5. What it saw before is the beginning of what it sees now: a proof shows it.
6. A head's time is not before that of the one before, nor far from the witness's own.

It keeps what it refuses under 1, 2, 4 or 5: a signed head that breaks 4 or 5 is the
operator's own signature under two histories.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from zhitong.evidence import Head
from zhitong.rules.merkle import Tree, consistent, digest


class Refused(StrEnum):
    """Why a witness gives no word."""

    ORIGIN = "ORIGIN"
    """Another log, or another digest, than the one it witnesses."""
    UNSIGNED = "UNSIGNED"
    """No key that it trusts has signed the head."""
    FORGED = "FORGED"
    """A signature that bears the name of a trusted key is not that key's."""
    KEY_NOTE = "KEY_NOTE"
    """What names a new key is not signed by a trusted one, or that has a successor."""
    ROLLBACK = "ROLLBACK"
    """The log is shorter than it was."""
    CHANGED_ROOT = "CHANGED_ROOT"
    """As long as it was, and another."""
    FORK = "FORK"
    """Nothing shows that the longer log begins with the one it knows."""
    BASE = "BASE"
    """The proof begins at another size than the last it saw: to be asked again."""
    OVERTAKEN = "OVERTAKEN"
    """A later head of the log has its word already: of two senders one was slow."""
    TIME_BACK = "TIME_BACK"
    """The log has grown, and its head is older than the one before."""
    CLOCK = "CLOCK"
    """The head's time is far from the witness's own."""


HONEST = frozenset({Refused.BASE, Refused.CLOCK, Refused.OVERTAKEN})
"""What an operator whose log is whole may run into; it is no evidence of anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """What a witness knows: the last head that it gave its word for."""

    head: Head | None = None
    """None: it has seen none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What it is shown: a head, who signed it, and how it follows from the last."""

    head: Head
    good: frozenset[str]
    """Trusted keys whose signature holds."""
    bad: frozenset[str]
    """Trusted keys under whose name there is a signature that does not hold."""
    base: int
    """From which size *proof* leads here."""
    proof: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a witness was set up with."""

    origin: str
    tolerance: timedelta
    """How far a head's time may be from its own clock."""


def judge(
    known: Witnessed,
    shown: Shown,
    bounds: Bounds,
    now: datetime,
    seen: Callable[[Head], bool],
) -> Refused | None:
    """Say why no word is given for what is *shown*; None: it is given.

    *seen* says whether a head got its word already.
    """
    head, last = shown.head, known.head
    if head.origin != bounds.origin or (last and head.hash != last.hash):
        return Refused.ORIGIN
    if shown.bad:
        return Refused.FORGED
    if not shown.good:
        return Refused.UNSIGNED
    if seen(head):
        return None
    if last is not None:
        broken = _broken(last, shown)
        if broken is not None:
            return broken
    if abs(head.at - now) > bounds.tolerance:
        return Refused.CLOCK
    return None


def _broken(last: Head, shown: Shown) -> Refused | None:
    """Say how the log that is shown does not go on from *last*."""
    head = shown.head
    earlier = head.at < last.at
    if head.size < last.size:
        # It was cut if it is shorter now; what it was then is nothing new.
        return Refused.OVERTAKEN if earlier else Refused.ROLLBACK
    if head.size == last.size:
        if head.root != last.root:
            return Refused.CHANGED_ROOT
        return Refused.OVERTAKEN if earlier else None
    if shown.base != last.size:
        return Refused.BASE
    before, after = Tree(last.size, last.root), Tree(head.size, head.root)
    if not consistent(digest(head.hash), before, after, shown.proof):
        return Refused.FORK
    return Refused.TIME_BACK if earlier else None
