"""Which words of a witness a gateway believes: none because a table says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sealing_log import begun, sealed, sealing, wait_in_queue

from zhitong.connectors import pinned_words, signers
from zhitong.connectors.freshness import PlatformFreshness
from zhitong.connectors.signers import ECDSA, SM2, FileSigner, file_signer, generate
from zhitong.evidence import Countersignature, Signature
from zhitong.rules.freshness import Moment, Patience

pytestmark = pytest.mark.integration

HOUR = 3600.0
DAY = Patience(alarm=60, limit=24 * HOUR)


class Clock:
    """A gateway's two clocks."""

    def __init__(self) -> None:
        self.wall, self.steady = datetime.now(UTC), 0.0

    def __call__(self) -> Moment:
        return Moment(wall=self.wall, steady=self.steady)

    def go_on(self, hours: float) -> None:
        self.wall += timedelta(hours=hours)
        self.steady += hours * HOUR


class Log:
    """A sealed log, and two witnesses' keys."""

    def __init__(
        self, url: str, folder: Path, connection: asyncpg.Connection[asyncpg.Record]
    ) -> None:
        self.url, self.folder, self.connection = url, folder, connection
        self.one, self.two = (file_signer(generate(each)) for each in (ECDSA, SM2))
        self.clock = Clock()

    async def grow(self, name: str) -> None:
        """Have the sealer make a head."""
        await wait_in_queue(self.connection, name)
        count = await self.connection.fetchval(
            "select count(*) + 1 from sealed_leaf where kind = 'LOOK'"
        )
        async with sealing(self.url, self.folder):
            await sealed(self.connection, count)

    async def word(
        self, key: FileSigner, hours: float = 0, *, signed_by: FileSigner | None = None
    ) -> None:
        """Give *key*'s word for the newest head, so long ago by its clock."""
        (head,) = await self.connection.fetch(
            "select * from head order by size desc, at desc limit 1"
        )
        seen = self.clock.wall - timedelta(hours=hours)
        none = Signature(key_id="", algorithm="", value=b"")
        text = Countersignature(seen=seen, signature=none).text(head["note"])
        await self.connection.execute(
            "insert into head_countersignature values ($1, $2, $3, $4, $5, $6, $7)",
            *(head["origin"], head["size"], head["at"]),
            *(key.key_id, key.algorithm, seen, (signed_by or key).sign(text)),
        )

    def gateway(self, quorum: int = 1) -> PlatformFreshness:
        """Start a gateway that believes both witnesses."""
        keys = {key.key_id: key.spki for key in (self.one, self.two)}
        return PlatformFreshness(
            self.url,
            DAY,
            lambda: keys,
            quorum=quorum,
            heartbeat=60,
            clock=self.clock,
        )

    async def hours(self, freshness: PlatformFreshness) -> float:
        """Look once, and give the age in hours, to the next half."""
        try:
            await freshness.look()
        finally:
            freshness._drop()
        return round(2 * freshness.age / HOUR) / 2


@pytest.fixture
async def log(database: str, tmp_path: Path) -> AsyncIterator[Log]:
    """Give a log that was begun 30 hours ago and has a head."""
    await begun(database)
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "update evidence_log set since = since - interval '30 hours'"
        )
        made = Log(database, tmp_path, connection)
        await made.grow("first")
        yield made
    finally:
        await connection.close()


async def test_without_any_word_the_age_is_the_log_s(log: Log) -> None:
    assert await log.hours(log.gateway()) == 30


async def test_a_word_is_as_old_as_it_says(log: Log) -> None:
    await log.word(log.one, hours=2)
    assert await log.hours(log.gateway()) == 2


async def test_a_word_of_a_minute_ago_is_not_overdue(log: Log) -> None:
    await log.word(log.one, hours=0.9 / 60)
    freshness = log.gateway()
    await log.hours(freshness)
    assert freshness.age == 0


async def test_what_another_key_signed_is_believed_by_nobody_and_said(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    await log.word(log.one, signed_by=file_signer(generate(ECDSA)))
    freshness = log.gateway()
    assert [await log.hours(freshness) for _ in range(3)] == [30, 30, 30]
    assert caplog.text.count("does not hold") == 1


async def test_a_key_that_is_not_pinned_counts_for_nothing(log: Log) -> None:
    other = file_signer(generate(ECDSA))
    await log.connection.execute(
        "insert into evidence_key (key_id, purpose, algorithm, spki) "
        "values ($1, 'witness', $2, $3)",
        *(other.key_id, other.algorithm, other.spki),
    )
    await log.word(other)
    assert await log.hours(log.gateway()) == 30


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            "update head_countersignature set seen = seen + interval '3 hours'",
            id="its time",
        ),
        pytest.param(
            "update head set note = convert_to(replace(convert_from(note, 'UTF8'), "
            "'hash sha256', 'hash sm3'), 'UTF8')",
            id="the note",
        ),
        pytest.param("update head_countersignature set value = ''", id="the value"),
        pytest.param(
            "update head_countersignature set seen = '-infinity'", id="no moment"
        ),
    ],
)
async def test_a_word_that_was_changed_is_none(log: Log, change: str) -> None:
    await log.word(log.one, hours=3)
    await log.connection.execute(change)
    assert await log.hours(log.gateway()) == 30


