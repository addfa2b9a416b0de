"""A department's database that hangs, is away, comes back, or is asked odd things."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import msgspec
import pytest

from zhitong.connectors import pool
from zhitong.connectors.binding import Binding
from zhitong.connectors.masks import blurred, blurred_value, masked
from zhitong.connectors.postgresql import POOL_SIZE, PostgreSQLSource
from zhitong.exceptions import (
    ScalarError,
    SourceError,
    SourceOpenError,
    SourceTimeoutError,
)
from zhitong.infra.embedded import Cluster
from zhitong.schema.declare import entity, item
from zhitong.types import (
    SOURCE_KEY,
    Allow,
    Column,
    Compare,
    Keys,
    Kind,
    Mask,
    MaskKind,
    Op,
    Order,
    Predicate,
    RowQuery,
    Ruling,
    TallyQuery,
)

pytestmark = pytest.mark.integration

TIMEOUT = 0.5
SAMPLE = entity(
    "Sample",
    "samples",
    "样本。",
    "A sample.",
    key="id",
    orders=("id",),
    fields=(
        item("id", "编号", "Id"),
        item("number", "数字", "Number"),
        item("day", "日期", "Day", Kind.DATE),
        item("moment", "时间", "Moment", Kind.DATETIME),
        item("amount", "金额", "Amount", Kind.MONEY),
        item("count", "数量", "Count", Kind.INTEGER),
        item("tags", "标签", "Tags", Kind.TEXTS),
    ),
)
BINDING = msgspec.convert(
    {
        "name": "sample",
        "title": {"zh": "样本", "en": "Sample"},
        "tenant": "anze",
        "owner": "11619900MB0001003U",
        "timeout": TIMEOUT,
        "types": {
            "Sample": {
                "table": "sample",
                "key": "id",
                "fields": {
                    "id": "id",
                    "number": "number",
                    "day": {"column": "born", "format": "epoch-ms"},
                    "moment": "moment",
                    "amount": "amount",
                    "count": "count",
                    "tags": {"column": "tags", "split": "、"},
                },
            }
        },
    },
    Binding,
)
TABLE = """
    create table sample (id text primary key, number bigint, born bigint,
        moment timestamptz, amount numeric, count int, tags text);
    insert into sample values ('a', 1, 583689600000, '2024-03-11 09:30+08', 1, 1, 't');
"""
"""Born at midnight of 1988-07-01, when China's clocks showed summer time."""

Start = Callable[..., Cluster]


async def _source(url: str) -> PostgreSQLSource:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("drop table if exists sample")
        await connection.execute(TABLE)
    finally:
        await connection.close()
    return PostgreSQLSource(BINDING, {"Sample": SAMPLE}, url)


def _question(
    where: Predicate | None = None, keys: Keys | None = None, *columns: str
) -> RowQuery:
    return RowQuery(
        type="Sample",
        columns=tuple(Column(c, c, (Ruling(Allow("all")),)) for c in columns),
        order=Order(SOURCE_KEY, descending=False),
        limit=10,
        where=where,
        keys=keys,
    )


async def _keys(source: PostgreSQLSource, where: Predicate | None = None) -> list[str]:
    return [row.key for row in await source.rows(_question(where))]


@pytest.fixture
async def source(database: str) -> AsyncIterator[PostgreSQLSource]:
    made = await _source(database)
    yield made
    await made.close()


async def _timed(question: Awaitable[object]) -> tuple[float, Exception | None]:
    start = time.monotonic()
    try:
        await question
    except SourceError as error:
        return time.monotonic() - start, error
    return time.monotonic() - start, None


# --- sick databases ----------------------------------------------------------


