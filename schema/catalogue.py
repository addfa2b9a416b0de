"""The data catalogue in the graph: what there is, whose, shared how, and with whom."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import strawberry

from zhitong.exceptions import LedgerUnavailableError, ScalarError
from zhitong.resolvers.catalogue import (
    Catalogue,
    Resource,
    Wanted,
    rows,
    wholly_given,
)
from zhitong.resolvers.catalogue_review import shown, standing
from zhitong.rules.working_days import CHINA
from zhitong.schema.catalogue_enums import (
    CatalogueStanding,
    DataGrade,
    ExchangeState,
    SharingAttribute,
    UpdateCycle,
)
from zhitong.schema.catalogue_fields import CatalogueField, field_of
from zhitong.schema.catalogue_quality import CatalogueQuality, quality_of
from zhitong.schema.catalogue_review import CatalogueReview, review_of
from zhitong.schema.catalogue_said import Said
from zhitong.schema.context import Context
from zhitong.schema.objects import AFTER, FIRST, Info, described, field_with
from zhitong.schema.scalars import DateTime
from zhitong.types import Grade, Label, Sharing

SHARING = Label("含有此属性的数据项", "Has a field so shared")
GRADE = Label("含有此级的数据项", "Has a field of this grade")
OWNER = Label("数源部门代码", "Credit code of the owner")
TYPE = Label("类型名称", "Name of the type")
SEARCH = Label("标题、数据项名称中的文字", "Part of a title or a field's name")
ID = Label("资源编号：类型@来源", "The resource: type@source")


@strawberry.type(
    description="一个资源在城市交换平台上的状态。\n\n"
    "How a resource stands on the city's exchange platform."
)
class CatalogueExchange:
    """The last reply on one resource."""

    externalId: str | None = strawberry.field(
        description="平台给的编号\n\nThe platform's id of it"
    )
    status: ExchangeState = strawberry.field(  # type: ignore[valid-type]
        description="状态\n\nStatus"
    )
    opinion: str | None = strawberry.field(
        description="审核意见\n\nThe platform's opinion"
    )
    version: str = strawberry.field(
        description="所答复的目录版本（SHA-256）\n\n"
        "The catalogue that it is about, by SHA-256"
    )
    at: DateTime = strawberry.field(
        description="收到答复的时间\n\nWhen the reply was taken"
    )


@strawberry.type(
    description="数据目录的一个资源：一个来源的一个类型。\n\n"
    "A resource of the catalogue: one type of one source."
)
class CatalogueItem:
    """A resource, as it is served at this moment."""

    shown: strawberry.Private[Resource]
    catalogue: strawberry.Private[Catalogue]
    said: strawberry.Private[Said]
    id: str = strawberry.field(description=str(ID))
    titleZh: str = strawberry.field(description="中文标题\n\nIts Chinese title")
    titleEn: str = strawberry.field(description="英文标题\n\nIts English title")
    type: str = strawberry.field(description="类型\n\nThe type")
    source: str = strawberry.field(description="来源系统\n\nThe source")
    owner: str = strawberry.field(
        description="数源部门的统一社会信用代码\n\nCredit code of the owner"
    )
    ownerZh: str = strawberry.field(description="来源中文名称\n\nThe source's title")
    ownerEn: str = strawberry.field(
        description="来源英文名称\n\nThe source's English title"
    )
    standing: CatalogueStanding = strawberry.field(  # type: ignore[valid-type]
        description="是否主数源\n\nWhether it is the owner's lead source"
    )
    updated: UpdateCycle | None = strawberry.field(  # type: ignore[valid-type]
        description="更新周期；空为数源部门未声明\n\n"
        "How often it is renewed; null: the owner does not say"
    )
    sharing: SharingAttribute = strawberry.field(  # type: ignore[valid-type]
        description="各数据项中最严的共享属性\n\nThe strictest attribute of its fields"
    )
    grade: DataGrade = strawberry.field(  # type: ignore[valid-type]
        description="各数据项中最高的级别\n\nThe highest grade of its fields"
    )
    state: str = strawberry.field(
        description="ready 正常，drift 部分字段缺失，away 不能访问\n\n"
        "The source: ready, drift (some fields lost) or away"
    )
    rows: str = strawberry.field(
        description="本次提问的调用方能看到哪些记录；空为全部\n\n"
        "Which rows whoever asks is shown; empty: every row"
    )

    @strawberry.field(
        description="在城市交换平台上的状态；未上报和政务部门以外为空\n\n"
        "How it stands on the exchange platform; null where it was not reported, "
        "and outside government"
    )
    async def exchange(self, info: Info) -> CatalogueExchange | None:
        """Give the platform's last reply."""
        context: Context = info.context
        if not self.catalogue.inside(context.inquiry.principal):
            return None
        reply = await self.said.of(self.shown.id)
        if reply is None or reply.taken_at is None:
            return None
        return CatalogueExchange(
            externalId=reply.external_id or None,
            status=reply.status.name,
            opinion=reply.opinion or None,
            version=reply.version,
            at=DateTime(reply.taken_at.astimezone(CHINA).isoformat()),
        )

    @strawberry.field(
        description="此刻提供的内容在数据主管部门的审核状态；政务部门以外为空\n\n"
        "How what is served now stands with the data authority; null outside government"
    )
    async def review(self, info: Info) -> CatalogueReview | None:
        """Say which version it stands in, and what was said of that."""
        context: Context = info.context
        reviews, principal = self.said.reviews, context.inquiry.principal
        if reviews is None or not self.catalogue.inside(principal):
            return None
        await asyncio.sleep(0)
        return review_of(standing(self.catalogue, reviews, self.shown, principal))

    @strawberry.field(
        description="最近一次抽样测量的数据质量；未测量过和政务部门以外为空\n\n"
        "Its quality as it was last measured on a sample; null where it never was, "
        "and outside government"
    )
    async def quality(self, info: Info) -> CatalogueQuality | None:
        """Give the last measurement."""
        context: Context = info.context
        principal = context.inquiry.principal
        if not self.catalogue.inside(principal):
            return None
        found = await self.said.quality(self.shown.id)
        if found is None:
            return None
        shown = self.shown
        counts = self.catalogue.answers_for(principal, shown)
        names = frozenset(item.field.name for item in shown.items)
        verdicts = context.reader.verdicts(context.inquiry, shown.entity, shown.source)
        smallest = 0 if counts else verdicts.smallest_cell
        given = wholly_given(context.reader, context.inquiry, shown)
        days = names if counts else given
        return quality_of(found, names, days=days, counts=counts, smallest=smallest)

    @strawberry.field(description="数据项\n\nIts fields")
    async def fields(self, info: Info) -> list[CatalogueField]:
        """Give the fields; each type is weighed once, and others may go on between."""
        await asyncio.sleep(0)
        context: Context = info.context
        conditions = self.catalogue.conditions(self.shown)
        access = self.catalogue.access(context.reader, context.inquiry, self.shown)
        principal = context.inquiry.principal
        inside = self.catalogue.inside(principal)
        return [
            field_of(
                item,
                access[item.field.name],
                (
                    each
                    for each in conditions[item.field.name]
                    if inside or each.kind == principal.kind
                ),
            )
            for item in self.shown.items
        ]


