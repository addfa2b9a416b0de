"""How good the data of a resource are, as they were last measured."""

from __future__ import annotations

from collections.abc import Collection

import strawberry

from zhitong.catalogue import (
    FieldQuality,
    Measured,
    Quality,
    Rejections,
    Sampling,
)
from zhitong.rules.working_days import CHINA
from zhitong.schema.enums import enum_of
from zhitong.schema.scalars import Date, DateTime
from zhitong.types import Label

PLACES = 3
"""Decimals of a share."""

QualitySampling = enum_of(
    "QualitySampling",
    Label("测量所用的记录", "The rows that were measured"),
    {
        Sampling.WHOLE: Label("全部记录", "All there are"),
        Sampling.RANDOM: Label("随机抽取的数据块", "Blocks at random of a large table"),
        Sampling.FIRST: Label(
            "最先读到的记录（视图或未统计的表）",
            "The first that came: a view, or a table without statistics",
        ),
    },
)


@strawberry.type(
    description="一个数据项的质量。\n\nHow good one field is, in the sample."
)
class CatalogueFieldQuality:
    """Shares of the sampled rows."""

    name: str = strawberry.field(description="数据项\n\nThe field")
    filled: float = strawberry.field(
        description="填写率：有内容的记录所占比例\n\nShare of rows with something in it"
    )
    valid: float | None = strawberry.field(
        description="有内容的记录中格式正确的比例；空为无从判断\n\n"
        "Share of these that can be right; null: nothing of it can be told wrong"
    )


@strawberry.type(
    description="接收方因某个代码、某一列拒收的决定数。\n\n"
    "Decisions that receivers rejected for one code and column."
)
class CatalogueBlamed:
    """What was blamed, and how often."""

    code: str = strawberry.field(
        description="接收方的代码；空为读不出\n\nThe code; empty: it cannot be told"
    )
    field: str = strawberry.field(
        description="接收方表中的列；空为读不出\n\n"
        "The column of the receiver's table; empty: it cannot be told"
    )
    decisions: int = strawberry.field(description="决定数\n\nHow many decisions")


@strawberry.type(
    description="近 90 天有关这一来源案件的决定，接收方拒收多少。\n\n"
    "What receivers rejected of the last 90 days' decisions on this source's cases."
)
class CatalogueRejections:
    """Decisions sent, rejected, and for what."""

    sent: int = strawberry.field(
        description="推送过的决定数\n\nDecisions that were sent"
    )
    rejected: int = strawberry.field(
        description="其中被任一接收方拒收过的\n\nThose that anybody rejected"
    )
    blamed: list[CatalogueBlamed] = strawberry.field(
        description="因什么拒收，次数多的在前\n\nFor what, most often first"
    )


@strawberry.type(
    description="抽样测量的数据质量，是测量当时的。\n\n"
    "Quality as it was measured on a sample, at that time."
)
class CatalogueQuality:
    """One measurement, and a later attempt that came to nothing."""

    at: DateTime | None = strawberry.field(
        description="测量时间；空为从未测量成功\n\nWhen; null: no attempt succeeded"
    )
    sampling: QualitySampling | None = strawberry.field(  # type: ignore[valid-type]
        description="用哪些记录测量\n\nWhich rows were measured"
    )
    sampled: int | None = strawberry.field(
        description="测量的记录数，只给数据主管部门、审计、运维和数源部门的数据专员\n\n"
        "How many, for the data authority, auditors, operators and the owner's "
        "stewards alone"
    )
    rows: int | None = strawberry.field(
        description="记录总数（未测量全部的为来源自己的估计），范围同上\n\n"
        "Of how many (an estimate of the source's own, unless all were measured), for "
        "the same"
    )
    unique: float | None = strawberry.field(
        description="主键不重复的记录所占比例；抽样时是上限\n\n"
        "Share of rows whose key no other has; of a sample at most so much"
    )
    newest: Date | None = strawberry.field(
        description="最新的日期（不计将来的）；抽样时是下限；看不到各条这一日期的为空\n\n"
        "The newest day, none to come; of a sample at least so new; null for who is "
        "not given that day of every row"
    )
    newestField: str | None = strawberry.field(
        description="按哪个数据项\n\nOf which field"
    )
    cyclesBehind: int | None = strawberry.field(
        description="自最新日期起已过去几个更新周期；未声明周期为空\n\n"
        "Update cycles since then; null where none is declared"
    )
    fields: list[CatalogueFieldQuality] = strawberry.field(
        description="各数据项\n\nEach field"
    )
    rejections: CatalogueRejections | None = strawberry.field(
        description="接收方拒收情况，只有案件资源才有，范围同上\n\n"
        "What receivers rejected, of resources of cases; for the same people as sampled"
    )
    missedAt: DateTime | None = strawberry.field(
        description="此后未能测量的时间\n\nWhen a later attempt came to nothing"
    )
    missedZh: str | None = strawberry.field(
        description="未能测量的原因\n\nWhy it did, in Chinese"
    )
    missedEn: str | None = strawberry.field(
        description="未能测量的原因（英文）\n\nWhy it did, in English"
    )


def quality_of(
    found: Measured,
    names: Collection[str],
    *,
    days: Collection[str],
    counts: bool,
    smallest: int,
) -> CatalogueQuality:
    """Give what was measured of the fields *names*, with *counts* of rows or not.

    The newest day is a row's value: it is given of the fields *days* alone. Shares of
    fewer rows than *smallest*, the least that may be counted, are not given.
    """
    said, missed = found.quality, found.missed
    told = said is not None and said.sampled >= smallest
    shares = said if told else None
    dated = shares is not None and shares.newest_field in days
    return CatalogueQuality(
        at=None if said is None else DateTime(said.at.astimezone(CHINA).isoformat()),
        sampling=None if said is None else said.sampling.name,
        sampled=None if said is None or not counts else said.sampled,
        rows=None if said is None or not counts else said.rows,
        unique=None
        if shares is None
        else _share(shares.sampled - shares.doubled, shares),
        newest=None
        if shares is None or shares.newest is None or not dated
        else Date(shares.newest.isoformat()),
        newestField=shares.newest_field if shares is not None and dated else None,
        cyclesBehind=shares.behind if shares is not None and dated else None,
        fields=[]
        if shares is None
        else [_field(one, shares) for one in shares.fields if one.name in names],
        rejections=None
        if said is None or said.rejections is None or not counts
        else _rejections(said.rejections),
        missedAt=None
        if missed is None
        else DateTime(missed.at.astimezone(CHINA).isoformat()),
        missedZh=None if missed is None else missed.why.zh,
        missedEn=None if missed is None else missed.why.en,
    )


def _field(one: FieldQuality, said: Quality) -> CatalogueFieldQuality:
    valid = None
    if one.wrong is not None and one.filled:
        valid = round((one.filled - one.wrong) / one.filled, PLACES)
    return CatalogueFieldQuality(
        name=one.name, filled=_share(one.filled, said) or 0.0, valid=valid
    )


def _rejections(said: Rejections) -> CatalogueRejections:
    return CatalogueRejections(
        sent=said.sent,
        rejected=said.rejected,
        blamed=[
            CatalogueBlamed(code=one.code, field=one.field, decisions=one.decisions)
            for one in said.blamed
        ],
    )


def _share(count: int, said: Quality) -> float | None:
    return round(count / said.sampled, PLACES) if said.sampled else None
