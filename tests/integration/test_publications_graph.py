"""Publication by four roles over the graph, and what everybody sees of it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import orjson
import pytest
from entries import UNIT, decision, entry, ledger_over, of_person
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.routing import Route

from zhitong.decisions import Change, Decision
from zhitong.infra.gateway import Gateway
from zhitong.infra.public_site import PublicSite
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Answer, Engine

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]
CHINA = ZoneInfo("Asia/Shanghai")
TAKE = """mutation($it: PublicationStepInput!, $step: PublicationStep!) {
  takePublicationStep(publication: $it, step: $step) {
    publicationId stage shownVersion downOn replayed
    publication { standing stage withheld } } }"""
SEEN = """query($id: String!) { publications(where: {decisionId: {eq: $id}}) { nodes {
  publicationId standing documentNo documentTitle title result counterpartyName
  counterpartyCode fine decidedOn downOn undoneBecause penaltyKinds } } }"""
ROLES = {
    "COLLECT": "collector",
    "TRANSMIT": "transmitter",
    "PASS": "reviewer",
    "RETURN": "reviewer",
    "DECLINE": "reviewer",
    "RELEASE": "releaser",
    "PULL": "releaser",
    "WITHDRAW": "releaser",
    "TAKE_DOWN": "releaser",
}
WAY = ("COLLECT", "TRANSMIT", "PASS", "RELEASE")


def today() -> date:
    return datetime.now(CHINA).date()


def own(**changes: object) -> Decision:
    """Make a decision of this test's own, taken today."""
    number = uuid.uuid4().hex[:12]
    return decision(
        local_id=number,
        document_no=f"（安）应急罚〔2026〕{number}号",
        decided_on=today(),
        title="安全出口上锁",
        **changes,
    )


