"""Which events a receiver may take now: each once, versions in their order.

1. An event that is known changes nothing; its answer stands.
2. A version may be taken if it follows the last one seen. With none seen that is
   version 1, or any version of a decision the receiver had before the platform began.
3. A version that was rejected counts as seen: a correction can follow it.
4. A later version waits; it is judged once what it waits for has been seen.
5. A version that was seen under another event's name is rejected.
6. What brings no version is taken at once: it waits for none, and none for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from zhitong.decisions import Answer, Arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of an event, and why."""

    arrival: Arrival
    answer: Answer
    reasons: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Succession:
    """Judges a batch; starts from what the receiver's database has seen."""

    known: dict[UUID, Answer]
    """Of the events that are in the inbox."""
    seen: dict[UUID, int]
    """The last version by decision; 0: none."""
    waiting: Sequence[Arrival] = ()
    arrived: list[Verdict] = field(default_factory=list)
    """Events that are new, with their answers."""
    released: list[Verdict] = field(default_factory=list)
    """Events that waited before this batch and no longer do."""
    again: set[UUID] = field(default_factory=set)
    """Events that came before."""
    effects: dict[UUID, Arrival] = field(default_factory=dict)
    """By decision, the last version that is held."""
    _later: dict[tuple[UUID, int], list[Arrival]] = field(default_factory=dict)
    _new: dict[UUID, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for event in self.waiting:
            self._wait(event)

    def judge(self, arrivals: Sequence[Arrival]) -> Sequence[Answer]:
        """Answer each of *arrivals*, in their order."""
        for arrival in arrivals:
            if arrival.event_id in self.known:
                self.again.add(arrival.event_id)
                continue
            self._new[arrival.event_id] = len(self.arrived)
            self.arrived.append(self._first(arrival))
            self.known[arrival.event_id] = self.arrived[-1].answer
            if self.arrived[-1].answer is not Answer.WAITING:
                self._release(arrival.decision_id)
        self.again -= self._new.keys()
        return [self.known[arrival.event_id] for arrival in arrivals]

    def _first(self, arrival: Arrival) -> Verdict:
        if arrival.change is None:
            return Verdict(
                arrival=arrival,
                answer=Answer.REJECTED if arrival.reasons else Answer.HELD,
                reasons=arrival.reasons,
            )
        last = self.seen[arrival.decision_id]
        if arrival.version <= last:
            return Verdict(
                arrival=arrival,
                answer=Answer.REJECTED,
                reasons=(
                    f"已收到第 {last} 版 version {last} was received before this one",
                ),
            )
        if arrival.version == last + 1 or (last == 0 and arrival.follows_history):
            return self._take(arrival)
        self._wait(arrival)
        return Verdict(
            arrival=arrival,
            answer=Answer.WAITING,
            reasons=(f"等待第 {last + 1} 版 waits for version {last + 1}",),
        )

    def _take(self, arrival: Arrival) -> Verdict:
        self.seen[arrival.decision_id] = arrival.version
        if arrival.reasons:
            return Verdict(
                arrival=arrival, answer=Answer.REJECTED, reasons=arrival.reasons
            )
        self.effects[arrival.decision_id] = arrival
        return Verdict(arrival=arrival, answer=Answer.HELD)

    def _wait(self, arrival: Arrival) -> None:
        place = (arrival.decision_id, arrival.version)
        self._later.setdefault(place, []).append(arrival)

    def _release(self, decision: UUID) -> None:
        for event in self._freed(decision):
            verdict = self._first(event)
            self.known[event.event_id] = verdict.answer
            if event.event_id in self._new:
                self.arrived[self._new[event.event_id]] = verdict
            else:
                self.released.append(verdict)

    def _freed(self, decision: UUID) -> Iterator[Arrival]:
        """Give what waited for what has now been seen, version by version."""
        while True:
            last = self.seen[decision]
            versions = [v for d, v in self._later if d == decision and v <= last + 1]
            if not versions:
                return
            yield from self._later.pop((decision, min(versions)))


def reached(succession: Succession) -> Mapping[UUID, int]:
    """Say how far each decision has come."""
    return {decision: last for decision, last in succession.seen.items() if last}
