"""What a receiver's channel raises that nobody foresaw is its own fault, no other's.

A sender and a reader of answers take what somebody else's server, tables or files say.
Whatever is wrong with that, the relay goes on with everybody else.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from zhitong.decisions import Ack, Outgoing
from zhitong.streams.producer import Fault, Producer, Unsent, away

PAUSE_SECONDS = 60.0

_log = logging.getLogger("zhitong.relay")


class Guarded:
    """A `Producer` that raises nothing."""

    def __init__(self, receiver: str, producer: Producer) -> None:
        self._receiver = receiver
        self._producer = producer

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault | Unsent]:
        """Send *events*; where something is raised none is known to be sent."""
        try:
            return self._producer.send_batch(events)
        except Exception as error:  # noqa: BLE001 - one receiver must not end the relay
            _say(self._receiver, error)
            fault = away(type(error).__name__)
            return [Fault(seq=event.seq, error=fault) for event in events]

    def reset(self) -> None:
        """Begin anew."""
        try:
            self._producer.reset()
        except Exception as error:  # noqa: BLE001 - one receiver must not end the relay
            _say(self._receiver, error)

    def close(self) -> None:
        """End."""
        try:
            self._producer.close()
        except Exception as error:  # noqa: BLE001 - the others are to end as well
            _say(self._receiver, error)


async def guarded(
    receiver: str,
    run: Callable[[], Awaitable[None]],
    pause_seconds: float = PAUSE_SECONDS,
) -> None:
    """Do *run* until it is cancelled; begin anew a while after it raised."""
    while True:
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - one receiver must not end the relay
            _say(receiver, error)
        await asyncio.sleep(pause_seconds)


def _say(receiver: str, error: Exception) -> None:
    # Its words may have a person's in them: what a database says quotes the row.
    (*_, place) = traceback.extract_tb(error.__traceback__)
    _log.error(
        "%s: 通道中未料到的错误 nobody foresaw: %s, %s:%s",
        receiver,
        type(error).__name__,
        Path(place.filename).name,
        place.lineno,
    )
