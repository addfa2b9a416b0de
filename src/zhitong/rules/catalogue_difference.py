"""How one version of the catalogue differs from the one before it, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from zhitong.types import Label

Part = Mapping[str, object]

RESOURCE = {
    "catalog_name": Label("标题", "title"),
    "org_code": Label("数源部门", "owner"),
    "org_name": Label("数源部门名称", "owner's name"),
    "lead": Label("主数源", "lead source"),
    "update_cycle": Label("更新周期", "update cycle"),
    "share_type": Label("共享属性", "sharing attribute"),
    "grade": Label("分级", "grade"),
}
ITEM = {
    "item_label": Label("名称", "label"),
    "data_type": Label("数据类型", "kind"),
    "share_type": Label("共享属性", "sharing attribute"),
    "share_basis": Label("收紧的依据", "basis of its attribute"),
    "share_scope": Label("能看到的类别", "kinds that may see it"),
    "grade": Label("分级", "grade"),
    "mask": Label("脱敏方式", "mask"),
    "code_list": Label("代码表", "code list"),
    "grantable": Label("可否申请", "whether it may be applied for"),
}


def differences(before: Sequence[Part], after: Sequence[Part]) -> list[Label]:
    """Name what was added, removed and changed, resource by resource."""
    return list(_resources(_by(before, "catalog_id"), _by(after, "catalog_id")))


def _resources(
    before: Mapping[str, Part], after: Mapping[str, Part]
) -> Iterator[Label]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None:
            yield Label(f"增加资源 {name}", f"resource {name} was added")
        elif new is None:
            yield Label(f"减少资源 {name}", f"resource {name} was removed")
        else:
            yield from _changed(name, old, new, RESOURCE)
            yield from _items(name, _items_of(old), _items_of(new))


def _items(
    resource: str, before: Mapping[str, Part], after: Mapping[str, Part]
) -> Iterator[Label]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        place = f"{resource} {name}"
        if old is None:
            yield Label(f"增加数据项 {place}", f"field {place} was added")
        elif new is None:
            yield Label(f"减少数据项 {place}", f"field {place} was removed")
        else:
            yield from _changed(place, old, new, ITEM)


def _changed(
    place: str, old: Part, new: Part, words: Mapping[str, Label]
) -> Iterator[Label]:
    for key, word in words.items():
        was, now = _shown(old.get(key)), _shown(new.get(key))
        if was != now:
            yield Label(
                f"{place} 的{word.zh}由 {was} 改为 {now}",
                f"{place}: {word.en} changed from {was} to {now}",
            )


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None or value == "" else str(value)


def _by(parts: Sequence[Part], key: str) -> dict[str, Part]:
    return {str(part[key]): part for part in parts}


def _items_of(resource: Part) -> dict[str, Part]:
    items = resource.get("items")
    return _by(items if isinstance(items, list) else [], "item_name")
