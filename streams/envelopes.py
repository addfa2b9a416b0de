"""Each receiver's form of a decision, in final bytes: the port `Envelopes`.

The same entry gives the same bytes, but for sealed ID numbers, of which no two
sealings are alike. So an event is written once, kept in the outbox as it is, and
never written again: a retry finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from zhitong.decisions import (
    Act,
    Change,
    Decision,
    Entry,
    Event,
    Finding,
    Severity,
    case_hash,
    event_id,
    partition_key,
)
from zhitong.exceptions import ReceiverError
from zhitong.streams import credit, provincial
from zhitong.streams.cloud_events import SHANGHAI, DecisionEvent, write
from zhitong.streams.keys import ReceiverKeys, seal
from zhitong.streams.receivers import Format, Receiver, Receivers
from zhitong.streams.schemas import Table, shortfalls
from zhitong.types import Label

Clock = Callable[[], datetime]

_SEALED = "e30.e30.e30.e30.e30"
"""In the place of a sealed number, where a row is only looked at."""


def _now() -> datetime:
    return datetime.now(SHANGHAI)


class ReceiverEnvelopes:
    """The forms of all configured receivers."""

    def __init__(
        self, config: Receivers, keys: Mapping[str, ReceiverKeys], clock: Clock = _now
    ) -> None:
        """Take the receivers' public *keys*; raise `ReceiverError` if one is missing.

        Without it the first natural person's decision would be the one to find out.
        """
        for one in config.receivers:
            if one.id_numbers and one.name not in keys:
                raise ReceiverError(
                    f"没有接收方 {one.name} 的公钥，其格式要求加密的证件号码",
                    f"{one.name}'s form demands sealed ID numbers, its key is missing",
                )
        self._config = config
        self._keys = keys
        self._clock = clock

    def receivers(self, act: Act) -> tuple[str, ...]:
        """Name who is to have decisions of this kind, as of today."""
        return tuple(one.name for one in self._due(act))

    def events(
        self, entry: Entry, receivers: Sequence[str], *, follows_history: bool
    ) -> tuple[Event, ...]:
        """Write the event of *entry* for each of *receivers*.

        A receiver whose rules have ended is written to by its last ones: what it
        once had must still be withdrawn.
        """
        return tuple(
            self._event(entry, self._receiver(name, entry), follows_history)
            for name in receivers
        )

    def shortcomings(self, decision: Decision) -> tuple[Finding, ...]:
        """Say what a receiver's format asks for and *decision* does not state."""
        entry = Entry(
            decision=decision,
            version=1,
            change=Change.RECORDED,
            at=self._clock(),
            unit=decision.subject_code,
            unit_name=decision.subject_name or decision.subject_code,
            person="",
        )
        return tuple(
            Finding(
                check=f"form-{one.name}",
                severity=Severity.DOUBT,
                detail=Label(
                    f"{one.title.zh}：{fault.label.zh}",
                    f"{one.title.en}: {fault.label.en}",
                ),
                source=fault.source,
            )
            for one in self._due(decision.act)
            for fault in shortfalls(*self._row(entry, one, lambda _: _SEALED))
        )

    def _due(self, act: Act) -> list[Receiver]:
        today = self._clock().astimezone(SHANGHAI).date()
        return [one for one in self._config.on(today).values() if act in one.acts]

    def _receiver(self, name: str, entry: Entry) -> Receiver:
        day = entry.at.astimezone(SHANGHAI).date()
        known = [one for one in self._config.receivers if one.name == name]
        if not known:
            raise ReceiverError(
                f"没有配置接收方 {name}", f"there is no receiver {name} configured"
            )
        return next((one for one in known if one.in_force(day)), known[-1])

    def _event(self, entry: Entry, receiver: Receiver, follows: bool) -> Event:  # noqa: FBT001 - as the port
        def sealed(text: str) -> str:
            return seal(text, self._keys[receiver.name])

        decision = entry.decision
        table, row = self._row(entry, receiver, sealed, follows=follows)
        # A corrected case number must not send later events by another way.
        order = case_hash(decision.case_key) if entry.order is None else entry.order
        event = DecisionEvent(
            receiver=receiver.name,
            decision_id=decision.id,
            version=entry.version,
            change=entry.change,
            follows_history=follows,
            # Receivers share an event's id; source and id together are unique.
            source=f"/zhitong/{self._config.division}/{receiver.name}",
            time=entry.at,
            key=partition_key(order),
            schema=table.urn,
            table=table.name,
            row=row,
            traceparent=entry.traceparent,
        )
        return Event(
            event_id=event_id(decision.id, entry.version, entry.change),
            receiver=receiver.name,
            topic=receiver.topic,
            schema=table.urn,
            payload=write(event),
        )

    def _row(
        self,
        entry: Entry,
        receiver: Receiver,
        sealed: credit.Seal,
        *,
        follows: bool = False,
    ) -> tuple[Table, dict[str, object]]:
        if receiver.format is Format.PROVINCIAL:
            row = provincial.row(entry, self._config, follows_history=follows)
            return provincial.table(entry.decision), row
        row = credit.row(entry, receiver, self._config, sealed)
        return credit.table(entry.decision), row
