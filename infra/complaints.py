"""The complainants' store put together: its database, its key, its walls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from zhitong.connectors.complainants import Complainants, open_complainants_pool
from zhitong.connectors.migrations import migrate
from zhitong.exceptions import SettingsError
from zhitong.infra.registry import COMPLAINANTS, Address, place_of
from zhitong.infra.secret import secret
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import claim_state

KEY = "complainant.key"
"""In the state folder of who may unmask, and nowhere else."""
OTHERS = ("subject.key", "person.key", "cursor.key")
TABLES = Path(__file__).parent / "complainants"


@asynccontextmanager
async def complainants(
    settings: Settings, address: Address
) -> AsyncIterator[Complainants]:
    """Open the store.

    Raises `SettingsError` where it shares a database or a key with the platform, and
    `TenantError` where it is another tenant's.
    """
    url = _alone(address)
    claim_state(settings)
    key = _own_key(settings.state)
    await migrate(url, TABLES, settings.tenant)
    pool = await open_complainants_pool(url)
    try:
        yield Complainants(pool, key)
    finally:
        pool.terminate()


def _alone(address: Address) -> str:
    url = address(COMPLAINANTS)
    if url is None:
        raise SettingsError(
            "没有举报人库，请设置 ZHITONG_DATABASE_COMPLAINANTS",
            "the complainants' store has no database; set "
            "ZHITONG_DATABASE_COMPLAINANTS",
        )
    platform = address("platform")
    if platform is not None and place_of(url) == place_of(platform):
        raise SettingsError(
            "举报人库须用单独的数据库，ZHITONG_DATABASE_COMPLAINANTS 与别的数据库相同",
            "the complainants' store has a database of its own, and "
            "ZHITONG_DATABASE_COMPLAINANTS is another's",
        )
    return url


def _own_key(state: Path) -> bytes:
    key = secret(state / KEY)
    for other in (state / name for name in OTHERS):
        if other.exists() and other.read_bytes() == key:
            raise SettingsError(
                f"{KEY} 与 {other.name} 相同：举报人库须用单独的密钥",
                f"{KEY} equals {other.name}: the complainants' store has a key of its "
                "own",
            )
    return key
