"""What telemetry sees of departments: statements by outcome, rows, seconds.

What is only counted is counted here and read when somebody collects: an instrument
of the SDK costs a third of a small statement each time it is told something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

_meter = metrics.get_meter("zhitong.connectors")
_statements: Counter[tuple[str, str, str]] = Counter()
_rows: Counter[tuple[str, str]] = Counter()

_seconds = _meter.create_histogram(
    "zhitong.source.seconds", "s", "How long a source took to answer"
)


def note(source: str, type_name: str, seconds: float, rows: int | None) -> None:
    """Note one statement; None: it brought no rows, for it failed."""
    _statements[source, type_name, "failed" if rows is None else "answered"] += 1
    if rows:
        _rows[source, type_name] += rows
    _seconds.record(seconds, {"source": source, "type": type_name})


def _sent(_options: CallbackOptions) -> Iterable[Observation]:
    return [
        Observation(count, {"source": source, "type": type_name, "outcome": outcome})
        for (source, type_name, outcome), count in _statements.items()
    ]


def _brought(_options: CallbackOptions) -> Iterable[Observation]:
    return [
        Observation(count, {"source": source, "type": type_name})
        for (source, type_name), count in _rows.items()
    ]


_meter.create_observable_counter(
    "zhitong.source.statements",
    [_sent],
    description="Statements sent to a source, by outcome",
)
_meter.create_observable_counter(
    "zhitong.source.rows", [_brought], description="Rows a source answered with"
)
