"""``zhitong catalogue quality``: measures a sample of what each source has."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from zhitong.catalogue import Quality, Rejections, Unmeasured
from zhitong.connectors.binding import Binding
from zhitong.connectors.binding_file import read_folder
from zhitong.connectors.catalogue_measurements import Measurements
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.connectors.pressure import measured as measuring
from zhitong.connectors.work_desk import WorkDesk
from zhitong.exceptions import SettingsError, SourceError
from zhitong.infra.commands import say
from zhitong.infra.deciding import limits
from zhitong.infra.embedded import address
from zhitong.infra.platform_database import own_platform
from zhitong.infra.registry import refuse_foreign
from zhitong.infra.settings import Settings
from zhitong.rules.catalogue_quality import dated, measured
from zhitong.schema.entities import ENTITIES
from zhitong.types import Allow, Column, Order, RowQuery, Ruling

SAMPLE = 1_000
"""Rows of each resource that are looked at, unless the command says."""
WAY_SECONDS = 10.0
"""How long a source waits while too much waits to be sent: slowed, not ended."""
QUICK = 100_000
"""Rows up to which the newest is asked for, an index or none."""
CASES = "CaseRecord@"
"""The resource with which it is said what was rejected: decisions name the source that
keeps their cases."""
LATELY = timedelta(days=90)
COUNT_SECONDS = 120.0
NONE_SENT = Rejections(sent=0, rejected=0, blamed=())


def quality(settings: Settings, given: argparse.Namespace) -> bool:
    """Measure one source or all; say False where one of them did not answer."""
    bindings = _bindings(settings, given.source)
    if given.sample < 1:
        raise SettingsError("--sample 至少为 1", "--sample is at least 1")
    made = asyncio.run(_measure(settings, bindings, given.sample))
    for one in made:
        say(_line(one))
    away = [one for one in made if isinstance(one, Unmeasured)]
    say(
        f"已测量 Measured: {len(made) - len(away)} 个资源 resources"
        + (f"，未能测量 not measured: {len(away)}" if away else "")
    )
    return not away


def _bindings(settings: Settings, source: str | None) -> Sequence[Binding]:
    if not settings.bindings.is_dir():
        raise SettingsError(
            f"没有绑定的目录 {settings.bindings}，请设置 ZHITONG_BINDINGS",
            f"there is no folder of bindings {settings.bindings}; set ZHITONG_BINDINGS",
        )
    found, errors = read_folder(settings.bindings, ENTITIES)
    if errors:
        raise errors[0]
    if source is not None and source not in found:
        raise SettingsError(
            f"没有来源 {source}，现有的是 {'、'.join(sorted(found))}",
            f"there is no source {source}; there are {', '.join(sorted(found))}",
        )
    wanted = [found[name] for name in sorted(found) if source in {None, name}]
    for each in wanted:
        refuse_foreign(each, settings.tenant)
    return wanted


async def _measure(
    settings: Settings, bindings: Sequence[Binding], limit: int
) -> list[Quality | Unmeasured]:
    url = await own_platform(settings)
    made: list[Quality | Unmeasured] = []
    async with measuring(url, limits(settings)) as pressure:
        # One source after the other, one statement at a time: none is to feel it.
        for each in bindings:
            # Nothing waits for a measurement: what waits to be sent comes first.
            await pressure.calm(WAY_SECONDS)
            made += [one async for one in _source(settings, each, limit)]
    made = await _rejections(url, made)
    async with Measurements(url) as book:
        await book.write(made, getpass.getuser())
    return made


async def _rejections(
    url: str, made: Sequence[Quality | Unmeasured]
) -> list[Quality | Unmeasured]:
    """Say with each resource of cases what receivers rejected of their decisions."""
    sources = [one.resource.removeprefix(CASES) for one in made if _cases(one)]
    if not sources:
        return list(made)
    async with WorkDesk(url, COUNT_SECONDS) as desk:
        found = await desk.rejections(datetime.now(UTC) - LATELY, sources)
    return [
        replace(one, rejections=found.get(one.resource.removeprefix(CASES), NONE_SENT))
        if isinstance(one, Quality) and _cases(one)
        else one
        for one in made
    ]


def _cases(one: Quality | Unmeasured) -> bool:
    return one.resource.startswith(CASES)


async def _source(
    settings: Settings, binding: Binding, limit: int
) -> AsyncIterator[Quality | Unmeasured]:
    database = binding.database or binding.name
    known = address(settings.state, os.environ)
    url = database if "://" in database else known(database)
    if url is None:
        raise SettingsError(
            f"不知道数据库 {database} 的地址，请设置 "
            f"ZHITONG_DATABASE_{database.upper().replace('-', '_')}",
            f"no address for database {database}; set "
            f"ZHITONG_DATABASE_{database.upper().replace('-', '_')}",
        )
    source = PostgreSQLSource(binding, ENTITIES, url)
    try:
        for name in sorted(binding.types):
            yield await _resource(source, binding, name, limit)
    finally:
        await source.close()


async def _resource(
    source: PostgreSQLSource, binding: Binding, name: str, limit: int
) -> Quality | Unmeasured:
    entity, resource, at = ENTITIES[name], f"{name}@{source.name}", datetime.now(UTC)
    try:
        sample = await source.sample(name, limit)
        field = dated(entity, source.feeds(name) - source.lost(name).keys())
        newest = None
        if field is not None and sample.estimate is not None:
            newest = await _newest(source, name, field, sample.estimate)
    except SourceError as error:
        return Unmeasured(resource=resource, at=at, code=error.code, why=error.label)
    return measured(
        entity,
        resource,
        sample,
        at,
        none=binding.none,
        updated=source.supply(name).updated,
        newest=newest,
    )


async def _newest(
    source: PostgreSQLSource, name: str, field: str, rows: int
) -> str | None:
    """Give the last day by order, where asking for it reads no large table whole."""
    if rows > QUICK:
        return None
    column = Column(field, field, (Ruling(Allow("quality")),))
    order = Order(field)
    query = RowQuery(type=name, columns=(column,), order=order, limit=1)
    first = await source.rows(query)
    return str(first[0].values[field]) if first and first[0].values[field] else None


def _line(one: Quality | Unmeasured) -> str:
    if isinstance(one, Unmeasured):
        return f"  {one.resource:<32} {one.code} {one.why.zh} {one.why.en}"
    cells = one.sampled * len(one.fields)
    filled = sum(each.filled for each in one.fields)
    wrong = sum(each.wrong or 0 for each in one.fields)
    share = f"{filled / cells:.1%}" if cells else "-"
    behind = "" if one.behind is None else f"，落后 behind {one.behind}"
    sent = one.rejections
    refused = f"，拒收 rejected {sent.rejected}/{sent.sent}" if sent else ""
    return (
        f"  {one.resource:<32} {one.sampled} 行 rows（{one.sampling.lower()}），"
        f"填写 filled {share}，有误 wrong {wrong}，重复 doubled {one.doubled}，"
        f"最新 newest {one.newest or '-'}{behind}{refused}"
    )
