"""What the caller keeps of an answer: its digest, its record, the signed receipt."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey

from zhitong.connectors.key_forms import PUBLIC as PUBLIC_KEY
from zhitong.connectors.key_forms import pem
from zhitong.infra.app import build_app, server
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.gateway import Gateway
from zhitong.infra.occasions import said
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.schema.engine import Engine
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

Sql = Callable[..., Awaitable[list[asyncpg.Record]]]
Ask = Callable[..., Awaitable[httpx.Response]]

PAGE = Path(__file__).parents[2] / "docs" / "receipts.md"
PUBLIC = "{ enforcementSubjects(first: 2) { nodes { name } } }"
PROTECTED = "{ caseRecords(first: 3) { nodes { caseNo contactPhone } } }"
HIDDEN = "{ inspections { nodes { kind } } }"
OCCASION = Occasion(
    purpose="criminal-investigation", basis="刑事诉讼法", cause="立1", letter="介1"
)


@pytest.fixture
async def ask(gateway: tuple[Gateway, Engine], tmp_path: Path) -> AsyncIterator[Ask]:
    """Give ``ask("police", document)`` over HTTP."""
    made, engine = gateway
    settings = Settings(state=tmp_path)
    issuer = DemoIssuer(tmp_path)
    app = build_app(
        engine,
        Verifier({"demo": issuer.issuer}, settings.audience),
        settings,
        made.readiness,
        made.reload,
        receipts=made.receipts,
    )
    running = server(app, settings)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(running.serve([listening]))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:

            async def asked(who: str, document: str) -> httpx.Response:
                token = issuer.issue(DEMO_PRINCIPALS[who])
                headers = said(OCCASION) if who == "police" else {}
                return await client.post(
                    "/graphql",
                    json={"query": document},
                    headers={"authorization": f"Bearer {token}", **headers},
                )

            yield asked
        running.should_exit = True
        await task


@pytest.fixture
def keys(sql: Sql) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Give the public keys as ``/evidence/keys`` has them."""

    async def found() -> dict[str, Any]:
        rows = await sql(
            "platform", "select key_id, purpose, spki from evidence_key order by since"
        )
        return {
            "keys": [
                {
                    "kid": row["key_id"],
                    "purpose": row["purpose"],
                    "pem": pem(PUBLIC_KEY, row["spki"]),
                }
                for row in rows
            ]
        }

    return found


def claims(receipt: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Check a receipt as a caller does; give what it says."""
    head = json.loads(base64.urlsafe_b64decode(receipt.partition(".")[0] + "=="))
    assert (head["alg"], head["typ"]) == ("ES256", "zhitong-receipt+jwt")
    (found,) = (one for one in keys["keys"] if one["kid"] == head["kid"])
    assert found["purpose"] == "receipt"
    key = ECKey.import_key(found["pem"])
    signed = jws.deserialize_compact(receipt, key, algorithms=["ES256"])
    return dict(json.loads(signed.payload))


def content_digest(body: bytes) -> str:
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return f"sha-256=:{digest}:"


@pytest.mark.parametrize(
    ("who", "document"),
    [("police", PROTECTED), ("public", PUBLIC), ("public", HIDDEN)],
    ids=["protected", "public", "refused"],
)
async def test_bytes_headers_receipt_and_record_say_the_same(
    ask: Ask, keys: Callable[[], Any], sql: Sql, who: str, document: str
) -> None:
    reply = await ask(who, document)
    assert reply.status_code == 200
    digest = content_digest(reply.content)
    assert reply.headers["zhitong-answer-digest"] == digest
    receipt = claims(reply.headers["zhitong-receipt"], await keys())
    assert receipt["digest"] == digest
    assert receipt["record"] == reply.headers["zhitong-record"]
    assert receipt["unit"] == DEMO_PRINCIPALS[who].unit
    assert receipt["document"] == hashlib.sha256(document.encode()).hexdigest()
    (row,) = await sql(
        "platform", "select * from access_entry where record_id = $1", receipt["record"]
    )
    body = json.loads(row["body"])
    assert body["answer"] == {
        "digest": hashlib.sha256(reply.content).hexdigest(),
        "size": len(reply.content),
    }
    assert (body["at"], body["document"]) == (receipt["at"], receipt["document"])
    assert row["protected"] is (who == "police")


async def test_each_payload_has_a_record_and_a_receipt_of_its_own(
    ask: Ask, keys: Callable[[], Any], sql: Sql
) -> None:
    replies = await asyncio.gather(
        *(
            ask("police", "{ caseRecords(first: 1) { nodes { caseNo } } }")
            for _ in range(5)
        )
    )
    records = {one.headers["zhitong-record"] for one in replies}
    known = await keys()
    said = {claims(one.headers["zhitong-receipt"], known)["record"] for one in replies}
    assert len(records) == 5
    assert records == said
    rows = await sql(
        "platform",
        "select record_id from access_entry where record_id = any($1)",
        list(records),
    )
    assert {row["record_id"] for row in rows} == records


async def test_a_receipt_that_was_changed_is_none(
    ask: Ask, keys: Callable[[], Any]
) -> None:
    reply = await ask("police", PROTECTED)
    head, body, signature = reply.headers["zhitong-receipt"].split(".")
    other = base64.urlsafe_b64encode(b'{"record":"another"}').rstrip(b"=").decode()
    known = await keys()
    for forged in (f"{head}.{other}.{signature}", f"{head}.{body}.{signature[::-1]}"):
        with pytest.raises(BadSignatureError):
            claims(forged, known)


async def test_what_looked_at_nothing_has_no_receipt(ask: Ask) -> None:
    for document in ("{ sources { name } }", "{ nope }"):
        reply = await ask("public", document)
        said = {name for name in reply.headers if name.startswith("zhitong-")}
        assert said <= {"zhitong-executor"}


def example() -> str:
    (found,) = re.findall(
        r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return str(found)


async def test_the_page_s_program_checks_a_receipt(
    ask: Ask, keys: Callable[[], Any], tmp_path: Path
) -> None:
    reply = await ask("public", PUBLIC)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "answer.json").write_bytes(reply.content)
    (kept / "receipt.txt").write_text(reply.headers["zhitong-receipt"] + "\n")
    (kept / "keys.json").write_text(json.dumps(await keys()))
    (kept / "check.py").write_text(example(), "utf-8")

    def checked() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "check.py"],
            cwd=kept,
            capture_output=True,
            text=True,
            check=False,
        )

    done = await asyncio.to_thread(checked)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == reply.headers["zhitong-record"]
    (kept / "answer.json").write_bytes(reply.content + b" ")
    assert (await asyncio.to_thread(checked)).returncode == 1
