"""The ledger of decisions in the platform's database: one transaction per entry.

A statement here is the whole transaction (``enter_decision`` in infra/migrations), so a
caller that dies leaves nothing open, and a commit in doubt is asked for by trying
again: what was committed is answered as replayed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

import asyncpg
from opentelemetry import trace

from zhitong.connectors import decision_row, primary
from zhitong.connectors.key_ring import bureau_keys
from zhitong.connectors.ledger_entry import Prepared, number_place
from zhitong.connectors.loan import Connection, lent, nothing_to_reset
from zhitong.connectors.sealing import Keys, Sealing, living_keys, unseal
from zhitong.connectors.signers import verify_raw
from zhitong.connectors.statements import statements
from zhitong.decisions import (
    Change,
    Committed,
    Decision,
    Entry,
    Held,
    Signed,
    Signing,
)
from zhitong.exceptions import (
    DecisionConflictError,
    DecisionDuplicateError,
    DecisionFormatError,
    DecisionStaleError,
    DecisionUnknownError,
    LedgerUnavailableError,
    ReceiverError,
    ZhitongError,
)
from zhitong.rules.document_numbers import normalised
from zhitong.rules.statements import judge

TRACER = trace.get_tracer("zhitong.connectors")
POOL_SIZE = 16
PATIENCE = 0.8
"""Part of the time after which a live server ends the transaction itself: then it is
known not to be committed."""
ATTEMPTS = 4
"""Of one entry, when another took its number or its turn at the same moment."""

UNAVAILABLE = (
    OSError,  # TimeoutError among them
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InternalServerError,
    asyncpg.UniqueViolationError,
)
NAMES = "decision_namesake"
"""The index by which agency, document number and party are one standing decision's."""
AGAIN = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError)


async def open_ledger_pool(
    url: str, seconds: float = 5.0, size: int = POOL_SIZE
) -> asyncpg.Pool[asyncpg.Record]:
    """Open the connections the ledger is written through."""
    return await primary.pool(
        url,
        min_size=1,
        max_size=size,
        timeout=seconds,
        reset=nothing_to_reset,
        server_settings={
            "application_name": "zhitong ledger",
            "statement_timeout": str(int(seconds * PATIENCE * 1000)),
            "default_transaction_isolation": "read committed",
            "jit": "off",
        },
    )


