"""What our way to the broker mends of the library's: a line reset as it begins."""

from __future__ import annotations

import gc
import socket
import struct
from typing import Any

import pytest
from kafka import errors
from kafka.net import manager, transport
from kafka.net.selector import NetworkSelector
from kafka.protocol.metadata import MetadataResponse

import zhitong.streams.kafka_client  # noqa: F401 - it mends the library

LIBRARY: Any = manager
AT_ONCE = struct.pack("ii", 1, 0)


# The library leaves the line to the collector, in whose turn it is closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_line_that_is_reset_before_tls_begins_is_a_fault_of_the_broker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect = LIBRARY.create_connection
    listener = socket.create_server(("127.0.0.1", 0))

    async def reset(*given: object, **named: object) -> socket.socket:
        line: socket.socket = await connect(*given, **named)
        other, _ = listener.accept()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        other.close()
        return line

    monkeypatch.setattr(manager, "create_connection", reset)
    net: Any = NetworkSelector()
    ours = LIBRARY.KafkaConnectionManager(net, security_protocol="SSL")
    port = listener.getsockname()[1]
    node = MetadataResponse.MetadataResponseBroker(1, "127.0.0.1", port, None)
    with pytest.raises(errors.KafkaConnectionError):
        net.run(ours._build_transport, node)
    net.close()
    listener.close()
    gc.collect()


def test_a_line_closed_with_something_to_write_is_closed_when_its_loop_ends() -> None:
    ours, other = socket.socketpair()
    ours.settimeout(0)
    net: Any = NetworkSelector()
    line: Any = transport.KafkaTCPTransport(net, ours)
    # More than the system takes while nobody reads.
    line.write(bytes(1 << 24))
    net.poll(timeout_ms=10)
    line.close()
    assert ours.fileno() >= 0, "all was written: nothing is shown"
    net.close()
    assert ours.fileno() < 0
    other.close()
