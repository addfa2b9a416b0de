"""A whole gateway over sources in memory: front, gate, graph, policy, no server.

What is read and recorded is real code on made rows; nothing leaves the process.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from zhitong.connectors.meaning import Value
from zhitong.connectors.memory import MemorySource, Table
from zhitong.connectors.memory_ledger import MemoryLedger
from zhitong.exceptions import LedgerUnavailableError
from zhitong.infra.checks_file import read_checks
from zhitong.infra.clients_file import read_clients
from zhitong.infra.deciding import receivers_copies
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.front import GraphQLFront
from zhitong.infra.pace import Pace
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receiver_keys import make_demo_keys, public_keys
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.infra.tokens import Verifier
from zhitong.ports import Source
from zhitong.proceedings import EnteredProceeding, Proceeding
from zhitong.resolvers.asking import Limits
from zhitong.resolvers.causes import Causes
from zhitong.resolvers.cursors import Cursors
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.facts import Registers
from zhitong.resolvers.narrowing import Narrowing
from zhitong.resolvers.proceedings import Proceedings
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.schema.entities import ENTITIES
from zhitong.schema.executor import GraphEngine
from zhitong.schema.federation import Graph
from zhitong.schema.gate import Bounds
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.types import EntityType, Field, Inquiry, Kind, Label, Principal

ROWS = 40
CODES = ("91619900MA0000000X", "91619921MA0000001T", "11619900MB0004001B")
OWN = frozenset(
    {
        "Decision",
        "Finding",
        "Delivery",
        "Receipt",
        "Receiver",
        "WorkItem",
        "CreditNotice",
        "SupervisionNotice",
        "Reconciliation",
        "ReconciliationDifference",
        "ReconciliationRun",
        "AccessRecord",
        "AccessLook",
    }
)
"""Types of the platform itself."""

Made = tuple[GraphQLFront, Mapping[str, str]]
"""The front, and a token for each kind of requester of the demo."""


class Register:
    """A register of looks that counts and forgets."""

    away = False

    def __init__(self) -> None:
        self.count = 0

    async def record(self, inquiry: Inquiry) -> str:
        """Count *inquiry*."""
        self.count += 1
        return inquiry.id

    async def follow(self, inquiries: Sequence[Inquiry]) -> Sequence[Inquiry]:
        """Count *inquiries*."""
        self.count += len(inquiries)
        return ()

    async def keep(self, inquiry: Inquiry) -> None:
        """Count *inquiry*; this register is never away."""
        await self.record(inquiry)


class NoBook:
    """A book of proceedings that is away: none of them is in memory."""

    async def enter(
        self,
        proceeding: Proceeding,  # noqa: ARG002 - the port has it
        principal: Principal,  # noqa: ARG002 - as above
        *,
        any_unit: bool,  # noqa: ARG002 - as above
    ) -> EnteredProceeding:
        """Refuse, as a database does that has gone."""
        raise LedgerUnavailableError("台账不可用", "the ledger is away")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and the CPU seconds it took."""

    status: int
    body: bytes
    seconds: float
    headers: Mapping[bytes, bytes]


def sources() -> dict[str, MemorySource]:
    """Make two departments with the city's types, and the platform with its own."""
    here = [entity for name, entity in ENTITIES.items() if name not in OWN]
    own = [entity for name, entity in ENTITIES.items() if name in OWN]
    return {
        name: MemorySource(name, Label(name, name), map(_table, given))
        for name, given in (("market", here), ("emergency", here), ("platform", own))
    }


def _table(entity: EntityType) -> Table:
    rows = [
        {field.name: _value(field, number) for field in entity.fields.values()}
        for number in range(ROWS)
    ]
    for number, row in enumerate(rows):
        row[entity.key] = _key(entity, number)
    return Table(entity=entity, key=entity.key, rows=rows)


def _key(entity: EntityType, number: int) -> str:
    code = entity.fields[entity.key].kind is Kind.CREDIT_CODE
    return CODES[number % len(CODES)] if code else f"{entity.name}-{number:03}"


