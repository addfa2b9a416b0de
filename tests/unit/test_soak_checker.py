"""The soak's checker finds what it is there to find."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zhitong.infra.settings import Settings

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def soak_check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("soak_check")


@pytest.fixture
def checker(soak_check: ModuleType, tmp_path: Path) -> Any:  # noqa: ANN401 - a script's
    return soak_check.Checker(Settings(state=tmp_path), ())


SENT: Sequence[Mapping[str, str]] = [
    {"key": "a", "event_id": "a1"},
    {"key": "b", "event_id": "b1"},
    {"key": "a", "event_id": "a2"},
]


@pytest.mark.parametrize(
    ("arrivals", "faults"),
    [
        pytest.param([("a", "a1"), ("a", "a2"), ("b", "b1")], 0, id="in order"),
        pytest.param(
            [("a", "a1"), ("a", "a2"), ("a", "a1"), ("b", "b1")], 0, id="one twice"
        ),
        pytest.param([("a", "a2"), ("a", "a1"), ("b", "b1")], 1, id="overtaken"),
        pytest.param([("a", "a1"), ("a", "a2")], 1, id="one lost"),
        pytest.param(
            [("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2")], 1, id="one too many"
        ),
    ],
)
def test_order_and_loss_on_a_topic_are_seen(
    checker: Any,  # noqa: ANN401 - a script's
    arrivals: Sequence[tuple[str, str]],
    faults: int,
) -> None:
    checker._order("credit", SENT, arrivals)
    assert len(checker.faults) == faults


def test_what_is_missing_and_what_is_strange_are_two_faults(checker: Any) -> None:  # noqa: ANN401
    checker._same("acknowledged", {1, 2}, "in the ledger", {2, 1})
    assert checker.faults == []
    checker._same("acknowledged", {1, 2}, "in the ledger", {2, 3})
    assert checker.faults == [
        "acknowledged: 1 not in the ledger: 1",
        "in the ledger: 1 not acknowledged: 3",
    ]
