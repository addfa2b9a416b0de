"""An entry as ``enter_decision`` takes it: one row, its proofs, what leaves with it."""

from __future__ import annotations

from uuid import UUID

import msgspec

from zhitong.connectors import decision_row
from zhitong.connectors.access_entry import grants_used
from zhitong.connectors.sealing import Keys, Sealing, seal, seal_bytes
from zhitong.decisions import Entry, Event, bucket, case_hash, partition_key
from zhitong.rules.merkle import digest, leaf
from zhitong.rules.statements import PLACES

PARTY = "party"
"""The place whose person a payload is about."""


class Prepared:
    """What of *entry* can be made before its transaction begins."""

    def __init__(
        self,
        entry: Entry,
        hashed: str,
        sealing: Sealing,
        tenant: str,
        log: str = "sha256",
    ) -> None:
        self._entry = entry
        self._tenant = tenant
        self._hashed = hashed
        self._digest = sealing.person
        self._log = log
        records = sealing.records(tenant, log)
        self._looks = [records.entry(look) for look in entry.looks]
        self._numbers = decision_row.numbers_of(entry.decision)
        self.persons = {
            place: sealing.person(number) for place, number in self._numbers.items()
        }
        """Digests of the persons whose ID numbers it states, by place."""

    def parameters(
        self, keys: Keys, order: int | None, previous: bytes | None
    ) -> tuple[object, ...]:
        """Give the parameters of the call.

        *keys* are those of the persons; *order* and *previous* are case hash and leaf
        of the version before, None where there is none.
        """
        entry = self._entry
        if order is None:
            order = case_hash(entry.decision.case_key)
        body = decision_row.leaf_body(entry, self._hashed, previous, self._tenant)
        return (
            self._document(keys, order).decode(),
            decision_row.content(entry.decision),
            body,
            leaf(digest(self._log), body),
            previous,
            [event.payload for event in entry.events],
            [
                seal(
                    keys[self.persons[place]][1],
                    number,
                    number_place(entry.decision.id, entry.version, place),
                )
                for place, number in self._numbers.items()
            ],
            self._tenant,
            self._looks,
            grants_used(entry.looks),
            *self._payloads(keys),
            *self._openings(keys),
        )

    def _payloads(self, keys: Keys) -> tuple[list[object], ...]:
        """Seal what leaves about a natural person, for when it has left."""
        events = self._entry.events if PARTY in self.persons else ()
        if not events:
            return [], [], [], []
        key_id, key = keys[self.persons[PARTY]]
        return (
            [str(event.event_id) for event in events],
            [event.receiver for event in events],
            [key_id] * len(events),
            [seal_bytes(key, event.payload, payload_place(event)) for event in events],
        )

    def _openings(self, keys: Keys) -> tuple[list[object], ...]:
        """Seal what opens the digests that the bureau has signed for ID numbers."""
        entry, signed = self._entry, self._entry.signature
        found = []
        for name, opening in (signed.openings if signed else {}).items():
            field = PLACES[name]
            key_id, key = keys[self.persons[field]]
            place = opening_place(entry.decision.id, entry.version, field)
            found.append((field, key_id, seal(key, opening, place)))
        fields, key_ids, sealed = zip(*found, strict=True) if found else ((), (), ())
        return list(fields), list(key_ids), list(sealed)

    def _document(self, keys: Keys, order: int) -> bytes:
        entry = self._entry
        row = decision_row.columns(entry, self._hashed, self._digest) | {
            "case_key": entry.decision.case_key,
            "case_hash": order,
            "origin": decision_row.PLATFORM,
        }
        return msgspec.json.encode(
            {
                "decision": row,
                "basis": entry.basis,
                "unit": entry.unit,
                "who": entry.person,
                "bucket": bucket(order),
                "key": partition_key(order),
                "traceparent": entry.traceparent,
                "findings": decision_row.findings(entry),
                "events": _events(entry),
                "signature": decision_row.signature_rows(entry),
                "numbers": [
                    {"field": place, "key_id": keys[person][0]}
                    for place, person in self.persons.items()
                ],
            }
        )


def payload_place(event: Event) -> str:
    """Name the one place a sealed payload opens in."""
    return sent_place(str(event.event_id), event.receiver)


def sent_place(event: str, receiver: str) -> str:
    """Name it by what the sent log has of the event."""
    return f"payload/{event}/{receiver}"


def opening_place(decision: UUID, version: int, field: str) -> str:
    """Name the one place opens in what opens a digest that a bureau has signed."""
    return f"opening/{decision}/{version}/{field}"


def number_place(decision: UUID, version: int, field: str) -> str:
    """Name the one place a sealed ID number opens in."""
    return f"{decision}/{version}/{field}"


def _events(entry: Entry) -> list[dict[str, str]]:
    return [
        {
            "event_id": str(event.event_id),
            "receiver": event.receiver,
            "topic": event.topic,
            "schema": event.schema,
        }
        for event in entry.events
    ]
