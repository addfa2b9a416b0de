"""The demonstration, whole: it holds, it notices when not, it survives a kill."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.acceptance.conftest import Zhitong

from zhitong.infra import settings
from zhitong.infra.commands import DEMONSTRATION
from zhitong.infra.note import Note, noted

pytestmark = pytest.mark.integration

POLICY = Path(settings.__file__).parent / "rules" / "policy.toml"


def test_it_holds_also_after_an_earlier_one_was_killed(zhitong: Zhitong) -> None:
    with zhitong.start("demo") as first:
        deadline = time.monotonic() + 240
        while zhitong.gateway() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        first.kill()
    orphan = zhitong.gateway()
    assert orphan is not None
    assert zhitong.servers() == {"running"}

    code, said = zhitong.run("demo", "--once")

    assert code == 0, said
    assert said.count("✓") == 44
    assert "✗" not in said
    assert "Every step held" in said
    assert zhitong.gateway() is None
    assert zhitong.servers() == {"stopped"}


def test_it_ends_with_1_where_a_step_does_not_hold(
    zhitong: Zhitong, tmp_path: Path
) -> None:
    # A policy that leaks: what has to be masked is given.
    strict = POLICY.read_text(encoding="utf-8")
    leaking = strict.replace(
        'effect = "mask"\ntypes = ["Counterparty", "CaseRecord"]\nsharing',
        'effect = "allow"\ntypes = ["Counterparty", "CaseRecord"]\nsharing',
    )
    assert leaking != strict
    (tmp_path / "policy.toml").write_text(leaking, encoding="utf-8")

    code, said = zhitong.run(
        "demo", "--once", ZHITONG_POLICY=str(tmp_path / "policy.toml")
    )

    assert code == 1, said
    assert "✗ 自然人证件号码只见首尾" in said
    assert "Traceback" not in said
    assert zhitong.gateway() is None
    assert zhitong.servers() == {"stopped"}


def test_nothing_is_cleaned_away_under_a_demonstration(zhitong: Zhitong) -> None:
    mine = Note(pid=os.getpid(), url="zhitong demo")
    with noted(zhitong.state / DEMONSTRATION, mine):
        code, said = zhitong.run("clean")
        assert (code, "Ctrl-C" in said) == (2, True), said
        assert zhitong.state.exists()
    code, said = zhitong.run("clean")
    assert (code, zhitong.state.exists()) == (0, False), said
