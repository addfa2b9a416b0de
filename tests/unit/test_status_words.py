"""What ``zhitong status`` says of a source whose server is halted."""

from __future__ import annotations

from zhitong.infra.commands import _seen, _states


def test_a_source_whose_server_is_frozen_is_not_said_to_be_ready() -> None:
    body = {"sources": {"market": "ready", "emergency": "ready", "dongling": "drift"}}
    servers = {"market": "frozen", "emergency": "running", "platform": "running"}
    assert _states(_seen(body, servers)) == [
        "  market       离线 away",
        "  emergency    正常 ready",
        "  dongling     结构有变 drift",
    ]
    assert _states(_seen({"errors": []}, servers)) == []
