"""Verdicts are remembered between questions, and never beyond what they came of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.grants import Grant
from zhitong.resolvers import sight
from zhitong.resolvers.policy import Effect, Policy, Rule
from zhitong.resolvers.read import Reader
from zhitong.resolvers.rulings import visible
from zhitong.schema.declare import CONDITIONAL, entity, item
from zhitong.types import (
    Inquiry,
    Label,
    Occasion,
    Principal,
    Sharing,
    Tightening,
    TypeVerdicts,
)

FIRM = entity(
    "Firm",
    "firms",
    "企业",
    "A firm",
    key="code",
    orders=("code",),
    fields=(
        item("code", "代码", "Code"),
        item("phone", "电话", "Phone", sharing=CONDITIONAL),
    ),
)
OPEN = Rule(
    name="open",
    effect=Effect.ALLOW,
    kinds=frozenset({"department"}),
    fields=frozenset({"code"}),
    sharing=frozenset({Sharing.UNCONDITIONAL}),
    purposes=frozenset({"tax"}),
    reason=Label("因", "why"),
    source="test",
)
GRANT = Grant(
    id="G1",
    unit="U",
    owner="market-owner",
    fields={"Firm": frozenset({"phone"})},
    lookups={},
    purpose="tax",
    basis="法",
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    valid_to=datetime(2027, 1, 1, tzinfo=UTC),
)


def market(tightened: dict[str, Tightening]) -> MemorySource:
    table = Table(entity=FIRM, key="code", rows=(), tightened=tightened)
    made = MemorySource("market", Label("市监", "market"), [table])
    made.owner = "market-owner"
    return made


def inquiry(*grants: Grant, purpose: str = "tax", unit: str = "U") -> Inquiry:
    return Inquiry(
        principal=Principal(kind="department", unit=unit, unit_name="局", person="王"),
        occasion=Occasion(purpose=purpose),
        id="1",
        grants=grants,
    )


@pytest.fixture
def source() -> MemorySource:
    return market({})


@pytest.fixture
def reader(source: MemorySource) -> Reader:
    return Reader(lambda: {"market": source}, Policy(rules=(OPEN,), rows=()))


def sees(reader: Reader, asking: Inquiry, source: MemorySource, name: str) -> bool:
    return visible(reader.verdicts(asking, FIRM, source).fields[name])


def test_the_same_question_is_weighed_once(
    reader: Reader, source: MemorySource
) -> None:
    found = [reader.verdicts(inquiry(GRANT), FIRM, source) for _ in range(3)]
    assert found[0] is found[1] is found[2]
    assert visible(found[0].fields["phone"])


def test_another_purpose_and_another_unit_are_weighed_anew(
    reader: Reader, source: MemorySource
) -> None:
    assert sees(reader, inquiry(GRANT), source, "code")
    assert not sees(reader, inquiry(GRANT, purpose="else"), source, "code")
    assert not sees(reader, inquiry(GRANT, unit="V"), source, "phone")


def test_a_grant_that_has_ended_gives_nothing_any_more(
    reader: Reader, source: MemorySource
) -> None:
    assert sees(reader, inquiry(GRANT), source, "phone")
    assert not sees(reader, inquiry(), source, "phone")


def test_a_grant_that_was_changed_under_its_number_is_weighed_anew(
    reader: Reader, source: MemorySource
) -> None:
    narrower = replace(GRANT, fields={"Firm": frozenset({"code"})})
    assert sees(reader, inquiry(GRANT), source, "phone")
    assert not sees(reader, inquiry(narrower), source, "phone")


def test_a_source_that_shares_more_strictly_after_a_reload_is_weighed_anew(
    reader: Reader, source: MemorySource
) -> None:
    assert sees(reader, inquiry(), source, "code")
    stricter = market({"code": Tightening(Sharing.WITHHELD, "法")})
    assert not sees(reader, inquiry(), stricter, "code")


def test_no_more_are_kept_than_is_said(
    reader: Reader, source: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weighed(unit: str) -> TypeVerdicts:
        return reader.verdicts(inquiry(unit=unit), FIRM, source)

    monkeypatch.setattr(sight, "REMEMBERED", 2)
    first, second = weighed("A"), weighed("B")
    assert weighed("A") is first
    weighed("C")
    assert weighed("A") is first, "what is asked for again stays"
    assert weighed("B") is not second, "what was not made room"
