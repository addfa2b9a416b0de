"""The front behind a real server and real sockets: no database is needed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationType,
    build_schema,
    get_operation_ast,
    graphql,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from zhitong.exceptions import DocumentInvalidError
from zhitong.infra.app import build_app, server
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Answer, Engine, Question, problem

pytestmark = pytest.mark.integration

PORTAL = Path(__file__).parents[2] / "portal"
SCHEMA: GraphQLSchema = build_schema(
    "type Query { hello: String } type Mutation { touch: Boolean }"
)


def refused(status: int = 400) -> Answer:
    error = DocumentInvalidError("文档无效", "The document is invalid")
    return Answer(body={"errors": [problem(error)]}, executed=False, status=status)


class Reference:
    """graphql-core itself, with as little around it as can be."""

    async def answer(self, question: Question) -> Answer:
        status = self._fault(question)
        if status:
            return refused(status)
        result = await graphql(
            SCHEMA,
            question.document,
            root_value={"hello": "你好"},
            variable_values=dict(question.variables or {}),
            operation_name=question.operation,
        )
        return Answer(body=result.formatted, executed=True)

    def _fault(self, question: Question) -> int:
        try:
            document = parse(question.document)
        except GraphQLError:
            return 400
        operation = get_operation_ast(document, question.operation)
        if validate(SCHEMA, document) or operation is None:
            return 400
        values = get_variable_values(
            SCHEMA,
            list(operation.variable_definitions or []),
            dict(question.variables or {}),
        )
        if isinstance(values, list):
            return 400
        reads = operation.operation is OperationType.QUERY
        return 405 if question.read_only and not reads else 0


class Endless:
    """An engine that works until it is stopped."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()

    async def answer(self, question: Question) -> Answer:
        self.started.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.stopped.set()
        raise AssertionError(question)


@asynccontextmanager
async def serving(engine: Engine, state: Path) -> AsyncIterator[tuple[str, str]]:
    """Serve *engine*; give its address and a police officer's token."""

    async def report(*_: object) -> Mapping[str, object]:
        return {"database": True, "sources": {}}

    issuer = DemoIssuer(state)
    verifier = Verifier({"demo": issuer.issuer}, "zhitong")
    settings = Settings(state=state)
    running = server(build_app(engine, verifier, settings, report, report), settings)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(running.serve([listening]))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            yield address, issuer.issue(DEMO_PRINCIPALS["police"])
        finally:
            running.should_exit = True
            await task


def installed(package: str) -> pytest.MarkDecorator:
    there = (PORTAL / "node_modules" / package).is_dir() and shutil.which("node")
    return pytest.mark.skipif(
        not there, reason=f"npm ci --prefix portal has not installed {package}"
    )


async def said_by(program: str, **environment: str) -> str:
    """Run a program of the portal's folder; give what it prints."""
    running = await asyncio.create_subprocess_exec(
        "node",
        program,
        cwd=PORTAL,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await running.communicate()
    return said.decode()


@installed("graphql-http")
async def test_the_graphql_over_http_auditor_has_nothing_to_say(tmp_path: Path) -> None:
    async with serving(Reference(), tmp_path) as (address, token):
        said = await said_by(
            "audit.mjs", AUDIT_URL=f"{address}/graphql", AUDIT_TOKEN=token
        )
    assert said == "61 of 61\n"


@installed("@apollo/client")
async def test_apollo_client_asks_by_hash_what_it_has_sent_once(tmp_path: Path) -> None:
    async with serving(Reference(), tmp_path) as (address, token):
        said = await said_by(
            "persisted.mjs", ASK_URL=f"{address}/graphql", ASK_TOKEN=token
        )
    assert said.splitlines() == [
        *("POST hash 404", "POST text 200", "你好"),
        *("POST hash 200", "你好"),
        *("GET hash 200", "你好"),
    ]


async def test_the_engine_stops_when_the_connection_is_closed(tmp_path: Path) -> None:
    engine = Endless()
    async with serving(engine, tmp_path) as (address, token):
        host, port = address.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        body = b'{"query":"{hello}"}'
        writer.write(
            b"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\n"
            + f"authorization: Bearer {token}\r\n".encode()
            + f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        async with asyncio.timeout(5):
            await engine.started.wait()
            writer.close()
            await engine.stopped.wait()


async def test_fifty_megabytes_are_refused_without_being_held(tmp_path: Path) -> None:
    async def fifty_megabytes() -> AsyncIterator[bytes]:
        for _ in range(800):
            yield bytes(65_536)

    async with serving(Reference(), tmp_path) as (address, token):
        headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
        }
        async with httpx.AsyncClient(base_url=address, headers=headers) as client:
            tracemalloc.start()
            response = await client.post("/graphql", content=fifty_megabytes())
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
    assert response.status_code == 413
    assert most < 10_000_000


async def test_purposes_in_chinese_cross_the_wire(tmp_path: Path) -> None:
    async with (
        serving(Reference(), tmp_path) as (address, token),
        httpx.AsyncClient() as client,
    ):
        response = await client.post(
            f"{address}/graphql",
            json={"query": "{hello}"},
            headers=[
                (b"authorization", f"Bearer {token}".encode()),
                (b"zhitong-purpose", "行政处罚".encode()),
            ],
        )
    assert response.json() == {"data": {"hello": "你好"}}
    assert "server" not in response.headers
