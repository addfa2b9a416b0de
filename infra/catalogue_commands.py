"""``zhitong catalogue``: the exchange file, given out and taken in."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from zhitong.catalogue import Outgoing
from zhitong.connectors.access_log import open_pool
from zhitong.connectors.binding_file import read_folder
from zhitong.connectors.catalogue_book import CatalogueBook
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.exceptions import CatalogueFileError, SettingsError
from zhitong.infra.calendar_file import read_clocks
from zhitong.infra.catalogue_file import Register, body, read, written
from zhitong.infra.commands import say
from zhitong.infra.deciding import Deciding
from zhitong.infra.exchange_grants import Desk
from zhitong.infra.granting import applications
from zhitong.infra.platform_database import own_platform
from zhitong.infra.policy_file import read_policy
from zhitong.infra.registry import platform_source, refuse_foreign
from zhitong.infra.settings import Settings
from zhitong.resolvers.catalogue import Catalogue
from zhitong.resolvers.catalogue_content import content
from zhitong.rules.grant_states import taken
from zhitong.schema.entities import ENTITIES

PLATFORM = Path(__file__).parent / "platform" / "platform.toml"
NOWHERE = "postgresql:///"
"""No source is asked anything: the catalogue is what is declared and bound."""


def export(settings: Settings, given: argparse.Namespace) -> None:
    """Write the catalogue as it is bound now, once it is on record that it is."""
    catalogs = body(content(bound(settings)))
    besides = asyncio.run(_outgoing(settings, catalogs))
    text = written(settings.tenant, catalogs, datetime.now(UTC), besides)
    fresh = asyncio.run(_export(settings, catalogs, text))
    _put(given.out, text)
    word = "新版本 a new version" if fresh else "与上一版本相同 as the last version"
    say(
        f"已导出 Exported: {given.out}",
        f"  版本 version {hashlib.sha256(catalogs).hexdigest()}（{word}）",
    )


def take(settings: Settings, given: argparse.Namespace) -> None:
    """Take a file of the exchange platform: all of it, or none where it is wrong."""
    count = asyncio.run(_take(settings, given.file))
    if not count:
        say("没有变化 Nothing changed")
        return
    say(f"已收下 Taken: {count} 项 entries")


def bound(settings: Settings) -> Catalogue:
    """Put the catalogue together from the bindings; raise where one is wrong."""
    sources = _sources(settings)
    policy = read_policy(settings.policy, ENTITIES)
    return Catalogue(ENTITIES, lambda: sources, policy)


def _sources(settings: Settings) -> Mapping[str, PostgreSQLSource]:
    if not settings.bindings.is_dir():
        raise SettingsError(
            f"没有绑定的目录 {settings.bindings}，请设置 ZHITONG_BINDINGS",
            f"there is no folder of bindings {settings.bindings}; set ZHITONG_BINDINGS",
        )
    bindings, errors = read_folder(settings.bindings, ENTITIES)
    if errors:
        # A catalogue that lacks a department would be taken for one that withdrew it.
        raise errors[0]
    for each in bindings.values():
        refuse_foreign(each, settings.tenant)
    own = platform_source(PLATFORM, ENTITIES, NOWHERE)
    sources = {
        each.name: PostgreSQLSource(each, ENTITIES, NOWHERE)
        for each in bindings.values()
    }
    return {**sources, own.name: own}


def _put(path: Path, text: bytes) -> None:
    """Write all of the file or nothing of it."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(text)
        part.replace(path)
    except OSError as error:
        raise CatalogueFileError(
            f"{path} 写不成：{error.strerror}",
            f"{path} cannot be written: {error.strerror}",
        ) from error


async def _outgoing(settings: Settings, catalogs: bytes) -> Outgoing:
    async with CatalogueBook(await own_platform(settings)) as book:
        return await book.outgoing(catalogs)


async def _export(settings: Settings, catalogs: bytes, text: bytes) -> bool:
    told = {"file": hashlib.sha256(text).hexdigest(), "size": len(text)}
    async with CatalogueBook(await own_platform(settings)) as book:
        return await book.export(catalogs, getpass.getuser(), told)


async def _take(settings: Settings, file: Path) -> int:
    url = await own_platform(settings)
    sources = _sources(settings)
    policy = read_policy(settings.policy, ENTITIES)
    clocks = read_clocks(settings.calendar)
    receiving = Deciding(settings, policy).receiving
    catalogs = body(content(Catalogue(ENTITIES, lambda: sources, policy)))
    pool = await open_pool(url)
    try:
        async with CatalogueBook(url) as book:
            known = (one.id for one in (await book.outgoing(catalogs)).grants)
            grants = applications(pool, policy, clocks, lambda: sources, receiving)
            desk = Desk(
                check=grants.checked,
                clocks=clocks,
                known=frozenset(known),
                at=datetime.now(UTC),
            )
            register = Register(
                tenant=settings.tenant,
                exported=await book.exported(),
                catalogs=catalogs,
                desk=desk,
            )
            given = read(file, register)
            return await book.take(
                given,
                lambda before, act: taken(before, act, clocks),
                getpass.getuser(),
            )
    finally:
        pool.terminate()
