"""A platform that has sent, over a real ledger, relay and broker, for replays."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import asyncpg
import msgspec
import orjson
from entries import MIGRATIONS, ledger_over
from ledger_rows import run
from receiving import Site, site, until
from topic_reader import Kept, read

from zhitong.connectors.ledger import PlatformLedger
from zhitong.connectors.migrations import migrate
from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.replays import Selection
from zhitong.decisions import Entry
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.replaying import Asked, replay
from zhitong.infra.settings import Settings
from zhitong.streams import names
from zhitong.streams.access_lists import apply_grants, set_users
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.grants import users
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.receivers import Receivers
from zhitong.streams.relay import Relay
from zhitong.streams.topics import ensure_topics


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A tenant's platform, which sends to the receiver ``credit``."""

    url: str
    settings: Settings
    config: Receivers
    admin: Access
    ledger: PlatformLedger
    envelopes: ReceiverEnvelopes
    credit: Site

    @property
    def topic(self) -> str:
        """The topic of what is sent again."""
        return names.replay(self.config.tenant, "credit")

    async def commit(self, *entries: Entry, follows_history: bool = False) -> None:
        """Take *entries*, each with its event for the credit system."""
        for each in entries:
            events = self.envelopes.events(
                [whole(each, "credit")], follows_history=follows_history
            )
            await self.ledger.commit(msgspec.structs.replace(each, events=events))

    async def sent(self) -> Sequence[asyncpg.Record]:
        """Have all that waits leave; give the sent log in its order."""
        async with self.relaying():

            async def empty() -> bool:
                (row,) = await run(self.url, "select count(*) from outbox")
                return bool(row["count"] == 0)

            await until(empty)
        return await run(self.url, "select * from outbox_sent order by seq")

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        """Run a relay beside the block."""
        outbox = PlatformOutbox(self.url, uuid4().hex)
        sender = partial(KafkaSender, lambda: self.admin)
        task = asyncio.create_task(Relay(outbox, sender).run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def replay(
        self,
        selection: Selection,
        *,
        own: bool = False,
        dry: bool = False,
        rate: float = 0.0,
    ) -> bool:
        """Replay as the command does, which has a loop of its own."""
        asked = Asked(
            receiver="credit",
            selection=selection,
            because="收件箱损坏",
            own=own,
            dry=dry,
            rate=rate,
        )
        return await asyncio.to_thread(replay, self.settings, asked)

    def on(self, topic: str) -> Sequence[Kept]:
        """Give what *topic* has."""
        return read(self.admin, topic)

    async def deeds(self) -> Sequence[Mapping[str, object]]:
        """Give what is on record of replays, whole."""
        rows = await run(
            self.url,
            "select body from deed where action like '%replay' order by at",
        )
        return [orjson.loads(row["body"]) for row in rows]


@asynccontextmanager
async def platform(
    url: str, receivers: str, admin: Access, state: Path
) -> AsyncIterator[Platform]:
    """Make a platform at *url*, and its receiver at *receivers*; both are empty."""
    tenant = f"r{os.getpid()}x{uuid4().hex[:8]}"
    config = read_receivers(tenant=tenant)
    settings = _settings(tenant, config, admin, state)
    await asyncio.to_thread(ensure_topics, admin, config.topics)
    await asyncio.to_thread(apply_grants, admin, config)
    await migrate(url, MIGRATIONS, tenant)
    await run(
        url,
        "insert into receiver (receiver, title_zh, title_en, topic)"
        " values ('credit', '信用', 'credit', $1)",
        names.topic(tenant, "credit.v1"),
    )
    async with ledger_over(url) as (ledger, _), site("credit", admin, receivers) as one:
        credit = of_tenant(one, config)
        yield Platform(
            url=url,
            settings=settings,
            config=config,
            admin=admin,
            ledger=ledger,
            envelopes=credit.envelopes,
            credit=credit,
        )


@asynccontextmanager
async def another(server: str) -> AsyncIterator[str]:
    """Make another empty database on *server*."""
    name = f"other_{uuid4().hex}"
    await run(server, f"create database {name}")
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        await run(server, f"drop database {name} with (force)")


def of_tenant(one: Site, config: Receivers, keys: Site | None = None) -> Site:
    """Let *one* read what the platform of *config* sends, with the keys of *keys*."""
    own = (keys or one).keys
    return replace(
        one,
        topic=names.topic(config.tenant, "credit.v1"),
        receipts=config.receipts,
        keys=own,
        envelopes=ReceiverEnvelopes(
            config, {each.name: own.public for each in config.receivers}
        ),
    )


def _settings(tenant: str, config: Receivers, admin: Access, state: Path) -> Settings:
    """Give the settings of who comes to the broker as each of the tenant's users."""
    passwords = {name: f"password of {name}" for name in users(config)}
    set_users(admin, tenant, passwords)
    folder = state / "users"
    folder.mkdir()
    for name, password in {**passwords, names.ADMIN: admin.password}.items():
        (folder / name).write_text(password, "utf-8")
    # Those of `entries.SEALING`.
    (state / "subject.key").write_bytes(b"digests")
    (state / "person.key").write_bytes(b"master")
    return Settings(
        state=state,
        tenant=tenant,
        kafka=admin.address,
        kafka_security=admin.protocol,
        kafka_ca=admin.authorities,
        kafka_users=str(folder),
    )
