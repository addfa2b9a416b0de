"""Unusual looks: found in the register by dated thresholds, told once each."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from sealing_log import until

from zhitong.connectors.access_log import PlatformAccessLog, open_pool
from zhitong.connectors.access_patterns import Reviewer, review
from zhitong.connectors.migrations import migrate
from zhitong.connectors.pressure import PlatformPressure
from zhitong.exceptions import RecordUnavailableError
from zhitong.infra.deciding import limits
from zhitong.infra.platform_database import MIGRATIONS
from zhitong.infra.reviewing import Reviewing
from zhitong.infra.settings import Settings
from zhitong.rules.access_patterns import Noticed, Pattern, Unusual
from zhitong.types import Inquiry, Look, Occasion, Principal

pytestmark = pytest.mark.integration

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)
"""Noon of the day, by the city's clock."""
BEGUN = date(2026, 1, 1)
RULE = "configured rule"
VOLUME = Pattern(
    check=Unusual.VOLUME, since=BEGUN, at_least=6, times=2.0, days=30, source=RULE
)
NIGHT = Pattern(
    check=Unusual.NIGHT, since=BEGUN, at_least=2, night=(22, 6), source=RULE
)
CROWD = Pattern(check=Unusual.CROWD, since=BEGUN, at_least=3, source=RULE)
ELSEWHERE = Pattern(check=Unusual.ELSEWHERE, since=BEGUN, at_least=2, source=RULE)
SWEEP = Pattern(check=Unusual.SWEEP, since=BEGUN, at_least=4, source=RULE)


@pytest.fixture
async def register(database: str) -> str:
    """Give a platform's database without looks."""
    await migrate(database, MIGRATIONS, "anze")
    return database


def look(  # noqa: PLR0913 - what a look may differ in
    person: str = "王建国",
    at: datetime = NOON,
    *,
    role: str = "user",
    kind: str = "police",
    key: str = "",
    how: str = "ALLOW",
    protected: bool = True,
    own: str = "",
    places: tuple[str, ...] = (),
) -> Inquiry:
    made = Inquiry(
        principal=Principal(
            kind=kind,
            unit="11619900MB0001002T",
            unit_name="安泽市公安局",
            person=person,
            role=role,
            division=own,
        ),
        occasion=Occasion(purpose="criminal-investigation"),
        id=uuid.uuid4().hex,
        at=at,
    )
    keys = (key or made.id,)
    fields = {"idNumber": how}
    made.looks.append(
        Look(
            type="Counterparty",
            source="market",
            fields=fields,
            rows=1,
            keys=keys,
            protected=protected,
            places=dict.fromkeys(places, 1),
        )
    )
    return made


async def recorded(url: str, looks: Sequence[Inquiry]) -> None:
    pool = await open_pool(url)
    try:
        log = PlatformAccessLog(pool, b"k" * 32, 30.0)
        await asyncio.gather(*map(log.record, looks))
        await log.close()
    finally:
        await pool.close()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def told(url: str, pattern: Pattern, day: date = DAY) -> Sequence[Noticed]:
    return await review(url, [pattern], [day])


async def test_a_day_far_above_the_persons_own_median_is_told(register: str) -> None:
    before = [NOON - timedelta(days=back) for back in (1, 2, 3)]
    usual = [look("李敏", at) for at in before for _ in range(5)]
    now = [look(each, NOON) for each in ("王建国", "李敏") for _ in range(7)]
    await recorded(register, [*usual, *now])
    (found,) = await told(register, VOLUME)
    # Seven are twice more than nothing, and not twice more than five a day.
    assert found.record in {each.id for each in now if each.principal.person != "李敏"}
    assert (found.check, found.source) == ("look-volume", RULE)
    assert "王建国" not in found.text.zh + found.text.en
    assert found.at == NOON


async def test_a_busy_day_below_the_floor_is_not_told(register: str) -> None:
    await recorded(register, [look() for _ in range(VOLUME.at_least - 1)])
    assert await told(register, VOLUME) == []


async def test_protected_looks_of_persons_at_night_are_told(register: str) -> None:
    # 22:00, 05:59 and 06:00 by the city's clock.
    late = datetime(2026, 11, 20, 14, tzinfo=UTC)
    early = datetime(2026, 11, 19, 21, 59, tzinfo=UTC)
    by_night = [look(at=late), look(at=early)]
    others = [
        look("李敏", early),
        look("李敏", early + timedelta(minutes=1)),
        *(look("接口", late, role="service") for _ in range(3)),
        *(look("张强", late, protected=False) for _ in range(3)),
        *(look("核验", late, kind="platform") for _ in range(3)),
    ]
    await recorded(register, [*by_night, *others])
    (found,) = await told(register, NIGHT)
    assert found.record == by_night[0].id