class Desk:
    """Takes steps of one decision's publication, each as whose it is."""

    def __init__(self, ask: Asking, said: Decision) -> None:
        self.ask = ask
        self.said = said

    async def take(self, step: str, who: str | None = None, **more: Any) -> Answer:  # noqa: ANN401 - JSON
        given = {"decisionId": str(self.said.id), "version": 1, **more}
        return await self.ask(who or ROLES[step], TAKE, {"it": given, "step": step})

    async def all(self, *steps: str, **more: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
        stood: Mapping[str, Any] = {}
        for step in steps:
            answer: Any = await self.take(step, **more)
            assert "errors" not in answer.body, answer.body
            stood = answer.body["data"]["takePublicationStep"]
        return stood

    async def seen(self, who: str = "public") -> Sequence[Mapping[str, Any]]:
        answer: Any = await self.ask(who, SEEN, {"id": str(self.said.id)})
        nodes: Sequence[Mapping[str, Any]] = answer.body["data"]["publications"][
            "nodes"
        ]
        return nodes


def code(answer: Any) -> str:  # noqa: ANN401 - JSON
    (error,) = answer.body["errors"]
    return str(error["extensions"]["code"])


@pytest.fixture
async def committed(
    gateway: tuple[Gateway, Engine], addresses: Mapping[str, str], ask: Asking
) -> Callable[..., Awaitable[Desk]]:
    """Give what enters a decision, or another version of it."""
    del gateway  # it has migrated the database

    async def enter(
        said: Decision,
        version: int = 1,
        change: Change = Change.RECORDED,
        why: str = "",
    ) -> Desk:
        async with ledger_over(addresses["platform"]) as (kept, _):
            made = entry(said, version, change, reason=why, events=())
            await kept.commit(replace(made, at=datetime.now(CHINA)))
        return Desk(ask, said)

    return enter


Committed = Callable[..., Awaitable[Desk]]


async def test_four_roles_have_a_decision_shown_and_everybody_sees_it(
    committed: Committed, sql: Sql
) -> None:
    desk = await committed(own())
    assert await desk.seen() == []
    await desk.all("COLLECT", "TRANSMIT", "PASS")
    assert await desk.seen() == []
    stood = await desk.all("RELEASE")
    two_years = today().replace(year=today().year + 2)
    assert (stood["stage"], stood["shownVersion"]) == ("RELEASED", 1)
    assert stood["downOn"] == two_years.isoformat()
    (shown,) = await desk.seen()
    assert shown["standing"] == "PUBLISHED"
    assert shown["documentNo"] == desk.said.document_no
    assert shown["counterpartyName"] == "安泽市某某化工有限公司"
    assert (shown["fine"], shown["penaltyKinds"]) == ("20000.00", ["FINE"])
    steps = await sql(
        "platform",
        "select s.number, s.step, s.person, d.action, d.body from publication_step s"
        " join deed d on d.target = s.decision_id || '/' || s.channel"
        " and (convert_from(d.body, 'UTF8')::jsonb -> 'detail' ->> 'number')::int"
        " = s.number where s.decision_id = $1 order by s.number",
        str(desk.said.id),
    )
    assert [(one["step"], one["action"]) for one in steps] == [
        (step, f"{step.lower()}-publication") for step in WAY
    ]
    assert len({one["person"] for one in steps}) == 4
    assert orjson.loads(steps[3]["body"])["detail"]["shown"] == 1


async def test_who_has_another_role_or_collected_it_himself_is_refused(
    committed: Committed, sql: Sql
) -> None:
    desk = await committed(own())
    assert code(await desk.take("COLLECT", "reviewer")) == "FORBIDDEN"
    assert code(await desk.take("COLLECT", "department")) == "FORBIDDEN"
    await desk.all("COLLECT", "TRANSMIT")
    await sql(
        "platform",
        "update publication set collector = '许文静' where decision_id = $1",
        str(desk.said.id),
    )
    assert code(await desk.take("PASS")) == "PUBLICATION_OWN"
    other = own(subject_code="11619900MB0002006C")
    elsewhere = await committed(other)
    await sql(
        "platform",
        "update decision set recorded_by = subject_code where decision_id = $1",
        str(other.id),
    )
    assert code(await elsewhere.take("COLLECT")) == "PUBLICATION_UNKNOWN"
    nowhere = Desk(desk.ask, own())
    assert code(await nowhere.take("COLLECT")) == "PUBLICATION_UNKNOWN"


async def test_steps_out_of_order_and_without_what_they_need_change_nothing(
    committed: Committed, sql: Sql
) -> None:
    desk = await committed(own())
    for step in ("TRANSMIT", "PASS", "RELEASE"):
        assert code(await desk.take(step)) == "PUBLICATION_STATE"
    assert code(await desk.take("RETURN")) == "PUBLICATION_FORM"
    assert code(await desk.take("COLLECT", withheld=["actType"])) == "PUBLICATION_FORM"
    assert code(await desk.take("COLLECT", version=2)) == "PUBLICATION_STALE"
    assert code(await desk.take("COLLECT", channel="nowhere")) == "PUBLICATION_FORM"
    assert code(await desk.take("COLLECT", channel="credit-china")) == (
        "PUBLICATION_FORM"
    )
    assert code(await desk.take("COLLECT", reference="x")) == "PUBLICATION_FORM"
    rows = await sql(
        "platform",
        "select from publication_step where decision_id = $1",
        str(desk.said.id),
    )
    assert rows == []


async def test_the_same_step_twice_is_one(committed: Committed) -> None:
    desk = await committed(own())
    first = await desk.all("COLLECT", withheld=["result"])
    again = await desk.all("COLLECT", withheld=["result"])
    assert (first["replayed"], again["replayed"]) == (False, True)
    other = await desk.all("COLLECT", withheld=["result", "title"])
    assert other["replayed"] is False
    assert other["publication"]["withheld"] == ["result", "title"]


async def test_what_the_collector_withheld_nobody_sees(committed: Committed) -> None:
    desk = await committed(own())
    await desk.all("COLLECT", withheld=["counterpartyName", "fine", "result"])
    await desk.all("TRANSMIT", "PASS", "RELEASE")
    (shown,) = await desk.seen()
    hidden = ("counterpartyName", "fine", "result")
    assert [shown[name] for name in hidden] == [None] * 3
    assert shown["title"] == "安全出口上锁"
    for who in ("court", "releaser", "supervisor"):
        (seen,) = await desk.seen(who)
        assert [seen[name] for name in hidden] == [None] * 3, who


async def test_a_natural_person_is_masked_and_no_text_names_one(
    committed: Committed,
) -> None:
    number = uuid.uuid4().hex[:12]
    said = of_person(
        local_id=number,
        document_no=f"（安）应急罚〔2026〕{number}号",
        decided_on=today(),
        title="李四擅自动火",
    )
    desk = await committed(said)
    stood = await desk.all(*WAY)
    assert stood["downOn"] == today().replace(year=today().year + 1).isoformat()
    (shown,) = await desk.seen()
    assert shown["counterpartyName"] == "李*"
    assert (shown["title"], shown["result"]) == (None, None)


async def test_a_review_returns_or_declines_and_a_release_is_pulled(
    committed: Committed,
) -> None:
    desk = await committed(own())
    await desk.all("COLLECT", "TRANSMIT")
    returned = await desk.all("RETURN", reason="当事人姓名未处理")
    assert returned["stage"] == "RETURNED"
    await desk.all(*WAY)
    pulled = await desk.all("PULL", reason="内容有误")
    assert (pulled["stage"], pulled["shownVersion"]) == ("PULLED", None)
    assert await desk.seen() == []
    await desk.all("COLLECT", "TRANSMIT")
    declined = await desk.all("DECLINE", reason="涉及商业秘密")
    assert declined["stage"] == "DECLINED"
    assert code(await desk.take("RELEASE")) == "PUBLICATION_STATE"


async def test_a_correction_is_away_at_once_and_shown_as_a_new_version(
    committed: Committed,
) -> None:
    said = own()
    desk = await committed(said)
    await desk.all(*WAY)
    corrected = replace(said, content="罚款人民币10000元")
    await committed(corrected, 2, Change.CORRECTED, "罚款数额有误")
    (gone,) = await desk.seen()
    assert (gone["standing"], gone["result"]) == ("CORRECTING", None)
    assert gone["undoneBecause"] == "罚款数额有误"
    assert code(await desk.take("COLLECT")) == "PUBLICATION_STALE"
    await desk.all(*WAY, version=2)
    (shown,) = await desk.seen()
    assert (shown["standing"], shown["result"]) == ("PUBLISHED", "罚款人民币10000元")
    assert shown["undoneBecause"] is None


async def test_a_withdrawn_decision_is_away_at_once_with_its_reason(
    committed: Committed,
) -> None:
    said = own()
    desk = await committed(said)
    await desk.all(*WAY)
    await committed(said, 2, Change.WITHDRAWN, "复议决定撤销")
    (gone,) = await desk.seen()
    assert gone["standing"] == "WITHDRAWN"
    assert gone["documentNo"] == said.document_no
    assert gone["undoneBecause"] == "复议决定撤销"
    assert [gone[name] for name in ("title", "result", "counterpartyName")] == [
        None
    ] * 3
    assert code(await desk.take("COLLECT", version=2)) == "PUBLICATION_STATE"


async def test_what_is_over_is_shown_no_more(committed: Committed, sql: Sql) -> None:
    desk = await committed(own())
    await desk.all(*WAY)
    for past, many in ((0, 1), (1, 0)):
        await sql(
            "platform",
            "update publication set down_on = $2 where decision_id = $1",
            str(desk.said.id),
            today() - timedelta(days=past),
        )
        assert len(await desk.seen()) == many


async def test_what_others_show_is_reported_with_where_it_is(
    committed: Committed,
) -> None:
    said = own()
    desk = await committed(said)
    system = {"channel": "enterprise-system"}
    await desk.all("COLLECT", "TRANSMIT", "PASS", **system)
    assert code(await desk.take("RELEASE", **system)) == "PUBLICATION_FORM"
    await desk.all("RELEASE", **system, reference="公示系统第12号")
    early = await desk.take("TAKE_DOWN", **system)
    assert code(early) == "PUBLICATION_STATE"
    await committed(said, 2, Change.WITHDRAWN, "复议决定撤销")
    (seen,) = await desk.seen("releaser")
    assert seen["standing"] == "TO_WITHDRAW"
    stood = await desk.all("WITHDRAW", **system, version=2, reason="复议决定撤销")
    assert (stood["stage"], stood["shownVersion"]) == ("WITHDRAWN", None)


@pytest.fixture
def site(gateway: tuple[Gateway, Engine]) -> httpx.AsyncClient:
    """Give a client of the public address."""
    made = PublicSite(gateway[1], Settings())
    app = Starlette(
        routes=[
            Route("/public/publications", made.publications),
            Route("/public/words", made.words),
        ]
    )
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


async def test_anybody_lists_what_is_shown_and_the_look_is_on_record(
    committed: Committed, site: httpx.AsyncClient, sql: Sql
) -> None:
    desks = [await committed(own()) for _ in range(3)]
    for desk in desks[:2]:
        await desk.all(*WAY)
    hidden = desks[2].said.document_no
    system = {"channel": "enterprise-system"}
    await desks[2].all("COLLECT", "TRANSMIT", "PASS", **system)
    await desks[2].all("RELEASE", **system, reference="第12号")
    found: list[str] = []
    after = ""
    while True:
        asked = {"first": "1", **({"after": after} if after else {})}
        answer = await site.get("/public/publications", params=asked)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += [one["documentNo"] for one in body["publications"]]
        after = body["next"]
        if not after or len(found) > 100:
            break
    assert found[:2] == [desk.said.document_no for desk in reversed(desks[:2])]
    assert hidden not in found
    one = {"document": desks[0].said.document_no, "unit": UNIT}
    (named,) = (await site.get("/public/publications", params=one)).json()[
        "publications"
    ]
    assert named["result"] == "罚款人民币20000元"
    (look,) = await sql(
        "platform",
        "select requester_kind, unit_name from access_record"
        " where operation = 'Publications' order by at desc limit 1",
    )
    assert tuple(look) == ("public", "社会公众")


@pytest.mark.parametrize(
    "asked", [{"name": "李四"}, {"first": "0"}, {"first": "51"}, {"unit": "x"}]
)
async def test_what_cannot_be_asked_there_is_said(
    site: httpx.AsyncClient, asked: Mapping[str, str]
) -> None:
    answer = await site.get("/public/publications", params=asked)
    assert answer.status_code == 400
    assert answer.json()["errors"]


async def test_codes_are_explained_in_both_languages(site: httpx.AsyncClient) -> None:
    body = (await site.get("/public/words")).json()
    lists = {one["name"]: one["values"] for one in body["data"]["codeLists"]}
    assert {"value": "FINE", "zh": "罚款", "en": "Fine"} in lists["PenaltyKind"]
    assert "PublicationStanding" in lists
