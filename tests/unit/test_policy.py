"""How rules are weighed: each line of the policy's precedence as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zhitong.resolvers.denials import SILENCE, UNBLURRED
from zhitong.resolvers.policy import (
    EVERY,
    NOBODY,
    Caller,
    CountRule,
    Effect,
    Policy,
    RowRule,
    Rule,
    Scope,
)
from zhitong.resolvers.rulings import plain, visible
from zhitong.resolvers.verdicts import decide
from zhitong.rules.identifiers import significant
from zhitong.schema.declare import CONDITIONAL, WITHHELD, entity, item, pages
from zhitong.types import (
    All,
    Allow,
    Compare,
    Deny,
    Label,
    Mask,
    MaskKind,
    Not,
    Occasion,
    Op,
    Predicate,
    Principal,
    Ruling,
    Rulings,
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
        item("name", "名称", "Name", mask=MaskKind.NAME),
        item("kind", "类别", "Kind"),
        item("phone", "电话", "Phone", sharing=CONDITIONAL, mask=MaskKind.PHONE),
        item("facts", "事实", "Facts", sharing=CONDITIONAL),
        item("idNumber", "证件", "ID", sharing=WITHHELD, mask=MaskKind.ID_NUMBER),
    ),
    relations=(pages("cases", "Firm", "code", "code", "案件", "Cases"),),
)
PERSON = Principal(
    kind="police",
    unit="11619900001481213H",
    unit_name="公安局",
    person="王建国",
    division="619921",
)
TAX = Occasion(purpose="tax", basis="税收征管法", cause="税案1号")
WHY = Label("原因", "because")
LEGAL = Compare("kind", Op.IN, ("LEGAL",))
OF_FIRMS = Scope(where=LEGAL)
SEVEN = CountRule(
    name="seven",
    kinds=frozenset({"police"}),
    types=EVERY,
    smallest=7,
    only=False,
    source="test",
)
THREE = replace(SEVEN, name="three", kinds=frozenset({"public"}), smallest=3)


def rule(name: str, effect: Effect, **more: object) -> Rule:
    made = Rule(
        name=name,
        effect=effect,
        kinds=frozenset({"police"}),
        reason=WHY,
        source="test",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def named(*names: str) -> frozenset[str]:
    return frozenset(names)


def weighed(
    *rules: Rule, occasion: Occasion = TAX, rows: tuple[RowRule, ...] = ()
) -> TypeVerdicts:
    policy = Policy(rules=rules, rows=rows, counts=(SEVEN,))
    return decide(policy, Caller(principal=PERSON, occasion=occasion), FIRM)


def ruled(field: str, *rules: Rule, occasion: Occasion = TAX) -> Rulings:
    # The order of the rules in the file means nothing.
    forwards = weighed(*rules, occasion=occasion).fields[field]
    assert weighed(*reversed(rules), occasion=occasion).fields[field] == forwards
    return forwards


ALLOW = rule("allow-all", Effect.ALLOW)
MASK = rule("mask-all", Effect.MASK)
DENY = rule("deny-all", Effect.DENY)


@pytest.mark.parametrize(
    ("rules", "winner"),
    [
        pytest.param((ALLOW, DENY), "deny-all", id="deny beats allow"),
        pytest.param((MASK, DENY), "deny-all", id="deny beats mask"),
        pytest.param((ALLOW, MASK), "mask-all", id="mask beats allow"),
        pytest.param(
            (DENY, rule("field", Effect.ALLOW, fields=named("phone"))),
            "field",
            id="a rule for the field beats one for all",
        ),
        pytest.param(
            (
                rule("type", Effect.DENY, types=named("Firm")),
                rule("field", Effect.ALLOW, fields=named("phone")),
            ),
            "field",
            id="the field beats the type",
        ),
        pytest.param(
            (DENY, rule("type", Effect.ALLOW, types=named("Firm"))),
            "type",
            id="the type beats all types",
        ),
        pytest.param(
            (DENY, rule("purpose", Effect.ALLOW, purposes=named("tax"))),
            "purpose",
            id="a named purpose beats any",
        ),
        pytest.param(
            (DENY, rule("sharing", Effect.ALLOW, sharing=frozenset({CONDITIONAL}))),
            "sharing",
            id="a named attribute beats all",
        ),
        pytest.param(
            (
                rule("sharing", Effect.DENY, sharing=frozenset({CONDITIONAL})),
                rule("purpose", Effect.ALLOW, purposes=named("tax")),
            ),
            "purpose",
            id="a purpose beats an attribute",
        ),
        pytest.param(
            (ALLOW, rule("other-kind", Effect.DENY, kinds=named("public"))),
            "allow-all",
            id="rules for others do not count",
        ),
        pytest.param(
            (ALLOW, rule("other-type", Effect.DENY, types=named("Officer"))),
            "allow-all",
            id="rules for other types do not count",
        ),
        pytest.param(
            (ALLOW, rule("other-purpose", Effect.DENY, purposes=named("audit"))),
            "allow-all",
            id="a denial for another purpose is silent",
        ),
        pytest.param(
            (rule("everybody", Effect.DENY, kinds=EVERY), ALLOW),
            "everybody",
            id="a rule for every kind speaks too",
        ),
    ],
)
def test_one_rule_decides(rules: tuple[Rule, ...], winner: str) -> None:
    (ruling,) = ruled("phone", *rules)
    assert (ruling.verdict.rule, ruling.under) == (winner, None)


def test_silence_is_deny() -> None:
    assert ruled("phone") == (Ruling(SILENCE),)


def test_a_mask_uses_the_fields_own_kind_unless_it_names_one() -> None:
    own, named_kind = MASK, rule("as-name", Effect.MASK, mask=MaskKind.NAME)
    assert ruled("phone", own) == (
        Ruling(Mask("mask-all", MaskKind.PHONE, WHY, "test")),
    )
    assert ruled("phone", named_kind) == (
        Ruling(Mask("as-name", MaskKind.NAME, WHY, "test")),
    )


def test_a_mask_over_a_field_that_nothing_blurs_denies() -> None:
    assert ruled("facts", MASK) == (
        Ruling(Deny("mask-all", UNBLURRED, SILENCE.remedy, "test")),
    )


def test_rows_where_a_condition_does_not_hold_fall_through() -> None:
    some = rule("legal", Effect.ALLOW, under=OF_FIRMS)
    assert ruled("name", some, MASK) == (
        Ruling(Allow("legal", numberless=True), LEGAL),
        Ruling(Mask("mask-all", MaskKind.NAME, WHY, "test")),
    )
    assert ruled("name", some) == (
        Ruling(Allow("legal", numberless=True), LEGAL),
        Ruling(SILENCE),
    )


@pytest.mark.parametrize(
    ("lacking", "header"),
    [
        pytest.param("purpose", "zhitong-purpose", id="purpose"),
        pytest.param("basis", "zhitong-basis", id="basis"),
        pytest.param("cause", "zhitong-cause", id="cause"),
    ],
)
def test_what_is_not_stated_denies_and_names_its_header(
    lacking: str, header: str
) -> None:
    strict = rule(
        "strict",
        Effect.ALLOW,
        purposes=named("tax"),
        requires=("purpose", "basis", "cause"),
    )
    occasion = replace(TAX, **{lacking: ""})
    (ruling,) = ruled("phone", strict, occasion=occasion)
    assert isinstance(ruling.verdict, Deny)
    assert ruling.verdict.rule == "strict"
    assert header in ruling.verdict.reason.zh
    assert header in ruling.verdict.reason.en
    others = {"zhitong-purpose", "zhitong-basis", "zhitong-cause"} - {header}
    assert not [other for other in others if other in ruling.verdict.reason.en]


def test_another_purpose_than_the_allowed_ones_denies_and_names_those() -> None:
    strict = rule("strict", Effect.ALLOW, purposes=named("tax", "audit"))
    (ruling,) = ruled("phone", strict, occasion=Occasion(purpose="curiosity"))
    assert isinstance(ruling.verdict, Deny)
    assert ruling.verdict.reason.en == "the stated purpose is not one that allows it"
    assert "zhitong-purpose: audit, tax" in ruling.verdict.remedy.en


def test_a_mask_that_lacks_its_occasion_is_not_skipped_for_a_wider_allow() -> None:
    masked = rule("masked", Effect.MASK, fields=named("phone"), requires=("cause",))
    assert ruled("phone", masked, ALLOW) == (
        Ruling(Mask("masked", MaskKind.PHONE, WHY, "test")),
    )
    (ruling,) = ruled("phone", masked, ALLOW, occasion=replace(TAX, cause=""))
    assert isinstance(ruling.verdict, Deny)


def test_denied_for_every_row_is_said_once() -> None:
    some = rule("legal", Effect.ALLOW, under=OF_FIRMS, requires=("cause",))
    rulings = ruled("phone", some, DENY, occasion=replace(TAX, cause=""))
    assert len(rulings) == 1
    assert rulings[0].verdict.rule == "legal"


def test_a_relation_is_ruled_like_an_unconditional_field() -> None:
    opened = rule("open", Effect.ALLOW, sharing=frozenset({Sharing.UNCONDITIONAL}))
    assert ruled("cases", opened) == (Ruling(Allow("open")),)
    assert ruled("phone", opened) == (Ruling(SILENCE),)


@pytest.mark.parametrize(
    ("rulings", "rows"),
    [
        pytest.param((Ruling(Allow("a")),), True, id="all"),
        pytest.param((Ruling(SILENCE),), False, id="none"),
        pytest.param(
            (Ruling(Mask("m", MaskKind.NAME, WHY, "test")),), False, id="masked"
        ),
        pytest.param((Ruling(Allow("a"), LEGAL), Ruling(SILENCE)), LEGAL, id="some"),
        pytest.param(
            (Ruling(SILENCE, LEGAL), Ruling(Allow("a"))),
            All((Not(LEGAL),)),
            id="all but some",
        ),
        pytest.param(
            (Ruling(SILENCE, LEGAL), Ruling(Mask("m", MaskKind.NAME, WHY, "test"))),
            False,
            id="hidden or masked",
        ),
    ],
)
def test_rows_where_a_value_may_be_compared(rulings: Rulings, rows: object) -> None:
    assert plain(rulings) == rows


def test_masked_is_visible_and_denied_is_not() -> None:
    assert visible(
        (Ruling(SILENCE, LEGAL), Ruling(Mask("m", MaskKind.NAME, WHY, "test")))
    )
    assert not visible((Ruling(SILENCE),))


@pytest.mark.parametrize(
    ("types", "scoped"),
    [
        pytest.param(named("Firm"), True, id="named"),
        pytest.param(EVERY, True, id="every type"),
        pytest.param(named("Officer"), False, id="another"),
    ],
)
def test_row_rules_hold_for_the_types_they_name(
    types: frozenset[str], *, scoped: bool
) -> None:
    own = RowRule(
        name="own",
        kinds=named("police"),
        types=types,
        scope=Scope(own_division="division"),
        source="test",
    )
    rows = weighed(ALLOW, rows=(own,)).rows
    assert rows == (Compare("division", Op.PREFIX, "619921") if scoped else None)


def test_every_row_rule_must_hold() -> None:
    legal = RowRule(
        name="legal", kinds=EVERY, types=EVERY, scope=OF_FIRMS, source="test"
    )
    own = replace(legal, scope=Scope(own_division="division"))
    assert weighed(ALLOW, rows=(legal, own)).rows == All(
        (LEGAL, Compare("division", Op.PREFIX, "619921"))
    )


def test_without_a_division_of_ones_own_no_row_is_ones_own() -> None:
    own = RowRule(
        name="own",
        kinds=EVERY,
        types=EVERY,
        scope=Scope(own_division="division"),
        source="test",
    )
    policy = Policy(rules=(ALLOW,), rows=(own,))
    nowhere = replace(PERSON, division="")
    asking = Caller(principal=nowhere, occasion=TAX)
    assert decide(policy, asking, FIRM).rows == NOBODY


@pytest.mark.parametrize(
    ("unit", "compared"),
    [
        pytest.param(PERSON.unit, Compare("code", Op.EQ, PERSON.unit), id="its own"),
        pytest.param("", NOBODY, id="without a unit nothing is its own"),
    ],
)
def test_a_row_is_a_units_own_where_it_names_the_unit(
    unit: str, compared: Predicate
) -> None:
    own = RowRule(
        name="own",
        kinds=EVERY,
        types=EVERY,
        scope=Scope(own_unit="code"),
        source="test",
    )
    policy = Policy(rules=(ALLOW,), rows=(own,))
    asking = Caller(principal=replace(PERSON, unit=unit), occasion=TAX)
    assert decide(policy, asking, FIRM).rows == compared


def test_the_smallest_cell_is_that_of_the_requester_kind() -> None:
    assert weighed(ALLOW).smallest_cell == 7
    policy = Policy(rules=(), rows=(), counts=(THREE,))
    asking = Caller(principal=PERSON, occasion=TAX)
    assert decide(policy, asking, FIRM).smallest_cell == 0


@pytest.mark.parametrize(
    ("division", "shared"),
    [("619921", "619921"), ("619900", "6199"), ("610000", "61"), ("", "")],
)
def test_a_place_is_the_part_of_its_code_that_its_places_share(
    division: str, shared: str
) -> None:
    assert significant(division) == shared


@pytest.mark.parametrize(
    ("effect", "sharing", "given"),
    [
        pytest.param(Effect.ALLOW, None, False, id="an allowance of no attribute"),
        pytest.param(Effect.MASK, None, False, id="a mask of no attribute"),
        pytest.param(Effect.ALLOW, Sharing.WITHHELD, True, id="one that names it"),
    ],
)
def test_a_rule_gives_what_a_department_shares_less_only_if_it_names_the_attribute(
    effect: Effect, sharing: Sharing | None, *, given: bool
) -> None:
    written = rule("phone", effect, fields=named("phone"))
    if sharing is not None:
        written = replace(written, sharing=frozenset({sharing}))
    policy = Policy(rules=(written,), rows=())
    caller = Caller(principal=PERSON, occasion=TAX)
    tightened = {"phone": Tightening(Sharing.WITHHELD, "某法第1条")}
    rulings = decide(policy, caller, FIRM, tightened).fields["phone"]
    assert visible(rulings) is given


def test_a_denial_of_no_attribute_stands_where_a_department_shares_less() -> None:
    written = rule("phone", Effect.DENY, fields=named("phone"))
    policy = Policy(rules=(written,), rows=())
    caller = Caller(principal=PERSON, occasion=TAX)
    tightened = {"phone": Tightening(Sharing.WITHHELD, "某法第1条")}
    (ruling,) = decide(policy, caller, FIRM, tightened).fields["phone"]
    assert ruling.verdict.rule == "phone"
