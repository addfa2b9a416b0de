"""The catalogue of the demo's city, beside what is bound, declared and served."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLObjectType, build_schema

from zhitong.infra.city_load import BINDINGS
from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Answer, Engine
from zhitong.schema.entities import ENTITIES
from zhitong.types import Sharing

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
Asking = Callable[..., Awaitable[Answer]]
ALL = """query ($after: String, $sharing: SharingAttribute, $owner: String) {
  catalogue(first: 20, after: $after, sharing: $sharing, owner: $owner) {
    totalCount hasNextPage endCursor
    nodes { id titleZh titleEn type source owner standing updated sharing grade state
      rows fields { name sharing basis grade lost grantable access } } } }"""
ONE = """query ($id: String!) { catalogueItem(resource: $id) {
  rows fields { name access conditions { kind access requires purposes rows } } } }"""


async def everything(ask: Asking, who: str, **given: object) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    after = None
    while True:
        answer = await ask(who, ALL, {"after": after, **given})
        body: Any = answer.body
        assert "errors" not in body, body
        page = body["data"]["catalogue"]
        nodes += page["nodes"]
        if not page["hasNextPage"]:
            assert page["totalCount"] == len(nodes)
            return nodes
        after = page["endCursor"]


async def item(ask: Asking, who: str, resource: str) -> Any:  # noqa: ANN401 - JSON
    answer = await ask(who, ONE, {"id": resource})
    body: Any = answer.body
    assert "errors" not in body, body
    return body["data"]["catalogueItem"]


def bound() -> Mapping[str, Mapping[str, object]]:
    """Read the binding files as TOML, past the code that reads them."""
    files = [*BINDINGS.glob("*.toml"), ROOT / "infra" / "platform" / "platform.toml"]
    return {
        f"{name}@{form['name']}": type_map["fields"] | {"~owner": form["owner"]}
        for form in (tomllib.loads(path.read_text("utf-8")) for path in files)
        for name, type_map in form["types"].items()
    }


async def test_the_catalogue_has_what_is_bound_and_nothing_else(ask: Asking) -> None:
    nodes = await everything(ask, "data-authority")
    listed = {
        one["id"]: {*(each["name"] for each in one["fields"]), "~owner"}
        for one in nodes
    }
    assert listed == {name: set(fields) for name, fields in bound().items()}
    owners = {one["id"]: one["owner"] for one in nodes}
    assert owners == {name: fields["~owner"] for name, fields in bound().items()}


async def test_every_field_of_the_catalogue_can_be_asked_for_in_the_graph(
    ask: Asking,
) -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text("utf-8"))
    for one in await everything(ask, "data-authority"):
        declared = schema.type_map[one["type"]]
        assert isinstance(declared, GraphQLObjectType)
        assert {each["name"] for each in one["fields"]} <= declared.fields.keys()


async def test_attributes_are_those_of_the_declarations_and_bindings(
    ask: Asking, gateway: tuple[Gateway, Engine]
) -> None:
    sources = gateway[0].sources()
    checked = 0
    for one in await everything(ask, "data-authority"):
        kept = sources[one["source"]].tightened(one["type"])
        for each in one["fields"]:
            declared = ENTITIES[one["type"]].fields[each["name"]]
            stricter = kept.get(each["name"])
            assert each["sharing"] == (stricter or declared).sharing.name
            assert each["basis"] == (stricter.basis if stricter else None)
            assert each["grade"] == declared.grade.name
            checked += 1
    assert checked > 200


async def test_every_resource_of_the_city_says_how_often_it_is_renewed_and_leads(
    ask: Asking,
) -> None:
    nodes = await everything(ask, "own-officer")
    assert [one["id"] for one in nodes if one["updated"] is None] == []
    assert {one["standing"] for one in nodes} == {"LEAD"}
    assert {one["state"] for one in nodes} == {"ready"}


async def test_the_public_is_shown_unconditional_fields_alone(ask: Asking) -> None:
    shown = await everything(ask, "public")
    inside = {one["id"]: one for one in await everything(ask, "police")}
    assert 0 < len(shown) < len(inside)
    for one in shown:
        assert {each["sharing"] for each in one["fields"]} == {"UNCONDITIONAL"}
        assert [each["name"] for each in one["fields"]] == [
            each["name"]
            for each in inside[one["id"]]["fields"]
            if each["sharing"] == "UNCONDITIONAL"
        ]
    assert await item(ask, "public", "AccessRecord@platform") is None
    assert await everything(ask, "public", sharing="CONDITIONAL") == []


async def test_outside_government_one_is_told_of_ones_own_kind_alone(
    ask: Asking,
) -> None:
    def kinds(found: Mapping[str, Any]) -> set[str]:
        return {one["kind"] for each in found["fields"] for one in each["conditions"]}

    assert kinds(await item(ask, "public", "Counterparty@market")) == {"public"}
    assert {"police", "court", "public"} <= kinds(
        await item(ask, "tax-officer", "Counterparty@market")
    )


async def test_what_is_said_to_be_allowed_is_what_a_question_is_given(
    ask: Asking,
) -> None:
    for who in ("police", "tax-officer", "public"):
        found = await item(ask, who, "Counterparty@market")
        for each in found["fields"]:
            if each["access"] not in {"ALLOW", "DENY", "MASK"}:
                continue
            answer = await ask(
                who,
                f'{{ counterparties(first: 1, sources: ["market"])'
                f" {{ nodes {{ {each['name']} }} }} }}",
            )
            body: Any = answer.body
            told = {
                one["field"]: one["verdict"]
                for one in body.get("extensions", {}).get("access", ())
            }
            expected = None if each["access"] == "ALLOW" else each["access"]
            assert told.get(each["name"]) == expected, (who, each)


async def test_the_catalogue_leaves_no_look_behind(
    ask: Asking, sql: Callable[..., Awaitable[list[Any]]]
) -> None:
    (before,) = await sql("platform", "select count(*) as n from access_entry")
    await everything(ask, "police", owner="11619900MB0002006C")
    (after,) = await sql("platform", "select count(*) as n from access_entry")
    assert after["n"] == before["n"]


async def test_a_type_there_is_not_is_said_to_be_none(ask: Asking) -> None:
    answer = await ask("police", '{ catalogue(type: "Cars") { totalCount } }')
    body: Any = answer.body
    assert body["errors"][0]["extensions"]["code"] == "SCALAR"


def test_withheld_fields_are_among_those_that_are_compared() -> None:
    declared = {
        field.sharing for one in ENTITIES.values() for field in one.fields.values()
    }
    assert declared == set(Sharing)
