"""What others told us, asked for in the graph: beside the registers, under policy."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from sending import PARTY, Platform, told

from zhitong.connectors.inbound_book import PlatformInbound
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.gateway import Gateway
from zhitong.schema.engine import Answer, Engine

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]

CREDIT = """query($decision: String!) {
  creditNotices(where: {decisionId: {eq: $decision}},
    orderBy: {by: changedAt, direction: ASC}) { nodes {
    kind status number version sender listingNo counterpartyCode counterpartyName
    decidedBy reason occurredOn decision { decisionId } } } }"""
BESIDE = """query($decision: String!) {
  decisions(where: {decisionId: {eq: $decision}}) { nodes {
    creditNotices(first: 5) { nodes { kind status } }
    supervisionNotices(first: 5) { nodes { number content } } } } }"""
SUPERVISION = """query($numbers: [String!]!) {
  supervisionNotices(where: {number: {in: $numbers}}) { nodes {
    number document subjectCode issuedBy content issuedOn } } }"""


@dataclass(frozen=True)
class Kept:
    """What was told of a decision of this test's own."""

    decision: str
    listing: str
    own: str
    others: str


@pytest.fixture
async def kept(
    addresses: Mapping[str, str], gateway: tuple[Gateway, Engine]
) -> AsyncIterator[Kept]:
    """Tell the platform of a decision, as the senders would."""
    del gateway  # it has migrated the database
    book = PlatformInbound(addresses["platform"])
    here = Platform(url=addresses["platform"], book=book)
    decision, name = uuid.uuid4(), uuid.uuid4().hex[:12]
    listing, own, others = f"L-{name}", f"S-{name}", f"T-{name}"
    unit = DEMO_PRINCIPALS["department"].unit
    try:
        await here.decision(decision)
        await here.take(
            told("listing.entered", subject=listing, decisionId=str(decision)),
        )
        await here.take(told("repair.granted", subject=listing, listingNo=listing))
        await here.take(
            told(
                *("supervision.issued", 1, "provincial"),
                subject=own,
                agencyCode=unit,
                decisionId=str(decision),
            ),
            told(
                *("supervision.issued", 1, "provincial"),
                subject=others,
                agencyCode="11619900MB0003009W",
            ),
            sender="provincial",
        )
        yield Kept(str(decision), listing, own, others)
    finally:
        await here.rows("delete from decision where decision_id = $1", str(decision))
        await book.close()


def shown(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    body: Any = answer.body
    assert "errors" not in body, body
    (only,) = body["data"].values()
    return only["nodes"]


async def test_a_listing_and_its_repair_stand_beside_the_decision(
    ask: Asking, kept: Kept
) -> None:
    entered, repaired = shown(await ask("police", CREDIT, {"decision": kept.decision}))
    assert entered == {
        "kind": "LISTING",
        "status": "ENTERED",
        "number": kept.listing,
        "version": 1,
        "sender": "credit",
        "listingNo": kept.listing,
        "counterpartyCode": PARTY,
        "counterpartyName": "安泽市某某化工有限公司",
        "decidedBy": "安泽市应急管理局",
        "reason": "瞒报事故",
        "occurredOn": "2026-06-01",
        "decision": {"decisionId": kept.decision},
    }
    assert (repaired["kind"], repaired["status"]) == ("REPAIR", "GRANTED")
    # The party and the decision are those of the listing that it names.
    assert repaired["counterpartyCode"] == PARTY
    assert repaired["decision"] == {"decisionId": kept.decision}
    (beside,) = shown(await ask("supervisor", BESIDE, {"decision": kept.decision}))
    told_of = {(n["kind"], n["status"]) for n in beside["creditNotices"]["nodes"]}
    assert told_of == {("LISTING", "ENTERED"), ("REPAIR", "GRANTED")}
    (notice,) = beside["supervisionNotices"]["nodes"]
    assert notice == {"number": kept.own, "content": "请说明检查频次"}


async def test_a_document_of_supervision_is_for_its_agency_and_the_supervisor(
    ask: Asking, kept: Kept
) -> None:
    both = {"numbers": [kept.own, kept.others]}
    assert {n["number"] for n in shown(await ask("supervisor", SUPERVISION, both))} == {
        kept.own,
        kept.others,
    }
    (mine,) = shown(await ask("department", SUPERVISION, both))
    assert mine["number"] == kept.own
    assert mine["content"] == "请说明检查频次"


@pytest.mark.parametrize("who", ["public", "dashboard", "operator"])
async def test_nobody_else_is_told(ask: Asking, kept: Kept, who: str) -> None:
    for document, values in (
        (CREDIT, {"decision": kept.decision}),
        (SUPERVISION, {"numbers": [kept.own, kept.others]}),
    ):
        body: Any = (await ask(who, document, values)).body
        assert kept.listing not in str(body["data"])
        assert "检查频次" not in str(body["data"])
        (given,) = body["data"].values()
        assert given is None or not given["nodes"]
