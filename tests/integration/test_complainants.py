"""Who complained is known to the store alone, and to nobody without a record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from zhitong.connectors.complainants import Complainants, Identity, Reason
from zhitong.exceptions import RecordUnavailableError, SettingsError, TenantError
from zhitong.infra.city_load import SOURCES
from zhitong.infra.complaints import complainants
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.registry import Registry
from zhitong.infra.settings import Settings
from zhitong.schema.engine import Answer
from zhitong.schema.entities import ENTITIES

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
CANARY = Identity(
    name="欧阳举报甲",
    id_number="619901198807079991",
    phone="13990817263",
    address="安泽市举报巷七号",
)
WORDS = (CANARY.name, CANARY.id_number, CANARY.phone, CANARY.address)
REASON = Reason(who="陈监督", why="核实举报人安全", approval="安司审〔2026〕7号")


class Store:
    """The store on a database of the test's own."""

    def __init__(self, url: str, state: Path) -> None:
        self.url = url
        self.settings = Settings(state=state)
        self.address = {"complainants": url}.get

    async def sql(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()


@pytest.fixture
def store(database: str, tmp_path: Path) -> Store:
    return Store(database, tmp_path)


@pytest.fixture
async def opened(store: Store) -> AsyncIterator[Complainants]:
    async with complainants(store.settings, store.address) as made:
        yield made


def forms(word: str) -> Iterator[bytes]:
    """Give the ways *word* could stand somewhere."""
    for encoding in ("utf-8", "gb18030", "utf-16-le"):
        yield word.encode(encoding)
        yield word.encode(encoding).hex().encode()
    yield orjson.dumps(word).strip(b'"')
    yield ascii(word).strip("'").encode()


def found_in(where: bytes) -> list[str]:
    """Name the words of the canary that stand in *where*, in whatever form."""
    return [word for word in WORDS if any(form in where for form in forms(word))]


async def dump(url: str) -> bytes:
    """Give every row of every table of a database as text."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "select format('%I.%I', schemaname, tablename) from pg_tables "
            "where schemaname not in ('pg_catalog', 'information_schema')"
        )
        rows = [
            await connection.fetchval(
                f"select coalesce(string_agg(t::text, chr(10)), '') from {table} t"  # noqa: S608 - names of tables that the database gave, quoted by it
            )
            for (table,) in tables
        ]
        return "\n".join(rows).encode()
    finally:
        await connection.close()


# --- the store ----------------------------------------------------------------


async def test_what_was_kept_is_told_to_who_states_a_reason_and_is_on_record(
    store: Store, opened: Complainants
) -> None:
    pseudonym = await opened.keep(CANARY)
    assert await opened.unmask(pseudonym, REASON) == CANARY
    (row,) = await store.sql("select * from unmasking")
    assert (row["pseudonym"], row["outcome"]) == (pseudonym, "GIVEN")
    assert Reason(who=row["who"], why=row["why"], approval=row["approval"]) == REASON


async def test_its_own_database_holds_no_identity_in_clear(
    store: Store, opened: Complainants
) -> None:
    pseudonym = await opened.keep(CANARY)
    short = await opened.keep(Identity(name="甲"))
    await opened.unmask(pseudonym, REASON)
    assert found_in(await dump(store.url)) == []
    lengths = await store.sql("select distinct length(sealed) from complainant")
    assert len(lengths) == 1
    # The look would have found it: the same words in clear are seen.
    await store.sql(
        "update complainant set sealed = $1 where pseudonym = $2",
        CANARY.name.encode(),
        short,
    )
    assert found_in(await dump(store.url)) == [CANARY.name]


async def test_the_same_person_twice_has_two_pseudonyms(opened: Complainants) -> None:
    first, second = await opened.keep(CANARY), await opened.keep(CANARY)
    assert first != second
    assert found_in(f"{first}{second}".encode()) == []


async def test_without_a_record_there_is_no_identity(
    store: Store, opened: Complainants
) -> None:
    pseudonym = await opened.keep(CANARY)
    await store.sql(
        "alter table unmasking add check (approval <> $$安司审〔2026〕7号$$)"
    )
    with pytest.raises(RecordUnavailableError) as refused:
        await opened.unmask(pseudonym, REASON)
    assert found_in(repr(refused.value).encode()) == []
    assert await opened.unmask(pseudonym, replace(REASON, approval="8号")) == CANARY


@pytest.mark.parametrize("unstated", ["who", "why", "approval"])
def test_who_why_and_approval_are_stated(unstated: str) -> None:
    with pytest.raises(SettingsError):
        replace(REASON, **{unstated: " "})


@pytest.mark.parametrize(
    "statement",
    ["update unmasking set who = ''", "delete from unmasking", "truncate unmasking"],
)
async def test_what_was_unmasked_stays_on_record(
    store: Store, opened: Complainants, statement: str
) -> None:
    await opened.unmask(await opened.keep(CANARY), REASON)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await store.sql(statement)


async def test_who_is_erased_is_gone_and_who_asks_in_vain_is_on_record(
    store: Store, opened: Complainants
) -> None:
    pseudonym = await opened.keep(CANARY)
    assert await opened.erase(pseudonym, REASON)
    assert not await opened.erase(pseudonym, REASON)
    assert await opened.unmask(pseudonym, REASON) is None
    assert await opened.unmask("JB-nobody", REASON) is None
    rows = await store.sql("select outcome from unmasking order by at")
    assert [row["outcome"] for row in rows] == ["ERASED", "GONE", "UNKNOWN"]
    (left,) = await store.sql("select wrapped, sealed from complainant")
    assert tuple(left) == (None, None)


async def test_an_identity_moved_to_another_pseudonym_does_not_open(
    store: Store, opened: Complainants
) -> None:
    first, second = await opened.keep(CANARY), await opened.keep(Identity(name="乙"))
    await store.sql(
        "update complainant c set sealed = o.sealed, wrapped = o.wrapped "
        "from complainant o where c.pseudonym = $2 and o.pseudonym = $1",
        first,
        second,
    )
    with pytest.raises(SettingsError, match=r"complainant\.key"):
        await opened.unmask(second, REASON)


async def test_another_key_opens_nothing(
    store: Store, opened: Complainants, tmp_path: Path
) -> None:
    pseudonym = await opened.keep(CANARY)
    other = Settings(state=tmp_path / "other")
    async with complainants(other, store.address) as elsewhere:
        with pytest.raises(SettingsError, match=r"complainant\.key"):
            await elsewhere.unmask(pseudonym, REASON)


def test_an_identity_shows_nothing_when_it_is_printed() -> None:
    shown = f"{CANARY} {CANARY!r} {[CANARY]} {Exception(CANARY)!r}"
    assert found_in(shown.encode()) == []


async def test_half_a_character_is_refused_without_a_word_of_the_rest(
    opened: Complainants,
) -> None:
    with pytest.raises(SettingsError) as refused:
        await opened.keep(replace(CANARY, address="\ud83d"))
    assert found_in(repr((refused.value, refused.value.__context__)).encode()) == []


# --- its walls ----------------------------------------------------------------


async def test_the_store_shares_no_database_and_no_key(store: Store) -> None:
    same = store.url.replace("127.0.0.1", "localhost")
    shared = {"complainants": store.url, "platform": same}
    with pytest.raises(SettingsError, match="ZHITONG_DATABASE_COMPLAINANTS"):
        async with complainants(store.settings, shared.get):
            pass
    (store.settings.state / "subject.key").write_bytes(b"k" * 32)
    (store.settings.state / "complainant.key").write_bytes(b"k" * 32)
    with pytest.raises(SettingsError, match=r"subject\.key"):
        async with complainants(store.settings, store.address):
            pass
    assert await store.sql("select 1 from pg_tables where schemaname = 'public'") == []


async def test_another_tenant_is_refused(
    store: Store, opened: Complainants, tmp_path: Path
) -> None:
    await opened.keep(CANARY)
    other = Settings(state=tmp_path / "binhai", tenant="binhai")
    with pytest.raises(TenantError, match="the database belongs to anze"):
        async with complainants(other, store.address):
            pass


async def test_no_binding_reaches_the_store(store: Store, tmp_path: Path) -> None:
    (tmp_path / "spy.toml").write_text(
        'name = "spy"\ntitle = { zh = "窥", en = "Spy" }\n'
        'owner = "91110000600037341L"\ntenant = "anze"\n'
        f'database = "{store.url.replace("127.0.0.1", "localhost")}"\n'
        '[types.Matter]\ntable = "complainant"\nkey = "pseudonym"\n'
        '[types.Matter.fields]\ncode = "pseudonym"\n',
        encoding="utf-8",
    )
    registry = Registry([tmp_path], ENTITIES, store.address, "anze")
    names, (error,) = await registry.load()
    assert names == []
    assert error.label.en == "spy.toml: the complainants' store is no source"


# --- the canary -----------------------------------------------------------------


def everything() -> Iterator[str]:
    """Ask every type for every field it has."""
    for entity in ENTITIES.values():
        asked = (
            f"{entity.plural}(first: 50) {{ nodes {{ id {' '.join(entity.fields)} }} }}"
        )
        yield f"query All {{ {asked} }}"


@pytest.fixture
async def logged(
    caplog: pytest.LogCaptureFixture,
) -> AsyncIterator[pytest.LogCaptureFixture]:
    """Give all that is logged, with every step of every task and its arguments."""
    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    yield caplog
    loop.set_debug(False)


async def test_no_identity_is_in_any_answer_event_log_or_other_database(
    opened: Complainants,
    addresses: Mapping[str, str],
    ask: Asking,
    logged: pytest.LogCaptureFixture,
) -> None:
    pseudonym = await opened.keep(CANARY)
    assert await opened.unmask(pseudonym, REASON) == CANARY
    answers: list[Any] = [
        (await ask(who, document)).body
        for who in DEMO_PRINCIPALS
        for document in everything()
    ]
    said = {
        "localId": "complained-1",
        "actType": "PENALTY",
        "subjectCode": DEMO_PRINCIPALS["department"].unit,
        "documentNo": "（安）应急罚〔2026〕举1号",
        "decidedOn": "2026-06-01",
        "facts": f"根据 {pseudonym} 的举报",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": "安泽市被举报有限公司",
        "counterpartyCode": "91110000600037341L",
    }
    recorded = await ask(
        "department",
        "mutation Record($decision: DecisionInput!) {"
        " recordDecision(decision: $decision) { decisionId version } }",
        {"decision": said},
    )
    body: Any = recorded.body
    assert body["data"]["recordDecision"]["version"] == 1, body
    answers.append(body)
    assert found_in(orjson.dumps(answers)) == []
    dumps = await asyncio.gather(
        *(dump(addresses[name]) for name in (*SOURCES, "platform"))
    )
    platform = dumps[-1]
    # What leaves is among it: the pseudonym's decision is in the outbox, as bytes.
    assert pseudonym.encode() in platform
    assert b"complained-1" in platform
    assert [found_in(one) for one in dumps] == [[]] * len(dumps)
    assert "Executing" in logged.text
    assert found_in(logged.text.encode()) == []