class PlatformLedger:
    """The port `Ledger` over the platform's database."""

    def __init__(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        sealing: Sealing,
        seconds: float = 5.0,
        tenant: str = "",
        log: str = "sha256",
    ) -> None:
        self._pool = pool
        self._sealing = sealing
        self._seconds = seconds
        self._tenant = tenant
        self._log = log
        """The digest that leaves of its log are over."""

    def content_hash(self, decision: Decision) -> str:
        """Digest *decision*; ID numbers go in under a key, so none can be guessed."""
        try:
            return decision_row.content_hash(decision, self._sealing.person)
        except UnicodeEncodeError as error:  # half a character of UTF-16
            raise _unstorable() from error

    async def held(self, decision_id: UUID) -> Held | None:
        """Give the present version, without ID numbers whose keys are destroyed.

        Raises `LedgerUnavailableError`, and `SettingsError` where the master key is
        another than the one the numbers were sealed under.
        """
        row = await self._row("held", str(decision_id))
        return self._held(row, decision_id) if row else None

    async def copied(self) -> None:
        """Wait until what was seen there is on the standby, if there is one."""
        try:
            async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
                await connection.execute(statements("primary")["copied"])
        except UNAVAILABLE as error:
            raise _unavailable() from error

    async def signed(
        self, entry: Entry, given: Signing, stated: Mapping[str, str]
    ) -> Signed:
        """Say what the bureau's signature is worth, by the keys registered for it."""
        unit = entry.decision.subject_code
        try:
            async with asyncio.timeout(self._seconds), lent(self._pool) as connection:
                keys = await bureau_keys(connection, unit)
        except UNAVAILABLE as error:
            raise _unavailable() from error
        return judge(entry, given, stated, keys, verify_raw)

    async def commit(self, entry: Entry) -> Committed:
        """Commit version, findings, audit leaf and outbox rows, or nothing.

        What is there already is `Committed` as replayed, and told is then the version
        that stands: a first version that comes again may have been corrected since.
        Again is a first version with the content of the first or of the present one,
        and a later version with the same content, change, reason and basis.

        Raises `DecisionConflictError` (``stored_hash``, ``sent_hash``),
        `DecisionDuplicateError` (``decision_id`` and ``stored_hash`` of the other),
        `DecisionStaleError` (``version``: the present one), `DecisionUnknownError`,
        `DecisionFormatError`, `ReceiverError` (nobody configured it) and
        `LedgerUnavailableError`.
        """
        hashed = self.content_hash(entry.decision)
        prepared = Prepared(entry, hashed, self._sealing, self._tenant, self._log)
        try:
            async with asyncio.timeout(self._seconds):
                row = await self._traced(entry, prepared)
        except UNAVAILABLE as error:
            raise _unavailable() from error
        except asyncpg.ForeignKeyViolationError as error:
            raise _nobody() from error
        except asyncpg.DataError as error:
            raise _unstorable() from error
        if row["outcome"] in {"COMMITTED", "REPLAYED"}:
            return Committed(
                version=row["held_version"],
                change=Change(row["held_change"]),
                content_hash=row["held_hash"],
                at=row["held_at"],
                replayed=row["outcome"] == "REPLAYED",
            )
        raise _refusal(row, hashed)

    async def _traced(self, entry: Entry, prepared: Prepared) -> asyncpg.Record:
        with TRACER.start_as_current_span(
            "ledger.commit",
            attributes={
                "zhitong.act": entry.decision.act,
                "zhitong.change": entry.change,
                "zhitong.events": len(entry.events),
                "zhitong.outcome": "FAILED",
            },
            # A driver's message quotes values of the row it stumbled over.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            row = await self._entered(entry, prepared)
            span.set_attribute("zhitong.outcome", row["outcome"])
            return row

    async def _entered(self, entry: Entry, prepared: Prepared) -> asyncpg.Record:
        for attempt in range(1, ATTEMPTS + 1):
            async with lent(self._pool) as connection:
                try:
                    return await self._enter(connection, entry, prepared)
                except AGAIN as error:
                    # Who was first has committed or gone: the next look finds out.
                    await self._namesake(connection, entry, error)
                    if attempt == ATTEMPTS:
                        raise
        raise AssertionError

    async def _enter(
        self, connection: Connection, entry: Entry, prepared: Prepared
    ) -> asyncpg.Record:
        persons = sorted(set(prepared.persons.values()))
        keys: Keys = {}
        if persons:
            keys = await living_keys(connection, self._sealing, persons)
        ancestor = None
        if entry.version > 1:
            ancestor = await connection.fetchrow(
                statements("ledger")["ancestor"],
                str(entry.decision.id),
                entry.version - 1,
            )
        # A corrected case number leaves the order of the decision's events alone.
        order, previous = ancestor or (None, None)
        (row,) = await connection.fetch(
            statements("ledger")["enter"], *prepared.parameters(keys, order, previous)
        )
        if row["outcome"] == "REPLAYED":
            # Seen is not copied: the commit before may still wait for the standby.
            await connection.execute(statements("primary")["copied"])
        return row

    async def _namesake(
        self, connection: Connection, entry: Entry, error: asyncpg.PostgresError
    ) -> None:
        """Raise `DecisionDuplicateError` if that is what *error* has met."""
        if error.constraint_name != NAMES:
            return
        decision = entry.decision
        other = await connection.fetchrow(
            statements("ledger")["namesake"],
            decision.subject_code,
            normalised(decision.document_no),
            decision_row.party_key(decision.party, self._sealing.person),
        )
        if other is not None and other["decision_id"] != str(decision.id):
            raise DecisionDuplicateError(
                "同一机关、同一文号、同一当事人的决定已以另一标识登记",
                "a decision of the same agency, document number and party is "
                "registered under another id",
                decision_id=other["decision_id"],
                stored_hash=other["content_hash"],
            ) from error

    async def _row(self, name: str, parameter: str) -> asyncpg.Record | None:
        """Ask one question of the ledger; the connection is dropped when it is late."""
        try:
            async with asyncio.timeout(self._seconds):
                async with lent(self._pool) as connection:
                    return await connection.fetchrow(
                        statements("ledger")[name], parameter
                    )
        except UNAVAILABLE as error:
            raise _unavailable() from error

    def _held(self, row: asyncpg.Record, decision_id: UUID) -> Held:
        numbers = {}
        for place, key_id, person, wrapped, sealed in row["numbers"]:
            key = self._sealing.unwrapped(key_id, person, wrapped)
            where = number_place(decision_id, row["version"], place)
            numbers[place] = unseal(key, sealed, where)
        return Held(
            decision=decision_row.with_numbers(
                decision_row.read(row["content"]), numbers
            ),
            version=row["version"],
            change=Change(row["change"]),
            content_hash=row["content_hash"],
            recorded_by=row["recorded_by"],
            recorded_at=row["changed_at"],
            reason=row["reason"] or "",
            basis=row["basis"] or "",
            before_platform=row["before_platform"],
            receivers=tuple(row["receivers"]),
            order=row["case_hash"],
        )


def _refusal(row: asyncpg.Record, hashed: str) -> ZhitongError:
    """Say why the ledger took nothing."""
    version, held_hash = str(row["held_version"]), row["held_hash"]
    match row["outcome"]:
        case "CONFLICT":
            return DecisionConflictError(
                "同一决定已登记，但内容不同；要改动请用 correctDecision，并说明理由",
                "the same decision is registered with other content; to change it use "
                "correctDecision, and say why",
                stored_hash=held_hash,
                sent_hash=hashed,
            )
        case "WITHDRAWN":
            return DecisionStaleError(
                "该决定已撤销，不能再更正或撤销",
                "the decision is withdrawn and can be neither corrected nor withdrawn",
                version=version,
            )
        case "UNKNOWN":
            return DecisionUnknownError(
                "决定台账中没有这一决定", "there is no such decision in the ledger"
            )
        case _:
            return DecisionStaleError(
                f"现行版本是第 {version} 版，请先读取现行版本，再重新提出",
                f"the present version is {version}: read it, then ask again",
                version=version,
            )


def _unavailable() -> LedgerUnavailableError:
    return LedgerUnavailableError(
        "决定台账暂时没有答复，是否已登记不能确定：请以同一标识重试，重试不会登记两次",
        "the ledger does not answer, and whether it registered is not known: try again "
        "under the same id, nothing is registered twice",
    )


def _nobody() -> ReceiverError:
    return ReceiverError(
        "事件所属的接收方没有登记在平台数据库的 receiver 表中，未登记任何内容；"
        "请运维人员检查接收方的配置",
        "an event's receiver is not in the table receiver of the platform's database, "
        "and nothing was registered; operators: look at the receivers' configuration",
    )


def _unstorable() -> DecisionFormatError:
    return DecisionFormatError(
        "有的值不能存入台账，例如含有空字符（U+0000）的文字或过大的数",
        "a value cannot be stored, as text with the character U+0000 or a number "
        "that is too large",
    )