def _value(field: Field, number: int) -> Value:
    match field.kind:
        case Kind.TEXTS:
            return (f"Officer-{number % ROWS:03}",)
        case Kind.CODE:
            values = list(field.codes.values) if field.codes else [""]
            return values[number % len(values)]
        case Kind.DATE:
            return f"2026-0{1 + number % 9}-1{number % 10}"
        case Kind.DATETIME:
            return f"2026-0{1 + number % 9}-1{number % 10}T08:00:00+08:00"
        case Kind.MONEY:
            return f"{number * 100}.00"
        case Kind.INTEGER:
            return number
        case Kind.CREDIT_CODE:
            return CODES[number % len(CODES)]
        case Kind.DIVISION:
            return ("619900", "619921")[number % 2]
        case Kind.TEXT:
            return f"文字{number:03}"


def build(
    state: Path,
    *,
    schema: Graph | None = None,
    executor: str | None = None,
    **front_parts: Any,  # noqa: ANN401 - as the front has them
) -> Made:
    """Put the gateway together, with keys of its own in *state*.

    *schema* is another graph than the product's, run by the same engine; *executor* is
    as the setting has it where nothing is said.
    """
    made: Mapping[str, Source] = {**sources()}
    settings = Settings(state=state)
    policy = read_policy(settings.policy, ENTITIES)
    reader = Reader(lambda: made, policy)
    recorder = Recorder(Register())
    receivers = read_receivers()
    named = [one.name for one in receivers.receivers]
    make_demo_keys(state, named)
    envelopes = ReceiverEnvelopes(receivers, public_keys(state, named))
    engine = GraphEngine(
        reader=reader,
        recorder=recorder,
        cursors=Cursors(b"k" * 32),
        decisions=Decisions(
            registers=Registers(reader, recorder, ENTITIES, lambda: made),
            ledger=MemoryLedger(),
            envelopes=envelopes,
            copies=receivers_copies(reader, envelopes, lambda: made),
            checks=read_checks(settings.checks),
            sources=lambda: made,
            recorders=policy.recorders,
        ),
        proceedings=Proceedings(
            book=NoBook(),
            reader=reader,
            recorder=recorder,
            sources=lambda: made,
            entities=ENTITIES,
            recorders=policy.proceeding_recorders,
        ),
        narrowing=Narrowing(policy.patience),
        causes=Causes(reader, recorder, ENTITIES, policy.causes_checked),
        sources=lambda: made,
        limits=Limits(settings.page_size, settings.page_limit),
        bounds=Bounds(),
        schema=schema,
        executor=executor or settings.executor,
    )
    issuer = DemoIssuer(state)
    # A second passes with each request: nobody here is too fast.
    ticks = itertools.count()
    front = GraphQLFront(
        engine,
        Verifier({"demo": issuer.issuer}, settings.audience),
        settings,
        **{
            "clients": read_clients(),
            "pace": Pace(clock=lambda: float(next(ticks))),
            **front_parts,
        },
    )
    tokens = {name: issuer.issue(who) for name, who in DEMO_PRINCIPALS.items()}
    return front, tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One HTTP request, as the server would hand it over."""

    method: str = "POST"
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


async def answer(front: GraphQLFront, sent: Sent) -> Reply:
    """Let *front* answer *sent*, and measure the CPU that this thread spends on it."""
    parts: list[MutableMapping[str, Any]] = []
    given = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            await asyncio.Event().wait()  # the client waits for its answer
        given = True
        return {"type": "http.request", "body": sent.body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        parts.append(message)

    scope = {
        "type": "http",
        "method": sent.method,
        "path": "/graphql",
        "query_string": sent.query,
        "headers": list(sent.headers),
        "client": ("127.0.0.1", 1),
    }
    began = time.thread_time()
    await front(scope, receive, send)
    seconds = time.thread_time() - began
    start = parts[0]
    return Reply(
        start["status"],
        b"".join(part["body"] for part in parts[1:]),
        seconds,
        dict(start["headers"]),
    )


def asked(
    document: object, token: str, *, variables: object = None, **more: object
) -> Sent:
    """Make the POST that asks *document*."""
    members = {"query": document, "variables": variables, **more}
    said = {name: value for name, value in members.items() if value is not None}
    return posted(orjson.dumps(said), token)


def posted(body: bytes, token: str) -> Sent:
    """Make the POST of any *body*."""
    headers = (
        (b"content-type", b"application/json"),
        (b"accept", b"application/graphql-response+json"),
        (b"authorization", f"Bearer {token}".encode("utf-8", "replace")),
        (b"zhitong-purpose", b"criminal-investigation"),
        (b"zhitong-basis", b"x"),
        (b"zhitong-cause", b"y"),
    )
    return Sent(headers=headers, body=body)
