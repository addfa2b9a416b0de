"""A small log for tests: real rows, sealed by the sealer, with a witness's words."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
from entries import AT, SEALING, decision, entry, of_person, prepare

from zhitong.connectors import deeds
from zhitong.connectors.access_log import PlatformAccessLog, open_pool
from zhitong.connectors.evidence_log import begin
from zhitong.connectors.grants import PlatformGrants
from zhitong.connectors.key_ring import KeyRing, register
from zhitong.connectors.ledger import PlatformLedger, open_ledger_pool
from zhitong.connectors.sealer import Pace, Sealer
from zhitong.connectors.signers import ECDSA, SM2, FileSigner
from zhitong.decisions import Change, Finding, Severity
from zhitong.evidence import Countersignature, Deed, DeedKind, Head, Signature
from zhitong.grants import (
    Act,
    Actor,
    Application,
    Capacity,
    Due,
    GrantDuty,
    GrantState,
    GrantStep,
    Terms,
)
from zhitong.rules.head_chain import Witnessed
from zhitong.rules.head_notes import read_head
from zhitong.rules.working_days import CHINA
from zhitong.types import AccessFinding, Inquiry, Label, Look, Occasion, Principal

KEY = b"k" * 32
APPLICANT = Actor(
    unit="11619900MB0001002T",
    unit_name="安泽市税务局",
    person="邓海燕",
    issuer="https://id.example",
    role="",
    capacities=frozenset({Capacity.APPLICANT}),
)
PERSONS = {0: "11010519491231002X", 4: "110105194912310038"}
FOUND = (
    Finding(
        check="legal-review",
        severity=Severity.BREACH,
        detail=Label("没有法制审核", "no legal review"),
        source="行政处罚法第58条",
    ),
    Finding(
        check="officers",
        severity=Severity.UNVERIFIED,
        detail=Label("执法人员未能核对", "officers could not be verified"),
        source="配置规则 configured rule",
    ),
)
PATIENCE = 60


async def new_database(server: str, name: str) -> str:
    """Make a database for a log that stands for many tests; give its address."""
    connection = await asyncpg.connect(server)
    await connection.execute(f"create database {name}")
    await connection.close()
    return f"{server.rpartition('/')[0]}/{name}"


async def looks(url: str, many: int, first: int = 0) -> list[str]:
    """Record *many* looks, as the gateway does; give their ids."""
    pool = await open_pool(url)
    try:
        # Of the looks' time and not of the run's, which alone has months of its own.
        await pool.execute("select access_month($1)", AT.astimezone(CHINA).date())
        log = PlatformAccessLog(pool, KEY)
        made = [inquiry(first + each) for each in range(many)]
        return list(await asyncio.gather(*(log.record(each) for each in made)))
    finally:
        pool.terminate()


def inquiry(number: int) -> Inquiry:
    """Give a question that has been answered."""
    made = Inquiry(
        principal=Principal(
            kind="police",
            unit="11619900MB0001002T",
            unit_name="安泽市公安局",
            person=f"警员{number % 7}",
            party_code="91110000600037341L" if number % 5 == 0 else "",
        ),
        occasion=Occasion(
            purpose="criminal-investigation",
            basis="刑事诉讼法第54条",
            cause=f"安公立字〔2026〕{number}号",
            letter="安公介字1号",
        ),
        id=uuid.uuid4().hex,
        at=AT + timedelta(milliseconds=number * 7),
        operation="Parties",
        document_hash="ab" * 32,
    )
    made.looks.append(
        Look(
            type="Counterparty",
            source="market",
            fields={"name": "ALLOW", "phone": "MASK"},
            rows=number % 4,
            keys=tuple(f"{number}-{each}" for each in range(number % 4)),
            protected=number % 3 != 0,
        )
    )
    if number % 9 == 0:
        made.findings.append(
            AccessFinding(
                check="cause", message=Label("无此案件", "no case"), source="configured"
            )
        )
    return made


async def decisions(url: str, many: int, digest: str = "sha256") -> list[str]:
    """Record *many* decisions, every third withdrawn; give their ids."""
    found = []
    pool = await open_ledger_pool(url, PATIENCE, 4)
    try:
        ledger = PlatformLedger(pool, SEALING, PATIENCE, log=digest)
        for each in range(many):
            local = {
                "local_id": f"A-{each}",
                "document_no": f"（安）罚〔2026〕{each}号",
            }
            said = (
                of_person(PERSONS[each % 8], **local)
                if each % 4 == 0
                else decision(**local)
            )
            await ledger.commit(entry(said, findings=FOUND[: each % 3]))
            if each % 3 == 0:
                again = entry(said, 2, Change.WITHDRAWN, reason=f"撤销{each}")
                await ledger.commit(again)
            found.append(str(said.id))
    finally:
        pool.terminate()
    return found


async def grants(url: str, many: int) -> list[str]:
    """Have *many* grants applied for, every other one withdrawn; give their ids."""
    found = []
    pool = await open_pool(url)
    try:
        book = PlatformGrants(pool)
        for each in range(many):
            made = application(f"授权-{each}")
            applied = Act(
                grant=made.id,
                version=0,
                step=GrantStep.APPLY,
                actor=APPLICANT,
                at=made.applied_at,
                terms=made.terms,
            )
            await book.enter(made, applied)
            if each % 2:
                withdrawn = replace(
                    applied, version=1, step=GrantStep.WITHDRAW, terms=None
                )
                await book.take(withdrawn, _withdrawn)
            found.append(made.id)
    finally:
        pool.terminate()
    return found


def application(name: str) -> Application:
    """Give an application as it is entered."""
    return Application(
        id=name,
        version=1,
        state=GrantState.APPLIED,
        unit=APPLICANT.unit,
        unit_name=APPLICANT.unit_name,
        applied_by=APPLICANT.person,
        terms=Terms(
            owner="11619900MB0004001B",
            fields={"Counterparty": frozenset({"phone", "address"})},
            lookups={"Counterparty": frozenset({"name"})},
            purpose="inspection",
            basis="税收征收管理法",
            scene="核实纳税人登记信息",
            valid_from=AT,
            valid_to=AT + timedelta(days=90),
            documents=("ab" * 32,),
            division="619900",
            cost=50,
            rate=1.5,
        ),
        conditional=True,
        applied_at=AT,
        due=Due(
            duty=GrantDuty.REVIEW,
            unit="",
            at=AT + timedelta(days=1),
            provisional=False,
        ),
        changed_at=AT,
    )


def _withdrawn(before: Application, act: Act) -> Application:
    return replace(
        before,
        version=2,
        state=GrantState.WITHDRAWN,
        due=None,
        ended_at=act.at,
        ending="不再需要",
        changed_at=act.at,
    )


async def acts(url: str, many: int) -> list[str]:
    """Have somebody do *many* things; give the ids of the deeds."""
    connection = await asyncpg.connect(url)
    try:
        made = [
            Deed(
                kind=DeedKind.ACTION,
                who="李运维",
                action="suspend-receiver",
                target="credit",
                reason=f"检修 {each}",
                detail={"number": each},
            )
            for each in range(many)
        ]
        async with connection.transaction():
            for deed in made:
                await deeds.write(connection, deed)
        return [deed.id for deed in made]
    finally:
        await connection.close()


async def seal(
    url: str,
    folder: Path,
    batch: int = 10_000,
    patience: float = PATIENCE,
    algorithm: str = ECDSA,
) -> None:
    """Have the sealer seal all that waits, *batch* leaves under each head."""
    pace = Pace(seconds=0.05, batch=batch)
    sealer = Sealer(url, KeyRing(folder), algorithm, pace=pace)
    connection = await asyncpg.connect(url)
    task = asyncio.create_task(sealer.run())
    try:
        async with asyncio.timeout(patience):
            while await connection.fetchval(  # noqa: ASYNC110 - a table tells nobody
                "select exists (select from unsealed) or not exists (select from head)"
            ):
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.close()


class SmallWitness:
    """A witness's key at work; the witness itself has tests of its own."""

    def __init__(self, signer: FileSigner) -> None:
        self.signer = signer
        self.seen: list[Witnessed] = []

    async def countersign(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Give its word for every head that has none."""
        known = {one.head.note for one in self.seen}
        for row in await connection.fetch("select note from head order by size, at"):
            head = read_head(row["note"])
            if head.note not in known:
                self.seen.append(await self._word(connection, head))

    async def _word(
        self, connection: asyncpg.Connection[asyncpg.Record], head: Head
    ) -> Witnessed:
        word = self.word(head)
        await connection.execute(
            "insert into head_countersignature values ($1, $2, $3, $4, $5, $6, $7)",
            *(head.origin, head.size, head.at, self.signer.key_id),
            *(self.signer.algorithm, word.seen, word.signature.value),
        )
        return Witnessed(head, word)

    def word(self, head: Head) -> Countersignature:
        """Sign *head*."""
        seen = head.at + timedelta(milliseconds=7)
        blank = Signature(key_id="", algorithm="", value=b"")
        text = Countersignature(seen=seen, signature=blank).text(head.note)
        signature = Signature(
            key_id=self.signer.key_id,
            algorithm=self.signer.algorithm,
            value=self.signer.sign(text),
        )
        return Countersignature(seen=seen, signature=signature)


async def small_log(
    url: str,
    folder: Path,
    witness: SmallWitness,
    scale: int = 1,
    digest: str = "sha256",
) -> Sequence[str]:
    """Give the empty database at *url* a log of some hundreds of leaves."""
    await prepare(url)
    connection = await asyncpg.connect(url)
    await begin(connection, "anze", digest)
    await register(connection, "witness", witness.signer.spki)
    await connection.close()
    found = await looks(url, 60 * scale)
    await decisions(url, 8, digest)
    await acts(url, 12)
    await seal(url, folder, 10, algorithm=ECDSA if digest == "sha256" else SM2)
    connection = await asyncpg.connect(url)
    try:
        await witness.countersign(connection)
    finally:
        await connection.close()
    return found
