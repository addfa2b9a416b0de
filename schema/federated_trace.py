"""What a federated router is told of how long its question took: ``extensions.ftv1``.

The message is ``Trace`` of Apollo's reports.proto, written by hand: four numbers and
the codes of what went wrong need no library for protocol buffers. It has no field's
time, for a compiled plan resolves fields of many rows at once, and no message's text,
for the router's vendor collects traces and no message is its business.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Mapping
from typing import Final

HEADER: Final = b"apollo-federation-include-trace"
ASKED: Final = b"ftv1"
NAME: Final = "ftv1"
_VARINT, _BYTES = 0, 2
_SEVEN, _MORE = 0x7F, 0x80
_BILLION = 10**9


class Trace:
    """Begun with the question; told once its answer is known."""

    def __init__(self) -> None:
        self._began = time.time_ns()
        self._clock = time.perf_counter_ns()

    def told(self, errors: Iterable[Mapping[str, object]]) -> str:
        """Write the trace of a question with *errors*, as it stands in an answer."""
        took = time.perf_counter_ns() - self._clock
        faults = b"".join(
            _field(11, _field(1, code.encode())) for code in _codes(errors)
        )
        message = (
            _field(4, _timestamp(self._began))
            + _field(3, _timestamp(self._began + took))
            + _number(11, took)
            + _field(14, faults)
        )
        return base64.b64encode(message).decode()


def _codes(errors: Iterable[Mapping[str, object]]) -> Iterable[str]:
    for error in errors:
        extensions = error.get("extensions")
        if isinstance(extensions, Mapping):
            yield str(extensions.get("code", ""))


def _timestamp(nanoseconds: int) -> bytes:
    seconds, rest = divmod(nanoseconds, _BILLION)
    return _number(1, seconds) + _number(2, rest)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > _SEVEN:
        written.append(value & _SEVEN | _MORE)
        value >>= 7
    written.append(value)
    return bytes(written)
