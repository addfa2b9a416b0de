"""The fields of a resource in the catalogue, and who may see each on what condition."""

from __future__ import annotations

from collections.abc import Iterable

import strawberry

from zhitong.requesters import KINDS
from zhitong.resolvers.catalogue import Access, Item
from zhitong.resolvers.conditions import Condition
from zhitong.schema.catalogue_enums import (
    CatalogueAccess,
    DataGrade,
    SharingAttribute,
)


@strawberry.type(
    description="哪类调用方凭什么能看到。\n\nWhich requester kind may see it, and how."
)
class CatalogueCondition:
    """What one kind is given of a field, and what it takes."""

    kind: str = strawberry.field(description="调用方类别\n\nRequester kind")
    nameZh: str = strawberry.field(description="类别名称\n\nThe kind's Chinese name")
    nameEn: str = strawberry.field(description="类别英文名称\n\nIts English name")
    access: CatalogueAccess = strawberry.field(  # type: ignore[valid-type]
        description="允许、脱敏或只作统计\n\nWhole, masked or for counting alone"
    )
    mask: str | None = strawberry.field(description="脱敏方式\n\nHow it is blurred")
    rows: str = strawberry.field(
        description="对哪些记录；空为全部\n\nFor which rows; empty: for all"
    )
    requires: list[str] = strawberry.field(
        description="须说明或出示的\n\nWhat must be stated or shown"
    )
    purposes: list[str] = strawberry.field(
        description="限于这些目的；空为该类别的任何目的\n\n"
        "For these purposes alone; empty: for any that the kind has"
    )


@strawberry.type(description="资源的一个数据项。\n\nOne field of a resource.")
class CatalogueField:
    """A field, as this source shares it."""

    name: str = strawberry.field(description="图中的名称\n\nIts name in the graph")
    labelZh: str = strawberry.field(description="中文名称\n\nIts Chinese name")
    labelEn: str = strawberry.field(description="英文名称\n\nIts English name")
    kind: str = strawberry.field(description="数据类型\n\nKind of value")
    sharing: SharingAttribute = strawberry.field(  # type: ignore[valid-type]
        description="共享属性，取类型与绑定中较严的\n\n"
        "Sharing attribute: the stricter of type and binding"
    )
    basis: str | None = strawberry.field(
        description="收紧共享的依据\n\nThe text by which it is shared more strictly"
    )
    grade: DataGrade = strawberry.field(  # type: ignore[valid-type]
        description="分级\n\nGrade"
    )
    mask: str | None = strawberry.field(
        description="声明的脱敏方式\n\nThe mask it declares"
    )
    codeList: str | None = strawberry.field(
        description="代码表，内容见 codeLists\n\nIts code list, as in codeLists"
    )
    lost: bool = strawberry.field(
        description="库表已变，此项暂缺\n\nThe source no longer has it"
    )
    grantable: bool = strawberry.field(
        description="可否在共享申请中列出\n\nWhether an application may name it"
    )
    access: CatalogueAccess = strawberry.field(  # type: ignore[valid-type]
        description="本次提问的调用方能看到什么\n\nWhat whoever asks is given now"
    )
    conditions: list[CatalogueCondition] = strawberry.field(
        description="哪类调用方凭什么能看到；政务部门以外只列本类\n\n"
        "Who may see it and how; outside government one's own kind alone"
    )


def field_of(
    item: Item, access: Access, conditions: Iterable[Condition]
) -> CatalogueField:
    """Give *item* as the graph has it."""
    field = item.field
    return CatalogueField(
        name=field.name,
        labelZh=field.label.zh,
        labelEn=field.label.en,
        kind=field.kind,
        sharing=item.sharing.name,
        basis=item.basis or None,
        grade=field.grade.name,
        mask=field.mask,
        codeList=field.codes.name if field.codes else None,
        lost=item.lost,
        grantable=item.grantable,
        access=access,
        conditions=list(map(_condition, conditions)),
    )


def _condition(one: Condition) -> CatalogueCondition:
    name = KINDS[one.kind]
    return CatalogueCondition(
        kind=one.kind,
        nameZh=name.zh,
        nameEn=name.en,
        access=one.access,
        mask=one.mask,
        rows=one.rows,
        requires=list(one.requires),
        purposes=list(one.purposes),
    )
