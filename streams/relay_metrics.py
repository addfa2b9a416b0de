"""What telemetry sees of the relay: ages, batches, parked keys, what was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.decisions import Backlog

_meter = metrics.get_meter("zhitong.relay")
_seen: dict[str, Backlog] = {}

batch = _meter.create_histogram(
    "zhitong.relay.batch",
    unit="{event}",
    description="Events sent together, by receiver.",
)
sent = _meter.create_counter(
    "zhitong.relay.sent",
    unit="{event}",
    description="Events acknowledged and moved to the sent log, by receiver.",
)
faults = _meter.create_counter(
    "zhitong.relay.faults",
    unit="{event}",
    description="Events a broker did not take, by receiver and error code.",
)


def observe(backlog: Sequence[Backlog]) -> None:
    """Remember the newest look for whoever collects."""
    _seen.clear()
    _seen.update((each.receiver, each) for each in backlog)


def _observing(
    value: Callable[[Backlog], float],
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observed(_options: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(value(each), {"receiver": each.receiver})
            for each in list(_seen.values())
        ]

    return observed


_meter.create_observable_gauge(
    "zhitong.outbox.oldest",
    [_observing(lambda each: each.oldest_seconds)],
    unit="s",
    description="Age of the oldest event that has not left, by receiver.",
)
_meter.create_observable_gauge(
    "zhitong.outbox.waiting",
    [_observing(lambda each: each.waiting)],
    unit="{event}",
    description="Events that have not left, by receiver.",
)
_meter.create_observable_gauge(
    "zhitong.outbox.parked",
    [_observing(lambda each: each.parked)],
    unit="{key}",
    description="Keys that wait behind a dead letter, by receiver.",
)