async def test_a_frozen_server_costs_the_timeout_then_nothing_then_serves_again(
    cluster_factory: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SECONDS_OPEN", 1)
    cluster = cluster_factory("hanging")
    url = cluster.start()["hanging"]
    source = await _source(url)
    assert await _keys(source) == ["a"]

    cluster.freeze("hanging")
    try:
        found = await asyncio.gather(
            *(_timed(source.rows(_question())) for _ in range(3 * POOL_SIZE))
        )
        # Who waits for a connection may hear first that the source is left alone.
        assert [type(error) for _, error in found[:POOL_SIZE]] == [
            SourceTimeoutError
        ] * POOL_SIZE
        assert {type(error) for _, error in found[POOL_SIZE:]} <= {
            SourceTimeoutError,
            SourceOpenError,
        }
        # One after the other they would wait for twenty-four time-outs.
        assert max(seconds for seconds, _ in found) < 8 * TIMEOUT
        assert source.state == "away"
        _, error = await _timed(source.rows(_question()))
        assert isinstance(error, SourceOpenError)
        assert str(error) == (
            "sample 连续失败，暂停访问几秒后自动重试 / "
            "sample failed repeatedly; it is tried again in seconds"
        )
    finally:
        cluster.thaw("hanging")

    await asyncio.sleep(1.1)
    assert await _keys(source) == ["a"]
    assert source.state == "ready"
    assert await _connections(url, at_most=1) == 1
    await source.close()
    assert await _connections(url, at_most=0) == 0


async def test_one_question_at_a_time_finds_out_whether_a_sick_server_is_well(
    cluster_factory: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SECONDS_OPEN", 0.5)
    cluster = cluster_factory("hanging")
    source = await _source(cluster.start()["hanging"])
    assert await _keys(source) == ["a"]

    cluster.freeze("hanging")
    try:
        for _ in range(pool.FAILURES_TO_OPEN):
            await _timed(source.rows(_question()))
        await asyncio.sleep(0.6)
        found = await asyncio.gather(
            *(_timed(source.rows(_question())) for _ in range(2 * POOL_SIZE))
        )
    finally:
        cluster.thaw("hanging")

    kinds = Counter(type(error) for _, error in found)
    assert kinds == {SourceTimeoutError: 1, SourceOpenError: 2 * POOL_SIZE - 1}
    await asyncio.sleep(0.6)
    assert await _keys(source) == ["a"]
    await source.close()


async def test_one_question_without_an_answer_is_away_until_one_has_it(
    cluster_factory: Start,
) -> None:
    cluster = cluster_factory("hanging")
    source = await _source(cluster.start()["hanging"])
    assert await _keys(source) == ["a"]
    assert source.state == "ready"
    cluster.freeze("hanging")
    try:
        _, error = await _timed(source.rows(_question()))
        assert isinstance(error, SourceTimeoutError)
        assert source.state == "away"
    finally:
        cluster.thaw("hanging")
    # It is not left alone yet: the next question is asked, and says it is back.
    assert await _keys(source) == ["a"]
    assert source.state == "ready"
    await source.close()


async def _connections(url: str, at_most: int) -> int:
    """Count the source's connections, once those dropped have been noticed."""
    connection = await asyncpg.connect(url)
    query = "select count(*) from pg_stat_activity where application_name = 'zhitong'"
    try:
        deadline = time.monotonic() + 2
        count = int(await connection.fetchval(query))
        while count > at_most and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            count = int(await connection.fetchval(query))
    finally:
        await connection.close()
    return count


async def test_a_source_stays_ready_while_it_is_looked_at_again(
    source: PostgreSQLSource,
) -> None:
    await source.inspect()
    looking = asyncio.create_task(source.inspect())
    await asyncio.sleep(0)
    assert (looking.done(), source.state) == (False, "ready")
    await looking


async def test_a_restarted_server_serves_on(cluster_factory: Start) -> None:
    cluster = cluster_factory("restarting")
    source = await _source(cluster.start()["restarting"])
    assert await _keys(source) == ["a"]
    await asyncio.to_thread(cluster.restart, "restarting")
    assert await _keys(source) == ["a"]
    await source.close()


async def test_a_server_that_is_away_at_first_is_looked_at_when_it_is_back(
    cluster_factory: Start,
) -> None:
    cluster = cluster_factory("away")
    url = cluster.start()["away"]
    await (await _source(url)).close()
    await asyncio.to_thread(cluster.stop)
    source = PostgreSQLSource(BINDING, {"Sample": SAMPLE}, url)
    assert source.state == "away"
    with pytest.raises(SourceError) as refused:
        await source.rows(_question())
    assert refused.value.label.zh == "sample 不能访问，请查看该部门的数据库"
    assert refused.value.retriable
    await asyncio.to_thread(cluster.start)
    assert await _keys(source) == ["a"]
    assert source.state == "ready"
    await source.close()


async def test_a_statement_cannot_write(source: PostgreSQLSource) -> None:
    with pytest.raises(SourceError) as refused:
        await source._pool.fetch("delete from sample returning id", [])
    assert isinstance(refused.value.__cause__, asyncpg.ReadOnlySQLTransactionError)
    assert await _keys(source) == ["a"]


# --- odd questions -----------------------------------------------------------


@pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["nul", "surrogate"])
async def test_text_that_cannot_be_sent_is_the_questions_fault(
    source: PostgreSQLSource, text: str
) -> None:
    for where in (Compare("id", Op.EQ, text), Compare("id", Op.IN, ("a", text))):
        with pytest.raises(ScalarError, match="U\\+0000"):
            await source.rows(_question(where))
    with pytest.raises(ScalarError):
        await source.rows(_question(None, Keys("id", (text,))))


@pytest.mark.parametrize(
    "where",
    [
        Compare("number", Op.EQ, "9" * 30),
        Compare("number", Op.EQ, "01"),
        Compare("number", Op.EQ, "one"),
        Compare("count", Op.EQ, "99999999999"),
        Compare("amount", Op.GTE, "9" * 15),
        Compare("day", Op.LTE, "0001-01-01"),
        Compare("day", Op.GTE, "9999-12-31"),
        Compare("moment", Op.LTE, "0001-01-01T00:00:00+14:00"),
        Compare("moment", Op.GTE, "9999-12-31T23:59:59-12:00"),
    ],
    ids=str,
)
async def test_a_value_beyond_every_cell_finds_nothing_and_harms_nothing(
    source: PostgreSQLSource, where: Compare
) -> None:
    for _ in range(pool.FAILURES_TO_OPEN):
        assert await _keys(source, where) == []
    assert source.state == "ready"


async def test_keys_beyond_every_cell_answer_nothing(source: PostgreSQLSource) -> None:
    keys = Keys("number", ("1", "9" * 30, "x", ""))
    rows = await source.rows(_question(None, keys, "number"))
    assert [(row.match, row.values["number"]) for row in rows] == [("1", "1")]
    counts = await source.tally(TallyQuery(type="Sample", keys=keys))
    assert [(tally.match, tally.count) for tally in counts] == [("1", 1)]


async def test_keys_of_any_characters_find_their_rows(
    source: PostgreSQLSource, database: str
) -> None:
    odd = ('"', "\\", '\\"', '","', "{}", "{", "NULL", "a,b", "a\nb", "'", "单位")
    connection = await asyncpg.connect(database)
    try:
        sql = "insert into sample (id) select unnest($1::text[])"
        await connection.execute(sql, list(odd))
    finally:
        await connection.close()
    rows = await source.rows(_question(None, Keys("id", odd), "id"))
    assert [(row.match, row.key) for row in rows] == [(key, key) for key in odd]
    counts = await source.tally(TallyQuery(type="Sample", keys=Keys("id", odd)))
    assert [(one.match, one.count) for one in counts] == [(key, 1) for key in odd]
    assert await source.rows(_question(None, Keys("id", ()), "id")) == []


async def test_a_day_kept_as_a_moment_of_summer_time_is_that_day(
    source: PostgreSQLSource,
) -> None:
    [row] = await source.rows(
        _question(Compare("day", Op.EQ, "1988-07-01"), None, "day")
    )
    assert row.values["day"] == "1988-07-01"
    assert await _keys(source, Compare("day", Op.LTE, "1988-06-30")) == []


async def test_an_index_on_a_split_cell_serves(
    source: PostgreSQLSource, database: str
) -> None:
    await source.inspect()
    split = source._inspection.types["Sample"].fields["tags"].raw.replace("base.", "")
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(f"create index by_tag on sample using gin (({split}))")
        await connection.execute("set enable_seqscan = off")
        plan = await connection.fetch(
            f"explain select from sample where {split} && array['t']"
        )
    finally:
        await connection.close()
    assert any("by_tag" in str(line[0]) for line in plan)


# --- masks -------------------------------------------------------------------

EDGES = (0, 1_000, 50_000)
TEXTS = [
    "",
    "王",
    "王建国",
    "欧阳\n建国",
    "1234567",
    "12345678",
    "13812345678",
    "110101199003078515",
    "安泽市东岭县建设路1号",
    "安泽市建设路1号",
    "县",
    "县区",
    "一二三四五六七八九十一二三四五六七八九十县",
    "一二三四五六七八九十一二三四五六七八九十一县",
    "𠮷野家東區区",
    "张三11010519491231002x，李四440524188001010014。",
    "2. 110105 19491231\u3000002X 3",
    "１１０１０５－１９４９１２３１－００２Ｘ",
    "110105\u200b1949\u00ad1231002X\n110105491231002",
    "1101051949123100211、13800138000、911010519491231002X",
    "110105194912310021县张三商店",
]


@pytest.mark.parametrize("kind", MaskKind)
async def test_masks_in_sql_and_in_python_agree(database: str, kind: MaskKind) -> None:
    sql = masked(kind, Kind.TEXT, "v") + "::text"
    query = f"select v, {sql} as blurred from unnest($1::text[]) v"  # noqa: S608 - no value
    connection = await asyncpg.connect(database)
    try:
        found = await connection.fetch(query, [*TEXTS, None])
    finally:
        await connection.close()
    expected: dict[str | None, str | None] = {
        text: blurred(kind, text) for text in TEXTS
    }
    assert {row["v"]: row["blurred"] for row in found} == {**expected, None: None}


AMOUNTS = ["-0.01", "0.00", "999.99", "1000.00", "49999.99", "50000.00", "1e10"]
DAYS = ["1999-12-31", "2024-02-29"]


@pytest.mark.parametrize(
    ("mask", "kind", "values"),
    [
        (Mask("r", MaskKind.AMOUNT_BAND, edges=EDGES), Kind.MONEY, AMOUNTS),
        (Mask("r", MaskKind.YEAR), Kind.DATE, DAYS),
    ],
    ids=["amount", "day"],
)
async def test_bands_and_years_in_sql_and_in_python_agree(
    database: str, mask: Mask, kind: Kind, values: list[str]
) -> None:
    sql = masked(mask.kind, kind, "v", mask.edges)
    query = f"select v, {sql} as blurred from unnest($1::text[]) v"  # noqa: S608 - no value
    connection = await asyncpg.connect(database)
    try:
        found = await connection.fetch(query, [*values, None])
    finally:
        await connection.close()
    expected: dict[str | None, object] = {
        value: blurred_value(mask, kind, value) for value in values
    }
    assert {row["v"]: row["blurred"] for row in found} == {**expected, None: None}
