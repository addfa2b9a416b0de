"""``zhitong catalogue``: the exchange file, given out and taken in."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from zhitong.catalogue import Exported, Reply
from zhitong.connectors.binding_file import read_folder
from zhitong.connectors.catalogue_book import CatalogueBook
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.exceptions import CatalogueFileError, SettingsError
from zhitong.infra.catalogue_file import body, read, written
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.policy_file import read_policy
from zhitong.infra.registry import platform_source, refuse_foreign
from zhitong.infra.settings import Settings
from zhitong.resolvers.catalogue import Catalogue
from zhitong.resolvers.catalogue_content import content
from zhitong.schema.entities import ENTITIES

PLATFORM = Path(__file__).parent / "platform" / "platform.toml"
NOWHERE = "postgresql:///"
"""No source is asked anything: the catalogue is what is declared and bound."""


def export(settings: Settings, given: argparse.Namespace) -> None:
    """Write the catalogue as it is bound now, once it is on record that it is."""
    catalogs = body(content(bound(settings)))
    replies = asyncio.run(_replies(settings))
    text = written(settings.tenant, catalogs, datetime.now(UTC), replies)
    fresh = asyncio.run(_export(settings, catalogs, text))
    _put(given.out, text)
    word = "新版本 a new version" if fresh else "与上一版本相同 as the last version"
    say(
        f"已导出 Exported: {given.out}",
        f"  版本 version {hashlib.sha256(catalogs).hexdigest()}（{word}）",
    )


def take(settings: Settings, given: argparse.Namespace) -> None:
    """Take the platform's replies: all of them, or none where one is wrong."""
    exported = asyncio.run(_exported(settings))
    replies, digest = read(given.file, exported)
    count = asyncio.run(_take(settings, replies, digest))
    if not count:
        say("没有变化 Nothing changed")
        return
    say(f"已收下 Taken: {count} 个资源的答复 replies on resources")


def bound(settings: Settings) -> Catalogue:
    """Put the catalogue together from the bindings; raise where one is wrong."""
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
    policy = read_policy(settings.policy, ENTITIES)
    return Catalogue(ENTITIES, lambda: {**sources, own.name: own}, policy)


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


async def _replies(settings: Settings) -> Mapping[str, Reply]:
    async with CatalogueBook(await own_platform(settings)) as book:
        return await book.replies()


async def _export(settings: Settings, catalogs: bytes, text: bytes) -> bool:
    told = {"file": hashlib.sha256(text).hexdigest(), "size": len(text)}
    async with CatalogueBook(await own_platform(settings)) as book:
        return await book.export(catalogs, getpass.getuser(), told)


async def _exported(settings: Settings) -> Exported | None:
    async with CatalogueBook(await own_platform(settings)) as book:
        return await book.exported()


async def _take(settings: Settings, replies: tuple[Reply, ...], digest: str) -> int:
    async with CatalogueBook(await own_platform(settings)) as book:
        return await book.take(replies, getpass.getuser(), digest)
