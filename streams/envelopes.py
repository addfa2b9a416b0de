"""Each receiver's form of a decision, in final bytes: the port `Envelopes`.

What is written is a receiver's copy: what the policy gives it, and nothing beside.
The same copy gives the same bytes, but for sealed ID numbers, of which no two
sealings are alike. So an event is written once, kept in the outbox as it is, and
never written again: a retry finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from zhitong.decisions import (
    Act,
    Copy,
    Event,
    Finding,
    Severity,
    SignatureState,
    event_id,
    partition_key,
)
from zhitong.exceptions import ReceiverError
from zhitong.rules.statements import read
from zhitong.streams import credit, provincial
from zhitong.streams.cloud_events import SHANGHAI, DecisionEvent, write
from zhitong.streams.keys import ReceiverKeys, seal
from zhitong.streams.receivers import Format, IdNumber, Receiver, Receivers
from zhitong.streams.schemas import Table, shortfalls
from zhitong.types import SERVICE, Label, Occasion, Principal

Clock = Callable[[], datetime]

NEEDED: Mapping[Format, frozenset[str]] = {
    Format.PROVINCIAL: frozenset(),
    # It says which of the tables, those of natural persons or of others.
    Format.CREDIT: frozenset({"counterpartyKind"}),
}
"""Fields of Decision that a form cannot be written without, beside an event's own."""
ID_FIELDS: Mapping[IdNumber, str] = {
    IdNumber.PARTY: "counterpartyIdNumber",
    IdNumber.REPRESENTATIVE: "representativeIdNumber",
}
"""The fields of Decision that are the ID numbers a form may demand."""

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
        self._asking = {one: _asker(one, config.tenant) for one in config.receivers}
        self._keys = keys
        self._clock = clock

    def receivers(self, act: Act) -> tuple[str, ...]:
        """Name who is to have decisions of this kind, as of today."""
        return tuple(one.name for one in self._due(act))

    def asker(self, receiver: str, at: datetime) -> tuple[Principal, Occasion]:
        """Say as whom *receiver* asks, by its rules of that day."""
        return self._asking[self._receiver(receiver, at)]

    def events(
        self, copies: Sequence[Copy], *, follows_history: bool
    ) -> tuple[Event, ...]:
        """Write the event of each copy.

        A receiver whose rules have ended is written to by its last ones: what it
        once had must still be withdrawn.
        """
        return tuple(self._event(copy, follows_history) for copy in copies)

    def shortcomings(self, copies: Sequence[Copy]) -> tuple[Finding, ...]:
        """Say what a receiver's format asks for and its copy does not have."""
        return tuple(
            Finding(
                check=f"form-{copy.receiver}",
                severity=Severity.DOUBT,
                detail=Label(
                    f"{one.title.zh}：{fault.label.zh}",
                    f"{one.title.en}: {fault.label.en}",
                ),
                source=fault.source,
            )
            for copy in copies
            for one in [self._receiver(copy.receiver, copy.entry.at)]
            for fault in shortfalls(*self._row(copy, one, lambda _: _SEALED))
        )

    def _due(self, act: Act) -> list[Receiver]:
        today = self._clock().astimezone(SHANGHAI).date()
        return [one for one in self._config.on(today).values() if act in one.acts]

    def _receiver(self, name: str, at: datetime) -> Receiver:
        day = at.astimezone(SHANGHAI).date()
        known = [one for one in self._config.receivers if one.name == name]
        if not known:
            raise ReceiverError(
                f"没有配置接收方 {name}", f"there is no receiver {name} configured"
            )
        return next((one for one in known if one.in_force(day)), known[-1])

    def _event(self, copy: Copy, follows: bool) -> Event:  # noqa: FBT001 - as the port
        entry = copy.entry
        receiver = self._receiver(copy.receiver, entry.at)

        def sealed(text: str) -> str:
            return seal(text, self._keys[receiver.name])

        table, row = self._row(copy, receiver, sealed, follows=follows)
        event = DecisionEvent(
            receiver=receiver.name,
            decision_id=copy.decision_id,
            version=entry.version,
            change=entry.change,
            follows_history=follows,
            # Receivers share an event's id; source and id together are unique.
            source=self._config.source(receiver.name),
            time=entry.at,
            key=partition_key(copy.order),
            schema=table.urn,
            table=table.name,
            row=row,
            traceparent=entry.traceparent,
            statement=_statement(copy),
        )
        return Event(
            event_id=event_id(copy.decision_id, entry.version, entry.change),
            receiver=receiver.name,
            topic=receiver.topic,
            schema=table.urn,
            payload=write(event),
        )

    def _row(
        self,
        copy: Copy,
        receiver: Receiver,
        sealed: credit.Seal,
        *,
        follows: bool = False,
    ) -> tuple[Table, dict[str, object]]:
        if receiver.format is Format.PROVINCIAL:
            row = provincial.row(copy, self._config, follows_history=follows)
            return provincial.table(copy.entry.decision), row
        row = credit.row(copy, receiver, self._config, sealed)
        return credit.table(copy.entry.decision), row


def _statement(copy: Copy) -> str:
    """Give the bureau's statement to whom the policy gives all that stands in it."""
    signed, entry = copy.entry.signature, copy.entry
    if signed is None or signed.state is not SignatureState.HOLDS:
        return ""
    said, given = read(signed.statement).statement, entry.decision
    shown = (given.act.value, given.subject_code, given.document_no, given.decided_on)
    names = (said.act_type, said.subject_code, said.document_no, said.decided_on)
    return signed.statement if shown == names else ""


def _asker(receiver: Receiver, tenant: str) -> tuple[Principal, Occasion]:
    return (
        Principal(
            kind=receiver.kind,
            unit=receiver.unit,
            unit_name=receiver.title.name,
            person="",
            role=SERVICE,
            tenant=tenant,
            client=receiver.name,
        ),
        Occasion(purpose=receiver.purpose, basis=receiver.basis),
    )
