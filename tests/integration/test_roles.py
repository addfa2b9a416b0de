"""Who may do what in the platform's database: asked of it, and tried as each role."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import asyncpg
import pytest
from asyncpg.exceptions import InsufficientPrivilegeError

from zhitong.connectors.deeds import PlatformDeeds
from zhitong.connectors.migrations import migrate
from zhitong.connectors.server_roles import arrange
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import SettingsError
from zhitong.infra.platform_database import MIGRATIONS

pytestmark = pytest.mark.integration

OWNER, GATEWAY, SEALER = "zhitong_owner", "zhitong_gateway", "zhitong_sealer"
PASSWORDS = {role: f"of-{role}" for role in (OWNER, GATEWAY, SEALER)}

ADDED = frozenset({"SELECT", "INSERT"})
READ = frozenset({"SELECT"})
NOTHING: frozenset[str] = frozenset()
PROOF = (
    *("head", "head_countersignature", "head_signature", "head_timestamp", "key_note"),
    *("sealed_leaf", "tree_node", "unsealable"),
)
APPENDED = ("access_entry", "audit_leaf", "decision_version", "deed")
GATEWAYS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(APPENDED, ADDED),
    **dict.fromkeys(PROOF, READ),
    "access_finding": ADDED,
    "access_grant": ADDED | {"UPDATE"},
    "awaited": ADDED | {"UPDATE", "DELETE"},
    "capture_item": ADDED | {"UPDATE", "DELETE"},
    "capture_source": ADDED | {"UPDATE"},
    "captured": ADDED | {"UPDATE"},
    "publication": ADDED | {"UPDATE"},
    "publication_step": ADDED,
    "clock_notice": ADDED | {"UPDATE"},
    "clock_event": ADDED | {"DELETE"},
    "clock": ADDED | {"UPDATE", "DELETE"},
    "clock_duty": ADDED | {"UPDATE"},
    "clock_rules": ADDED | {"UPDATE"},
    "clock_touched": ADDED | {"UPDATE", "DELETE"},
    "due_day": ADDED | {"UPDATE", "DELETE"},
    "due_day_moved": ADDED,
    "catalogue_export": ADDED,
    "catalogue_quality": ADDED,
    "catalogue_reply": ADDED,
    "catalogue_review": ADDED,
    "catalogue_version": ADDED,
    "decision_signature": ADDED,
    "dead_letter": ADDED | {"DELETE"},
    "decision": ADDED | {"UPDATE"},
    "evidence_key": ADDED,
    "evidence_log": READ,
    "finding": ADDED,
    "grant_change": READ | {"UPDATE"},
    "grant_reply": ADDED,
    "grant_step": ADDED,
    "history_load": READ,
    "inbound_effect": ADDED | {"UPDATE"},
    "inbound_event": ADDED,
    "inbound_held": ADDED | {"DELETE"},
    "inbound_history": ADDED,
    "inbound_message": ADDED,
    "inbound_receipt": ADDED | {"UPDATE", "DELETE"},
    "inbound_state": ADDED | {"UPDATE"},
    "inbound_verdict": ADDED,
    "migration": READ,
    "notice": ADDED,
    "outbox": ADDED | {"UPDATE", "DELETE"},
    "outbox_sent": ADDED,
    "parked_key": ADDED | {"DELETE"},
    "person_key": ADDED,
    "pressure": ADDED | {"UPDATE"},
    "proceeding": ADDED,
    "receipt": ADDED,
    "receiver": ADDED | {"UPDATE"},
    "reconciliation": ADDED | {"UPDATE"},
    "reconciliation_difference": ADDED | {"UPDATE"},
    "reconciliation_run": ADDED,
    "relay": ADDED | {"UPDATE", "DELETE"},
    "replay": ADDED | {"UPDATE"},
    "sealed_number": ADDED,
    "sealed_opening": ADDED,
    "sealed_payload": ADDED | {"DELETE"},
    "skipped_event": ADDED,
    "stray_receipt": ADDED,
    "tenant": READ,
    "trusted_document": ADDED | {"DELETE"},
    "unsealed": ADDED,
    "used_token": ADDED | {"DELETE"},
    "work_item": ADDED | {"UPDATE"},
}
SEALERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(APPENDED, READ),
    **dict.fromkeys(PROOF, ADDED),
    "access_finding": READ,
    "deed": ADDED,
    "evidence_key": ADDED,
    "evidence_log": READ,
    "migration": READ,
    "tenant": READ,
    "tree_node": ADDED | {"DELETE"},
    "unsealed": ADDED | {"DELETE"},
}
COUNTS = frozenset({"decision_count", "decision_count_change"})
"""Of the ledger, by its triggers: nobody writes them, all read the view of both."""
RIGHTS = """select c.relname, coalesce(array_agg(a.privilege_type)
    filter (where a.grantee = $1::text::regrole), '{{}}') as rights,
    coalesce(array_agg(a.privilege_type)
    filter (where a.grantee = 0), '{{}}') as anyones
