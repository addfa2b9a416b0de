"""The data authority reviews the catalogue; consumers see what it has accepted."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.integration.test_catalogue_exchange import Typed, typed

from zhitong.infra.city_load import BINDINGS
from zhitong.schema.engine import Answer

pytestmark = pytest.mark.integration

__all__ = ["typed"]

PAGES = Path(__file__).parents[2] / "docs" / "errors"
Asking = Callable[..., Awaitable[Answer]]
Query = Callable[..., Awaitable[list[asyncpg.Record]]]
REVIEW = """mutation ($version: Int!, $reason: String,
    $outcome: CatalogueReviewOutcome!) {
  reviewCatalogue(review: { version: $version, reason: $reason }, outcome: $outcome) {
    version status replayed } }"""
VERSIONS = "{ catalogueVersions { number status reason reviewedAt } }"
ITEM = """query ($id: String!) { catalogueItem(resource: $id) {
  fields { name } review { status version reason } } }"""


@pytest.fixture
def addresses(addresses: Mapping[str, str], database: str) -> Mapping[str, str]:
    """Give the city, and a platform's database that nobody has reviewed in."""
    return {**addresses, "platform": database}


@pytest.fixture
def bindings(tmp_path: Path) -> Path:
    """Give bindings of the test's own, to change."""
    folder = tmp_path / "bindings"
    folder.mkdir()
    for path in BINDINGS.glob("*.toml"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def reviewing(typed: Typed, bindings: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    monkeypatch.setenv("ZHITONG_BINDINGS", str(bindings))
    return typed


async def data(ask: Asking, who: str, document: str, **given: object) -> Any:  # noqa: ANN401 - JSON
    answer = await ask(who, document, given)
    body: Any = answer.body
    assert "errors" not in body, body
    return body["data"]


async def reviewed(
    ask: Asking, outcome: str, version: int = 1, reason: str = ""
) -> Any:  # noqa: ANN401 - JSON
    said = {"version": version, "outcome": outcome, "reason": reason}
    return (await data(ask, "data-authority", REVIEW, **said))["reviewCatalogue"]


async def refused(ask: Asking, who: str, outcome: str, version: int = 1) -> str:
    answer = await ask(who, REVIEW, {"version": version, "outcome": outcome})
    body: Any = answer.body
    return str(body["errors"][0]["extensions"]["code"])


async def states(ask: Asking, who: str) -> list[str]:
    versions = (await data(ask, who, VERSIONS))["catalogueVersions"]
    return [one["status"] for one in versions]


async def item(ask: Asking, who: str, resource: str = "Counterparty@market") -> Any:  # noqa: ANN401 - JSON
    return (await data(ask, who, ITEM, id=resource))["catalogueItem"]


def changed(bindings: Path) -> None:
    """Have the market's binding no longer feed the representative."""
    path = bindings / "market.toml"
    text = path.read_text("utf-8")
    assert 'representative = "fddbr"\n' in text
    path.write_text(text.replace('representative = "fddbr"\n', ""), encoding="utf-8")


async def test_a_version_waits_until_the_data_authority_accepts_it(
    reviewing: Typed, ask: Asking, sql: Query
) -> None:
    digest = (await reviewing.exported())["version"]
    shown = await item(ask, "police")
    assert (shown["review"]["status"], shown["review"]["version"]) == ("WAITING", 1)
    made = await reviewed(ask, "ACCEPT")
    assert made == {"version": 1, "status": "PASSED", "replayed": False}
    assert (await reviewed(ask, "ACCEPT"))["replayed"] is True
    assert (await item(ask, "police"))["review"]["status"] == "PASSED"
    (deed,) = await sql(
        "platform", "select * from deed where action = 'review-catalogue'"
    )
    assert (deed["kind"], deed["target"]) == ("CATALOGUE", digest)
    assert json.loads(deed["body"])["detail"] == {"version": 1, "status": 5}


async def test_what_is_pending_is_shown_to_whoever_may_see_it(
    reviewing: Typed, ask: Asking, bindings: Path
) -> None:
    changed(bindings)
    await reviewing.exported()
    await reviewed(ask, "ACCEPT")
    # The gateway goes on serving what it was bound to: the representative is new.
    for who in ("data-authority", "auditor", "market-steward"):
        shown = await item(ask, who)
        assert "representative" in {one["name"] for one in shown["fields"]}
        assert shown["review"]["status"] == "NOT_REPORTED"
    for who in ("police", "justice-steward"):
        shown = await item(ask, who)
        assert "representative" not in {one["name"] for one in shown["fields"]}
    assert (await item(ask, "police", "Officer@justice"))["review"][
        "status"
    ] == "PASSED"


async def test_consumers_are_shown_accepted_versions_alone(
    reviewing: Typed, ask: Asking, bindings: Path
) -> None:
    await reviewing.exported()
    await reviewed(ask, "ACCEPT")
    changed(bindings)
    await reviewing.exported()
    assert await states(ask, "data-authority") == ["WAITING", "PASSED"]
    assert await states(ask, "police") == ["PASSED"]
    made = await reviewed(ask, "RETURN", 2, "请补充更新周期")
    assert made["status"] == "REJECTED_BY_ADMIN"
    latest = (await data(ask, "market-steward", VERSIONS))["catalogueVersions"][0]
    assert (latest["status"], latest["reason"]) == (
        "REJECTED_BY_ADMIN",
        "请补充更新周期",
    )


async def test_consumers_are_not_told_what_was_said_of_a_version_that_was_returned(
    reviewing: Typed, ask: Asking, bindings: Path
) -> None:
    served = (bindings / "market.toml").read_bytes()
    changed(bindings)
    await reviewing.exported()
    await reviewed(ask, "ACCEPT")
    (bindings / "market.toml").write_bytes(served)
    await reviewing.exported()
    await reviewed(ask, "RETURN", 2, "法定代表人一项尚未报批")
    told = (await item(ask, "market-steward"))["review"]
    assert (told["version"], told["reason"]) == (2, "法定代表人一项尚未报批")
    for who in ("police", "justice-steward"):
        told = (await item(ask, who))["review"]
        assert told == {"status": "NOT_REPORTED", "version": None, "reason": None}


async def test_what_is_revoked_is_shown_to_consumers_no_more(
    reviewing: Typed, ask: Asking
) -> None:
    await reviewing.exported()
    await reviewed(ask, "ACCEPT")
    assert (await reviewed(ask, "REVOKE", reason="有误"))["status"] == "REVOKED"
    assert await item(ask, "police") is None
    assert (await item(ask, "data-authority"))["review"]["status"] == "REVOKED"
    await reviewed(ask, "ACCEPT")
    assert (await item(ask, "police"))["review"]["status"] == "PASSED"


async def test_until_a_version_is_accepted_all_are_shown(
    reviewing: Typed, ask: Asking
) -> None:
    await reviewing.exported()
    await reviewed(ask, "RETURN", reason="请更正")
    assert (await item(ask, "police"))["review"] == {
        "status": "REJECTED_BY_ADMIN",
        "version": 1,
        "reason": "请更正",
    }
    assert (await item(ask, "public", "EnforcementSubject@justice"))["review"] is None


@pytest.mark.parametrize("who", ["market-steward", "operator", "auditor", "police"])
async def test_nobody_but_the_data_authority_reviews(
    reviewing: Typed, ask: Asking, sql: Query, who: str
) -> None:
    await reviewing.exported()
    assert await refused(ask, who, "ACCEPT") == "FORBIDDEN"
    assert await sql("platform", "select * from catalogue_review") == []


async def test_what_cannot_be_reviewed_so_is_refused(
    reviewing: Typed, ask: Asking, sql: Query
) -> None:
    await reviewing.exported()
    for outcome, version in (("REVOKE", 1), ("RETURN", 1), ("ACCEPT", 7)):
        code = await refused(ask, "data-authority", outcome, version)
        assert code == "CATALOGUE_REVIEW"
    assert await sql("platform", "select * from catalogue_review") == []


async def test_the_page_of_the_error_shows_what_the_gateway_says(
    reviewing: Typed, ask: Asking
) -> None:
    await reviewing.exported()
    answer = await ask(
        "data-authority", REVIEW, {"version": 999_999, "outcome": "ACCEPT"}
    )
    text = (PAGES / "catalogue-review.md").read_text("utf-8")
    (body,) = re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)
    assert answer.body == json.loads(body)
