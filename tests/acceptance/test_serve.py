"""The gateway as a process: started, asked over HTTP, extended, ended."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.acceptance.conftest import Zhitong

from zhitong.infra.city_load import BINDINGS, HARBOUR_CASES, load_harbour
from zhitong.infra.city_words import DEMO
from zhitong.infra.embedded import Cluster

pytestmark = pytest.mark.integration

HARBOUR = (
    '{ caseRecords(where: {subject: {name: {contains: "港航"}}}) '
    "{ totalCount { count partial } } }"
)
DONGLING = (
    '{ caseRecords(first: 1, where: {division: {within: "619921"}, '
    'subject: {name: {contains: "东岭"}}}) { nodes { source } } }'
)
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def process(zhitong: Zhitong) -> Iterator[subprocess.Popen[str]]:
    """Give a gateway that runs on the small city."""
    assert zhitong.run("up")[0] == 0
    with zhitong.start("serve", "--port", "0") as running:
        try:
            until(lambda: zhitong.gateway() is not None or running.poll() is not None)
            yield running
        finally:
            running.terminate()


@pytest.fixture
def url(process: subprocess.Popen[str], zhitong: Zhitong) -> str:
    """Give the gateway's address."""
    note = zhitong.gateway()
    assert note is not None
    assert note.pid == process.pid
    return note.url


@pytest.fixture
def ask(url: str, zhitong: Zhitong) -> Ask:
    """Give ``ask(kind, document)``: the body of the gateway's answer."""

    def one(kind: str, document: str, **headers: str) -> dict[str, Any]:
        code, token = zhitong.run("token", kind)
        assert code == 0
        answer = httpx.post(
            f"{url}/graphql",
            json={"query": document},
            headers={"authorization": f"Bearer {token.strip()}", **headers},
        )
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body

    return one


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_says_that_every_department_answers(url: str) -> None:
    body = httpx.get(f"{url}/ready").json()
    assert (body["database"], body["answering"], body["bound"]) == (True, 7, 7)


