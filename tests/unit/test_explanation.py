"""What the policy says of one field, as people are told it."""

from __future__ import annotations

import pytest

from zhitong.exceptions import ScalarError
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.requesters import KINDS
from zhitong.resolvers.explanation import (
    Explanation,
    anybody,
    caller,
    described,
    explain,
    may_ask,
    place,
)
from zhitong.resolvers.policy import NOBODY
from zhitong.resolvers.verdicts import decide
from zhitong.schema.entities import ENTITIES
from zhitong.types import All, Compare, Not, Occasion, Op, Sharing, Tightening

POLICY = read_policy(Settings().policy, ENTITIES)
WHY = Occasion(
    purpose="criminal-investigation", basis="刑事诉讼法", cause="案", letter="信"
)
KEPT = {"market": {"phone": Tightening(Sharing.WITHHELD, "某条例第一条")}}


def explained(
    kind: str, text: str, occasion: Occasion = WHY, source: str = ""
) -> Explanation:
    where = place(text, ENTITIES, KEPT, source)
    return explain(POLICY, caller(anybody(kind, identity=True), occasion), where, KEPT)


def test_it_says_the_verdicts_in_order_each_with_rows_rule_and_source() -> None:
    found = explained("police", "Counterparty.phone")
    assert [(one.verdict, one.rows, one.rule, one.mask) for one in found.verdicts] == [
        (
            "ALLOW",
            "kind in LEGAL_PERSON, INDIVIDUAL_BUSINESS",
            "bodies-enterprise-contacts",
            None,
        ),
        (
            "MASK",
            "not (kind in LEGAL_PERSON, INDIVIDUAL_BUSINESS)",
            "bodies-natural-person-contacts",
            "phone",
        ),
    ]
    assert "第五条" in found.verdicts[0].source
    assert "第28条" in found.verdicts[1].source
    assert (found.sharing, found.grade, found.mask) == (
        "conditional",
        "general-3",
        "phone",
    )
    assert (found.compared, found.ordered) == ("SOME", False)


def test_it_says_what_is_missing_and_what_to_do() -> None:
    (denied,) = explained("police", "Counterparty.phone", Occasion()).verdicts
    assert denied.verdict == "DENY"
    assert denied.reason is not None
    assert denied.remedy is not None
    for header in ("zhitong-purpose", "zhitong-basis", "zhitong-cause"):
        assert header in denied.reason.en
    assert denied.remedy.en == "add it and ask again"


def test_a_source_that_shares_less_is_named_and_asked_alone_is_stricter() -> None:
    found = explained("police", "Counterparty.phone")
    assert [(one.source, one.sharing, one.basis) for one in found.stricter] == [
        ("market", "withheld", "某条例第一条")
    ]
    here = explained("department", "Counterparty.representative", source="market")
    assert here.stricter == ()
    general = explained("own-officer", "Counterparty.phone", CASE)
    assert [one.verdict for one in general.verdicts] == ["ALLOW"]
    alone = explained("own-officer", "Counterparty.phone", CASE, "market")
    assert [one.verdict for one in alone.verdicts] == ["DENY"]
    assert alone.verdicts[0].source == "某条例第一条"


CASE = Occasion(purpose="case-handling", cause="案")


def test_it_says_which_rows_are_seen_at_all_and_why() -> None:
    found = explained("attorney", "CaseRecord.result")
    assert "caseNo eq own" in found.rows
    assert any("第六条" in text for text in found.row_sources)
    everyone = explained("police", "CaseRecord.result")
    assert (everyone.rows, everyone.row_sources) == ("", ())


def test_it_says_that_a_dashboard_is_given_counts_alone() -> None:
    found = explained("dashboard", "CaseRecord.status")
    assert (found.counts_only, found.smallest) == (True, 5)


def test_it_says_whether_a_list_may_be_ordered_and_rows_looked_up_by_it() -> None:
    assert explained("police", "CaseRecord.filedOn").ordered
    assert not explained("police", "CaseRecord.title").ordered
    number = place("Counterparty.idNumber", ENTITIES, (), "")
    for who, verdict in (("police", "ALLOW"), ("audit", "DENY")):
        asking = caller(DEMO_PRINCIPALS[who], WHY)
        found = explain(POLICY, asking, number, {}).lookup
        assert found is not None
        assert found.verdict == verdict
    assert explained("police", "Counterparty.phone").lookup is None


def test_it_says_what_decide_says_of_every_kind_and_field() -> None:
    for kind in KINDS:
        asking = caller(anybody(kind, identity=True), WHY)
        for entity in ENTITIES.values():
            decided = decide(POLICY, asking, entity).fields
            for name, rulings in decided.items():
                where = place(f"{entity.name}.{name}", ENTITIES, (), "")
                parts = explain(POLICY, asking, where, {}).verdicts
                assert [(one.verdict, one.rule) for one in parts] == [
                    (type(one.verdict).__name__.upper(), one.verdict.rule)
                    for one in rulings
                ]
                silent = {"silence", "whole-texts"}
                assert all(one.source for one in parts if one.rule not in silent)


@pytest.mark.parametrize(
    "text",
    ["", "phone", "Counterparty", "Counterparty.nothing", "Nobody.phone", "a.b.c"],
)
def test_a_field_there_is_not_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ScalarError) as refused:
        place(text, ENTITIES, (), "")
    assert "nothing" not in str(refused.value)
    assert "Nobody" not in str(refused.value)


def test_a_source_there_is_not_is_refused() -> None:
    with pytest.raises(ScalarError):
        place("Counterparty.phone", ENTITIES, KEPT, "nowhere")


@pytest.mark.parametrize("who", DEMO_PRINCIPALS)
def test_everybody_may_ask_of_himself_and_overseers_of_all(who: str) -> None:
    principal = DEMO_PRINCIPALS[who]
    overseer = who in {"operator", "auditor", "data-authority", "supervisor"}
    assert may_ask(principal, principal.kind)
    others = [kind for kind in KINDS if kind != principal.kind]
    assert {may_ask(principal, kind) for kind in others} == {overseer}


def test_what_ties_rows_to_the_caller_is_not_written_out() -> None:
    number = Compare("counterpartyIdNumber", Op.EQ, "619921199006135015")
    assert described(Not(All((number,)))) == "not (counterpartyIdNumber eq own)"
    assert described(NOBODY) == "none"
