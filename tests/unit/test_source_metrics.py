"""What is counted of departments is told to whoever collects."""

from __future__ import annotations

from opentelemetry.metrics import CallbackOptions, Observation

from zhitong.connectors import source_metrics

SOURCE = "counted-here"


def _of_here(observed: list[Observation]) -> dict[str, int | float]:
    return {
        str((one.attributes or {}).get("outcome", "")): one.value
        for one in observed
        if (one.attributes or {})["source"] == SOURCE
    }


def test_statements_and_rows_add_up_by_outcome() -> None:
    for rows in (3, 0, None, 4):
        source_metrics.note(SOURCE, "Case", 0.001, rows)
    options = CallbackOptions()
    sent = _of_here(list(source_metrics._sent(options)))
    assert sent == {"answered": 3, "failed": 1}
    assert _of_here(list(source_metrics._brought(options))) == {"": 7}
