"""Decisions put together from the settings: registers, checks, ledger, envelopes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, time
from pathlib import Path

from zhitong.connectors.annotations import PlatformAnnotations
from zhitong.connectors.ledger import PlatformLedger, open_ledger_pool
from zhitong.connectors.memory import MemorySource, Table
from zhitong.connectors.pressure import PlatformPressure, measured
from zhitong.connectors.proceedings import PlatformProceedings
from zhitong.connectors.receivers import name_receivers, told_receivers
from zhitong.connectors.sealing import Sealing
from zhitong.exceptions import ReceiverError
from zhitong.infra.checks_file import read_checks
from zhitong.infra.guarded import guarded
from zhitong.infra.receiver_keys import public_keys
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.infra.telling import Telling
from zhitong.ports import Source
from zhitong.resolvers.annotating import Annotating
from zhitong.resolvers.copies import FINDING_ID, FOUND, Copies
from zhitong.resolvers.decision_fields import ID, MAPPED, Value
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.facts import Registers
from zhitong.resolvers.policy import Policy
from zhitong.resolvers.proceedings import Proceedings
from zhitong.resolvers.read import Reader
from zhitong.resolvers.records import Recorder
from zhitong.rules.pressure import Limits
from zhitong.schema.entities import ENTITIES
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.envelopes import ID_FIELDS, ReceiverEnvelopes
from zhitong.streams.forms import form
from zhitong.streams.receivers import Receivers
from zhitong.types import EntityType, Label

PLATFORM = "platform"
"""The name of the platform's own binding: what a look at its ledger is on record as."""
Sources = Callable[[], Mapping[str, Source]]
Fields = frozenset[str]


class Deciding:
    """What was read at start: a mistake in a file shows before a decision does."""

    def __init__(self, settings: Settings, policy: Policy) -> None:
        self._settings = settings
        self._recorders = policy.recorders
        self._proceeding_recorders = policy.proceeding_recorders
        self._checks = read_checks(settings.checks)
        self._receivers = receivers_of(settings)

        self.pressure: PlatformPressure | None = None
        """What waits to leave, measured while decisions are taken."""

    def receiving(self) -> Mapping[str, str]:
        """Give the receivers of today, each with its unit."""
        today = datetime.now(SHANGHAI).date()
        return {name: one.unit for name, one in self._receivers.on(today).items()}

    @asynccontextmanager
    async def running(
        self, url: str, sources: Sources, reader: Reader, recorder: Recorder
    ) -> AsyncIterator[tuple[Decisions, Proceedings]]:
        """Connect to the ledger at *url* and make the receivers known to it."""
        state = self._settings.state
        named = {one.name: one for one in self._receivers.receivers}
        keyed = [name for name in named if name in self._receivers.keyed]
        envelopes = ReceiverEnvelopes(self._receivers, public_keys(state, keyed))
        copies = receivers_copies(reader, envelopes, sources)
        check_given(copies, self._receivers)
        sealing = Sealing(secret(state / "subject.key"), secret(state / "person.key"))
        pool = await open_ledger_pool(url)
        running: asyncio.Task[None] | None = None
        try:
            async with measured(url, limits(self._settings)) as self.pressure:
                _check_told(self._settings.receivers, named, await told_receivers(pool))
                await name_receivers(
                    pool,
                    {
                        name: (one.title, one.channel.place)
                        for name, one in named.items()
                    },
                )
                decisions = Decisions(
                    registers=Registers(reader, recorder, ENTITIES, sources),
                    ledger=PlatformLedger(
                        pool,
                        sealing,
                        tenant=self._settings.tenant,
                        log=self._settings.evidence_hash,
                    ),
                    envelopes=envelopes,
                    copies=copies,
                    checks=self._checks,
                    sources=sources,
                    recorders=self._recorders,
                    undelivered=self.pressure.undelivered,
                )
                telling = Telling(
                    PlatformAnnotations(
                        pool=pool,
                        sealing=sealing,
                        tenant=self._settings.tenant,
                        log=self._settings.evidence_hash,
                    ),
                    receivers_annotations(reader, envelopes, sources),
                    self.pressure,
                )
                running = asyncio.create_task(guarded("telling", telling.run))
                yield (
                    decisions,
                    Proceedings(
                        book=PlatformProceedings(pool),
                        reader=reader,
                        recorder=recorder,
                        entities=ENTITIES,
                        sources=sources,
                        recorders=self._proceeding_recorders,
                    ),
                )
        finally:
            if running is not None:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            pool.terminate()


