"""What is held of senders, as it is counted."""

from __future__ import annotations

import pytest
from opentelemetry.metrics import CallbackOptions

from zhitong.inbound import Fate
from zhitong.streams import inbound_metrics


def test_what_is_held_no_more_is_counted_as_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbound_metrics, "held", {})

    def told() -> dict[tuple[object, object], object]:
        return {
            (one.attributes["sender"], one.attributes["verdict"]): one.value
            for one in inbound_metrics._held(CallbackOptions())
            if one.attributes is not None
        }

    inbound_metrics.counted({("credit", Fate.QUARANTINED): 3})
    assert told() == {("credit", "QUARANTINED"): 3, ("credit", "WAITING"): 0}
    inbound_metrics.counted({("credit", Fate.WAITING): 1})
    assert told() == {("credit", "QUARANTINED"): 0, ("credit", "WAITING"): 1}
    inbound_metrics.counted({})
    assert set(told().values()) == {0}
