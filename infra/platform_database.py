"""The platform's own database, for commands that open it beside the gateway."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path

from zhitong.connectors.migrations import confirm, migrate
from zhitong.connectors.server_roles import arrange
from zhitong.exceptions import LedgerUnavailableError, SettingsError
from zhitong.infra.commands import say
from zhitong.infra.embedded import ROLES, address, variable
from zhitong.infra.postgres_server import password
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import claim_state

PLATFORM = "platform"
OWNER = "platform-owner"
SEALER = "platform-sealer"
_PAUSE = 1.0
MIGRATIONS = Path(__file__).parent / "migrations"


async def own_platform(settings: Settings, name: str = PLATFORM) -> str:
    """Give the address of the platform's database, once it has said that it is ours.

    That under *name*, a role's, else the only one there is. Raises `SettingsError`
    without one, `TenantError` where it is another tenant's, `LedgerUnavailableError`
    where it does not answer.
    """
    look_up = address(settings.state, os.environ)
    found = look_up(name) or look_up(PLATFORM)
    if found is None:
        raise _missing()
    await confirm(found, settings.tenant)
    return found


async def platform_that_answers(
    settings: Settings, name: str, log: logging.Logger
) -> str:
    """Wait until the platform's database is there, saying so once.

    Gives its address under *name*, else the only one there is. Raises `TenantError`
    where it is another tenant's.
    """
    look_up = address(settings.state, os.environ)
    said = False
    while True:
        url = look_up(name) or look_up(PLATFORM)
        if url is not None:
            with suppress(LedgerUnavailableError):
                await confirm(url, settings.tenant)
                return url
        if not said:
            log.warning(
                "等待平台数据库 waiting for the platform's database: zhitong up, "
                "or ZHITONG_DATABASE_PLATFORM"
            )
        said = True
        await asyncio.sleep(_PAUSE)


def owners(settings: Settings) -> str:
    """Give the owner's address of the platform's database, or the only one there is.

    Raises `SettingsError` without any.
    """
    look_up = address(settings.state, os.environ)
    found = look_up(OWNER) or look_up(PLATFORM)
    if found is None:
        raise _missing()
    return found


def claim(settings: Settings, url: str) -> str:
    """Make state folder and the database at *url* ours, before anything is loaded.

    Gives the address to load it by: the owner's.
    """
    claim_state(settings)
    if not os.environ.get(variable(PLATFORM)):
        roles = [role for _, role in ROLES.values()]
        passwords = {role: password(settings.state, role) for role in roles}
        asyncio.run(arrange(url, passwords, ROLES[OWNER][1]))
    owner = owners(settings)
    asyncio.run(migrate(owner, MIGRATIONS, settings.tenant, settings.evidence_hash))
    return owner


def migrate_platform(settings: Settings) -> None:
    """Bring the platform's database to what this version needs, as its owner."""
    claim_state(settings)
    fresh = asyncio.run(
        migrate(owners(settings), MIGRATIONS, settings.tenant, settings.evidence_hash)
    )
    say(
        *(f"已执行 Applied: {name}" for name in fresh)
        if fresh
        else ("平台数据库已是本版本 The platform's database is as it should be",)
    )


def _missing() -> SettingsError:
    return SettingsError(
        "没有平台自身的数据库，请先执行 zhitong up，或设置 ZHITONG_DATABASE_PLATFORM",
        "the platform's own database is missing: run zhitong up, or set "
        "ZHITONG_DATABASE_PLATFORM",
    )
