"""What receivers are told of what happened: as the policy says, and it is on record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace as changed
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace
from receiver_files import with_examples

from zhitong.decisions import Event, Happened
from zhitong.infra.deciding import receivers_annotations
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receivers_file import read_receivers
from zhitong.resolvers.annotating import GIVEN
from zhitong.resolvers.policy import Effect, Policy, RowRule, Rule, Scope
from zhitong.resolvers.read import Reader
from zhitong.schema.entities import ENTITIES
from zhitong.streams.annotations import COLUMNS, Told, read_annotation
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.receivers import Receivers
from zhitong.types import Compare, Inquiry, Label, Op

POLICY = read_policy(Path("infra/rules/policy.toml"), ENTITIES)
CONFIG = read_receivers()
KEYS = ReceiverKeys.generate("credit")
AT = datetime(2026, 11, 23, 1, 30, 5, tzinfo=UTC)
BOTH = ("credit", "provincial")
WITHHELD = frozenset({"金丝雀公司", "91110000600037341L", "金丝雀事由", "金丝雀依据"})
"""What we were told and no annotation has a place for."""
NOTICE: Mapping[str, str | int | tuple[str, ...] | None] = {
    "noticeId": "third/REPAIR/XF-7",
    "kind": "REPAIR",
    "status": "GRANTED",
    "number": "XF-7",
    "version": 1,
    "sender": "third",
    "listingNo": "SX-31",
    "decisionId": "29bc8e3e-7773-55d3-b3a6-4c4d32f8ebda",
    "counterpartyCode": "91110000600037341L",
    "counterpartyName": "金丝雀公司",
    "decidedBy": "金丝雀信用办",
    "documentNo": "金丝雀修〔2026〕7号",
    "reason": "金丝雀事由",
    "basis": "金丝雀依据",
    "occurredOn": "2026-11-22",
    "endsOn": "2027-11-22",
    "changedAt": AT.isoformat(),
}
REPAIRED = Happened(
    cause=UUID(int=7),
    what="REPAIRED",
    decision_id=UUID("29bc8e3e-7773-55d3-b3a6-4c4d32f8ebda"),
    version=2,
    order=-7,
    at=AT,
    notice=NOTICE,
    receivers=BOTH,
    history=frozenset({"credit"}),
)
ERASED = replace(REPAIRED, what="ERASED", notice={})


async def told(
    happened: Happened, policy: Policy = POLICY, config: Receivers = CONFIG
) -> list[tuple[Event, Inquiry]]:
    keys = {one.name: KEYS.public for one in config.receivers}
    envelopes = ReceiverEnvelopes(config, keys, lambda: AT)
    made = receivers_annotations(Reader(dict, policy), envelopes, dict)
    return list(await made.of(happened))


def read(event: Event) -> Told:
    found = read_annotation(event.payload)
    assert found is not None
    return found


def ruled(effect: Effect, of: str, *fields: str) -> Policy:
    """Give the shipped policy with a rule for the credit system, in front."""
    rule = Rule(
        name="other",
        effect=effect,
        kinds=frozenset({"credit-system"}),
        types=frozenset({of}),
        fields=frozenset(fields),
        purposes=frozenset({"double-publicity"}),
        reason=Label("", ""),
        source="",
    )
    return changed(POLICY, rules=(rule, *POLICY.rules))


async def test_each_receiver_is_told_all_that_has_a_place_and_nothing_beside() -> None:
    found = await told(REPAIRED)
    assert [event.receiver for event, _ in found] == list(BOTH)
    for event, _ in found:
        said = read(event)
        assert said.data == {
            "happened": "REPAIRED",
            "cause": str(UUID(int=7)),
            "expected": "NOTE",
            **{COLUMNS[name]: NOTICE[name] for name in GIVEN},
        }
        assert (said.decision_id, said.version) == (REPAIRED.decision_id, 2)
        assert said.follows_history == (event.receiver == "credit")
        assert event.event_id == said.event_id == REPAIRED.event_id
        assert not any(text in event.payload.decode() for text in WITHHELD)
    (credit, _), (provincial, _) = found
    assert (credit.topic, provincial.topic) == (
        "zhitong.anze.credit.v1",
        "zhitong.anze.provincial.v1",
    )


async def test_what_each_is_given_is_on_record_with_the_digest_of_what_leaves() -> None:
    for event, look in await told(REPAIRED):
        assert look.id == f"{REPAIRED.event_id}/{event.receiver}"
        assert look.operation == f"push:{event.receiver}"
        assert look.answer_digest == hashlib.sha256(event.payload).digest()
        (seen,) = look.looks
        assert (seen.type, seen.source, seen.rows) == ("CreditNotice", "platform", 1)
        assert seen.keys == ("third/REPAIR/XF-7",)
        assert seen.fields.keys() >= GIVEN | {"kind", "status"}
        assert seen.fields.keys().isdisjoint({"counterpartyName", "reason", "basis"})


@pytest.mark.parametrize("field", sorted(GIVEN))
async def test_a_field_that_is_denied_is_not_told_and_said_to_be_withheld(
    field: str,
) -> None:
    found = await told(REPAIRED, ruled(Effect.DENY, "CreditNotice", field))
    credit, provincial = (read(event).data for event, _ in found)
    assert COLUMNS[field] not in credit
    assert credit["withheld"] == [COLUMNS[field]]
    assert provincial[COLUMNS[field]] == NOTICE[field]


@pytest.mark.parametrize("field", ["kind", "status"])
async def test_who_may_not_know_what_happened_is_told_by_no_event(field: str) -> None:
    found = await told(REPAIRED, ruled(Effect.DENY, "CreditNotice", field))
    assert [event.receiver for event, _ in found] == ["provincial"]


async def test_a_notice_that_is_not_for_a_receiver_makes_no_event() -> None:
    rule = RowRule(
        name="narrowed",
        kinds=frozenset({"credit-system"}),
        types=frozenset({"CreditNotice"}),
        scope=Scope(where=Compare("kind", Op.IN, ("LISTING",))),
        source="",
    )
    found = await told(REPAIRED, changed(POLICY, rows=(*POLICY.rows, rule)))
    assert [event.receiver for event, _ in found] == ["provincial"]


async def test_an_erasure_names_decision_and_version_and_what_is_expected() -> None:
    found = await told(ERASED)
    assert [event.receiver for event, _ in found] == list(BOTH)
    for event, look in found:
        assert read(event).data == {
            "happened": "ERASED",
            "cause": str(UUID(int=7)),
            "expected": "ERASE_OR_RESTRICT",
        }
        (seen,) = look.looks
        assert (seen.type, seen.keys) == ("Decision", (str(ERASED.decision_id),))
        assert seen.fields.keys() == {"decisionId", "version"}


async def test_an_erasure_is_told_to_who_had_it_whatever_rows_its_rules_give() -> None:
    rule = RowRule(
        name="narrowed",
        kinds=frozenset({"credit-system"}),
        types=frozenset({"Decision"}),
        scope=Scope(where=Compare("division", Op.IN, ("610000",))),
        source="",
    )
    found = await told(ERASED, changed(POLICY, rows=(*POLICY.rows, rule)))
    assert [event.receiver for event, _ in found] == list(BOTH)
    assert len(await told(ERASED, ruled(Effect.DENY, "Decision", "decisionId"))) == 1


async def test_whose_tables_have_no_place_for_it_is_told_by_no_event(
    tmp_path: Path,
) -> None:
    config = read_receivers(
        with_examples(tmp_path, "province-by-tables", "supervision-by-files")
    )
    receivers = (*BOTH, "province-by-tables", "supervision-by-files")
    found = await told(replace(REPAIRED, receivers=receivers), config=config)
    assert [event.receiver for event, _ in found] == [*BOTH, "supervision-by-files"]
