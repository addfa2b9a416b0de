"""What waits goes where its receiver is reached now, and it is noted where it went.

An event is recorded for a place. When its receiver has got another channel meanwhile,
the old one may be gone: its server shut down, its topic deleted. The event's bytes are
the same by any channel; only its place in the sent log is another.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from zhitong.decisions import Ack, Outgoing
from zhitong.streams.channels import Channel, KafkaChannel
from zhitong.streams.producer import Fault, Producer, Unsent


class Addressed:
    """A `Producer` for who is reached by *channel*, whatever was recorded."""

    def __init__(self, producer: Producer, channel: Channel) -> None:
        self._producer = producer
        self._channel = channel

    def send_batch(self, events: Sequence[Outgoing]) -> Sequence[Ack | Fault | Unsent]:
        """Send *events* by the channel; say of each that moved where it is now."""
        moved = {event.seq for event in events if self._moved(event)}
        if not moved:
            return self._producer.send_batch(events)
        place = self._channel.place
        answers = self._producer.send_batch(
            [replace(e, topic=place) if e.seq in moved else e for e in events]
        )
        return [
            replace(each, place=place)
            if isinstance(each, Ack) and each.seq in moved
            else each
            for each in answers
        ]

    def reset(self) -> None:
        """Begin anew."""
        self._producer.reset()

    def close(self) -> None:
        """End."""
        self._producer.close()

    def _moved(self, event: Outgoing) -> bool:
        # Another topic is there still, and its reader with it: only an address of
        # another channel is none that a broker has.
        if isinstance(self._channel, KafkaChannel):
            return "://" in event.topic
        return event.topic != self._channel.place
