"""Many events like real ones: the bytes of a first, under the ids of others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec

from zhitong.decisions import (
    Act,
    Change,
    Decision,
    Entry,
    Event,
    Party,
    Penalty,
    bucket,
    case_hash,
    event_id,
    partition_key,
)
from zhitong.infra.receiver_keys import make_demo_keys, public_keys
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.receivers import Receivers

PERSON = "11010519491231002X"
"""The one natural person whom some of them are about."""
SEALED = 10
"""One event in so many is about that person."""


@dataclass(frozen=True, slots=True)
class Made:
    """An event, and where it belongs."""

    event: Event
    decision_id: str
    change: Change
    bucket: int
    key: str


class Alike:
    """Events of cases that differ in their ids alone, written *at* one moment."""

    def __init__(self, state: Path, config: Receivers, at: datetime) -> None:
        """Write them for the receivers of *config*, whose keys are made in *state*."""
        self._at = at
        names = {one.name for one in config.receivers}
        make_demo_keys(state, sorted(names))
        self._envelopes = ReceiverEnvelopes(config, public_keys(state, names))
        self._first: dict[tuple[str, int], tuple[Event, tuple[bytes, ...]]] = {}

    def made(self, number: int, version: int, receiver: str) -> Made:
        """Give the event of a *version* of case *number* for *receiver*."""
        said, change = _decision(number), _change(version)
        named, hashed = event_id(said.id, version, change), case_hash(said.case_key)
        first, was = self._written(version, receiver)
        payload = first.payload
        for old, new in zip(was, _ids(said, version), strict=True):
            payload = payload.replace(old, new)
        event = msgspec.structs.replace(first, event_id=named, payload=payload)
        place = bucket(hashed), partition_key(hashed)
        return Made(event, str(said.id), change, *place)

    def _written(self, version: int, receiver: str) -> tuple[Event, tuple[bytes, ...]]:
        """Give the first case's event, as envelopes write it, and the ids in it."""
        if (receiver, version) not in self._first:
            said = _decision(0)
            entry = Entry(
                decision=said,
                version=version,
                change=_change(version),
                at=self._at,
                unit=said.subject_code,
                unit_name=said.subject_name or "",
                person="bench",
            )
            (event,) = self._envelopes.events(
                [whole(entry, receiver)], follows_history=False
            )
            self._first[receiver, version] = event, _ids(said, version)
        return self._first[receiver, version]


def _ids(said: Decision, version: int) -> tuple[bytes, ...]:
    named = event_id(said.id, version, _change(version))
    key = partition_key(case_hash(said.case_key))
    return str(said.id).encode(), str(named).encode(), key.encode()


def _change(version: int) -> Change:
    return Change.RECORDED if version == 1 else Change.CORRECTED


def _decision(number: int) -> Decision:
    return Decision(
        local_id=f"bench-{number}",
        act=Act.PENALTY,
        subject_code="11619900MB0004001B",
        subject_name="安泽市应急管理局",
        case_source="emergency",
        case_no=f"AZYJ-{number}",
        document_no="（安）应急罚〔2026〕1号",
        decided_on=date(2026, 11, 20),
        title="占用安全出口案",
        facts="安全出口上锁，疏散通道堆放杂物。" * 6,
        basis="《中华人民共和国安全生产法》第一百零五条",
        content="罚款人民币20000元",
        party=Party(
            kind="LEGAL_PERSON",
            name="安泽市某某化工有限公司",
            code="91110000600037341L",
            representative="张三",
        ),
        penalty=Penalty(
            kinds=("FINE",),
            violation_type="安全生产",
            fine=2_000_000,
            procedure="ORDINARY",
        ),
    )