@strawberry.type(
    description="数据目录的一页，按编号排列。\n\nA page of the catalogue, by id."
)
class CataloguePage:
    """Resources, and where the page ends."""

    nodes: list[CatalogueItem] = strawberry.field(description="资源\n\nThe resources")
    totalCount: int = strawberry.field(
        description="符合条件的资源数\n\nHow many resources there are"
    )
    hasNextPage: bool = strawberry.field(
        description="还有下一页\n\nWhether there is more"
    )
    endCursor: str | None = strawberry.field(
        description="本页最后一个的编号，供 after 使用\n\n"
        "Id of the last resource, for after"
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """How a resource is titled: what, and whose system."""

    resource: Resource

    @property
    def title(self) -> Label:
        entity, source = self.resource.entity, self.resource.source
        return Label(
            f"{source.title.zh}·{entity.label.name}",
            f"{source.title.en}: {entity.name}",
        )


def _item(
    context: Context, catalogue: Catalogue, said: Said, one: Resource
) -> CatalogueItem:
    title = _Words(one).title
    return CatalogueItem(
        shown=one,
        catalogue=catalogue,
        said=said,
        id=one.id,
        titleZh=title.zh,
        titleEn=title.en,
        type=one.entity.name,
        source=one.source.name,
        owner=one.source.owner,
        ownerZh=one.source.title.zh,
        ownerEn=one.source.title.en,
        standing=one.standing,
        updated=None if one.updated is None else one.updated.name,
        sharing=one.sharing.name,
        grade=one.grade.name,
        state=one.source.state,
        rows=rows(context.reader, context.inquiry, one),
    )


def catalogue_of(context: Context) -> Catalogue:
    """Give the catalogue; raise where this gateway has none."""
    if context.catalogue is None:
        raise LedgerUnavailableError(
            "本网关没有数据目录", "this gateway has no catalogue"
        )
    return context.catalogue


def catalogue_field() -> Any:  # noqa: ANN401 - a strawberry field
    """Make the field of the query root that lists the catalogue."""

    async def resolve(  # noqa: PLR0913 - each is a way to look
        info: Info,
        *,
        owner: str | None = None,
        type: str | None = None,  # noqa: A002 - the argument's name in the graph
        sharing: Any = None,  # noqa: ANN401 - an enum that is made
        grade: Any = None,  # noqa: ANN401 - as above
        search: str | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> CataloguePage:
        context: Context = info.context
        if type is not None and type not in context.entities:
            raise ScalarError(
                f"没有类型 {type[:40]}，目录中的 type 即是",
                f"there is no type {type[:40]}; the catalogue's type names them",
            )
        catalogue = catalogue_of(context)
        wanted = Wanted(
            owner=owner,
            type=type,
            sharing=None if sharing is None else Sharing[sharing.value],
            grade=None if grade is None else Grade[grade.value],
            search=search,
        )
        resources, reviews = await shown(catalogue, context.inquiry.principal)
        found = [one for one in resources if wanted.holds(one)]
        rest = [one for one in found if after is None or one.id > after]
        size = context.page_size(first)
        page = rest[:size]
        said = Said(catalogue.history, reviews)
        return CataloguePage(
            nodes=[_item(context, catalogue, said, one) for one in page],
            totalCount=len(found),
            hasNextPage=len(rest) > size,
            endCursor=page[-1].id if page else None,
        )

    annotations = {
        "info": Info,
        "owner": described(str | None, OWNER),
        "type": described(str | None, TYPE),
        "sharing": described(SharingAttribute | None, SHARING),
        "grade": described(DataGrade | None, GRADE),
        "search": described(str | None, SEARCH),
        "first": described(int | None, FIRST),
        "after": described(str | None, AFTER),
        "return": CataloguePage | None,
    }
    label = Label(
        "数据目录：有什么、谁的、怎样共享",
        "The data catalogue: what there is, whose, and how it is shared",
    )
    return field_with(resolve, annotations, label)


def catalogue_item_field() -> Any:  # noqa: ANN401 - a strawberry field
    """Make the field of the query root that gives one resource."""

    async def resolve(info: Info, resource: str) -> CatalogueItem | None:
        context: Context = info.context
        catalogue = catalogue_of(context)
        resources, reviews = await shown(catalogue, context.inquiry.principal)
        found = (one for one in resources if one.id == resource)
        said = Said(catalogue.history, reviews)
        return next((_item(context, catalogue, said, one) for one in found), None)

    annotations = {
        "info": Info,
        "resource": described(str, ID),
        "return": CatalogueItem | None,
    }
    label = Label("数据目录的一个资源", "One resource of the catalogue")
    return field_with(resolve, annotations, label)
