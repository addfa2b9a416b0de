"""A handful of grants: the matrix holds, and finds what is planted among them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import pytest
from leak_city import City
from leak_grants import (
    PURPOSE,
    GrantedOracle,
    askers,
    enter,
    scoped_grants,
    whole_grants,
)
from leak_matrix import Matrix

from zhitong.connectors import access_log
from zhitong.grants import Grant
from zhitong.infra.gateway import Gateway
from zhitong.resolvers import granted, granting, sight, verdicts
from zhitong.schema.engine import Engine
from zhitong.types import Allow, Deny, Sharing

pytestmark = pytest.mark.integration
TYPES = ("CaseRecord", "Counterparty")
SHARES = {
    "direct": 1,
    "alias": 4,
    "node": 8,
    "number": 8,
    "search": 4,
    "exact": 2,
    "relation": 4,
    "nested": 40,
    "filter": 4,
    "not": 6,
    "or": 12,
    "deep": 12,
    "join": 12,
    "order": 1,
    "group": 1,
    "error": 200,
}
ROWS = {
    path: share
    for path, share in SHARES.items()
    if path not in {"join", "order", "group"}
}
"""Of what is for some rows: a list is not sorted, nor counted, by it."""
Give = Callable[..., Any]


@pytest.fixture
async def given(
    city: City, gateway: tuple[Gateway, Engine], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Any]]:
    """Give ``matrix = await given(grants)``: the grants are in force by then."""

    # A busy machine is no database that is away.
    monkeypatch.setattr(granted, "STALE_SECONDS", 600.0)

    async def putting(grants: tuple[Grant, ...]) -> Matrix:
        await enter(city.addresses["platform"], grants)
        held = gateway[0].grants
        assert held is not None
        await held.refresh()
        said = {one.name: getattr(city.oracle, one.name) for one in fields(city.oracle)}
        oracle = GrantedOracle(**{**said, "_known": {}}, grants=grants)
        return Matrix(gateway[1], oracle, TYPES)

    yield putting
    await enter(city.addresses["platform"], ())


@pytest.mark.parametrize(
    ("grants", "shares"),
    [
        pytest.param(whole_grants(), SHARES, id="of all rows"),
        pytest.param(scoped_grants(), ROWS, id="of some rows"),
    ],
)
async def test_with_grants_every_answer_is_what_the_oracle_says(
    given: Give, grants: tuple[Grant, ...], shares: Mapping[str, int]
) -> None:
    matrix = await given(grants)
    found = await matrix.run(list(askers()), shares)
    assert found.faults[:20] == [], "\n".join(found.faults[:12])
    assert set(found.by_path) >= set(shares) - {"error"}
    asking = [one for one in askers() if one.occasion.purpose == PURPOSE]
    lifted = [
        name
        for one in asking
        for name in ("facts", "contactPhone", "place")
        for source in ("market", "emergency", "transport", "xihe", "dongling")
        if matrix.oracle.arms(one, "CaseRecord", name, source)
        != matrix.oracle.arms(one, "CaseRecord", name)
    ]
    assert lifted, "these grants give nothing that rules do not"


def a_grant_overrides_a_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    def widely(rulings: Any, given: Any, mask: Any, silence: Any) -> Any:
        whole = [one for one, _ in given if not one.masked]
        if whole and any(isinstance(one.verdict, Deny) for one in rulings):
            return (replace(rulings[0], verdict=Allow("planted"), under=None),)
        return widened(rulings, given, mask, silence)

    widened = granting.widened
    monkeypatch.setattr(granting, "widened", widely)


def a_grant_opens_what_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    def widely(rules: Any, caller: Any, entity: Any, *more: Any) -> Any:
        strict = decide(rules, caller, entity, *more)
        named = {
            name: replace(item, sharing=Sharing.CONDITIONAL)
            for name, item in entity.fields.items()
        }
        loose = decide(rules, caller, replace(entity, fields=named), None, *more[1:])
        opened = {
            name: rulings
            for name, rulings in loose.fields.items()
            if any(granting.used(rulings))
        }
        return replace(strict, fields={**strict.fields, **opened})

    decide = verdicts.decide
    monkeypatch.setattr(sight, "decide", widely)


def a_grant_opens_anothers_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    def serving(grant: Any, entity: Any, document: Any, _: str, fed: Any) -> bool:
        return may_serve(grant, entity, document, grant.owner, fed)

    may_serve = granting.may_serve
    monkeypatch.setattr(granting, "may_serve", serving)


def a_grant_counts_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def ever(_: Any, principal: Any, __: datetime) -> Any:
        return tuple(one for one in whole_grants() if granting.of(one, principal))

    monkeypatch.setattr(granted.HeldGrants, "of", ever)
    # The record would refuse it.
    monkeypatch.setattr(access_log, "grants_used", lambda *_: ())


def a_grant_counts_for_any_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    def speaking(grants: Any, principal: Any, _: Any) -> Any:
        return tuple(one for one in grants if granting.of(one, principal))

    monkeypatch.setattr(granting, "speaking", speaking)


def the_others_do_not_keep_back(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = sight.Weighed([], {})
    monkeypatch.setattr(sight.Sight, "weighed", lambda *_: nothing)


def a_grant_for_some_rows_is_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(granting, "extent", lambda *_: None)


@pytest.mark.parametrize(
    ("plant", "grants", "kinds", "shares"),
    [
        (a_grant_overrides_a_denial, whole_grants(), {"public"}, {"direct": 1}),
        (a_grant_opens_what_is_withheld, whole_grants(), {"police"}, {"direct": 1}),
        (a_grant_opens_anothers_sources, whole_grants(), {"police"}, {"direct": 1}),
        (a_grant_counts_after_its_end, whole_grants(), {"police"}, {"direct": 1}),
        (a_grant_counts_for_any_purpose, whole_grants(), {"police"}, {"direct": 1}),
        (the_others_do_not_keep_back, whole_grants(), {"department"}, {"filter": 1}),
        (a_grant_for_some_rows_is_for_all, scoped_grants(), {"police"}, {"direct": 1}),
    ],
    ids=lambda one: one.__name__ if callable(one) else None,
)
async def test_the_matrix_finds_what_is_planted_in_grants(
    given: Give,
    plant: Callable[[pytest.MonkeyPatch], None],
    grants: tuple[Grant, ...],
    kinds: set[str],
    shares: Mapping[str, int],
    planted: Callable[[Callable[[pytest.MonkeyPatch], None]], None],
) -> None:
    asking = [one for one in askers() if one.principal.kind in kinds]
    before = await (await given(grants)).run(asking, shares)
    assert before.faults == []
    assert before.cases
    planted(plant)
    after = await (await given(grants)).run(asking, shares)
    assert after.faults
