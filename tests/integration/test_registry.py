"""Bindings read, read again, moved, mistaken and removed while questions run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from zhitong.infra.registry import Registry
from zhitong.schema.entities import ENTITIES
from zhitong.types import Allow, Column, Order, RowQuery, Ruling

pytestmark = pytest.mark.integration

BINDING = """
name = "{name}"
title = {{ zh = "试验局", en = "Trial Bureau" }}
owner = "91110000600037341L"
tenant = "{tenant}"

[types.Matter]
table = "matter"
key = "id"

[types.Matter.fields]
code = "code"
name = "{column}"
"""
QUERY = RowQuery(
    type="Matter",
    columns=(Column("name", "name", (Ruling(Allow("test")),)),),
    order=Order("code", descending=False),
    limit=10,
)


class Place:
    """A folder of bindings and the addresses of databases."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.urls: dict[str, str] = {"one": url}
        self.registry = Registry([folder], ENTITIES, self.urls.get, "anze")

    def write(self, name: str, column: str = "title", tenant: str = "anze") -> None:
        text = BINDING.format(name=name, column=column, tenant=tenant)
        (self.folder / f"{name}.toml").write_text(text, encoding="utf-8")

    async def names(self, source: str) -> list[object]:
        found = await self.registry.sources()[source].rows(QUERY)
        return [row.values["name"] for row in found]


@pytest.fixture
async def place(tmp_path: Path, database: str) -> AsyncIterator[Place]:
    connection = await asyncpg.connect(database)
    await connection.execute(
        "create table matter (id int primary key, code text, title text, short text);"
        "insert into matter values (1, 'A', '检查', '查'), (2, 'B', '处罚', '罚')"
    )
    await connection.close()
    made = Place(tmp_path, database)
    yield made
    await made.registry.close()


async def test_a_source_that_did_not_change_stays_the_same(place: Place) -> None:
    place.write("one")
    assert await place.registry.load() == (["one"], [])
    before = place.registry.sources()["one"]
    assert await place.registry.load() == (["one"], [])
    assert place.registry.sources()["one"] is before
    assert await place.names("one") == ["检查", "处罚"]


async def test_a_changed_binding_serves_anew_and_the_old_source_finishes(
    place: Place,
) -> None:
    place.write("one")
    await place.registry.load()
    before = place.registry.sources()["one"]
    place.write("one", column="short")
    await place.registry.load()
    assert await place.names("one") == ["查", "罚"]
    # A question that began before the reload still reads through the old source.
    assert [row.values["name"] for row in await before.rows(QUERY)] == ["检查", "处罚"]


async def test_a_database_that_moved_is_found_at_the_next_reload(place: Place) -> None:
    here = place.urls["one"]
    place.urls["one"] = "postgresql://nobody@127.0.0.1:9/gone"
    place.write("one")
    assert await place.registry.load() == (["one"], [])
    assert place.registry.states() == {"one": "away"}
    place.urls["one"] = here
    assert await place.registry.load() == (["one"], [])
    assert place.registry.states() == {"one": "ready"}
    assert await place.names("one") == ["检查", "处罚"]


async def test_a_mistake_names_file_line_and_field_and_the_others_stand(
    place: Place,
) -> None:
    place.write("one")
    await place.registry.load()
    place.write("two")
    file = place.folder / "two.toml"
    wrong = file.read_text("utf-8").replace('name = "title"', 'nmae = "title"')
    file.write_text(wrong, encoding="utf-8")
    names, errors = await place.registry.load()
    assert names == ["one"]
    (error,) = errors
    assert error.label.en.startswith("two.toml:13 types.Matter.fields.nmae: ")
    assert await place.names("one") == ["检查", "处罚"]


async def test_a_mistake_in_a_source_in_use_leaves_it_as_it_was(place: Place) -> None:
    place.write("one")
    await place.registry.load()
    (place.folder / "one.toml").write_text("name = ", encoding="utf-8")
    names, errors = await place.registry.load()
    assert (names, len(errors)) == (["one"], 1)
    assert await place.names("one") == ["检查", "处罚"]


async def test_a_source_without_an_address_is_refused_by_name(place: Place) -> None:
    place.write("far-away")
    names, (error,) = await place.registry.load()
    assert names == []
    assert "set ZHITONG_DATABASE_FAR_AWAY" in error.label.en


@pytest.mark.parametrize("tenant", ["binhai", "*"])
async def test_a_binding_of_another_tenant_is_refused_and_both_are_named(
    place: Place, tenant: str
) -> None:
    place.write("one")
    await place.registry.load()
    place.write("two", tenant=tenant)
    place.urls["two"] = place.urls["one"]
    names, (error,) = await place.registry.load()
    assert names == ["one"]
    assert error.label.en == (
        f"two.toml: is of the tenant {tenant}, and this gateway serves anze "
        "(ZHITONG_TENANT)"
    )


async def test_a_removed_binding_takes_its_source_with_it(place: Place) -> None:
    place.write("one")
    await place.registry.load()
    (place.folder / "one.toml").unlink()
    assert await place.registry.load() == ([], [])
    assert place.registry.sources() == {}
