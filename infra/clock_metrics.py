"""What telemetry sees of clocks: how many run, are due soon, are late."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.connectors.clock_book import Open

_meter = metrics.get_meter("zhitong.clocks")
_open: list[Open] = []
_behind: list[int] = []


def observe(found: Iterable[Open], behind: int) -> None:
    """Remember how the clocks stand now, for whoever collects."""
    _open[:] = found
    _behind[:] = [behind]


def _clocks(_options: CallbackOptions) -> Iterable[Observation]:
    return [
        Observation(one.many, {"duty": one.duty, "state": one.state.value})
        for one in list(_open)
    ]


def _touched(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(many) for many in list(_behind)]


_meter.create_observable_gauge(
    "zhitong.clocks.open",
    [_clocks],
    unit="{clock}",
    description="Clocks that have not ended, by duty and state.",
)
_meter.create_observable_gauge(
    "zhitong.clocks.touched",
    [_touched],
    unit="{decision}",
    description="What happened to decisions and their clocks do not show yet.",
)
