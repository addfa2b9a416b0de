"""How fast clients may ask: bursts, rates, and what one has to do with another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from zhitong.exceptions import RateLimitedError
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.pace import STRANGERS, Pace
from zhitong.types import Allowance, Principal

POLICE = DEMO_PRINCIPALS["police"]
TWO = Allowance(rate=2.0, burst=3, concurrent=2)


class Clock:
    """Moments that the test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(clock, remembered=5)


def taken(pace: Pace, most: int = 1_000, client: str = "a") -> int:
    """Count the questions that are let through at once."""
    for count in range(most):
        try:
            pace.count(client, TWO)
        except RateLimitedError:
            return count
    return most


def test_a_burst_is_let_through_and_then_the_rate(pace: Pace, clock: Clock) -> None:
    assert taken(pace) == 3
    clock.now += 0.5
    assert taken(pace) == 1
    clock.now += 0.25
    assert taken(pace) == 0
    clock.now += 0.25
    assert taken(pace) == 1
    clock.now += 1_000
    assert taken(pace) == 3


def test_no_edge_of_a_window_lets_more_through(pace: Pace, clock: Clock) -> None:
    let_through = 0
    for _ in range(100):
        let_through += taken(pace)
        clock.now += 0.1
    assert let_through == 3 + int(99 * 0.1 * TWO.rate)


def test_who_is_refused_is_told_how_long_to_wait(pace: Pace, clock: Clock) -> None:
    slow = Allowance(rate=0.1, burst=1)
    pace.count("a", slow)
    with pytest.raises(RateLimitedError) as caught:
        pace.count("a", slow)
    assert caught.value.details == {"after": "10"}
    assert caught.value.retriable
    clock.now += 10
    pace.count("a", slow)


def test_a_refused_question_costs_nothing(pace: Pace, clock: Clock) -> None:
    taken(pace)
    for _ in range(50):
        assert taken(pace) == 0
    clock.now += 0.5
    assert taken(pace) == 1


@contextmanager
def question(
    pace: Pace, who: Principal, allowance: Allowance
) -> Iterator[Callable[[int], None]]:
    """Ask, as the front does."""
    with pace.running(who, allowance):
        yield pace.question(who, allowance)


def test_each_person_of_each_system_of_each_unit_is_a_client_of_its_own(
    pace: Pace,
) -> None:
    one = Allowance(rate=1.0, burst=1)
    others = [
        replace(POLICE, person="x"),
        replace(POLICE, client="x"),
        replace(POLICE, unit="x"),
        replace(POLICE, tenant="x"),
    ]
    for who in (POLICE, *others):
        with question(pace, who, one):
            pass
    with pytest.raises(RateLimitedError), question(pace, POLICE, one):
        pass


def test_so_many_questions_are_answered_at_one_time(pace: Pace) -> None:
    with question(pace, POLICE, TWO), question(pace, POLICE, TWO):
        with pytest.raises(RateLimitedError), question(pace, POLICE, TWO):
            pass
        with question(pace, replace(POLICE, person="x"), TWO):
            pass
    with question(pace, POLICE, TWO):
        pass


def test_a_large_question_draws_on_the_burst_for_its_cost(
    pace: Pace, clock: Clock
) -> None:
    ten = Allowance(rate=1.0, burst=10)
    with question(pace, POLICE, ten) as spend:
        spend(8_500)  # nine with the question itself
    with question(pace, POLICE, ten) as spend:
        spend(999)
        with pytest.raises(RateLimitedError) as caught:
            spend(3_000)
    assert caught.value.details == {"after": "4"}  # asking again is one more
    clock.now += 3
    with pytest.raises(RateLimitedError), question(pace, POLICE, ten) as spend:
        spend(3_000)
    clock.now += 2
    with question(pace, POLICE, ten) as spend:
        spend(3_000)


def test_what_costs_more_than_a_burst_is_asked_when_it_is_whole(
    pace: Pace, clock: Clock
) -> None:
    for _ in range(3):
        with question(pace, POLICE, TWO) as spend:
            spend(1_000_000)
        with pytest.raises(RateLimitedError), question(pace, POLICE, TWO):
            pass
        clock.now += TWO.burst / TWO.rate


def test_a_question_that_fails_is_over(pace: Pace) -> None:
    one = Allowance(rate=1_000.0, burst=1_000, concurrent=1)
    for _ in range(5):
        with pytest.raises(ValueError, match="gone"), question(pace, POLICE, one):
            raise ValueError("gone")
    assert not pace._running


def test_memory_is_bounded_and_the_longest_silent_are_forgotten(pace: Pace) -> None:
    for client in "abcdef":
        assert taken(pace, client=client) == 3
    assert len(pace._full) == 5
    assert taken(pace, client="f") == 0
    assert taken(pace, client="a") == 3


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("", "", True),
        ("unix", "other", False),
    ],
)
def test_strangers_are_counted_by_address_or_network(
    pace: Pace, one: str, other: str, *, together: bool
) -> None:
    for _ in range(STRANGERS.burst):
        pace.stranger(one)
    if together:
        with pytest.raises(RateLimitedError):
            pace.stranger(other)
    else:
        pace.stranger(other)
