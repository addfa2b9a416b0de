"""What left by a folder or by HTTP is sent again where it went, and on record."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgspec
import orjson
import pytest
from entries import ledger_over, prepare
from ledger_rows import run, until
from pushed import RID, SECRET, SID, Server, serving
from receiver_files import text, written
from receiving import decision, entry

from zhitong.connectors.outbox import PlatformOutbox
from zhitong.connectors.receipt_book import PlatformReceiptBook
from zhitong.connectors.replays import Selection
from zhitong.infra.channels import desk, producers
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.replaying import Asked, replay
from zhitong.infra.settings import Settings
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.examples import whole
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.memory_broker import MemoryBroker, MemoryProducer
from zhitong.streams.receivers import Receivers
from zhitong.streams.relay import Relay

pytestmark = pytest.mark.integration

LEFT = "select count(*)::int from outbox"
KEYS = ReceiverKeys.generate("credit")


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A platform that reaches credit by a folder and the province by HTTP."""

    url: str
    settings: Settings
    config: Receivers
    server: Server
    folder: Path

    async def send(self, *numbers: str) -> None:
        """Record decisions, and have their events leave."""
        envelopes = ReceiverEnvelopes(
            self.config, {one.name: KEYS.public for one in self.config.receivers}
        )
        async with ledger_over(self.url) as (ledger, _):
            for number in numbers:
                said = entry(decision(number))
                copies = [whole(said, name) for name in ("credit", "provincial")]
                events = envelopes.events(copies, follows_history=False)
                await ledger.commit(msgspec.structs.replace(said, events=events))
        book = PlatformReceiptBook(self.url)
        returns = desk(self.settings, self.config, book)
        broker = MemoryBroker({})

        def sender() -> MemoryProducer:
            return MemoryProducer(broker)

        relay = Relay(
            PlatformOutbox(self.url, "one"),
            sender,
            others=producers(self.settings, self.config, returns, sender),
        )
        task = asyncio.create_task(relay.run())
        await until(self.url, LEFT, 0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await book.close()

    async def replay(self, receiver: str, selection: Selection) -> bool:
        asked = Asked(receiver=receiver, selection=selection, because="对方丢了一批")
        return await asyncio.to_thread(replay, self.settings, asked)

    def files(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in self.folder.glob("credit-*")}


@pytest.fixture
async def platform(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Platform]:
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", database)
    await prepare(database)
    folder = tmp_path / "drop"
    folder.mkdir()
    secret = tmp_path / "receivers" / "provincial.secret"
    secret.parent.mkdir()
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    with serving() as server:
        file = f'[channel]\nkind = "file"\nfolder = "{folder}"\n'
        http = (
            f'[channel]\nkind = "http"\nurl = "{server.url}"\n'
            f'requester = "{RID}"\ninterface = "{SID}"\n'
        )
        receivers = written(tmp_path, "credit", _reached("credit", file))
        there = receivers / "provincial.toml"
        there.write_text(_reached("provincial", http), "utf-8")
        settings = Settings(state=tmp_path, receivers=receivers)
        yield Platform(
            url=database,
            settings=settings,
            config=receivers_of(settings),
            server=server,
            folder=folder,
        )


def _reached(name: str, block: str) -> str:
    return re.sub(
        r"^\[channel\].*?(?=^\[\[rules\]\])",
        lambda _: f"{block}\n",
        text(name),
        flags=re.MULTILINE | re.DOTALL,
    )


async def test_a_batch_that_was_lost_is_laid_down_again_byte_for_byte(
    platform: Platform,
) -> None:
    await platform.send("A-1", "A-2")
    first = platform.files()
    await platform.send("A-3")
    (manifest,) = (name for name in first if name.endswith(".manifest.json"))
    day, counter = divmod(json.loads(first[manifest])["batch"], 100_000)
    everything = platform.files()
    for path in platform.folder.glob("credit-*"):
        path.unlink()
    assert await platform.replay(
        "credit", Selection(partition=day, offsets=(counter, counter))
    )
    assert platform.files() == first
    assert set(first) < set(everything)
    deeds = [
        orjson.loads(row["body"])["action"]
        for row in await run(
            platform.url,
            "select body from deed where action like '%replay' order by at",
        )
    ]
    assert deeds == ["begin-replay", "end-replay"]
    assert len(await run(platform.url, "select from outbox_sent")) == 6


async def test_by_http_it_is_the_same_event_under_the_same_key(
    platform: Platform,
) -> None:
    await platform.send("A-1")
    (before,) = platform.server.calls
    ((decided,),) = await run(
        platform.url, "select distinct decision_id::uuid from outbox_sent"
    )
    assert await platform.replay("provincial", Selection(decision=UUID(str(decided))))
    _, again = platform.server.calls
    assert (again.event, again.body) == (before.event, before.body)
    assert again.headers["replay"] == "1"
    assert platform.server.unsigned == []
