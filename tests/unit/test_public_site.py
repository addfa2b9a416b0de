"""The public address: what it asks, of how many, and how it says no."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from zhitong.infra.pace import Pace
from zhitong.infra.public_site import MOST, ONE, SHOWN, PublicSite
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Answer, Question

EMPTY = {
    "publications": {
        "nodes": [],
        "pageInfo": {"hasNextPage": False, "endCursor": None},
        "missing": [],
    }
}


class Engine:
    """Keeps what it is asked, and gives one answer."""

    def __init__(self, body: Mapping[str, object]) -> None:
        self.body = body
        self.asked: list[Question] = []
        self.fails = False

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        if self.fails:
            raise RuntimeError("李四 110105")
        return Answer(body=dict(self.body), executed=True)


def client(engine: Engine, pace: Pace | None = None) -> httpx.AsyncClient:
    site = PublicSite(engine, Settings(tenant="anze"), pace)
    app = Starlette(
        routes=[
            Route("/publications", site.publications, methods=["GET"]),
            Route("/words", site.words, methods=["GET"]),
        ]
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


async def test_it_asks_one_question_as_the_public_of_what_the_own_site_shows() -> None:
    engine = Engine({"data": EMPTY})
    async with client(engine) as asking:
        answer = await asking.get(
            "/publications", params={"document": "1号", "first": "5", "after": "c"}
        )
    assert answer.status_code == 200
    assert answer.json() == {"publications": [], "next": None, "missing": []}
    (asked,) = engine.asked
    assert (asked.principal.kind, asked.principal.tenant) == ("public", "anze")
    assert (asked.operation, asked.read_only) == ("Publications", True)
    assert asked.variables == {
        "first": 5,
        "after": "c",
        "where": {
            "channel": {"eq": "own-site"},
            "standing": {"in": list(SHOWN)},
            "documentNo": {"eq": "1号"},
        },
    }


@pytest.mark.parametrize(
    "asked",
    [{"channel": "credit-china"}, {"standing": "NOT_SHOWN"}, {"first": str(MOST + 1)}],
)
async def test_nothing_else_can_be_asked(asked: Mapping[str, str]) -> None:
    engine = Engine({"data": EMPTY})
    async with client(engine) as asking:
        answer = await asking.get("/publications", params=asked)
        changed = await asking.post("/publications")
    assert answer.status_code == 400
    assert changed.status_code == 405
    assert engine.asked == []


async def test_who_asks_too_fast_is_told_to_wait() -> None:
    engine = Engine({"data": EMPTY})
    async with client(engine, Pace(clock=lambda: 0.0)) as asking:
        for _ in range(ONE.burst):
            assert (await asking.get("/publications")).status_code == 200
        refused = await asking.get("/publications")
        assert (await asking.get("/words")).status_code == refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert len(engine.asked) == ONE.burst


async def test_what_fails_is_masked_and_what_the_graph_refuses_is_said() -> None:
    engine = Engine({"data": None, "errors": [{"message": "无效 invalid"}]})
    async with client(engine) as asking:
        refused = await asking.get("/publications")
        assert refused.status_code == 400
        assert refused.json()["errors"] == [{"message": "无效 invalid"}]
        engine.fails = True
        failed = await asking.get("/publications")
    assert failed.status_code == 500
    assert "李四" not in failed.text