from pg_class c left join lateral aclexplode(c.relacl) a on true
where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
    and {} c.relispartition
group by c.relname"""


def as_role(url: str, role: str) -> str:
    place = url.rpartition("@")[2]
    return f"postgresql://{role}:{PASSWORDS[role]}@{place}"


@asynccontextmanager
async def connected(
    url: str, role: str
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(as_role(url, role))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def platform(database: str) -> str:
    """Give an empty database, owned by the owner's role and migrated by it."""
    await arrange(database, PASSWORDS, OWNER)
    await migrate(as_role(database, OWNER), MIGRATIONS, "anze")
    return database


@pytest.mark.parametrize(("role", "table"), [(GATEWAY, GATEWAYS), (SEALER, SEALERS)])
async def test_each_role_has_exactly_the_rights_that_are_listed(
    platform: str, role: str, table: Mapping[str, frozenset[str]]
) -> None:
    async with connected(platform, OWNER) as connection:
        rows = await connection.fetch(RIGHTS.format("not"), role)
        parts = await connection.fetch(RIGHTS.format(""), role)
        columns = await connection.fetch(
            "select attrelid::regclass::text || '.' || attname as name from"
            " pg_attribute, aclexplode(attacl) a where a.grantee = $1::text::regrole",
            role,
        )
    # A table of a later migration that is in no list is nobody's, and named here.
    assert {row["relname"]: set(row["rights"]) for row in rows if row["rights"]} == {
        name: set(rights) for name, rights in table.items()
    }
    known = {*GATEWAYS, *SEALERS, *COUNTS}
    assert {row["relname"] for row in rows} == known
    assert [row["name"] for row in columns] == (
        ["evidence_key.retired"] if role == SEALER else []
    )
    # Months are written through what they are parts of, whose triggers then see it;
    # those of looks are read one by one by a verification.
    assert len(parts) >= 4
    for row in [*rows, *parts]:
        assert row["anyones"] == []
    assert {row["relname"]: set(row["rights"]) for row in parts if row["rights"]} == (
        {
            row["relname"]: set(READ)
            for row in parts
            if row["relname"].startswith("access_entry_")
        }
        if role == GATEWAY
        else {}
    )


CHANGES = (
    *("update {t} set {c} = {c}", "delete from {t}", "truncate {t}", "drop table {t}"),
    *("truncate {t} cascade", "alter table {t} add column more text"),
    *("alter table {t} disable trigger all", "alter table {t} owner to {r}"),
    *("alter table {t} rename to elsewhere", "alter table {t} set unlogged"),
    *(
        "create rule silent as on insert to {t} do instead nothing",
        "drop function queue_deed()",
    ),
    (
        "create trigger late before insert on {t} for each row execute function"
        " queue_deed()"
    ),
    *("create policy mine on {t} using (false)", "copy {t} from program 'true'"),
    *("copy {t} to '/tmp/zhitong-copied'", "copy {t} from '/dev/null'"),
    *("do $$ begin lock table {t}; end $$", "create index on {t} ({c})"),
    "select {c} from {t} for update",
    *("set session_replication_role = replica", "set role zhitong_owner"),
    *("create table more (a int)", "create temporary table {t} (a int)"),
    *("create schema mine", "create extension file_fdw", "create role mine"),
    "create function mine() returns int language sql as 'select 1'",
    (
        "create or replace function queue_deed() returns trigger language plpgsql as"
        " $$ begin return null; end $$"
    ),
    *("alter system set fsync = off", "checkpoint"),
)
EVIDENCE = (*APPENDED, "access_finding", "unsealed", "evidence_key", *PROOF)


async def refused(
    run: Callable[[str], Awaitable[object]], statements: list[str]
) -> list[str]:
    """Run each; give those that were not refused for want of a right."""
    done = []
    for statement in statements:
        try:
            await run(statement)
        except InsufficientPrivilegeError:
            continue
        except asyncpg.PostgresError as error:
            done.append(f"{statement}: {error}")
        else:
            done.append(statement)
    return done


@pytest.mark.parametrize("role", [GATEWAY, SEALER])
async def test_what_is_proved_can_be_changed_in_no_way(
    platform: str, role: str
) -> None:
    done = []
    for table in (*EVIDENCE, "access_entry_other"):
        first = await first_column(platform, table)
        tried = [each.format(t=table, c=first, r=role) for each in CHANGES]
        async with connected(platform, role) as connection:
            done += await refused(connection.execute, tried)
    # The queue is the sealer's to empty, a key's end its to write; the tree's nodes are
    # computed again from its leaves.
    sealers = [
        *("delete from unsealed", "do $$ begin lock table unsealed; end $$"),
        "select key_id from evidence_key for update",
        *("delete from tree_node", "do $$ begin lock table tree_node; end $$"),
    ]
    assert done == (sealers if role == SEALER else [])


