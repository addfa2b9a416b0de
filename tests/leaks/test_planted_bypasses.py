"""Each bypass that is planted makes the matrix fail, where it passes without it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from leak_askers import askers
from leak_matrix import Matrix
from leak_oracle import Asker, Oracle

from zhitong.connectors import postgresql, sql
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.resolvers import cursors, filters, read, sight, verdicts
from zhitong.resolvers.profiles import Profile, Profiles
from zhitong.schema import executor
from zhitong.schema.engine import Engine
from zhitong.types import Allow

pytestmark = pytest.mark.integration
Plant = Callable[[pytest.MonkeyPatch], None]


def every_comparison_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (read, sight):
        monkeypatch.setattr(module, "plain", lambda _: True)


def all_rows_are_in_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    def widely(*facts: Any) -> Any:
        return replace(decide(*facts), rows=None)

    decide = verdicts.decide
    monkeypatch.setattr(sight, "decide", widely)


def a_mask_is_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "masked", lambda _mask, _kind, value, *_: value)


def any_key_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read.Reader, "leads", lambda *_: True)


def a_relation_is_shared_as_the_type_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def loosely(
        rules: Any, caller: Any, entity: Any, tightened: Any, *more: Any
    ) -> Any:
        strict = decide(rules, caller, entity, tightened, *more)
        loose = decide(rules, caller, entity, None, *more)
        ways = {name: loose.fields[name] for name in entity.relations}
        return replace(strict, fields={**strict.fields, **ways})

    decide = verdicts.decide
    monkeypatch.setattr(sight, "decide", loosely)


def verdicts_are_kept_for_another_occasion(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[tuple[str, str], Any] = {}

    def remembered(
        rules: Any, caller: Any, entity: Any, tightened: Any, *more: Any
    ) -> Any:
        place = (caller.principal.person, f"{entity.name} {tightened}")
        made = decide(rules, caller, entity, tightened, *more)
        if caller.occasion.cause:
            kept[place] = made
        return kept.get(place, made)

    decide = verdicts.decide
    monkeypatch.setattr(sight, "decide", remembered)


def a_filter_is_not_restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read.Reader, "restriction", lambda *_: None)


def no_department_keeps_more_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgreSQLSource, "tightened", lambda *_: {})


def an_error_repeats_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    async def echoing(self: Any, question: Any) -> Any:
        answer = await answered(self, question)
        if "errors" not in answer.body:
            return answer
        return replace(answer, body={**answer.body, "asked": question.document})

    answered = executor.GraphEngine.answer
    monkeypatch.setattr(executor.GraphEngine, "answer", echoing)


def the_log_has_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talking(self: Any, question: Any) -> Any:
        logging.getLogger("zhitong.talking").debug("%s", question.document)
        return await answered(self, question)

    answered = executor.GraphEngine.answer
    monkeypatch.setattr(executor.GraphEngine, "answer", talking)


def a_span_has_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    async def noting(self: Any, question: Any) -> Any:
        with postgresql.TRACER.start_as_current_span("asked") as span:
            span.set_attribute("document", question.document)
            return await answered(self, question)

    answered = executor.GraphEngine.answer
    monkeypatch.setattr(executor.GraphEngine, "answer", noting)


def anybody_may_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "may_look_up", lambda *_: Allow("planted"))


def any_order_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    def freely(self: Any, inquiry: Any, entity: Any, asked: Any) -> Any:
        return asked or order(self, inquiry, entity, asked)

    order = read.Reader.order
    monkeypatch.setattr(read.Reader, "order", freely)


def small_cells_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def boldly(*facts: Any) -> Any:
        return replace(decide(*facts), smallest_cell=0)

    decide = verdicts.decide
    monkeypatch.setattr(sight, "decide", boldly)


def dashboards_have_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def boldly(*facts: Any) -> Any:
        return replace(decide(*facts), counts_only=False)

    decide = verdicts.decide
    monkeypatch.setattr(sight, "decide", boldly)


def names_are_given_with_the_numbers_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def wholly(*facts: Any) -> Any:
        made = decide(*facts)
        given = {name: tuple(map(whole, ways)) for name, ways in made.fields.items()}
        return replace(made, fields=given)

    def whole(ruling: Any) -> Any:
        allowed = isinstance(ruling.verdict, Allow)
        return replace(ruling, verdict=Allow("planted")) if allowed else ruling

    decide = verdicts.decide
    monkeypatch.setattr(sight, "decide", wholly)


def names_are_found_by_digits_of_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "searches_digits", lambda *_: False)


def names_are_found_by_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "_check_term", lambda *_: None)
    monkeypatch.setattr(sql, "findable", lambda _, texts: texts)


def cursors_are_anybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors.Cursors, "_owner", lambda *_: "anybody")


def neighbours_have_one_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    def coarsely(self: Any, *facts: Any) -> Profile:
        return Profile(of(self, *facts).facts._replace(division=""))

    of = Profiles.of
    monkeypatch.setattr(Profiles, "of", coarsely)


@dataclass(frozen=True, slots=True)
class Bypass:
    """What is planted, and who asks how where it shows."""

    plant: Plant
    kinds: tuple[str, ...]
    types: tuple[str, ...]
    shares: Mapping[str, int]


CASE, PARTY, LOOK = "CaseRecord", "Counterparty", "AccessLook"
BYPASSES = (
    Bypass(every_comparison_is_free, ("public",), (PARTY,), {"filter": 1}),
    Bypass(all_rows_are_in_scope, ("public", "party"), (CASE,), {"direct": 1}),
    Bypass(a_mask_is_the_value, ("public",), (PARTY, CASE), {"direct": 1}),
    Bypass(any_key_leads, ("state-security",), (CASE,), {"relation": 1}),
    Bypass(
        a_relation_is_shared_as_the_type_says,
        ("department",),
        (CASE,),
        {"relation": 1},
    ),
    Bypass(
        verdicts_are_kept_for_another_occasion,
        ("police",),
        (PARTY, CASE),
        {"direct": 1, "node": 1},
    ),
    Bypass(a_filter_is_not_restricted, ("public",), (PARTY,), {"search": 1}),
    Bypass(
        no_department_keeps_more_back,
        ("own-officer", "public"),
        (CASE, PARTY),
        {"direct": 1},
    ),
    Bypass(an_error_repeats_the_question, ("public",), (PARTY,), {"filter": 1}),
    Bypass(the_log_has_the_question, ("public",), (PARTY,), {"filter": 1}),
    Bypass(a_span_has_the_question, ("public",), (PARTY,), {"filter": 1}),
    Bypass(anybody_may_look_up, ("public", "court"), (PARTY,), {"exact": 1}),
    Bypass(any_order_is_free, ("audit",), (CASE, PARTY), {"order": 1}),
    Bypass(small_cells_are_shown, ("dashboard",), (CASE,), {"group": 1}),
    Bypass(dashboards_have_rows, ("dashboard",), (CASE,), {"direct": 1}),
    Bypass(
        names_are_given_with_the_numbers_in_them,
        ("public",),
        (PARTY, CASE),
        {"direct": 1},
    ),
    Bypass(names_are_found_by_digits_of_a_number, ("public",), (CASE,), {"search": 1}),
    Bypass(names_are_found_by_a_number, ("public",), (CASE,), {"filter": 1}),
    Bypass(all_rows_are_in_scope, ("party",), (LOOK,), {"lookers": 1}),
    Bypass(anybody_may_look_up, ("auditor",), (PARTY,), {"lookers": 1}),
    Bypass(cursors_are_anybodys, ("public", "police"), (PARTY,), {"cursor": 1}),
    Bypass(neighbours_have_one_profile, ("own-officer",), (CASE,), {"direct": 1}),
)


def elsewhere(asker: Asker) -> Asker:
    """Give one like *asker* from the next county."""
    return replace(asker, principal=replace(asker.principal, division="619922"))


@pytest.mark.parametrize("bypass", BYPASSES, ids=lambda one: one.plant.__name__)
async def test_the_matrix_finds_it(
    bypass: Bypass,
    oracle: Oracle,
    engine: Engine,
    planted: Callable[[Plant], None],
) -> None:
    asking = [
        one for one in askers(oracle.policy) if one.principal.kind in bypass.kinds
    ][:8]
    asking += [elsewhere(one) for one in asking if one.principal.kind == "own-officer"]
    before = await Matrix(engine, oracle, bypass.types).run(asking, bypass.shares)
    assert before.faults == []
    assert before.cases
    planted(bypass.plant)
    after = await Matrix(engine, oracle, bypass.types).run(asking, bypass.shares)
    assert after.faults
