"""Whose rows are whose: a party's, a unit's, a place's, a dispute's; and look-ups."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zhitong.resolvers.denials import SILENCE, UNBLURRED
from zhitong.resolvers.policy import (
    EVERY,
    NOBODY,
    Caller,
    Effect,
    LookupRule,
    Policy,
    RowRule,
    Rule,
    Scope,
)
from zhitong.resolvers.verdicts import decide, may_look_up, scoped
from zhitong.schema.declare import CONDITIONAL, WITHHELD, entity, item, one
from zhitong.types import (
    All,
    Allow,
    AnyOf,
    Compare,
    Deny,
    Label,
    MaskKind,
    Occasion,
    Op,
    Predicate,
    Principal,
    Ruling,
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
        item("code", "代码", "Code"),
        item("number", "证件", "ID", sharing=WITHHELD, mask=MaskKind.ID_NUMBER),
        item("facts", "事实", "Facts", sharing=CONDITIONAL),
    ),
    relations=(one("firm", "Case", "code", "code", "企业", "Firm"),),
)
PARTY = Principal(
    kind="party", unit="U", unit_name="甲公司", person="王", party_code="9161"
)
ASKING = Caller(principal=PARTY, occasion=Occasion(cause="案1"))
WHY = Label("因", "why")
LAW = Tightening(Sharing.CONDITIONAL, "某法第1条")
GIVE = Rule(
    name="give",
    effect=Effect.ALLOW,
    kinds=frozenset({"party"}),
    sharing=frozenset({Sharing.UNCONDITIONAL}),
    reason=WHY,
    source="test",
)
WIDEN = replace(
    GIVE,
    name="widen",
    fields=frozenset({"facts"}),
    sharing=frozenset(Sharing),
    under=Scope(disputed="caseNo"),
)
FINDING = LookupRule(
    name="by number",
    kinds=frozenset({"police"}),
    units=frozenset({"P"}),
    type="Case",
    field="number",
    purposes=frozenset({"search"}),
    requires=("basis",),
    source="test",
)


def rows(caller: Caller, scope: Scope) -> Predicate | None:
    own = RowRule(name="own", kinds=EVERY, types=EVERY, scope=scope, source="test")
    return decide(Policy(rules=(GIVE,), rows=(own,)), caller, CASE).rows


OWN = Scope(own_party=("code", "number"))


@pytest.mark.parametrize(
    ("code", "number", "expected"),
    [
        pytest.param("9161", "", (Compare("code", Op.EQ, "9161"),), id="an enterprise"),
        pytest.param("", "6101", (Compare("number", Op.EQ, "6101"),), id="a person"),
        pytest.param(
            "9161",
            "6101",
            (Compare("code", Op.EQ, "9161"), Compare("number", Op.EQ, "6101")),
            id="an individual business, by either",
        ),
        pytest.param("", "", (), id="nobody's, where the token names no party"),
    ],
)
def test_a_partys_own_rows_bear_its_code_or_its_number(
    code: str, number: str, expected: tuple[Predicate, ...]
) -> None:
    asking = replace(PARTY, party_code=code, party_number=number)
    assert rows(replace(ASKING, principal=asking), OWN) == AnyOf(expected)


def test_an_attorneys_rows_are_the_partys_in_the_case_it_names() -> None:
    assert rows(ASKING, replace(OWN, own_cause="caseNo")) == All(
        (
            AnyOf((Compare("code", Op.EQ, "9161"),)),
            Compare("caseNo", Op.EQ, "案1"),
        )
    )
    unsaid = replace(ASKING, occasion=Occasion())
    assert rows(unsaid, Scope(own_cause="caseNo")) == NOBODY


def test_an_open_dispute_widens_what_is_seen_of_that_case_alone() -> None:
    policy = Policy(rules=(GIVE, WIDEN), rows=())
    assert decide(policy, ASKING, CASE).fields["facts"] == (Ruling(SILENCE),)
    disputing = replace(ASKING, disputed=frozenset({"案1"}))
    assert decide(policy, disputing, CASE).fields["facts"] == (
        Ruling(Allow("widen"), Compare("caseNo", Op.IN, ("案1",))),
        Ruling(SILENCE),
    )
    assert scoped(policy, "party")
    assert not scoped(policy, "police")
    assert not scoped(Policy(rules=(GIVE,), rows=()), "party")


def test_a_source_may_share_less_and_is_weighed_as_if_the_type_did() -> None:
    policy = Policy(rules=(GIVE,), rows=())
    fields = decide(policy, ASKING, CASE, {"code": LAW}).fields
    refused = (Ruling(replace(SILENCE, source="某法第1条")),)
    assert fields["code"] == refused
    assert fields["firm"] == refused, "a relation gives its key away"
    assert fields["caseNo"] == (Ruling(Allow("give")),)


def test_what_cannot_be_masked_is_denied_by_the_law_that_withholds_it() -> None:
    blur = replace(
        GIVE,
        name="blur",
        effect=Effect.MASK,
        sharing=frozenset({Sharing.WITHHELD}),
        reason=Label("号码只给首尾", "numbers show their ends"),
    )
    law = Tightening(Sharing.WITHHELD, "某法第1条")
    (ruling,) = decide(
        Policy(rules=(blur,), rows=()), ASKING, CASE, {"code": law}
    ).fields["code"]
    assert ruling.verdict == Deny("blur", UNBLURRED, SILENCE.remedy, "某法第1条")


def test_a_source_cannot_share_more_than_the_type() -> None:
    looser = Tightening(Sharing.UNCONDITIONAL, "")
    policy = Policy(rules=(GIVE,), rows=())
    assert decide(policy, ASKING, CASE, {"facts": looser}).fields["facts"] == (
        Ruling(SILENCE),
    )


@pytest.mark.parametrize(
    "papers",
    [
        "letter",
        "mandate",
        "authorisation",
        "licence",
        "approval",
        "purpose",
        "basis",
        "cause",
    ],
)
def test_a_paper_that_is_required_and_not_stated_denies_and_is_named(
    papers: str,
) -> None:
    policy = Policy(rules=(replace(GIVE, requires=(papers,)),), rows=())
    silent = replace(ASKING, occasion=Occasion())
    ((refused,),) = [decide(policy, silent, CASE).fields["caseNo"]]
    assert isinstance(refused.verdict, Deny)
    assert f"zhitong-{papers}" in refused.verdict.reason.zh
    assert f"zhitong-{papers}" in refused.verdict.reason.en
    stated = replace(ASKING, occasion=Occasion(**{papers: "某〔2026〕1号"}))
    assert decide(policy, stated, CASE).fields["caseNo"] == (Ruling(Allow("give")),)


def test_a_checked_identity_is_the_tokens_to_state() -> None:
    policy = Policy(rules=(replace(GIVE, requires=("identity",)),), rows=())
    ((refused,),) = [decide(policy, ASKING, CASE).fields["caseNo"]]
    assert isinstance(refused.verdict, Deny)
    known = replace(ASKING, principal=replace(PARTY, identity=True))
    assert decide(policy, known, CASE).fields["caseNo"] == (Ruling(Allow("give")),)


@pytest.mark.parametrize(
    ("kind", "unit", "occasion", "allowed"),
    [
        ("police", "P", Occasion(purpose="search", basis="法"), True),
        ("police", "Q", Occasion(purpose="search", basis="法"), False),
        ("court", "P", Occasion(purpose="search", basis="法"), False),
        ("police", "P", Occasion(purpose="search"), False),
        ("police", "P", Occasion(purpose="other", basis="法"), False),
        ("police", "P", Occasion(), False),
    ],
)
def test_a_look_up_is_for_the_units_and_purposes_that_are_named(
    kind: str, unit: str, occasion: Occasion, *, allowed: bool
) -> None:
    policy = Policy(rules=(), rows=(), lookups=(FINDING,))
    asking = replace(PARTY, kind=kind, unit=unit)
    caller = Caller(principal=asking, occasion=occasion)
    verdict = may_look_up(policy, caller, CASE, "number")
    assert isinstance(verdict, Allow) is allowed
    assert isinstance(may_look_up(policy, caller, CASE, "code"), Deny)


# --- roles, and looks that a party is told of -------------------------------------


def by_role(role: str, *rules: Rule) -> bool:
    asking = replace(ASKING, principal=replace(PARTY, role=role))
    policy = Policy(rules=rules, rows=())
    (ruling,) = decide(policy, asking, CASE).fields["facts"]
    return isinstance(ruling.verdict, Allow)


def test_a_rule_for_a_role_speaks_to_that_role_alone() -> None:
    stewards = replace(
        GIVE, roles=frozenset({"steward"}), sharing=frozenset({Sharing.CONDITIONAL})
    )
    assert by_role("steward", stewards)
    assert not by_role("user", stewards)


def test_a_rule_that_names_a_role_beats_a_denial_that_names_none() -> None:
    types = frozenset({"Case"})
    deny = replace(GIVE, name="deny", effect=Effect.DENY, types=types)
    deny = replace(deny, sharing=frozenset(Sharing))
    stewards = replace(
        GIVE,
        roles=frozenset({"steward"}),
        types=types,
        sharing=frozenset({Sharing.CONDITIONAL}),
    )
    assert by_role("steward", deny, stewards)
    assert not by_role("user", deny, stewards)
    again = replace(stewards, name="again", effect=Effect.DENY)
    assert not by_role("steward", again, stewards)


def test_looks_are_told_of_by_record_and_look_and_none_without_them() -> None:
    scope = Scope(told=("code", "caseNo"))
    assert scope.predicate(ASKING) == NOBODY
    told = replace(ASKING, told=frozenset({"r2:1", "r1:3", "r1:1"}))
    assert scope.predicate(told) == All(
        (
            Compare("code", Op.IN, ("r1", "r2")),
            Compare("caseNo", Op.IN, ("r1:1", "r1:3", "r2:1")),
        )
    )
    assert scope.fields == {"code", "caseNo"}
