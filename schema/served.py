"""What the gateway says of itself: its sources as they are now, and the code lists."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import strawberry

from zhitong.ports import Source
from zhitong.resolvers.asking import Asking
from zhitong.schema import codes
from zhitong.schema.entities import ENTITIES
from zhitong.schema.enums import KEY_MATCH
from zhitong.schema.objects import Info, described, field_with
from zhitong.types import OPERATOR, CodeList, Label

CODE_LISTS: dict[str, CodeList] = {
    field.codes.name: field.codes
    for entity in ENTITIES.values()
    for field in entity.fields.values()
    if field.codes is not None
} | {one.name: one for one in (KEY_MATCH, codes.PENALTY_KIND, codes.ID_KIND)}


@strawberry.type(description="一个来源系统。\n\nA source.")
class SourceState:
    """A department's system, as the gateway sees it now."""

    name: str = strawberry.field(description="标识\n\nName")
    titleZh: str = strawberry.field(description="中文名称\n\nChinese title")
    titleEn: str = strawberry.field(description="英文名称\n\nEnglish title")
    state: str = strawberry.field(
        description="ready 正常，drift 部分字段缺失，away 不能访问\n\n"
        "ready, drift (some fields lost) or away"
    )
    types: list[str] = strawberry.field(description="提供的类型\n\nTypes it feeds")
    drifts: list[str] = strawberry.field(
        description="绑定与库表不一致之处，只给运维人员\n\n"
        "Where binding and database differ; for operators only"
    )


@strawberry.type(description="代码及其名称。\n\nA code and what it means.")
class CodeLabel:
    """One value of a code list."""

    value: str = strawberry.field(description="值\n\nThe value")
    zh: str = strawberry.field(description="中文\n\nIn Chinese")
    en: str = strawberry.field(description="英文\n\nIn English")


@strawberry.type(description="代码表。\n\nA code list.")
class CodeListType:
    """A code list with its labels, for those who draw menus."""

    name: str = strawberry.field(description="名称\n\nName")
    values: list[CodeLabel] = strawberry.field(description="各值\n\nThe values")


def source_states(asking: Asking) -> list[SourceState]:
    """Say how every source is."""
    # Names of tables and columns are for those who run the gateway.
    operating = asking.inquiry.principal.role == OPERATOR
    return [
        SourceState(
            name=source.name,
            titleZh=source.title.zh,
            titleEn=source.title.en,
            state=source.state,
            types=[name for name in ENTITIES if source.feeds(name)],
            drifts=_drifts(source) if operating else [],
        )
        for _, source in sorted(asking.sources().items())
    ]


def _drifts(source: Source) -> list[str]:
    return [
        f"{name}.{field}: {what.zh} / {what.en}"
        for name in ENTITIES
        for field, what in sorted(source.lost(name).items())
    ]


def code_lists(names: Collection[str] | None) -> list[CodeListType]:
    """Give the code lists of these names, or all of them."""
    return [
        CodeListType(
            name=codes.name,
            values=[
                CodeLabel(value=value, zh=label.zh, en=label.en)
                for value, label in codes.values.items()
            ],
        )
        for codes in CODE_LISTS.values()
        if names is None or codes.name in names
    ]


def sources_field() -> Any:  # noqa: ANN401 - what strawberry.field gives
    """Make the field that says how the sources are."""

    def resolve(info: Info) -> list[SourceState]:
        return source_states(info.context)

    label = Label("各来源系统的状态", "How the sources are")
    return field_with(resolve, {"info": Info, "return": list[SourceState]}, label)


def codes_field() -> Any:  # noqa: ANN401 - what strawberry.field gives
    """Make the field that has the code lists."""

    def resolve(names: list[str] | None = None) -> list[CodeListType]:
        return code_lists(names)

    label = Label("代码表及中文名称", "Code lists with Chinese labels")
    annotations = {
        "names": described(
            list[str] | None, Label("代码表名称", "Names of code lists")
        ),
        "return": list[CodeListType],
    }
    return field_with(resolve, annotations, label)
