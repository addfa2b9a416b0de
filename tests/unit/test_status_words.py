"""What ``zhitong status`` says of a source whose server is halted."""

from __future__ import annotations

from zhitong.infra.commands import _kept, _seen, _states


def test_a_source_whose_server_is_frozen_is_not_said_to_be_ready() -> None:
    body = {"sources": {"market": "ready", "emergency": "ready", "dongling": "drift"}}
    servers = {"market": "frozen", "emergency": "running", "platform": "running"}
    assert _states(_seen(body, servers)) == [
        "  market       离线 away",
        "  emergency    正常 ready",
        "  dongling     结构有变 drift",
    ]
    assert _states(_seen({"errors": []}, servers)) == []


def test_looks_that_wait_on_the_disk_are_told_and_none_are_not() -> None:
    waiting = {"bytes": 2048, "oldest": "2026-11-22T08:30:22.104511Z"}
    (line,) = _kept({"spool": waiting})
    assert "2048 B" in line
    assert "2026-11-22T08:30:22.104511Z" in line
    assert _kept({"spool": {"bytes": 0, "oldest": None}}) == ()
    assert _kept({}) == ()