def limits(settings: Settings) -> Limits:
    """Give from where on what waits presses, and how hard."""
    return Limits(
        seconds=(
            settings.pressure_alarm_seconds,
            settings.pressure_slow_seconds,
            settings.pressure_loud_seconds,
        ),
        waiting=settings.pressure_bytes,
        database=settings.database_bytes,
    )


def receivers_copies(
    reader: Reader, envelopes: ReceiverEnvelopes, sources: Sources
) -> Copies:
    """Put together what makes receivers' copies: the ledger's entry as a source."""
    entity, finding = ENTITIES["Decision"], ENTITIES["Finding"]

    def given(row: Mapping[str, Value]) -> Source:
        return at_hand(sources, entity, ID, [row], MAPPED)

    def found(rows: Sequence[Mapping[str, Value]]) -> Source:
        return at_hand(sources, finding, FINDING_ID, rows, FOUND)

    return Copies(reader, entity, envelopes, given, finding, found)


def receivers_annotations(
    reader: Reader, envelopes: ReceiverEnvelopes, sources: Sources
) -> Annotating:
    """Put together what tells receivers of what happened to their decisions."""

    def given(of: EntityType, key: str, row: Mapping[str, Value]) -> Source:
        return at_hand(sources, of, key, [row], frozenset(row))

    return Annotating(
        reader,
        envelopes,
        given,
        decision=ENTITIES["Decision"],
        notice=ENTITIES["CreditNotice"],
    )


def at_hand(
    sources: Sources,
    of: EntityType,
    key: str,
    rows: Sequence[Mapping[str, Value]],
    feeds: Fields,
) -> Source:
    """Make the platform's own source of *rows* that are at hand."""
    own = sources().get(PLATFORM)
    table = Table(
        entity=of,
        key=key,
        rows=rows,
        tightened={} if own is None else own.tightened(of.name),
        feeds=feeds,
    )
    return MemorySource(PLATFORM, Label("决定台账", "The ledger"), [table])


def check_given(copies: Copies, receivers: Receivers) -> None:
    """Raise unless the policy gives each receiver what its form cannot do without.

    Nor may a form take an ID number that the policy does not give in the clear.
    """
    for one in receivers.receivers:
        day = datetime.combine(one.since, time(12), SHANGHAI)
        exact = {ID_FIELDS[whose] for whose in one.id_numbers}
        wrong = copies.unfit(one.name, day, form(one.format).needed, exact)
        if wrong:
            zh, en = "、".join(wrong), ", ".join(wrong)
            raise ReceiverError(
                f"共享规则没有把 Decision 的 {zh} 给接收方 {one.name}（{one.kind}），"
                "或者其条件无法判断，而它的格式离不开这些字段：请更正规则文件，"
                "或该接收方的 kind、purpose、basis、id_numbers",
                f"the policy does not give {en} of Decision to the receiver {one.name} "
                f"({one.kind}), or under a condition that an entry cannot answer, and "
                "its form cannot do without: correct the policy, or kind, purpose, "
                "basis and id_numbers of the receiver",
            )


def _check_told(path: Path, named: Collection[str], told: Sequence[str]) -> None:
    """Raise unless everybody who was told of a decision can be told of its end.

    Otherwise each withdrawal and correction of what they had would fail, for all.
    """
    lost = [name for name in told if name not in named]
    if lost:
        raise ReceiverError(
            f"{path.name} 中没有接收方 {'、'.join(lost)}，而已有决定推送给它，更正和"
            "撤销仍须送达：请保留原名称的配置段，不再推送的写明 until。",
            f"{path.name} lacks the receiver {', '.join(lost)}, which has had "
            "decisions and is still to have their corrections and withdrawals: keep "
            "its section under its name, and end it with until.",
        )
