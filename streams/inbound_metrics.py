"""What telemetry sees of what is sent to us: verdicts, what is held, the lag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.inbound import HELD, Fate

_meter = metrics.get_meter("zhitong.inbound")
behind: dict[str, int] = {}
"""Messages that lie on a sender's topic and were not taken, by sender."""
held: dict[tuple[str, Fate], int] = {}
"""What waits and what is in quarantine, as it was counted last."""

verdicts = _meter.create_counter(
    "zhitong.inbound.verdicts",
    unit="{event}",
    description="Messages judged, by sender and verdict.",
)


def counted(found: Mapping[tuple[str, Fate], int]) -> None:
    """Keep what is held now; of what there was before there may be none left."""
    held.update({**dict.fromkeys(held, 0), **found})


def _behind(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(count, {"sender": name}) for name, count in behind.items()]


def _held(_options: CallbackOptions) -> Iterable[Observation]:
    senders = {sender for sender, _ in held}
    return [
        Observation(
            held.get((sender, fate), 0), {"sender": sender, "verdict": fate.value}
        )
        for sender in sorted(senders)
        for fate in sorted(HELD)
    ]


_meter.create_observable_gauge(
    "zhitong.inbound.lag",
    [_behind],
    unit="{event}",
    description="Messages on a sender's topic that were not taken yet.",
)
_meter.create_observable_gauge(
    "zhitong.inbound.held",
    [_held],
    unit="{event}",
    description="Messages that wait or are in quarantine, by sender and verdict.",
)
