"""The gateway put together from its settings: sources, policy, engine, app."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from zhitong.connectors.access_log import open_pool
from zhitong.connectors.catalogue_book import PlatformCatalogue
from zhitong.connectors.deeds import PlatformDeeds
from zhitong.connectors.freshness import PlatformFreshness
from zhitong.connectors.grants import PlatformGrants
from zhitong.connectors.ledger_changes import PlatformChanges
from zhitong.connectors.loan import Pool
from zhitong.connectors.lookers import PlatformLookers
from zhitong.connectors.migrations import migrate
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.connectors.pressure import PlatformPressure
from zhitong.connectors.primary import follow
from zhitong.connectors.pseudonyms import Pseudonyms
from zhitong.connectors.publication_book import PlatformPublications
from zhitong.connectors.published import Published
from zhitong.connectors.server_roles import may_change_records
from zhitong.connectors.trusted_documents import PlatformDocuments
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import SettingsError, SourceError
from zhitong.infra.calendar_file import read_clocks
from zhitong.infra.countersigning import pinned
from zhitong.infra.deciding import Deciding
from zhitong.infra.granting import applications, expiring
from zhitong.infra.policy_file import read_policy
from zhitong.infra.publicity_rules import read_publicity_rules
from zhitong.infra.receipts import Receipts
from zhitong.infra.recording import recording
from zhitong.infra.registry import Address, Registry, platform_source
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import claim_state, refuse_foreign_rules
from zhitong.infra.watching import Watching
from zhitong.ports import Documents, ToldCounts
from zhitong.resolvers.asking import Limits
from zhitong.resolvers.catalogue import Catalogue
from zhitong.resolvers.causes import Causes
from zhitong.resolvers.cursors import Cursors
from zhitong.resolvers.decisions import Decisions
from zhitong.resolvers.emergencies import Emergencies
from zhitong.resolvers.granted import HeldGrants
from zhitong.resolvers.grants import Grants
from zhitong.resolvers.narrowing import Narrowing
from zhitong.resolvers.proceedings import Proceedings
from zhitong.resolvers.publications import Publications
from zhitong.resolvers.read import Reader
from zhitong.resolvers.recent_counts import RecentCounts
from zhitong.resolvers.records import Recorder
from zhitong.rules.freshness import Patience
from zhitong.schema.engine import Engine
from zhitong.schema.entities import ENTITIES
from zhitong.schema.executor import GraphEngine
from zhitong.schema.gate import Bounds
from zhitong.types import Principal

LOGGER = logging.getLogger(__name__)
HERE = Path(__file__).parent
PLATFORM = "platform"
OWNER = "platform-owner"


class Gateway:
    """Everything one gateway process holds."""

    def __init__(
        self, settings: Settings, address: Address, told: ToldCounts | None = None
    ) -> None:
        url = address(PLATFORM)
        if url is None:
            raise SettingsError(
                "没有平台自身的数据库，请设置 ZHITONG_DATABASE_PLATFORM",
                "the platform's own database is missing; set ZHITONG_DATABASE_PLATFORM",
            )
        claim_state(settings)
        self._settings = settings
        self._told = told
        self._url = url
        self._owner = address(OWNER) or url
        pseudonyms = Pseudonyms(secret(settings.state / "pseudonym.key"))
        self.registry = Registry(
            [settings.bindings], ENTITIES, address, settings.tenant, pseudonyms
        )
        self._own = platform_source(
            HERE / "platform" / "platform.toml", ENTITIES, self._url, pseudonyms
        )
        policy = read_policy(settings.policy, ENTITIES)
        counts = RecentCounts(settings.counts_seconds, frozenset({self._own.name}))
        self._reader = Reader(self.sources, policy, counts)
        self._policy = policy
        self.grants: HeldGrants | None = None
        """The sharing grants in force, while the gateway runs."""
        self.documents: Documents | None = None
        """The trusted documents, while the gateway runs."""
        self.recorder: Recorder | None = None
        """What puts looks on record, while the gateway runs."""
        self._kept: Callable[[], Mapping[str, object]] = dict
        self.receipts: Receipts | None = None
        """What signs the callers' receipts, while the gateway runs."""
        self.freshness = _freshness(self._url, settings)
        """How the proof of what was looked at stands."""
        self.published: Published | None = None
        """What anybody may see of the proof, while the gateway runs."""
        self.decisions: Decisions | None = None
        """What is done with decisions, while the gateway runs."""
        self.watching: Watching | None = None
        """What subscribers wait for, while the gateway runs."""
        self._deeds: PlatformDeeds | None = None
        self._history: PlatformCatalogue | None = None
        self._deciding = Deciding(settings, policy)
        self._clocks = read_clocks(settings.calendar)
        channels, self._due_days = read_publicity_rules(settings)
        self._channels = {one.name: one for one in channels}
        self.applications: Grants | None = None
        """What is done to applications for grants, while the gateway runs."""
        refuse_foreign_rules(
            settings.tenant,
            settings.policy,
            settings.checks,
            settings.receivers,
            settings.forms,
            settings.clients,
            settings.calendar,
        )

    def sources(self) -> Mapping[str, PostgreSQLSource]:
        """Give every source, the platform's own among them."""
        return {**self.registry.sources(), self._own.name: self._own}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """Migrate, connect, load the bindings, watch; undo all of it at the end."""
        settings = self._settings
        digest = settings.evidence_hash
        await migrate(self._owner, HERE / "migrations", settings.tenant, digest)
        pool = await open_pool(self._url)
        if await may_change_records(pool):
            LOGGER.warning(
                "平台数据库的账号可以修改登记，请换用 zhitong_gateway 的账号 the "
                "account of ZHITONG_DATABASE_PLATFORM may change what is on record: "
                "docs/database.md"
            )
        await self._own.inspect()
        await self.freshness.look()
        proving = asyncio.create_task(self.freshness.watch())
        following = asyncio.create_task(follow(self._url))
        self.grants = HeldGrants(PlatformGrants(pool))
        granting = asyncio.create_task(self.grants.watch())
        self.applications = applications(
            pool,
            self._policy,
            self._clocks,
            self.sources,
            self._deciding.receiving,
        )
        ending = asyncio.create_task(expiring(self.applications))
        self.documents = PlatformDocuments(pool)
        self._deeds = PlatformDeeds(pool)
        self._history = PlatformCatalogue(pool)
        self.published = Published(pool)
        self.watching = Watching(
            PlatformChanges(pool), self._states, seconds=settings.watch_seconds
        )
        await self.load()
        watching = asyncio.create_task(
            self.registry.watch(self._settings.check_seconds)
        )
        try:
            async with (
                recording(self._settings, pool, self.freshness, self.grants) as by,
                self._deciding.running(
                    self._url, self.sources, self._reader, by.recorder
                ) as (decisions, proceedings),
            ):
                self.recorder, self.receipts = by.recorder, by.receipts
                self.decisions = decisions
                self._kept = by.kept
                yield self._engine(pool, by.recorder, decisions, proceedings)
        finally:
            watching.cancel()
            granting.cancel()
            ending.cancel()
            proving.cancel()
            following.cancel()
            await self.registry.close()
            await self._own.close()
            pool.terminate()

    def _engine(
        self,
        pool: Pool,
        recorder: Recorder,
        decisions: Decisions,
        proceedings: Proceedings,
    ) -> GraphEngine:
        settings = self._settings
        return GraphEngine(
            reader=self._reader,
            recorder=recorder,
            decisions=decisions,
            proceedings=proceedings,
            narrowing=Narrowing(self._policy.patience, shared=self._told),
            causes=Causes(
                self._reader, recorder, ENTITIES, self._policy.causes_checked
            ),
            cursors=Cursors(secret(settings.cursor_secret)),
            sources=self.sources,
            limits=Limits(settings.page_size, settings.page_limit),
            grants=self.grants,
            applications=self.applications,
            emergencies=self._emergencies(),
            publications=Publications(
                book=PlatformPublications(pool),
                channels=self._channels,
                due_days=self._due_days,
            ),
            catalogue=Catalogue(ENTITIES, self.sources, self._policy, self._history),
            lookers=PlatformLookers(pool, secret(settings.state / "subject.key")),
            bounds=Bounds(
                settings.document_tokens,
                settings.document_bytes,
                settings.document_depth,
                aliases=settings.document_aliases,
                directives=settings.document_directives,
            ),
            executor=settings.executor,
        )

    def _emergencies(self) -> Emergencies | None:
        if self.applications is None or self.grants is None:
            return None
        return Emergencies(
            applications=self.applications,
            rules=self._policy.emergencies,
            heard=self.grants.hear,
        )

    def _states(self) -> Mapping[str, str]:
        return {name: source.state for name, source in self.sources().items()}

    @property
    def pressure(self) -> PlatformPressure | None:
        """What waits to leave, measured while the gateway runs."""
        return self._deciding.pressure

    def _pressure(self) -> Mapping[str, str]:
        """Say for whom too much waits to leave, and how hard it presses."""
        pressing = self._deciding.pressure
        stages = pressing.stages if pressing else {}
        return {scope: stage.name for scope, stage in stages.items() if stage}

    async def readiness(self) -> Mapping[str, object]:
        """Say whether the platform's database answers, how the sources are, and proof.

        And which looks wait on our own disk for the register, and what presses.
        """
        state = {
            "sources": self.registry.states(),
            "evidence": self.freshness.report(),
            "spool": self._kept(),
            "pressure": self._pressure(),
        }
        try:
            await self._own.inspect()
        except SourceError:
            return {"database": False, **state}
        return {"database": True, **state}

    async def load(self) -> None:
        """Read the bindings; what is refused goes to the log."""
        _, errors = await self.registry.load()
        for error in errors:
            LOGGER.error("%s %s", error.code, error)

    async def reload(self, principal: Principal) -> Mapping[str, object]:
        """Read the bindings again; raise what was refused, after taking the rest.

        Which files *principal* has had read is on record before they are.
        """
        assert self._deeds is not None  # noqa: S101 - a gateway that runs
        await self._deeds.note(
            Deed(
                kind=DeedKind.ACTION,
                who=principal.person,
                unit=principal.unit,
                action="reload-bindings",
                target="bindings",
                reason="",
                detail={"files": self.registry.digests()},
            )
        )
        loaded, errors = await self.registry.load()
        if errors:
            raise ExceptionGroup("bindings refused", errors)
        return {
            "loaded": loaded,
            "sources": self.registry.states(),
            "findings": self.registry.findings(),
        }


def _freshness(url: str, settings: Settings) -> PlatformFreshness:
    hours = timedelta(hours=settings.evidence_limit_hours)
    patience = Patience(
        alarm=settings.evidence_alarm_seconds, limit=hours.total_seconds()
    )
    return PlatformFreshness(
        url, patience, pinned(settings), quorum=settings.witness_quorum
    )
