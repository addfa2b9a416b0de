"""Two tenants side by side, each a process of its own: neither sees the other's."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.acceptance.conftest import Zhitong

from zhitong.infra.client import Client, Reply
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.embedded import Cluster
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.schema.entities import ENTITIES
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

CANARY = {"anze": "安泽独有事项", "binhai": "滨海独有事项"}
BINDING = """
name = "one"
title = {{ zh = "试验局", en = "Trial Bureau" }}
owner = "91110000600037341L"
tenant = "{tenant}"

[types.Matter]
table = "matter"
key = "id"

[types.Matter.fields]
code = "code"
name = "title"
"""
TABLES = """
create table matter (id int primary key, code text, title text);
insert into matter select n, 'M' || n, '{canary}' || n from generate_series(1, 40) n;
"""
MATTERS = """query M($after: String) { matters(first: 5, after: $after) {
  nodes { id name } pageInfo { endCursor } } }"""
RECORD = """mutation Record($decision: DecisionInput!) {
  recordDecision(decision: $decision) { decisionId version } }"""
COUNTS = """select
  (select count(*) from access_record), (select count(*) from decision),
  (select count(*) from outbox), (select count(*) from outbox_sent),
  (select count(*) from relay), (select count(*) from deed)"""
PERSONS = "select person from person_key"
OWNED = "select buckets from relay"
OCCASION = Occasion(purpose="case-handling", cause="试立字1号")
BUSY = "127.0.0.1:9"
"""No broker listens there: what is due waits."""


@dataclass(frozen=True)
class Tenant:
    """One tenant: its processes, state folder and databases."""

    name: str
    zhitong: Zhitong
    urls: dict[str, str]

    @property
    def variables(self) -> dict[str, str]:
        """What its processes are told."""
        named = {f"ZHITONG_DATABASE_{k.upper()}": url for k, url in self.urls.items()}
        return {**named, "ZHITONG_TENANT": self.name, "ZHITONG_KAFKA": BUSY}

    @property
    def gateway(self) -> str:
        """Where its gateway listens."""
        note = self.zhitong.gateway()
        assert note is not None
        return note.url

    def token(self, who: str = "public") -> str:
        """Give a token of its own issuer."""
        issuer = DemoIssuer(self.zhitong.state, tenant=self.name)
        return issuer.issue(DEMO_PRINCIPALS[who])

    def ask(self, document: str, who: str = "public", **variables: object) -> Reply:
        """Ask its gateway, as one of its own people."""
        client = Client(url=self.gateway, token=self.token(who))
        return client.ask(document, OCCASION, variables=variables)

    def sql(self, statement: str) -> list[asyncpg.Record]:
        """Ask its platform's database."""
        return fetched(self.urls["platform"], statement)


def fetched(url: str, statement: str) -> list[asyncpg.Record]:
    async def one() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return asyncio.run(one())


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def tenants(
    cluster_factory: Callable[..., Cluster], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Tenant, Tenant]]:
    """Give two tenants whose gateways run, on one database server."""
    server = cluster_factory("shared").start()["shared"]
    with ExitStack() as stack:
        made = [
            tenant(name, server, tmp_path_factory.mktemp(name) / "state")
            for name in CANARY
        ]
        for each in made:
            process = stack.enter_context(
                each.zhitong.start("serve", "--port", "0", **each.variables)
            )
            stack.callback(process.terminate)
        until(lambda: all(each.zhitong.gateway() for each in made))
        for each in made:
            recorded = each.ask(RECORD, "department", decision=decision(each))
            assert recorded.good, recorded.body
        yield made[0], made[1]
        for each in made:
            fetched_drop(server, each)


def tenant(name: str, server: str, state: Path) -> Tenant:
    """Make a tenant: two databases, its keys, a department and its binding."""
    urls = {}
    for database in ("platform", "one"):
        fetched(server, f"create database tenant_{name}_{database}")
        urls[database] = f"{server.rpartition('/')[0]}/tenant_{name}_{database}"
    for statement in TABLES.format(canary=CANARY[name]).strip().split(";\n"):
        fetched(urls["one"], statement)
    (state / "bindings").mkdir(parents=True)
    text = BINDING.format(tenant=name)
    (state / "bindings" / "one.toml").write_text(text, encoding="utf-8")
    make_demo_keys(state, ["provincial", "credit"])
    return Tenant(name, Zhitong(state), urls)