async def test_one_row_seen_by_many_persons_is_told(register: str) -> None:
    crowd = [look(f"警员{each}", key="star") for each in range(3)]
    again = [look("警员1", key="other") for _ in range(5)]
    await recorded(register, [*crowd, *again])
    (found,) = await told(register, CROWD)
    assert found.record in {each.id for each in crowd}


async def test_numbers_tried_one_after_another_are_told(register: str) -> None:
    sweep = [
        look(at=NOON + timedelta(minutes=each), how="ALLOW|LOOKUP") for each in range(4)
    ]
    slow = [
        look("李敏", NOON + timedelta(hours=each), how="LOOKUP") for each in range(4)
    ]
    shown = [look("张强") for _ in range(9)]
    await recorded(register, [*sweep, *slow, *shown])
    (found,) = await told(register, SWEEP)
    assert found.record == sweep[-1].id


async def test_each_is_told_once_and_the_next_day_is_another(register: str) -> None:
    await recorded(register, [look(key="star", person=f"{each}") for each in range(3)])
    assert len(await told(register, CROWD)) == 1
    assert await told(register, CROWD) == []
    later = NOON + timedelta(days=1)
    await recorded(register, [look(f"{each}", later, key="star") for each in range(3)])
    found = await review(register, [CROWD], [DAY, DAY + timedelta(days=1)])
    assert [each.at for each in found] == [later]
    async with connected(register) as connection:
        rows = await connection.fetch(
            "select check_name, record_id is not null as kept from finding_entry"
        )
    assert [tuple(row) for row in rows] == [("look-crowd", True)] * 2


async def test_a_threshold_counts_from_its_day_on(register: str) -> None:
    await recorded(register, [look(key="star", person=f"{each}") for each in range(3)])
    later = Pattern(
        check=Unusual.CROWD,
        since=DAY + timedelta(days=1),
        at_least=3,
        source=RULE,
    )
    assert await told(register, later) == []


async def test_without_the_register_nothing_is_reviewed_and_it_is_said() -> None:
    with pytest.raises(RecordUnavailableError):
        await told("postgresql://nobody@127.0.0.1:1/none", CROWD)


async def test_one_of_two_reviewers_reviews_and_the_other_takes_over(
    register: str,
) -> None:
    await recorded(register, [look() for _ in range(VOLUME.at_least)])
    first, second = Reviewer(register), Reviewer(register)
    try:
        assert len(await first.review([VOLUME], [DAY]) or ()) == 1
        assert await first.review([VOLUME], [DAY]) == []
        assert await second.review([VOLUME], [DAY]) is None
        await first.close()

        async def took_over() -> bool:
            return await second.review([VOLUME], [DAY]) is not None

        await until(took_over)
    finally:
        await first.close()
        await second.close()


async def test_what_is_unusual_today_is_told_without_a_command(register: str) -> None:
    now = datetime.now(UTC)
    await recorded(register, [look(at=now) for _ in range(VOLUME.at_least)])
    calm = PlatformPressure(register, limits(Settings()))
    running = asyncio.create_task(Reviewing(register, [VOLUME], 60.0, calm).run())
    try:
        async with connected(register) as connection:

            async def told_one() -> bool:
                return bool(
                    await connection.fetchval("select count(*) from access_finding")
                )

            await until(told_one)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_rows_outside_the_units_own_place_are_told(register: str) -> None:
    outside = [look(own="619921", places=("619921", "619902")) for _ in range(2)]
    await recorded(register, outside)
    (found,) = await told(register, ELSEWHERE)
    assert (found.check, found.source) == ("look-elsewhere", RULE)
    assert found.record in {each.id for each in outside}
    assert "2" in found.text.zh
    assert "2" in found.text.en


async def test_rows_of_ones_own_place_and_of_its_counties_are_not_told(
    register: str,
) -> None:
    within = [look(own="619900", places=("619921", "619902")) for _ in range(3)]
    placeless = [look("李敏", own="", places=("629921",)) for _ in range(3)]
    program = [
        look("接口", own="619921", places=("619902",), role="service") for _ in range(3)
    ]
    public = [
        look("何敏", own="619921", places=("619902",), protected=False)
        for _ in range(3)
    ]
    await recorded(register, [*within, *placeless, *program, *public])
    assert await told(register, ELSEWHERE) == []