def test_it_uses_the_account_that_adds_to_the_records_and_reads_them(
    url: str, zhitong: Zhitong
) -> None:
    assert httpx.get(f"{url}/ready").json()["database"]
    superuser = Cluster(zhitong.state, ["platform"]).start()["platform"]

    async def accounts() -> set[str]:
        connection = await asyncpg.connect(superuser)
        try:
            rows = await connection.fetch(
                "select usename from pg_stat_activity"
                " where backend_type = 'client backend' and pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()
        return {row["usename"] for row in rows}

    assert asyncio.run(accounts()) == {"zhitong_gateway"}


def test_the_police_and_the_public_get_different_answers(ask: Ask) -> None:
    document = (
        "{ counterparties(first: 1, where: {kind: {eq: INDIVIDUAL_BUSINESS}}) "
        "{ nodes { name phone } } }"
    )
    police = ask(
        "police",
        document,
        **{
            "zhitong-purpose": "criminal-investigation",
            "zhitong-basis": "CPL 54",
            "zhitong-cause": "2026-12",
            "zhitong-letter": "88",
        },
    )
    public = ask("public", document)
    (seen,) = police["data"]["counterparties"]["nodes"]
    (published,) = public["data"]["counterparties"]["nodes"]
    assert seen["name"] == published["name"]
    assert len(seen["phone"]) == 11
    assert published["phone"] is None
    assert [(e["field"], e["verdict"]) for e in public["extensions"]["access"]] == [
        ("name", "MASK"),
        ("phone", "DENY"),
    ]


def test_without_a_token_there_is_no_answer(url: str) -> None:
    answer = httpx.post(f"{url}/graphql", json={"query": "{ __typename }"})
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "TOKEN_MISSING"


def test_the_command_asks_and_tells_errors_by_its_exit_code(
    url: str, zhitong: Zhitong, tmp_path: Path
) -> None:
    right, wrong = tmp_path / "right.graphql", tmp_path / "wrong.graphql"
    right.write_text("{ sources { name } }")
    wrong.write_text("{ nothing }")
    code, said = zhitong.run("ask", "--as", "public", str(right))
    assert (code, '"name": "dongling"' in said) == (0, True), url
    code, said = zhitong.run("ask", "--as", "public", str(wrong))
    assert (code, "DOCUMENT_INVALID" in said) == (1, True)
    right.write_text("query($n: [String!]) { codeLists(names: $n) { name } }")
    (tmp_path / "n.json").write_text('{"n": ["ActType"]}')
    words = ("ask", "--as", "public", "--variables", str(tmp_path / "n.json"))
    code, said = zhitong.run(*words, str(right))
    assert (code, said.count('"name"')) == (0, 1), said
    (tmp_path / "n.json").write_text("[]")
    code, said = zhitong.run(*words, str(right))
    assert (code, "SETTINGS" in said) == (2, True), said


def test_a_department_joins_by_one_file_while_the_gateway_runs(
    process: subprocess.Popen[str], ask: Ask, zhitong: Zhitong
) -> None:
    before = ask("police", HARBOUR)["data"]["caseRecords"]["totalCount"]
    address = Cluster(zhitong.state, ["harbour"]).start()["harbour"]
    asyncio.run(load_harbour(address))
    (zhitong.state / "bindings" / "harbour.toml").write_bytes(
        (DEMO / "extra" / "harbour.toml").read_bytes()
    )
    code, said = zhitong.run("reload")
    after = ask("police", HARBOUR)["data"]["caseRecords"]["totalCount"]
    assert (code, "harbour      正常 ready" in said) == (0, True)
    assert before == {"count": 0, "partial": False}
    assert after == {"count": HARBOUR_CASES, "partial": False}
    assert process.poll() is None


def test_a_wrong_file_is_refused_by_name_and_what_was_there_stays(
    ask: Ask, zhitong: Zhitong
) -> None:
    bindings = zhitong.state / "bindings"
    right = (BINDINGS / "dongling.toml").read_text(encoding="utf-8")
    wrong = right.replace('unit = "wan-yuan"', 'unit = "gold"')
    line = next(n for n, text in enumerate(wrong.splitlines(), 1) if "gold" in text)
    (bindings / "dongling.toml").write_text(wrong, encoding="utf-8")
    (bindings / "urban.toml").write_text("name = ", encoding="utf-8")
    try:
        code, said = zhitong.run("reload")
        answer = ask("police", DONGLING)
    finally:
        (bindings / "dongling.toml").write_text(right, encoding="utf-8")
        (bindings / "urban.toml").unlink()
    assert code == 1
    assert f"dongling.toml:{line} types.CaseRecord.fields.fine" in said
    assert "unit = gold" in said
    assert "urban.toml" in said
    assert answer["data"]["caseRecords"]["nodes"] == [{"source": "dongling"}]
    assert zhitong.run("reload")[0] == 0


def test_an_ordinary_user_may_not_reload(url: str, zhitong: Zhitong) -> None:
    _, token = zhitong.run("token", "police")
    headers = {"authorization": f"Bearer {token.strip()}"}
    assert httpx.post(f"{url}/reload", headers=headers).status_code == 403


def test_a_second_gateway_on_the_same_folder_is_refused(
    url: str, zhitong: Zhitong
) -> None:
    code, said = zhitong.run("serve", "--port", "0")
    assert code == 2
    assert url in said
    assert "Traceback" not in said


def test_a_department_that_is_down_does_not_stop_the_others_from_starting(
    process: subprocess.Popen[str], zhitong: Zhitong
) -> None:
    end(process, zhitong)
    Cluster(zhitong.state, ["transport"]).stop()
    with zhitong.start("serve", "--port", "0") as second:
        try:
            until(lambda: zhitong.gateway() is not None)
            note = zhitong.gateway()
            assert note is not None
            states = httpx.get(f"{note.url}/ready").json()["sources"]
            assert states.pop("transport") == "away"
            assert set(states.values()) == {"ready"}
        finally:
            end(second, zhitong)


def end(process: subprocess.Popen[str], zhitong: Zhitong) -> None:
    """SIGTERM: it ends with 0, and nothing claims that it still runs."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=15)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert zhitong.gateway() is None
