"""Backups of the platform's database: rehearsed, with the disk really gone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from entries import TOPICS, decision, entry, ledger_over

from zhitong.connectors.replication import Replication
from zhitong.exceptions import StandbyError
from zhitong.infra.archiving import READS, archiving
from zhitong.infra.backups import back_up, backups, restore
from zhitong.infra.embedded import Cluster, address, clean
from zhitong.infra.platform_database import claim
from zhitong.infra.settings import Settings
from zhitong.infra.standby import NOTE, Pair

pytestmark = pytest.mark.integration
_numbers = count(1)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    state = tmp_path / "state"
    settings = Settings(state=state, backup=str(tmp_path / "backup"))
    claim(settings, Cluster(state, ["platform"]).start()["platform"])
    yield settings
    for each in (state, tmp_path / "elsewhere"):
        clean(each)


@pytest.fixture
async def url(settings: Settings) -> AsyncIterator[str]:
    """Give the address of a platform whose commits wait for the archive."""
    task = asyncio.create_task(archiving(settings, synchronous=True))
    found = address(settings.state, {})("platform")
    assert found is not None
    for _ in range(600):
        if await _waits(settings):
            break
        await asyncio.sleep(0.1)
    connection = await asyncpg.connect(Pair(settings.state).primary().address)
    for name, topic in TOPICS.items():
        await connection.execute(
            "insert into receiver (receiver, title_zh, title_en, topic) "
            "values ($1, $1, $1, $2)",
            *(name, topic),
        )
    await connection.close()
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _waits(settings: Settings) -> bool:
    if not Pair(settings.state).primary().replicated.exists():
        return False
    try:
        async with Replication(Pair(settings.state).primary().address) as server:
            return await server.synchronous(READS, 1.0)
    except StandbyError:
        return False


async def decided(url: str, many: int) -> set[str]:
    """Register so many decisions; name those that were acknowledged."""
    found = set()
    async with ledger_over(url, 10.0, 2) as (ledger, _):
        for _ in range(many):
            n = next(_numbers)
            said = decision(local_id=f"B-{n}", document_no=f"{n}号", case_no=str(n))
            await ledger.commit(entry(said))
            found.add(str(said.id))
    return found


async def there(state: Path) -> set[str]:
    url = address(state, {})("platform")
    assert url is not None
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("select decision_id from decision")
    await connection.close()
    return {row["decision_id"] for row in rows}


async def test_a_lost_disk_is_restored_to_the_last_decision_or_to_a_moment(
    settings: Settings, url: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(StandbyError, match="no backup"):
        await restore(settings, None, elsewhere)
    first = await decided(url, 10)
    made = await back_up(settings, "ops", keep=1)
    assert [each.folder for each in backups(settings)] == [made.folder]
    await asyncio.sleep(1.1)  # a backup is as old as its next full second
    second = await decided(url, 10)
    moment = datetime.now(UTC)
    third = await decided(url, 10)
    with pytest.raises(StandbyError, match="nothing was changed"):
        await restore(settings, None, settings.state)

    server = Pair(settings.state).primary()
    (settings.state / "database" / NOTE).write_text("of a standby that is gone as well")
    server.kill()
    shutil.rmtree(server.data)
    found = await restore(settings, None, settings.state)

    assert first | second | third <= await there(settings.state)
    assert found.reach["versions"] == 30
    assert not Pair(settings.state).synchronous
    with pytest.raises(StandbyError, match="archive ends"):
        await restore(settings, datetime(2126, 1, 1, tzinfo=UTC), elsewhere)
    earlier = await restore(settings, moment, elsewhere)
    assert earlier.reach["versions"] == 20
    assert await there(elsewhere) == first | second
