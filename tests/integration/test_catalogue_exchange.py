"""The catalogue goes to the exchange platform and its replies come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from zhitong.connectors.catalogue_book import PlatformCatalogue
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra.city_load import BINDINGS
from zhitong.infra.cli import main
from zhitong.infra.gateway import Gateway
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.resolvers.catalogue import Catalogue
from zhitong.schema.engine import Answer, Engine
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Query = Callable[..., Awaitable[list[asyncpg.Record]]]
EXCHANGE = """query ($id: String!) { catalogueItem(resource: $id) {
  exchange { externalId status opinion version at } } }"""


class Typed:
    """Runs ``zhitong catalogue`` over the gateway's database and state folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    async def said(self, *words: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as end:
            # A thread of its own: a command begins a loop of its own.
            await asyncio.to_thread(
                main, ["catalogue", *words, "--state", str(self.folder)]
            )
        out, error = self._capsys.readouterr()
        return end.value.code, out, error

    async def exported(self) -> dict[str, Any]:
        path = self.folder / "catalogue.json"
        code, _, error = await self.said("export", "--out", str(path))
        assert code == 0, error
        whole: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return whole

    async def replied(
        self, version: str, *each: Mapping[str, object]
    ) -> tuple[object, str, str]:
        path = self.folder / "reply.json"
        whole = {"format": "zhitong-catalogue-reply-1", "version": version}
        path.write_text(json.dumps(whole | {"replies": each}), encoding="utf-8")
        return await self.said("import", str(path))