async def test_a_word_moved_to_a_newer_head_is_none(log: Log) -> None:
    await log.word(log.one, hours=3)
    freshness = log.gateway()
    await log.hours(freshness)
    await log.grow("second")
    await log.connection.execute(
        "insert into head_countersignature "
        "select h.origin, h.size, h.at, c.key_id, c.algorithm, c.seen, c.value "
        "from head_countersignature c, head h order by h.size desc limit 1"
    )
    log.clock.go_on(5)
    assert await log.hours(freshness) == 8
    assert await log.hours(log.gateway()) == 8


async def test_a_note_moved_to_a_newer_head_with_its_word_is_none(log: Log) -> None:
    await log.word(log.one, hours=3)
    await log.grow("second")
    await log.connection.execute(
        "update head set note = (select note from head where size = 1 limit 1)"
    )
    await log.connection.execute(
        "update head_countersignature c set size = h.size, at = h.at from head h "
        "where h.size = (select max(size) from head)"
    )
    assert await log.hours(log.gateway()) == 30


async def test_what_is_written_about_the_log_s_beginning_makes_nothing_younger(
    log: Log,
) -> None:
    freshness = log.gateway()
    assert await log.hours(freshness) == 30
    await log.connection.execute("update evidence_log set since = now()")
    assert await log.hours(freshness) == 30
    # Nor for one that is started now: there are heads from before it.
    log.clock.go_on(5)
    assert await log.hours(log.gateway()) == 5
    await log.connection.execute("update evidence_log set since = '2999-01-01'")
    assert await log.hours(log.gateway()) == 5


async def test_words_that_were_removed_leave_the_last_as_old_as_it_is(log: Log) -> None:
    await log.word(log.one)
    freshness = log.gateway()
    assert await log.hours(freshness) == 0
    await log.connection.execute("delete from head_countersignature")
    log.clock.go_on(25)
    assert await log.hours(freshness) == 25
    assert freshness.stale() is not None


async def test_a_quorum_is_as_old_as_the_word_that_made_it(log: Log) -> None:
    await log.word(log.one, hours=2)
    freshness = log.gateway(quorum=2)
    assert await log.hours(freshness) == 30
    await log.word(log.two, hours=5)
    assert await log.hours(freshness) == 5
    await log.grow("second")
    await log.word(log.one)
    assert await log.hours(freshness) == 5
    await log.word(log.two, hours=1)
    assert await log.hours(freshness) == 1


async def test_a_word_that_comes_late_counts_though_another_s_is_newer(
    log: Log,
) -> None:
    freshness = log.gateway(quorum=2)
    await log.word(log.one)
    await log.hours(freshness)
    log.clock.steady += 1
    await log.word(log.two)
    assert await log.hours(freshness) == 0


async def test_each_word_is_checked_once(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def verify(*said: Any) -> bool:  # noqa: ANN401 - as the one it stands before
        checked.append(said[1])
        return signers.verify(*said)

    monkeypatch.setattr(pinned_words, "verify", verify)
    freshness = log.gateway()
    await log.word(log.one)
    await log.word(log.two, signed_by=log.one)
    for _ in range(3):
        log.clock.go_on(1)
        await log.hours(freshness)
    assert sorted(checked) == sorted([ECDSA, SM2])


async def test_a_forged_second_word_makes_no_quorum(log: Log) -> None:
    await log.word(log.one, hours=2)
    await log.word(log.two, hours=2, signed_by=file_signer(generate(SM2)))
    assert await log.hours(log.gateway(quorum=2)) == 30


async def test_a_forged_newer_head_hides_no_word(log: Log) -> None:
    await log.word(log.one, hours=4)
    await log.connection.execute(
        "insert into head (origin, size, at, note) "
        "select origin, 999, at, note from head limit 1"
    )
    await log.word(log.one, signed_by=file_signer(generate(ECDSA)))
    assert await log.hours(log.gateway()) == 4


async def test_a_word_from_the_future_is_as_old_as_it_is_ahead(log: Log) -> None:
    await log.word(log.one, hours=-25)
    freshness = log.gateway()
    assert await log.hours(freshness) == 25
    log.clock.go_on(25)
    # Its moment has come; it is none the younger for it.
    assert await log.hours(freshness) == 50


async def test_a_clock_set_back_makes_no_word_younger(log: Log) -> None:
    await log.word(log.one)
    freshness = log.gateway()
    await log.hours(freshness)
    log.clock.go_on(25)
    log.clock.wall -= timedelta(hours=25)
    assert await log.hours(freshness) == 25


async def test_a_clock_set_back_before_a_gateway_begins_makes_no_word_younger(
    log: Log,
) -> None:
    log.clock.wall -= timedelta(hours=30)
    await log.word(log.one)
    assert await log.hours(log.gateway()) == 30
