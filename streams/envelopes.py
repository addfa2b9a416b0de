"""Each receiver's form of a decision, in final bytes: the port `Envelopes`.

What is written is a receiver's copy: what the policy gives it, and nothing beside.
The same copy gives the same bytes, but for sealed ID numbers, of which no two
sealings are alike. So an event is written once, kept in the outbox as it is, and
never written again: a retry finds it there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime

from zhitong.decisions import (
    Act,
    Annotation,
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
from zhitong.streams.annotations import table as annotation_table
from zhitong.streams.annotations import told, write_annotation
from zhitong.streams.channels import FrontEndChannel
from zhitong.streams.cloud_events import SHANGHAI, DecisionEvent, write
from zhitong.streams.form import Gap, Writing
from zhitong.streams.forms import form
from zhitong.streams.keys import ReceiverKeys, seal
from zhitong.streams.receivers import IdNumber, Receiver, Receivers
from zhitong.streams.schemas import Fault, Table, shortfalls
from zhitong.streams.successors import heirs
from zhitong.types import SERVICE, Label, Occasion, Principal

Clock = Callable[[], datetime]

ID_FIELDS: Mapping[IdNumber, str] = {
    IdNumber.PARTY: "counterpartyIdNumber",
    IdNumber.REPRESENTATIVE: "representativeIdNumber",
}
"""The fields of Decision that are the ID numbers a form may demand."""

_CODE = re.compile("[A-Z][A-Z0-9_]{0,63}")
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

    def receivers(self, act: Act, at: datetime | None = None) -> tuple[str, ...]:
        """Name who is to have decisions of this kind, as of that day or of today."""
        today = (at or self._clock()).astimezone(SHANGHAI).date()
        due = self._config.on(today).values()
        return tuple(one.name for one in due if act in one.acts)

    def heirs(
        self, act: Act, had: Collection[str], at: datetime | None = None
    ) -> tuple[str, ...]:
        """Name who is to have what those that *had* it had; as `receivers`."""
        return heirs(self._config.receivers, self.receivers(act, at), had)

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

    def tells_findings(self, receiver: str, at: datetime) -> bool:
        """Say whether *receiver*'s form of that day has a place for findings."""
        return form(self._receiver(receiver, at).format).findings

    def annotates(self, receiver: str, at: datetime) -> bool:
        """Say whether *receiver*'s channel has a place for what is no version.

        The tables of a front-end database have rows of decisions, and no other.
        """
        return not isinstance(self._receiver(receiver, at).channel, FrontEndChannel)

    def annotated(self, one: Annotation) -> Event:
        """Write the event of what happened to a decision, for one receiver."""
        receiver = self._receiver(one.receiver, one.happened.at)
        said = told(one, self._config.source(receiver.name))
        return Event(
            event_id=said.event_id,
            receiver=receiver.name,
            topic=receiver.channel.place,
            schema=annotation_table().urn,
            payload=write_annotation(said),
        )

    def shortcomings(self, copies: Sequence[Copy]) -> tuple[Finding, ...]:
        """Say what a receiver's format asks for and its copy does not have.

        Nor may a code go unsaid that the format's dictionaries have no text for.
        """
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
            for fault in self._faults(copy, one)
        )

    def _faults(self, copy: Copy, receiver: Receiver) -> Iterator[Fault]:
        writing = Writing(
            receiver=receiver, config=self._shared(copy), seal=lambda _: _SEALED
        )
        table, row = _row(copy, writing)
        yield from (_gap(gap) for gap in dict.fromkeys(writing.gaps))
        yield from shortfalls(table, row)

    def _shared(self, copy: Copy) -> Receivers:
        """Give what forms share on the day of the version, in Asia/Shanghai."""
        return self._config.as_of(copy.entry.at.astimezone(SHANGHAI).date())

    def _receiver(self, name: str, at: datetime) -> Receiver:
        day = at.astimezone(SHANGHAI).date()
        known = [one for one in self._config.receivers if one.name == name]
        if not known:
            raise ReceiverError(
                f"没有配置接收方 {name}", f"there is no receiver {name} configured"
            )
        # Between two blocks, and after the last, those hold that held before.
        return next((one for one in reversed(known) if one.since <= day), known[0])

    def _event(self, copy: Copy, follows: bool) -> Event:  # noqa: FBT001 - as the port
        entry = copy.entry
        receiver = self._receiver(copy.receiver, entry.at)

        def sealed(text: str) -> str:
            return seal(text, self._keys[receiver.name])

        writing = Writing(
            receiver=receiver,
            config=self._shared(copy),
            seal=sealed,
            follows_history=follows,
        )
        table, row = _row(copy, writing)
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
            topic=receiver.channel.place,
            schema=table.urn,
            payload=write(event),
        )


def _row(copy: Copy, writing: Writing) -> tuple[Table, dict[str, object]]:
    known = form(writing.receiver.format)
    return known.table(copy.entry.decision), known.row(copy, writing)


def _gap(gap: Gap) -> Fault:
    # Whatever a department sent as its code: a word of a code list, or nothing shown.
    code = gap.code if _CODE.fullmatch(gap.code) else "?"
    return Fault(
        Label(
            f"代码表 {gap.dictionary} 没有代码 {code} 的文字（GAP），该值不送",
            f"the dictionary {gap.dictionary} has no text for the code {code} (GAP): "
            "the value is left out",
        ),
        "格式文件（ZHITONG_FORMS）configured rule",
    )


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
