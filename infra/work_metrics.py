"""What telemetry sees of work: how much there is to do, and how much of it is late."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.connectors.work_chase import OpenWork

_meter = metrics.get_meter("zhitong.work")
_left: list[OpenWork] = []


def observe(left: Iterable[OpenWork]) -> None:
    """Remember what there is to do now, for whoever collects."""
    _left[:] = left


def _open(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(one.open, _of(one)) for one in list(_left)]


def _late(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(one.late, _of(one)) for one in list(_left)]


def _of(one: OpenWork) -> dict[str, str]:
    return {"receiver": one.receiver, "kind": one.kind.value}


_meter.create_observable_gauge(
    "zhitong.work.open",
    [_open],
    unit="{item}",
    description="Items of work that are open, by receiver and kind.",
)
_meter.create_observable_gauge(
    "zhitong.work.late",
    [_late],
    unit="{item}",
    description="Items of work whose time is over, by receiver and kind.",
)
