"""The record before the answer: who looked, why, at what, and what was withheld."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from zhitong.connectors.access_entry import Records
from zhitong.connectors.access_log import PlatformAccessLog, Waiting
from zhitong.connectors.migrations import migrate
from zhitong.exceptions import RecordUnavailableError
from zhitong.infra.city_load import BINDINGS
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.embedded import Cluster
from zhitong.infra.gateway import Gateway
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.settings import Settings
from zhitong.resolvers.records import Recorder
from zhitong.schema.engine import Answer, Engine, Question
from zhitong.types import AccessFinding, Inquiry, Label, Occasion

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]
Served = tuple[Gateway, Engine]

MIGRATIONS = Path(__file__).parents[2] / "infra" / "migrations"
PROTECTED = """query Look { caseRecords(first: 3, where: {facts: {contains: "检查"}}) {
  nodes { caseNo contactPhone counterpartyIdNumber } } }"""
PUBLIC = "{ enforcementSubjects(first: 2) { nodes { name } } }"


def question(who: str, document: str, identity: str) -> Question:
    return Question(
        document=document,
        variables=None,
        operation=None,
        principal=DEMO_PRINCIPALS[who],
        occasion=Occasion(
            purpose="criminal-investigation",
            basis="刑事诉讼法",
            cause="安公立字1号",
            letter="安公介字1号",
        ),
        request_id=identity,
    )


async def test_a_record_says_who_looked_why_and_at_what(ask: Asking, sql: Sql) -> None:
    answer = await ask("police", PROTECTED, operation="Look")
    (record,) = await sql(
        "platform", "select * from access_record where record_id = $1", answer.record_id
    )
    assert (record["requester_kind"], record["unit_name"], record["person"]) == (
        "police",
        "安泽市公安局",
        "王建国",
    )
    assert (record["purpose"], record["basis"], record["cause"]) == (
        "criminal-investigation",
        "刑事诉讼法第54条",
        "安公立字1号",
    )
    assert record["operation"] == "Look"
    assert {look.split()[0] for look in record["looks"]} == {
        f"CaseRecord@{name}"
        for name in ("market", "emergency", "transport", "dongling", "xihe")
    }
    assert {look.split()[2] for look in record["looks"]} == {
        (
            "archivedOn=FILTER,caseNo=ALLOW,contactPhone=ALLOW|MASK,"
            "counterpartyIdNumber=MASK,facts=FILTER"
        )
    }
    assert record["restrictions"] == [
        "CaseRecord.facts ALLOW|DENY",
        "CaseRecord.contactPhone ALLOW|MASK(phone)",
        "CaseRecord.counterpartyIdNumber MASK(id-number)",
    ]
    assert record["gaps"] == []
    assert len(record["subjects"]) == record["rows_seen"] > 0
    # No value that was compared or seen, only what it was.
    assert "检查" not in "".join(map(str, record.values()))


async def test_a_record_names_tenant_role_program_papers_and_a_digest_of_the_party(
    gateway: Served, sql: Sql, tmp_path: Path
) -> None:
    number = "11010519491231002X"
    party = replace(
        DEMO_PRINCIPALS["police"], client="case-system-7", party_number=number
    )
    papers = Occasion(
        purpose="criminal-investigation",
        basis="刑事诉讼法",
        letter="应急介〔2026〕3号",
        licence="1610120261",
        approval="安审〔2026〕9号",
    )
    asked = replace(question("police", PROTECTED, "papers"), principal=party)
    await gateway[1].answer(replace(asked, occasion=papers))
    (record,) = await sql(
        "platform", "select * from access_record where record_id = 'papers'"
    )
    assert (record["tenant"], record["role"], record["client"]) == (
        "anze",
        "user",
        "case-system-7",
    )
    assert record["papers"] == [
        "letter 应急介〔2026〕3号",
        "licence 1610120261",
        "approval 安审〔2026〕9号",
    ]
    log = Records((tmp_path / "subject.key").read_bytes())
    assert record["party"] == log.party(f" {number.lower()} ") != log.party("1")
    assert number not in "".join(map(str, record.values()))


@pytest.mark.usefixtures("gateway")
async def test_what_a_rule_says_of_a_look_is_committed_with_its_record(
    addresses: Mapping[str, str], sql: Sql
) -> None:
    said = AccessFinding(
        check="cause-known",
        message=Label("事由不是本单位在办案件", "the cause is no open case"),
        source="configured rule",
    )
    inquiry = Inquiry(
        principal=DEMO_PRINCIPALS["police"],
        occasion=Occasion(cause="无此案"),
        id="found",
        findings=[said, replace(said, check="narrowing")],
    )
    async with asyncpg.create_pool(addresses["platform"], min_size=1) as pool:
        log = PlatformAccessLog(pool, b"key")
        await log.record(inquiry)
        await log.record(inquiry)  # the same once more changes nothing
    rows = await sql(
        "platform",
        "select f.*, f.xmin::text = r.xmin::text together from access_finding f "
        "join access_entry r using (record_id) where record_id = 'found' "
        "order by finding_id",
    )
    assert [(row["finding_id"], row["check_name"]) for row in rows] == [
        ("found:1", "cause-known"),
        ("found:2", "narrowing"),
    ]
    assert all(row["together"] for row in rows)
    assert (rows[0]["zh"], rows[0]["source"]) == (said.message.zh, said.source)


async def seen_findings(ask: Asking, who: str) -> list[str] | None:
    """Give the checks of the findings of looks that *who* is shown."""
    query = """{ findings(first: 200, where: {recordId: {present: true}}) {
      nodes { check recordId decisionId messageZh record { person } } } }"""
    body: Any = (await ask(who, query)).body["data"]
    found = body["findings"]
    return found and [one["check"] for one in found["nodes"]]


async def test_auditors_see_what_rules_say_of_looks_and_nobody_else(
    ask: Asking, addresses: Mapping[str, str]
) -> None:
    finding = AccessFinding(
        check="shown", message=Label("看", "seen"), source="configured rule"
    )
    inquiry = Inquiry(
        principal=DEMO_PRINCIPALS["police"],
        occasion=Occasion(),
        id="shown",
        findings=[finding],
    )
    async with asyncpg.create_pool(addresses["platform"], min_size=1) as pool:
        await PlatformAccessLog(pool, b"key").record(inquiry)
    for who in DEMO_PRINCIPALS:
        seen = await seen_findings(ask, who) or []
        assert ("shown" in seen) is (who == "auditor"), who
    query = """{ accessRecords(where: {recordId: {eq: "shown"}}) {
      nodes { tenant role findings { nodes { check messageEn decisionId } } } } }"""
    body: Any = (await ask("auditor", query)).body["data"]
    assert body["accessRecords"]["nodes"] == [
        {
            "tenant": "anze",
            "role": "user",
            "findings": {
                "nodes": [{"check": "shown", "messageEn": "seen", "decisionId": None}]
            },
        }
    ]


@pytest.mark.usefixtures("gateway")
async def test_text_that_no_database_has_keeps_no_look_from_the_register(
    addresses: Mapping[str, str], sql: Sql
) -> None:
    spoilt = AccessFinding(check="spoilt", message=Label("\0", ""), source="")
    inquiry = Inquiry(
        principal=replace(DEMO_PRINCIPALS["police"], person="王\0\ud800五"),
        occasion=Occasion(cause=r"\u0000"),
        id="spoilt",
        findings=[spoilt],
    )
    async with asyncpg.create_pool(addresses["platform"], min_size=1) as pool:
        await PlatformAccessLog(pool, b"key").record(inquiry)
    (found,) = await sql(
        "platform", "select person, cause from access_record where record_id = 'spoilt'"
    )
    assert (found["person"], found["cause"]) == ("王\ufffd?五", r"\u0000")
    (finding,) = await sql(
        "platform", "select zh from access_finding where record_id = 'spoilt'"
    )
    assert finding["zh"] == "\ufffd"


async def test_a_database_that_nobody_has_stamped_takes_no_record(
    database: str,
) -> None:
    await migrate(database, MIGRATIONS)
    inquiry = Inquiry(
        principal=DEMO_PRINCIPALS["police"], occasion=Occasion(), id="whose"
    )
    async with asyncpg.create_pool(database, min_size=1) as pool:
        with pytest.raises(RecordUnavailableError):
            await PlatformAccessLog(pool, b"key").record(inquiry)
        await migrate(database, MIGRATIONS, "binhai")
        await PlatformAccessLog(pool, b"key").record(inquiry)
        assert await pool.fetchval("select tenant from access_record") == "binhai"


async def test_the_rows_seen_can_be_asked_for_by_who_knows_them(
    gateway: Served, sql: Sql, tmp_path: Path
) -> None:
    document = "{ creditListings(first: 1) { nodes { id listingNo } } }"
    answer = await gateway[1].answer(question("police", document, "seen"))
    assert answer.record_id == "seen"
    (listing,) = await sql(
        "credit",
        "select id::text from xyb.sxmd where lrrq is not null "
        'order by lrrq desc, id::text collate "C" limit 1',
    )
    log = Records((tmp_path / "subject.key").read_bytes())
    digest = log.subject("CreditListing", "credit", listing["id"])
    found = await sql(
        "platform",
        "select record_id from access_record where subjects @> array[$1::bytea]",
        bytes.fromhex(digest),
    )
    assert "seen" in {record["record_id"] for record in found}


async def test_the_record_is_committed_before_the_answer_leaves(
    gateway: Served, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = PlatformAccessLog._commit
    released = asyncio.Event()

    async def held(self: PlatformAccessLog, batch: list[Waiting]) -> None:
        await released.wait()
        await commit(self, batch)

    monkeypatch.setattr(PlatformAccessLog, "_commit", held)
    asked = asyncio.create_task(
        gateway[1].answer(question("police", PROTECTED, "before"))
    )
    await asyncio.sleep(0.5)
    assert not asked.done()
    released.set()
    answer = await asked
    found = await sql(
        "platform", "select 1 from access_record where record_id = 'before'"
    )
    assert (answer.record_id, len(found)) == ("before", 1)


async def test_one_question_is_one_record(ask: Asking, sql: Sql) -> None:
    before = (await sql("platform", "select count(*) from access_record"))[0][0]
    await ask(
        "police", "{ a: officers { nodes { name } } b: matters { nodes { name } } }"
    )
    await ask("public", "{ inspections { nodes { kind } } }")  # refused, all the same
    await ask("public", "{ sources { name } codeLists { name } }")  # looks at nothing
    await ask("public", "{ nope }")
    after = (await sql("platform", "select count(*) from access_record"))[0][0]
    assert after - before == 2


async def test_concurrent_questions_share_commits(gateway: Served, sql: Sql) -> None:
    names = [f"shared-{number}" for number in range(100)]
    answers = await asyncio.gather(
        *(gateway[1].answer(question("public", PUBLIC, name)) for name in names)
    )
    assert [answer.record_id for answer in answers] == names
    (found,) = await sql(
        "platform",
        "select count(*) records, count(distinct xmin::text) commits "
        "from access_entry where record_id like 'shared-%'",
    )
    assert found["records"] == 100
    assert found["commits"] <= 50


async def test_who_goes_away_leaves_whole_records_only(
    gateway: Served, sql: Sql
) -> None:
    tasks = [
        asyncio.create_task(
            gateway[1].answer(question("police", PROTECTED, f"gone-{number}"))
        )
        for number in range(20)
    ]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0.002 * (number % 5))
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    answer = await gateway[1].answer(question("police", PROTECTED, "stayed"))
    assert answer.record_id == "stayed"
    found = await sql(
        "platform",
        "select cardinality(looks) n from access_record where record_id like 'gone-%'",
    )
    assert {record["n"] for record in found} <= {5}


async def test_a_record_that_cannot_be_stored_does_not_take_others_with_it(
    addresses: Mapping[str, str],
) -> None:
    def inquiry(name: str) -> Inquiry:
        return Inquiry(
            principal=DEMO_PRINCIPALS["police"], occasion=Occasion(), id=name
        )

    async with asyncpg.create_pool(addresses["platform"], min_size=1) as pool:
        log = PlatformAccessLog(pool, b"key")
        await log.record(inquiry("bad"))
        # The first is on its way alone, the other three share a commit.
        outcomes = await asyncio.gather(
            log.record(inquiry("fine-0")),
            log.record(inquiry("fine-1")),
            log.record(inquiry("bad")),  # another look under a number that is taken
            log.record(inquiry("fine-2")),
            return_exceptions=True,
        )
        left = await log.follow([inquiry(name) for name in ("fine-3", "bad", "fine-4")])
        kept = await pool.fetch("select record_id from access_record order by 1")
    assert [isinstance(one, RecordUnavailableError) for one in outcomes] == [
        False,
        False,
        True,
        False,
    ]
    assert [one.id for one in left] == ["bad"]
    names = {record["record_id"] for record in kept}
    assert names >= {"bad", *(f"fine-{number}" for number in range(5))}


async def test_the_auditor_reads_the_register_and_is_recorded_too(
    ask: Asking, sql: Sql, recorders: list[Recorder]
) -> None:
    looked = await ask("public", "{ counterparties(first: 1) { nodes { phone } } }")
    await recorders[0].settled()
    query = """{ accessRecords(first: 1, where: {requesterKind: {eq: "public"}}) {
      nodes { recordId person looks restrictions rows } } }"""
    answer = await ask("auditor", query)
    body: Any = answer.body["data"]
    (record,) = body["accessRecords"]["nodes"]
    assert record == {
        "recordId": looked.record_id,
        "person": "公众用户",
        "looks": ["Counterparty@market 1 phone=DENY"],
        "restrictions": ["Counterparty.phone DENY"],
        "rows": 1,
    }
    (own,) = await sql(
        "platform",
        "select looks from access_record where record_id = $1",
        answer.record_id,
    )
    assert own["looks"][0].startswith("AccessRecord@platform 1 ")


@pytest.mark.parametrize("who", ["police", "own-officer", "public", "operator"])
async def test_nobody_else_reads_the_register(ask: Asking, who: str) -> None:
    query = "{ accessRecords { nodes { recordId person } totalCount { count } } }"
    body: Any = (await ask(who, query)).body["data"]
    assert body == {"accessRecords": None}


# --- a register that is away --------------------------------------------------


@pytest.fixture
def register(cluster_factory: Callable[..., Cluster]) -> Iterator[Cluster]:
    """Give a register's server of this test's own, up again at the end."""
    name = "asked-register"
    cluster = cluster_factory(name)
    yield cluster
    if cluster.status()[name] == "frozen":
        cluster.thaw(name)
    cluster.restart(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path, bindings=BINDINGS)


@pytest.mark.parametrize("away", ["frozen", "killed"])
async def test_without_a_register_nothing_protected_leaves(
    addresses: Mapping[str, str], register: Cluster, settings: Settings, away: str
) -> None:
    name = "asked-register"
    url = register.start()[name]
    found = {**addresses, "platform": url}
    make_demo_keys(settings.state, ["provincial", "credit"])
    async with Gateway(settings, found.get).running() as engine:
        shown: Any = (await engine.answer(question("police", PROTECTED, "r1"))).body
        phones = [one["contactPhone"] for one in shown["data"]["caseRecords"]["nodes"]]
        (register.freeze if away == "frozen" else register.kill)(name)

        refused = await engine.answer(question("police", PROTECTED, "r2"))
        assert refused.executed is False
        assert refused.status == 503
        errors: Any = refused.body["errors"]
        assert [one["extensions"]["code"] for one in errors] == ["RECORD_UNAVAILABLE"]
        assert "data" not in refused.body
        assert not [one for one in phones if one and one in str(refused.body)]

        names = [f"late-{number}" for number in range(30)]
        answers = await asyncio.gather(
            *(engine.answer(question("public", PUBLIC, one)) for one in names)
        )
        assert [answer.record_id for answer in answers] == names
        assert all(answer.executed for answer in answers)

        if away == "frozen":
            register.thaw(name)
        else:
            assert register.restart(name) == url
        assert await recorded(url) == names
        again = await engine.answer(question("police", PROTECTED, "r3"))
        assert again.record_id == "r3"


async def recorded(url: str) -> list[str]:
    """List the late records, in their order, as soon as all are there."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(60):
            while True:
                rows = await connection.fetch(
                    "select record_id from access_record "
                    "where record_id like 'late-%' order by at, record_id"
                )
                if len(rows) == 30:
                    break
                await asyncio.sleep(0.05)
        await connection.execute("truncate access_entry, unsealed")
        return sorted((row[0] for row in rows), key=lambda one: int(one[5:]))
    finally:
        await connection.close()
