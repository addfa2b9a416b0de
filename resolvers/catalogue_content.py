"""What the catalogue says of its resources, in the exchange file's lower-case words."""

from __future__ import annotations

from zhitong.resolvers.catalogue import Catalogue, Item, Resource
from zhitong.resolvers.conditions import Condition


def content(catalogue: Catalogue) -> list[dict[str, object]]:
    """Write every resource, without what changes by the hour: states and losses."""
    return [resource_content(catalogue, one) for one in catalogue.resources()]


def resource_content(catalogue: Catalogue, one: Resource) -> dict[str, object]:
    """Write one resource."""
    conditions = catalogue.conditions(one)
    source = one.source
    return {
        "catalog_id": one.id,
        "catalog_name": f"{source.title.zh}·{one.entity.label.name}",
        "catalog_name_en": f"{source.title.en}: {one.entity.name}",
        "org_code": source.owner,
        "org_name": source.title.zh,
        "org_name_en": source.title.en,
        "lead": one.standing.lower(),
        "update_cycle": one.updated,
        "share_type": one.sharing,
        "grade": one.grade,
        "items": [_item(item, conditions[item.field.name]) for item in one.items],
    }


def _item(item: Item, conditions: tuple[Condition, ...]) -> dict[str, object]:
    field = item.field
    return {
        "item_name": field.name,
        "item_label": field.label.zh,
        "item_label_en": field.label.en,
        "data_type": field.kind,
        "share_type": item.sharing,
        "share_basis": item.basis,
        "share_scope": list(dict.fromkeys(one.kind for one in conditions)),
        "grade": field.grade,
        "mask": field.mask,
        "code_list": field.codes.name if field.codes else None,
        "grantable": item.grantable,
    }
