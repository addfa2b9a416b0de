"""The data catalogue put together: whose, how shared, who may see what."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.grants import Grant
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.resolvers.catalogue import (
    Access,
    Catalogue,
    Resource,
    Standing,
    Wanted,
    rows,
)
from zhitong.resolvers.read import Reader
from zhitong.schema.entities import ENTITIES
from zhitong.types import (
    Grade,
    Inquiry,
    Label,
    Occasion,
    Principal,
    Sharing,
    Supply,
    Tightening,
)

POLICY = read_policy(Settings().policy, ENTITIES)
PARTY = ENTITIES["Counterparty"]
BASIS = "某行政法规第一条"
OWNER = "11619900MB0002006C"


class Named(MemorySource):
    """A source with an owner, that may say that it leads."""

    def __init__(
        self,
        name: str,
        *,
        leads: bool = False,
        owner: str = OWNER,
        tightened: Mapping[str, Tightening] | None = None,
    ) -> None:
        table = Table(
            entity=PARTY,
            key="registerId",
            rows=(),
            feeds=frozenset({"registerId", "code", "name", "phone", "idNumber"}),
            lost={"phone": Label("列没有了", "the column is gone")},
            tightened=tightened or {},
        )
        super().__init__(name, Label(f"{name}局", name), [table])
        self.owner = owner
        self._leads = leads

    def supply(self, type_name: str) -> Supply:  # noqa: ARG002 - it has one type
        return Supply(leads=self._leads)


def catalogue(*sources: MemorySource) -> Catalogue:
    return Catalogue(ENTITIES, lambda: {one.name: one for one in sources}, POLICY)


def only(made: Catalogue, principal: Principal | None = None) -> Resource:
    (one,) = made.resources(principal)
    return one


def accesses(
    source: MemorySource, who: str, occasion: Occasion, *grants: Grant
) -> Mapping[str, Access]:
    made = catalogue(source)
    reader = Reader(lambda: {source.name: source}, POLICY)
    inquiry = Inquiry(principal=DEMO_PRINCIPALS[who], occasion=occasion, id="1")
    inquiry.grants = grants
    return made.access(reader, inquiry, only(made, inquiry.principal))


CASE = Occasion(
    purpose="criminal-investigation",
    basis="刑事诉讼法第54条",
    cause="安公立字1号",
    letter="安公介字1号",
)


def test_a_resource_is_one_type_of_one_source_with_what_it_feeds() -> None:
    found = only(catalogue(Named("market")))
    assert found.id == "Counterparty@market"
    assert [one.field.name for one in found.items] == [
        name for name in PARTY.fields if name in found.source.feeds("Counterparty")
    ]


def test_the_stricter_attribute_stands_with_its_basis() -> None:
    kept = {"name": Tightening(Sharing.WITHHELD, BASIS)}
    found = only(catalogue(Named("market", tightened=kept)))
    items = {one.field.name: one for one in found.items}
    assert (items["name"].sharing, items["name"].basis) == (Sharing.WITHHELD, BASIS)
    assert not items["name"].grantable
    assert (items["code"].sharing, items["code"].basis) == (Sharing.UNCONDITIONAL, "")
    assert found.sharing is Sharing.WITHHELD
    assert found.grade is Grade.GENERAL_4


def test_what_a_source_has_lost_is_listed_as_lost() -> None:
    found = only(catalogue(Named("market")))
    assert [one.field.name for one in found.items if one.lost] == ["phone"]


@pytest.mark.parametrize(
    ("leads", "standings"),
    [
        pytest.param(
            (False, False), [Standing.UNSETTLED, Standing.UNSETTLED], id="nobody says"
        ),
        pytest.param((True, False), [Standing.LEAD, Standing.SECOND], id="one says"),
        pytest.param(
            (True, True), [Standing.UNSETTLED, Standing.UNSETTLED], id="both say"
        ),
    ],
)
def test_of_one_owners_sources_the_one_that_says_so_leads(
    leads: tuple[bool, bool], standings: list[Standing]
) -> None:
    made = catalogue(Named("a", leads=leads[0]), Named("b", leads=leads[1]))
    assert [one.standing for one in made.resources()] == standings


def test_each_owner_has_a_lead_source_of_its_own() -> None:
    made = catalogue(Named("a"), Named("b", owner="11619900MB0004001B"))
    assert {one.standing for one in made.resources()} == {Standing.LEAD}


@pytest.mark.parametrize("who", ["public", "party", "attorney"])
def test_outside_government_unconditional_fields_alone_are_shown(who: str) -> None:
    kept = {"name": Tightening(Sharing.CONDITIONAL, BASIS)}
    found = only(catalogue(Named("market", tightened=kept)), DEMO_PRINCIPALS[who])
    assert {one.field.name for one in found.items} == {"registerId", "code"}
    assert found.sharing is Sharing.UNCONDITIONAL


def test_outside_government_a_resource_with_nothing_open_is_not_there() -> None:
    fed = only(catalogue(Named("market"))).source.feeds("Counterparty")
    kept = {name: Tightening(Sharing.CONDITIONAL, BASIS) for name in fed}
    made = catalogue(Named("market", tightened=kept))
    assert made.resources(DEMO_PRINCIPALS["public"]) == ()
    assert len(made.resources(DEMO_PRINCIPALS["police"])) == 1


def test_what_police_have_depends_on_what_they_state() -> None:
    silent = accesses(Named("market"), "police", Occasion())
    assert (silent["name"], silent["phone"]) == (Access.ALLOW, Access.ON_CONDITION)
    stated = accesses(Named("market"), "police", CASE)
    # Of enterprises whole, of people masked.
    assert stated["phone"] is Access.ON_CONDITION


def test_what_no_rule_ever_gives_a_kind_is_denied() -> None:
    assert accesses(Named("market"), "operator", Occasion())["phone"] is Access.DENY


def test_what_a_grant_gives_is_told_from_what_rules_give() -> None:
    principal = DEMO_PRINCIPALS["tax-officer"]
    at = Inquiry(principal=principal, occasion=Occasion(), id="1").at
    grant = Grant(
        id="g1",
        unit=principal.unit,
        owner=OWNER,
        fields={"Counterparty": frozenset({"phone"})},
        purpose="tax-audit",
        basis="税收征收管理法",
        valid_from=at,
        valid_to=at,
        lookups={},
    )
    why = Occasion(purpose="tax-audit")
    assert accesses(Named("market"), "tax-officer", why, grant)["phone"] is (
        Access.BY_GRANT
    )
    other = Named("justice", owner="11619900MB0001003U")
    assert accesses(other, "tax-officer", why, grant)["phone"] is not Access.BY_GRANT


def test_what_limits_the_rows_is_said() -> None:
    source = Named("market")
    table = Table(
        entity=ENTITIES["CaseRecord"],
        key="caseNo",
        rows=(),
        feeds=frozenset({"caseNo", "division"}),
    )
    cases = MemorySource("b", Label("局", "b"), [table])
    sources = {"market": source, "b": cases}
    party, case = sorted(
        catalogue(source, cases).resources(),
        key=lambda one: one.source.name != "market",
    )
    reader = Reader(lambda: sources, POLICY)
    inquiry = Inquiry(principal=DEMO_PRINCIPALS["party"], occasion=Occasion(), id="1")
    assert rows(reader, inquiry, party) == ""
    assert "eq own" in rows(reader, inquiry, case)


def test_conditions_name_kinds_with_what_they_must_state() -> None:
    made = catalogue(Named("market"))
    found = [
        one for one in made.conditions(only(made))["phone"] if one.kind == "police"
    ]
    assert {one.access for one in found} == {"ALLOW", "MASK"}
    assert all("letter" in one.requires for one in found)
    assert not any(one.kind == "public" for one in made.conditions(only(made))["phone"])


def test_conditions_of_a_stricter_source_are_its_own() -> None:
    kept = {"code": Tightening(Sharing.WITHHELD, BASIS)}
    open_, closed = Named("a"), Named("b", tightened=kept)
    made = catalogue(open_, closed)
    first, second = made.resources()
    kinds = {one.kind for one in made.conditions(first)["code"]}
    assert "public" in kinds
    assert "public" not in {one.kind for one in made.conditions(second)["code"]}


def test_the_platform_itself_is_none_of_the_kinds() -> None:
    made = catalogue(Named("market"))
    told = made.conditions(only(made)).values()
    assert "platform" not in {one.kind for each in told for one in each}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(Wanted(), True, id="anything"),
        pytest.param(Wanted(owner=OWNER), True, id="owner"),
        pytest.param(Wanted(owner="11619900MB0004001B"), False, id="other owner"),
        pytest.param(Wanted(type="Counterparty"), True, id="type"),
        pytest.param(Wanted(type="Matter"), False, id="other type"),
        pytest.param(Wanted(sharing=Sharing.CONDITIONAL), True, id="sharing"),
        pytest.param(Wanted(sharing=Sharing.WITHHELD), True, id="withheld"),
        pytest.param(Wanted(grade=Grade.GENERAL_4), True, id="grade"),
        pytest.param(Wanted(grade=Grade.IMPORTANT), False, id="other grade"),
        pytest.param(Wanted(search="PHONE"), True, id="a field's name"),
        pytest.param(Wanted(search="market局"), True, id="a title"),
        pytest.param(Wanted(search="许可"), False, id="what is not there"),
        pytest.param(Wanted(owner=OWNER, type="Matter"), False, id="both must hold"),
    ],
)
def test_each_filter_keeps_what_it_names(wanted: Wanted, *, found: bool) -> None:
    assert wanted.holds(only(catalogue(Named("market")))) is found
