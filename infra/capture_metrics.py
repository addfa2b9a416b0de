"""What telemetry sees of captures: lag, rows behind, work, what was entered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

_meter = metrics.get_meter("zhitong.capture")


@dataclass(slots=True)
class State:
    """How the capture of a source is, as it last saw itself."""

    seen_to: datetime | None = None
    """What was committed there before this moment is in the ledger, or is work."""
    behind: int = 0
    refused: int = 0


_seen: dict[str, State] = {}

entered = _meter.create_counter(
    "zhitong.capture.entered",
    unit="{row}",
    description="Rows that were looked at because they are new or changed, by source "
    "and by what became of them.",
)
late = _meter.create_counter(
    "zhitong.capture.late",
    unit="{row}",
    description="New or changed rows that a sweep found, where a version column should "
    "have shown them, by source.",
)


def state_of(source: str) -> State:
    """Give what is told of *source*, to be kept up to date."""
    return _seen.setdefault(source, State())


def forget(source: str) -> None:
    """Tell nothing of *source* any more: another process has it."""
    _seen.pop(source, None)


def _observing(
    value: Callable[[State], float | None],
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observed(_options: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(found, {"source": source})
            for source, state in list(_seen.items())
            if (found := value(state)) is not None
        ]

    return observed


def _lag(state: State) -> float | None:
    if state.seen_to is None:
        return None
    return (datetime.now(UTC) - state.seen_to).total_seconds()


_meter.create_observable_gauge(
    "zhitong.capture.lag",
    [_observing(_lag)],
    unit="s",
    description="Since when a source has not been seen whole, by source.",
)
_meter.create_observable_gauge(
    "zhitong.capture.behind",
    [_observing(lambda state: state.behind)],
    unit="{row}",
    description="Decisions of a source that are in its table and not in the ledger.",
)
_meter.create_observable_gauge(
    "zhitong.capture.refused",
    [_observing(lambda state: state.refused)],
    unit="{row}",
    description="Rows of a source that wait for somebody, by source.",
)