def fetched_drop(server: str, each: Tenant) -> None:
    for database in ("platform", "one"):
        fetched(server, f"drop database tenant_{each.name}_{database} with (force)")


def decision(each: Tenant) -> dict[str, object]:
    bureau = DEMO_PRINCIPALS["department"]
    return {
        "localId": "side-by-side-1",
        "actType": "PENALTY",
        "subjectCode": bureau.unit,
        "subjectName": bureau.unit_name,
        "documentNo": "（试）应急罚〔2026〕1号",
        "decidedOn": "2026-06-01",
        "title": CANARY[each.name],
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": f"{CANARY[each.name]}有限公司",
        "counterpartyCode": "91110000600037341L",
        "penaltyKinds": ["WARNING"],
    }


def everything(each: Tenant) -> str:
    """Ask for every field of every type as everybody; give all that is answered."""
    answers = [
        each.ask(
            f"{{ {entity.plural}(first: 50) {{ nodes {{ {' '.join(entity.fields)} }}"
            " totalCount { count } } }",
            who,
        ).body
        for who in DEMO_PRINCIPALS
        for entity in ENTITIES.values()
    ]
    return json.dumps(answers, ensure_ascii=False)


def test_each_gateway_answers_of_its_own_alone(tenants: tuple[Tenant, Tenant]) -> None:
    for ours, other in (tenants, tenants[::-1]):
        said = everything(ours)
        assert CANARY[ours.name] in said
        assert CANARY[other.name] not in said


def test_a_token_of_one_is_refused_by_the_other(tenants: tuple[Tenant, Tenant]) -> None:
    first, second = tenants
    # The second is also not to be talked into it by its own issuer's key.
    misled = DemoIssuer(second.zhitong.state, tenant=first.name)
    for token in (first.token(), misled.issue(DEMO_PRINCIPALS["public"])):
        reply = Client(url=second.gateway, token=token).ask(MATTERS)
        errors: Any = reply.body["errors"]
        assert (reply.status, errors[0]["extensions"]["code"]) == (401, "TOKEN_INVALID")
        assert CANARY[second.name] not in json.dumps(reply.body, ensure_ascii=False)


def test_a_cursor_of_one_leads_nowhere_in_the_other(
    tenants: tuple[Tenant, Tenant],
) -> None:
    first, second = tenants
    page: Any = first.ask(MATTERS).body["data"]
    cursor = page["matters"]["pageInfo"]["endCursor"]
    assert first.ask(MATTERS, after=cursor).good
    refused: Any = second.ask(MATTERS, after=cursor).body
    assert refused["data"]["matters"] is None
    assert refused["errors"][0]["extensions"]["code"] == "CURSOR_MALFORMED"


def test_an_id_of_one_never_leads_to_the_others_row(
    tenants: tuple[Tenant, Tenant],
) -> None:
    first, second = tenants
    page: Any = first.ask(MATTERS).body["data"]
    identity = page["matters"]["nodes"][0]["id"]
    document = "query N($id: ID!) { node(id: $id) { ... on Matter { name } } }"
    found = json.dumps(second.ask(document, id=identity).body, ensure_ascii=False)
    assert CANARY[first.name] not in found


def test_a_binding_of_one_is_refused_by_the_other(
    tenants: tuple[Tenant, Tenant],
) -> None:
    first, second = tenants
    stray = second.zhitong.state / "bindings" / "stray.toml"
    text = BINDING.format(tenant=first.name).replace('"one"', '"stray"', 1)
    url = first.urls["one"]
    stray.write_text(text.replace("[types", f'database = "{url}"\n[types', 1), "utf-8")
    try:
        client = Client(url=second.gateway, token=second.token("operator"))
        said = json.dumps(client.reload().body, ensure_ascii=False)
        assert "is of the tenant anze, and this gateway serves binhai" in said
        assert CANARY[first.name] not in everything(second)
        code, checked = second.zhitong.run("bindings", "check", **second.variables)
        assert code == 1
        assert "is of the tenant anze" in checked
    finally:
        stray.unlink()