@pytest.fixture
def typed(
    gateway: tuple[Gateway, Engine],  # noqa: ARG001 - its database is migrated
    addresses: Mapping[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Typed:
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", addresses["platform"])
    monkeypatch.setenv("ZHITONG_BINDINGS", str(BINDINGS))
    return Typed(tmp_path, capsys)


async def deeds(sql: Query, action: str) -> int:
    rows = await sql("platform", "select action from deed")
    return [row["action"] for row in rows].count(action)


async def exchange(ask: Asking, who: str, resource: str) -> Any:  # noqa: ANN401 - JSON
    answer = await ask(who, EXCHANGE, {"id": resource})
    body: Any = answer.body
    assert "errors" not in body, body
    return body["data"]["catalogueItem"]["exchange"]


async def test_what_goes_out_is_what_the_graph_shows(typed: Typed, ask: Asking) -> None:
    whole = await typed.exported()
    answer = await ask(
        "data-authority",
        "{ catalogue(first: 100) { nodes { id owner fields { name sharing } } } }",
    )
    body: Any = answer.body
    assert {
        one["id"]: (
            one["owner"],
            [(each["name"], each["sharing"].lower()) for each in one["fields"]],
        )
        for one in body["data"]["catalogue"]["nodes"]
    } == {
        one["catalog_id"]: (
            one["org_code"],
            [(each["item_name"], each["share_type"]) for each in one["items"]],
        )
        for one in whole["catalogs"]
    }


async def test_the_same_catalogue_has_one_version_and_each_export_a_deed(
    typed: Typed, sql: Query
) -> None:
    first = await typed.exported()
    versions = await sql("platform", "select version from catalogue_version")
    before = await deeds(sql, "export-catalogue")
    assert (await typed.exported())["version"] == first["version"]
    assert await sql("platform", "select version from catalogue_version") == versions
    assert await deeds(sql, "export-catalogue") == before + 1


async def test_a_changed_binding_makes_a_version_that_says_what_changed(
    typed: Typed, ask: Asking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await typed.exported()
    folder = tmp_path / "changed"
    folder.mkdir()
    for path in BINDINGS.glob("*.toml"):
        text = path.read_text("utf-8")
        if path.stem == "market":
            text = text.replace('representative = "fddbr"\n', "")
            text = text.replace('updated = "daily"', 'updated = "weekly"')
        (folder / path.name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("ZHITONG_BINDINGS", str(folder))
    changed = await typed.exported()
    answer = await ask(
        "data-authority",
        "{ catalogueVersions { number digest madeAt resources changes { zh en } } }",
    )
    body: Any = answer.body
    latest = body["data"]["catalogueVersions"][0]
    assert latest["digest"] == changed["version"]
    older = await ask(
        "police",
        "query ($number: Int) { catalogueVersions(before: $number) { number } }",
        {"number": latest["number"]},
    )
    body = older.body
    assert body["data"]["catalogueVersions"][0]["number"] < latest["number"]
    assert latest["resources"] == len(changed["catalogs"])
    assert [one["en"] for one in latest["changes"]] == [
        "field Counterparty@market representative was removed",
        "Licence@market: update cycle changed from daily to weekly",
    ]


async def test_versions_are_for_government_alone(ask: Asking) -> None:
    answer = await ask("public", "{ catalogueVersions { number } }")
    body: Any = answer.body
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_replies_are_shown_in_the_graph_inside_government(
    typed: Typed, ask: Asking
) -> None:
    version = (await typed.exported())["version"]
    code, out, error = await typed.replied(
        version,
        {"catalog_id": "Licence@market", "status": 5, "external_id": "E-7"},
        {"catalog_id": "Matter@justice", "status": 2, "opinion": "请补充"},
    )
    assert (code, error) == (0, "")
    assert "2" in out
    shown = await exchange(ask, "police", "Licence@market")
    assert (shown["status"], shown["externalId"]) == ("PASSED", "E-7")
    assert shown["version"] == version
    shown = await exchange(ask, "market-steward", "Matter@justice")
    assert (shown["status"], shown["opinion"]) == ("REJECTED_BY_ADMIN", "请补充")
    assert await exchange(ask, "public", "Matter@justice") is None
    states = {one["catalog_id"]: one for one in (await typed.exported())["states"]}
    assert states["Licence@market"]["status"] == 5


async def test_the_same_reply_once_more_changes_nothing(
    typed: Typed, sql: Query
) -> None:
    version = (await typed.exported())["version"]
    reply = {"catalog_id": "Officer@justice", "status": 1, "external_id": "E-1"}
    assert (await typed.replied(version, reply))[0] == 0
    before = await deeds(sql, "import-catalogue")
    rows = await sql("platform", "select count(*) as n from catalogue_reply")
    code, out, _ = await typed.replied(version, reply)
    assert (code, "没有变化" in out) == (0, True)
    assert await deeds(sql, "import-catalogue") == before
    assert await sql("platform", "select count(*) as n from catalogue_reply") == rows


async def test_of_a_file_with_one_fault_nothing_is_taken(
    typed: Typed, ask: Asking, sql: Query
) -> None:
    version = (await typed.exported())["version"]
    before = await deeds(sql, "import-catalogue")
    code, _, error = await typed.replied(
        version,
        {"catalog_id": "Inspection@transport", "status": 5},
        {"catalog_id": "Vehicle@market", "status": 5},
    )
    assert code == 2
    assert "CATALOGUE_FILE" in error
    assert "$.replies[1].catalog_id" in error
    assert await exchange(ask, "police", "Inspection@transport") is None
    assert await deeds(sql, "import-catalogue") == before


async def test_a_reply_on_another_catalogue_is_refused(typed: Typed) -> None:
    await typed.exported()
    code, _, error = await typed.replied("77" * 32)
    assert (code, "$.version" in error) == (2, True)


async def test_a_file_that_cannot_be_written_is_said_to_be(typed: Typed) -> None:
    path = typed.folder / "none" / "catalogue.json"
    code, _, error = await typed.said("export", "--out", str(path))
    assert (code, "CATALOGUE_FILE" in error) == (2, True)


async def test_while_the_register_is_away_the_rest_of_the_catalogue_stands(
    gateway: tuple[Gateway, Engine], addresses: Mapping[str, str]
) -> None:
    pool = await asyncpg.create_pool(addresses["platform"], min_size=1, max_size=1)
    replies = PlatformCatalogue(pool)
    pool.terminate()
    with pytest.raises(LedgerUnavailableError):
        await replies.replies()
    policy = read_policy(Settings().policy, ENTITIES)
    made = Catalogue(ENTITIES, gateway[0].sources, policy, replies)
    assert "CaseRecord@market" in {one.id for one in made.resources()}
