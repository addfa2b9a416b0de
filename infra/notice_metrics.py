"""What telemetry sees of notices: how many wait, and how many were given up."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.connectors.notices import Left

_meter = metrics.get_meter("zhitong.notices")
_left: list[Left] = []


def observe(left: Iterable[Left]) -> None:
    """Remember what has not arrived now, for whoever collects."""
    _left[:] = left


def _waiting(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(one.waiting, {"address": one.address}) for one in list(_left)]


def _given_up(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(one.given_up, {"address": one.address}) for one in list(_left)]


_meter.create_observable_gauge(
    "zhitong.notices.waiting",
    [_waiting],
    unit="{notice}",
    description="Notices that have not arrived yet, by address.",
)
_meter.create_observable_gauge(
    "zhitong.notices.given_up",
    [_given_up],
    unit="{notice}",
    description="Notices that were given up, by address.",
)