def test_no_process_works_on_the_others_database(
    tenants: tuple[Tenant, Tenant],
) -> None:
    first, second = tenants
    before = counts(first)
    strayed = {**second.variables, "ZHITONG_DATABASE_PLATFORM": first.urls["platform"]}
    elsewhere = Zhitong(second.zhitong.state.parent / "strayed")
    make_demo_keys(elsewhere.state, ["provincial", "credit"])
    for words in (
        ("serve", "--port", "0"),
        ("relay",),
        ("receivers", "list"),
        ("documents", "list"),
        ("receivers", "suspend", "credit", "--because", "误操作"),
    ):
        code, said = elsewhere.run(*words, **strayed)
        assert code == 2, words
        assert "the database belongs to anze, this process serves binhai" in said
        assert CANARY[first.name] not in said
    assert counts(first) == before


def test_no_process_works_with_the_others_keys(
    tenants: tuple[Tenant, Tenant],
) -> None:
    first, second = tenants
    for words in (("serve", "--port", "0"), ("relay",)):
        code, said = first.zhitong.run(*words, **second.variables)
        assert code == 2, words
        assert "is anze's, and this process serves binhai" in said
    assert second.sql("select 1 from relay where buckets > 0") == []


def test_a_person_has_another_digest_at_each(tenants: tuple[Tenant, Tenant]) -> None:
    number = "11010519491231002X"
    for each in tenants:
        said = decision(each) | {
            "localId": "side-by-side-2",
            "documentNo": "（试）应急罚〔2026〕2号",
            "counterpartyKind": "NATURAL_PERSON",
            "counterpartyName": "王某",
            "counterpartyCode": None,
            "idNumber": number,
            "idKind": "RESIDENT_ID",
        }
        recorded = each.ask(RECORD, "department", decision=said)
        assert recorded.good, recorded.body
    persons = [{row[0] for row in each.sql(PERSONS)} for each in tenants]
    assert [len(one) for one in persons] == [1, 1]
    assert persons[0].isdisjoint(persons[1])


def counts(each: Tenant) -> list[int]:
    """Count what stands there, once the records of public looks have followed."""
    seen: list[list[int]] = []

    def stands() -> bool:
        (row,) = each.sql(COUNTS)
        seen.append(list(row))
        time.sleep(1.2)
        return seen[-2:-1] == seen[-1:]

    until(stands)
    return seen[-1]


def test_rules_of_one_do_not_start_the_other(tenants: tuple[Tenant, Tenant]) -> None:
    _, second = tenants
    elsewhere = Zhitong(second.zhitong.state.parent / "ruled")
    text = Path("infra/rules/policy.toml").read_text("utf-8")
    elsewhere.state.mkdir()
    policy = elsewhere.state.parent / "policy.toml"
    policy.write_text(text.replace('tenant = "*"', 'tenant = "anze"', 1), "utf-8")
    variables = {**second.variables, "ZHITONG_POLICY": str(policy)}
    code, said = elsewhere.run("serve", "--port", "0", **variables)
    assert code == 2
    assert "policy.toml is anze's, and this process serves binhai" in said


def test_a_relay_of_one_leaves_the_others_outbox_alone(
    tenants: tuple[Tenant, Tenant],
) -> None:
    first, second = tenants
    waiting = "select seq, attempts, parked, payload from outbox order by seq"
    before = first.sql(waiting)
    assert before
    with second.zhitong.start("relay", **second.variables) as relay:
        try:
            until(lambda: sum(row[0] for row in second.sql(OWNED)) == 64)
            assert first.sql(OWNED) == []
        finally:
            relay.terminate()
    assert first.sql(waiting) == before


def test_every_record_and_every_proof_names_its_tenant(
    tenants: tuple[Tenant, Tenant],
) -> None:
    for each in tenants:
        each.ask(MATTERS)
        counts(each)
        named = each.sql("select distinct tenant from access_record")
        assert [row[0] for row in named] == [each.name]
        leaves = each.sql("select body from audit_leaf")
        assert {json.loads(row[0])["tenant"] for row in leaves} == {each.name}
        topics = {row[0] for row in each.sql("select topic from outbox")}
        assert topics == {
            f"zhitong.{each.name}.provincial.v1",
            f"zhitong.{each.name}.credit.v1",
        }
