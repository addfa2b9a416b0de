"""Making a kafka-python client that leaves nothing behind when it finds no broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from kafka import KafkaProducer, errors

from zhitong.exceptions import SettingsError

# An address that cannot be read, or is not there yet, is as far away as a broker
# that does not answer.
AWAY = (errors.KafkaError, OSError, ValueError, AssertionError, SettingsError)
"""What a client raises when it has no broker, or loses it."""

_CLIENT: Callable[..., object] = KafkaProducer.DEFAULT_CONFIG["kafka_client"]
_Made = TypeVar("_Made")


def connect(kind: Callable[..., _Made], **configs: object) -> _Made:
    """Make a *kind* of client; raise what it raises, its thread and sockets ended."""
    made: list[Any] = []

    def client(**given: object) -> object:
        made.append(_CLIENT(**given))
        return made[0]

    try:
        return kind(kafka_client=client, **configs)
    except AWAY:
        # It is tried again for as long as the broker is away: nothing may add up.
        for each in made:
            each._net.stop()  # noqa: SLF001 - nothing public ends it
            each.close()
        raise
