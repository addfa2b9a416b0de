"""What telemetry sees of reconciliation: what stands open, and how old the last is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.rules.reconciliation import Difference

_meter = metrics.get_meter("zhitong.reconciliation")
_open: Counter[tuple[str, str]] = Counter()
_ended: list[float] = []

records = _meter.create_counter(
    "zhitong.reconciliation.records",
    unit="{record}",
    description="Records of topics that were compared with what was sent.",
)


def observe(differences: Iterable[Difference]) -> None:
    """Remember what stands open now, for whoever collects."""
    _open.clear()
    _open.update((each.receiver, each.kind.value) for each in differences)
    _ended[:] = [time.monotonic()]


def _differences(_options: CallbackOptions) -> Iterable[Observation]:
    return [
        Observation(count, {"receiver": receiver, "kind": kind})
        for (receiver, kind), count in list(_open.items())
    ]


def _age(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(time.monotonic() - each) for each in list(_ended)]


_meter.create_observable_gauge(
    "zhitong.reconciliation.differences",
    [_differences],
    unit="{difference}",
    description="Differences that stand open, by receiver and kind.",
)
_meter.create_observable_gauge(
    "zhitong.reconciliation.age",
    [_age],
    unit="s",
    description="How long ago this process reconciled; others may have since.",
)