async def first_column(url: str, table: str) -> str:
    async with connected(url, OWNER) as connection:
        return str(
            await connection.fetchval(
                "select attname from pg_attribute"
                " where attrelid = $1::text::regclass and attnum = 1",
                table,
            )
        )


async def test_the_gateway_writes_no_proof_and_no_key_but_its_own(
    platform: str,
) -> None:
    key = (
        "insert into evidence_key (key_id, purpose, algorithm, spki)"
        " values ('{0}', '{0}', 'ecdsa-p256-sha256', '')"
    )
    async with connected(platform, GATEWAY) as connection:
        for table in PROOF:
            with pytest.raises(InsufficientPrivilegeError):
                await connection.copy_to_table(table, source=io.BytesIO(b""))
        for purpose in ("head", "witness"):
            with pytest.raises(InsufficientPrivilegeError, match="row-level security"):
                await connection.execute(key.format(purpose))
        for purpose in ("receipt", "spool"):
            await connection.execute(key.format(purpose))
        assert await connection.fetchval("select count(*) from evidence_key") == 2
    async with connected(platform, SEALER) as connection:
        await connection.execute(key.format("head"))
        assert await connection.fetchval("select count(*) from evidence_key") == 3
        await connection.execute("update evidence_key set retired = now()")
        with pytest.raises(InsufficientPrivilegeError):
            await connection.execute("update evidence_key set spki = 'x'")


async def test_a_gateway_adds_deeds_and_has_months_made_that_it_does_not_own(
    platform: str,
) -> None:
    deed = Deed(
        kind=DeedKind.ACTION, who="me", action="try", target="it", reason="test"
    )
    pool = await asyncpg.create_pool(as_role(platform, GATEWAY), min_size=1, max_size=1)
    try:
        await PlatformDeeds(pool).note(deed)
        assert await pool.fetchval("select count(*) from unsealed where kind = 'DEED'")
        for function in ("access_month", "outbox_sent_month"):
            await pool.execute(f"select {function}('2031-05-01')")
            await pool.execute(f"select {function}('2031-05-01')")
        made = await pool.fetch(
            "select pg_get_userbyid(relowner) as owner from pg_class"
            " where relispartition and relkind = 'r' and relname like '%2031_05'"
        )
    finally:
        pool.terminate()
    assert [row["owner"] for row in made] == [OWNER, OWNER]


async def test_what_a_caller_puts_in_its_own_place_is_not_met_by_the_owner(
    platform: str,
) -> None:
    async with connected(platform, OWNER) as connection:
        functions = await connection.fetch(
            "select proname, proconfig from pg_proc where prosecdef"
            " and pronamespace = 'public'::regnamespace"
        )
    assert {row["proname"] for row in functions} == {
        "access_month",
        "decision_counted",
        "fold_decision_counts",
        "outbox_sent_month",
    }
    for row in functions:
        assert "search_path=public, pg_temp" in row["proconfig"]


async def test_a_role_that_only_reads_finds_all_migrated_and_changes_nothing(
    platform: str,
) -> None:
    url = as_role(platform, GATEWAY)
    assert await migrate(url, MIGRATIONS, "anze") == []


async def test_a_gateway_ahead_of_its_database_is_told_who_is_to_migrate(
    platform: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    newer = tmp_path_factory.mktemp("newer")
    for path in MIGRATIONS.rglob("*.sql"):
        (newer / path.relative_to(MIGRATIONS)).parent.mkdir(exist_ok=True)
        (newer / path.relative_to(MIGRATIONS)).write_bytes(path.read_bytes())
    (newer / "9999-more.sql").write_text("create table more (a int);")
    with pytest.raises(SettingsError, match="zhitong migrate"):
        await migrate(as_role(platform, GATEWAY), newer, "anze")
    assert await migrate(as_role(platform, OWNER), newer, "anze") == [
        "9999-more.sql",
        "always/privileges.sql",
    ]
    async with connected(platform, GATEWAY) as connection:
        with pytest.raises(InsufficientPrivilegeError):
            await connection.fetch("select * from more")


async def test_an_empty_database_is_not_the_gateways_to_fill(database: str) -> None:
    await arrange(database, PASSWORDS, OWNER)
    with pytest.raises(SettingsError, match="zhitong migrate"):
        await migrate(as_role(database, GATEWAY), MIGRATIONS, "anze")


async def test_a_database_that_a_superuser_made_becomes_its_owners(
    database: str,
) -> None:
    await migrate(database, MIGRATIONS, "anze")
    await arrange(database, PASSWORDS, OWNER)
    await arrange(database, PASSWORDS, OWNER)
    async with connected(database, OWNER) as connection:
        await connection.execute("alter table deed add column more text")
        await connection.execute("drop view finding_entry")
        await connection.execute("alter function access_months() volatile")


@pytest.mark.parametrize("account", ["postgres", "zhitong_gateway"])
async def test_nobody_logs_in_without_a_password(platform: str, account: str) -> None:
    place = platform.rpartition("@")[2]
    for word in ("", ":guessed"):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://{account}{word}@{place}")
