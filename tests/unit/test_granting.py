"""Grants in verdicts: what they fill, and what they leave as the rules have it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from zhitong.grants import Grant
from zhitong.resolvers.denials import SILENCE
from zhitong.resolvers.granting import BY_GRANT, held
from zhitong.resolvers.policy import Caller, Effect, Policy, Rule, Scope
from zhitong.resolvers.rulings import plain
from zhitong.resolvers.verdicts import decide
from zhitong.schema.declare import CONDITIONAL, WITHHELD, entity, item, pages
from zhitong.types import (
    All,
    Allow,
    AnyOf,
    Compare,
    Deny,
    Kind,
    Label,
    Mask,
    MaskKind,
    Occasion,
    Op,
    Principal,
    Ruling,
    Rulings,
    Sharing,
    Tightening,
)

CASE = entity(
    "Case",
    "cases",
    "案件",
    "A case",
    key="caseNo",
    orders=("caseNo",),
    fields=(
        item("caseNo", "编号", "Number"),
        item("division", "区划", "Division", Kind.DIVISION),
        item("party", "相对人", "Party", sharing=CONDITIONAL),
        item("phone", "电话", "Phone", sharing=CONDITIONAL, mask=MaskKind.PHONE),
        item("facts", "事实", "Facts", sharing=CONDITIONAL, free=True),
        item("number", "证件", "ID", sharing=WITHHELD, mask=MaskKind.ID_NUMBER),
    ),
    relations=(pages("alike", "Case", "party", "party", "同一相对人", "Alike"),),
)
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
PERSON = Principal(kind="department", unit="U", unit_name="税务局", person="王")
TAX = Occasion(purpose="tax", cause="案1")
FIELDS = frozenset({"party", "phone", "facts", "number"})
GRANT = Grant(
    id="G1",
    unit="U",
    owner="O",
    fields={"Case": FIELDS},
    lookups={},
    purpose="tax",
    basis="税收征收管理法",
    valid_from=NOW - timedelta(days=1),
    valid_to=NOW + timedelta(days=1),
)
WHOLE = Ruling(Allow("grant:G1"))
WHY = Label("因", "why")


def rule(name: str, effect: Effect, **more: object) -> Rule:
    made = Rule(
        name=name,
        effect=effect,
        kinds=frozenset({"department"}),
        reason=WHY,
        source="test",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def ruled(
    field: str, *rules: Rule, grants: tuple[Grant, ...] = (GRANT,), **more: object
) -> Rulings:
    occasion = more.get("occasion", TAX)
    assert isinstance(occasion, Occasion)
    whole = frozenset({"department"} if more.get("whole", True) else ())
    tightened = {"phone": more["tightened"]} if "tightened" in more else None
    return decide(
        Policy(rules=rules, rows=(), whole_texts=whole),
        Caller(principal=PERSON, occasion=occasion),
        CASE,
        tightened,  # type: ignore[arg-type]
        grants,
    ).fields[field]


def test_a_grant_fills_silence() -> None:
    assert ruled("phone", grants=()) == (Ruling(SILENCE),)
    assert ruled("phone") == (WHOLE,)


def test_a_grant_fills_what_is_allowed_for_other_purposes_alone() -> None:
    other = rule("other", Effect.ALLOW, purposes=frozenset({"audit"}))
    assert ruled("phone", other) == (WHOLE,)


def test_a_grant_gives_whole_what_a_rule_masks_unless_it_gives_masked() -> None:
    mask = rule("mask", Effect.MASK)
    assert ruled("phone", mask) == (WHOLE,)
    masked = replace(GRANT, masked=True)
    assert ruled("phone", mask, grants=(masked,)) == ruled("phone", mask, grants=())


def test_a_grant_that_gives_masked_fills_silence_with_the_fields_mask() -> None:
    masked = replace(GRANT, masked=True)
    given = Mask("grant:G1", MaskKind.PHONE, BY_GRANT, GRANT.basis)
    assert ruled("phone", grants=(masked,)) == (Ruling(given),)
    (nothing,) = ruled("party", grants=(masked,))
    assert isinstance(nothing.verdict, Deny)


def test_what_a_rule_denies_stays_denied() -> None:
    deny = rule("no", Effect.DENY)
    for field in ("phone", "party", "alike"):
        assert ruled(field, deny) == ruled(field, deny, grants=())


def test_what_a_rule_lacks_the_papers_for_stays_denied_with_its_reason() -> None:
    strict = rule("strict", Effect.ALLOW, requires=("letter",))
    assert ruled("phone", strict) == ruled("phone", strict, grants=())


def test_what_is_withheld_by_the_type_or_the_source_stays_closed() -> None:
    assert ruled("number") == (Ruling(SILENCE),)
    law = Tightening(Sharing.WITHHELD, "某法")
    assert ruled("phone", tightened=law) == ruled("phone", tightened=law, grants=())


def test_a_source_that_made_a_field_conditional_may_grant_it() -> None:
    law = Tightening(Sharing.CONDITIONAL, "某法")
    opened = rule("open", Effect.ALLOW, sharing=frozenset({Sharing.UNCONDITIONAL}))
    assert ruled("phone", opened, tightened=law) == (WHOLE,)


def test_a_relation_is_given_as_its_key_is() -> None:
    assert ruled("alike") == (WHOLE,)
    assert ruled("alike", grants=(replace(GRANT, fields={"Case": {"phone"}}),)) == (  # type: ignore[dict-item]
        Ruling(SILENCE),
    )


def test_peoples_own_words_are_given_without_id_numbers_in_them() -> None:
    (given,) = ruled("facts", whole=False)
    assert isinstance(given.verdict, Mask)
    assert (given.verdict.rule, given.verdict.kind) == ("grant:G1", MaskKind.TEXT)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(GRANT, unit="another"), id="unit"),
        pytest.param(replace(GRANT, person="李"), id="person"),
        pytest.param(replace(GRANT, fields={"Case": frozenset({"party"})}), id="field"),
        pytest.param(replace(GRANT, fields={"Firm": FIELDS}), id="type"),
    ],
)
def test_a_grant_of_something_else_gives_nothing(other: Grant) -> None:
    assert ruled("phone", grants=(other,)) == (Ruling(SILENCE),)


def test_without_its_purpose_a_grant_gives_nothing_and_is_named_in_the_remedy() -> None:
    (ruling,) = ruled("phone", occasion=Occasion(purpose="audit"))
    assert isinstance(ruling.verdict, Deny)
    assert ruling.verdict.rule == "silence"
    assert "grant G1: state its purpose tax" in ruling.verdict.remedy.en
    assert "G1" in ruling.verdict.remedy.zh


def test_the_reason_of_a_rule_is_not_replaced_by_the_hint() -> None:
    deny = rule("no", Effect.DENY)
    (ruling,) = ruled("phone", deny, occasion=Occasion())
    assert isinstance(ruling.verdict, Deny)
    assert "G1" not in ruling.verdict.remedy.en


def test_a_grant_for_a_place_and_the_own_case_gives_rows_where_both_hold() -> None:
    scoped = replace(GRANT, division="619900", own_cause=True)
    rows = All(
        (Compare("division", Op.PREFIX, "6199"), Compare("caseNo", Op.EQ, "案1"))
    )
    assert ruled("phone", grants=(scoped,)) == (
        Ruling(Allow("grant:G1"), rows),
        Ruling(SILENCE),
    )
    (ruling,) = ruled("phone", grants=(scoped,), occasion=Occasion(purpose="tax"))
    assert isinstance(ruling.verdict, Deny)
    assert "state the case" in ruling.verdict.remedy.en


def test_a_mask_goes_on_for_the_rows_a_grant_is_not_for() -> None:
    mask = rule("mask", Effect.MASK)
    scoped = replace(GRANT, division="619921")
    here = Compare("division", Op.PREFIX, "619921")
    (masked,) = ruled("phone", mask, grants=())
    assert ruled("phone", mask, grants=(scoped,)) == (
        Ruling(Allow("grant:G1"), here),
        masked,
    )


def test_a_rule_for_some_rows_is_not_shortened_by_a_grant() -> None:
    some = Compare("division", Op.IN, ("619921",))
    allow = rule("some", Effect.ALLOW, under=Scope(where=some))
    place = Compare("division", Op.PREFIX, "619922")
    rulings = ruled("phone", allow, grants=(replace(GRANT, division="619922"),))
    assert plain(rulings) == AnyOf((some, place))
    assert plain(ruled("phone", allow)) is True


def test_of_several_grants_the_widest_counts() -> None:
    narrow = replace(GRANT, id="G0", division="619921")
    masked = replace(GRANT, id="A", masked=True)
    assert ruled("phone", grants=(masked, narrow, GRANT)) == (WHOLE,)


@pytest.mark.parametrize(
    ("at", "is_held"),
    [
        pytest.param(GRANT.valid_from - timedelta(microseconds=1), False, id="before"),
        pytest.param(GRANT.valid_from, True, id="first moment"),
        pytest.param(GRANT.valid_to - timedelta(microseconds=1), True, id="last"),
        pytest.param(GRANT.valid_to, False, id="run out"),
    ],
)
def test_a_grant_counts_from_its_first_moment_until_its_end(
    at: datetime, *, is_held: bool
) -> None:
    assert held([GRANT], PERSON, at) == ((GRANT,) if is_held else ())


def test_anothers_grant_is_not_held() -> None:
    emergency = replace(GRANT, person="李", incident="火灾1号")
    assert held([emergency, replace(GRANT, unit="V")], PERSON, NOW) == ()
    assert held([emergency], replace(PERSON, person="李"), NOW) == (emergency,)
