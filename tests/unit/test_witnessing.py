"""What a witness gives its word for, and what it refuses: a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from zhitong.evidence import Head
from zhitong.rules.merkle import NONE, consistency, digest, root
from zhitong.rules.witnessing import Bounds, Refused, Shown, Witnessed, judge

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOUNDS = Bounds(origin="anze", tolerance=timedelta(minutes=5))
OF = digest("sha256")
LEAVES = [sha256(bytes([number])).digest() for number in range(40)]
REWRITTEN = [*LEAVES[:7], NONE, *LEAVES[8:]]


def head(size: int, *, seconds: float = 0, leaves: Sequence[bytes] = LEAVES) -> Head:
    return Head(
        origin="anze",
        hash="sha256",
        size=size,
        root=root(OF, leaves[:size]),
        at=NOON + timedelta(seconds=seconds),
        previous=NONE,
    )


def shown(
    of: Head, base: int = 0, *, leaves: Sequence[bytes] = LEAVES, good: str = "k"
) -> Shown:
    proof = consistency(OF, leaves[: of.size], min(base, of.size))
    return Shown(head=of, good=frozenset(good), bad=frozenset(), base=base, proof=proof)


def judged(last: Head | None, given: Shown, *, seen: Sequence[Head] = ()) -> str | None:
    return judge(Witnessed(head=last), given, BOUNDS, NOON, list(seen).__contains__)


FIRST = shown(head(13))
NEXT = shown(head(29, seconds=1), 13)


@pytest.mark.parametrize(
    ("last", "given"),
    [
        pytest.param(None, FIRST, id="the first it sees"),
        pytest.param(head(13), NEXT, id="longer, with its proof"),
        pytest.param(head(0), shown(head(5)), id="after an empty log"),
        pytest.param(head(13), shown(head(13, seconds=60), 13), id="a beat"),
        pytest.param(head(8), shown(head(9), 8), id="at the same moment"),
    ],
)
def test_a_log_that_goes_on_has_its_word(last: Head | None, given: Shown) -> None:
    assert judged(last, given) is None


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(
            shown(head(9, seconds=1), 9), Refused.ROLLBACK, id="a shorter log"
        ),
        pytest.param(shown(head(9), 9), Refused.ROLLBACK, id="shorter at once"),
        pytest.param(
            shown(head(9, seconds=-1), 9), Refused.OVERTAKEN, id="a slow sender"
        ),
        pytest.param(
            shown(head(13, seconds=-1), 13), Refused.OVERTAKEN, id="a slow beat"
        ),
        pytest.param(
            shown(head(13, seconds=-1, leaves=REWRITTEN), 13, leaves=REWRITTEN),
            Refused.CHANGED_ROOT,
            id="another past",
        ),
        pytest.param(
            shown(head(13, seconds=1, leaves=REWRITTEN), 13, leaves=REWRITTEN),
            Refused.CHANGED_ROOT,
            id="as long, and rewritten",
        ),
        pytest.param(
            shown(head(29, seconds=1, leaves=REWRITTEN), 13, leaves=REWRITTEN),
            Refused.FORK,
            id="longer, and rewritten",
        ),
        pytest.param(replace(NEXT, proof=()), Refused.FORK, id="no proof"),
        pytest.param(
            replace(NEXT, proof=(*NEXT.proof, NONE)), Refused.FORK, id="a step more"
        ),
        pytest.param(
            shown(head(29, seconds=1), 8), Refused.BASE, id="a proof from elsewhere"
        ),
        pytest.param(
            shown(head(29, seconds=-1), 13), Refused.TIME_BACK, id="an earlier time"
        ),
        pytest.param(
            shown(head(29, seconds=301), 13), Refused.CLOCK, id="a time to come"
        ),
        pytest.param(replace(NEXT, good=frozenset()), Refused.UNSIGNED, id="unsigned"),
        pytest.param(
            replace(NEXT, bad=frozenset("k")), Refused.FORGED, id="one forged signature"
        ),
        pytest.param(
            replace(NEXT, head=replace(NEXT.head, origin="haicheng")),
            Refused.ORIGIN,
            id="another log",
        ),
        pytest.param(
            replace(NEXT, head=replace(NEXT.head, hash="sm3")),
            Refused.ORIGIN,
            id="another digest",
        ),
    ],
)
def test_whatever_else_is_refused_by_its_reason(given: Shown, reason: Refused) -> None:
    assert judged(head(13), given) is reason


def test_a_head_long_past_is_refused_at_first_sight() -> None:
    assert judged(None, shown(head(13, seconds=-301))) is Refused.CLOCK


def test_a_head_that_has_its_word_gets_it_again_though_the_log_has_grown() -> None:
    assert judged(head(29), FIRST, seen=[FIRST.head]) is None


def test_not_even_a_head_it_knows_passes_without_a_signature() -> None:
    unsigned = replace(FIRST, good=frozenset())
    assert judged(head(29), unsigned, seen=[FIRST.head]) is Refused.UNSIGNED


@pytest.mark.parametrize("before", range(1, 20))
@pytest.mark.parametrize("after", [20, 31, 32, 40])
def test_every_growth_is_followed_and_no_rewriting_is(before: int, after: int) -> None:
    grown = shown(head(after), before)
    assert judged(head(before), grown) is None
    other = [*LEAVES[: before - 1], NONE, *LEAVES[before:]]
    rewritten = shown(head(after, leaves=other), before, leaves=other)
    assert judged(head(before), rewritten) is Refused.FORK
