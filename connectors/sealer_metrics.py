"""What telemetry sees of the sealer: what waits and how long, what sealing takes."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

_meter = metrics.get_meter("zhitong.sealer")
_seen: dict[str, float] = {}

duration = _meter.create_histogram(
    "zhitong.evidence.seal.duration",
    unit="s",
    description="Time from taking a batch to the commit of its head.",
)
leaves = _meter.create_counter(
    "zhitong.evidence.sealed",
    unit="{leaf}",
    description="Leaves that were numbered under a signed head.",
)
set_aside = _meter.create_counter(
    "zhitong.evidence.unsealable",
    unit="{leaf}",
    description="Leaves set aside: their name is sealed with another content.",
)
jumps = _meter.create_counter(
    "zhitong.evidence.clock.jumps",
    unit="{jump}",
    description="Times the wall clock parted from the monotonic one.",
)


def observe(waiting: int, oldest: float) -> None:
    """Remember the newest look for whoever collects."""
    _seen.update(waiting=waiting, oldest=oldest)


def _waiting(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(_seen["waiting"])] if _seen else []


def _oldest(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(_seen["oldest"])] if _seen else []


_meter.create_observable_gauge(
    "zhitong.evidence.unsealed",
    [_waiting],
    unit="{leaf}",
    description="Leaves that wait to be sealed.",
)
_meter.create_observable_gauge(
    "zhitong.evidence.unsealed.oldest",
    [_oldest],
    unit="s",
    description="Age of the oldest leaf that waits to be sealed.",
)
