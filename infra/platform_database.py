"""The platform's own database, for commands that open it beside the gateway."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from zhitong.connectors.migrations import confirm, migrate
from zhitong.exceptions import SettingsError
from zhitong.infra.embedded import address
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import claim_state

PLATFORM = "platform"
MIGRATIONS = Path(__file__).parent / "migrations"


async def own_platform(settings: Settings) -> str:
    """Give the address of the platform's database, once it has said that it is ours.

    Raises `SettingsError` without one, `TenantError` where it is another tenant's,
    `LedgerUnavailableError` where it does not answer.
    """
    found = address(settings.state, os.environ)(PLATFORM)
    if found is None:
        raise SettingsError(
            "没有平台自身的数据库，请先执行 zhitong up，"
            "或设置 ZHITONG_DATABASE_PLATFORM",
            "the platform's own database is missing: run zhitong up, or set "
            "ZHITONG_DATABASE_PLATFORM",
        )
    await confirm(found, settings.tenant)
    return found


def claim(settings: Settings, url: str) -> None:
    """Make state folder and the database at *url* ours, before anything is loaded."""
    claim_state(settings)
    asyncio.run(migrate(url, MIGRATIONS, settings.tenant))
