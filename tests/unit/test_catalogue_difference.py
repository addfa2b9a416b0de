"""What changed from one version of the catalogue to the next, in words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from zhitong.rules.catalogue_difference import differences


def item(name: str = "phone", **changed: object) -> dict[str, object]:
    said = {"item_name": name, "item_label": "电话", "share_type": "conditional"}
    return said | {"share_scope": ["police"], "mask": "phone"} | changed


def resource(
    *items: Mapping[str, object], name: str = "Counterparty@market", **changed: object
) -> dict[str, object]:
    said = {"catalog_id": name, "catalog_name": "相对人", "grade": "general-3"}
    return said | {"update_cycle": "daily", "items": [*items]} | changed


def told(before: list[dict[str, object]], after: list[dict[str, object]]) -> list[str]:
    return [one.en for one in differences(before, after)]


def test_the_same_catalogue_differs_in_nothing() -> None:
    assert told([resource(item())], [resource(item())]) == []


def test_the_order_of_resources_and_fields_is_no_difference() -> None:
    one = [resource(item("a"), item("b")), resource(name="b")]
    other = [resource(name="b"), resource(item("b"), item("a"))]
    assert told(one, other) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        pytest.param(
            [resource(item()), resource(name="Matter@justice")],
            "resource Matter@justice was added",
            id="resource added",
        ),
        pytest.param([], "resource Counterparty@market was removed", id="removed"),
        pytest.param(
            [resource(item(), item("fax"))],
            "field Counterparty@market fax was added",
            id="field added",
        ),
        pytest.param(
            [resource()],
            "field Counterparty@market phone was removed",
            id="field removed",
        ),
        pytest.param(
            [resource(item(share_type="withheld"))],
            "Counterparty@market phone: sharing attribute changed from conditional to "
            "withheld",
            id="attribute",
        ),
        pytest.param(
            [resource(item(share_scope=["court", "police"]))],
            "Counterparty@market phone: kinds that may see it changed from police to "
            "court, police",
            id="who may see it",
        ),
        pytest.param(
            [resource(item(mask=None))],
            "Counterparty@market phone: mask changed from phone to -",
            id="mask taken away",
        ),
        pytest.param(
            [resource(item(), grade="general-4")],
            "Counterparty@market: grade changed from general-3 to general-4",
            id="grade of a resource",
        ),
        pytest.param(
            [resource(item(), update_cycle=None)],
            "Counterparty@market: update cycle changed from daily to -",
            id="cycle",
        ),
    ],
)
def test_each_change_is_said_once(after: list[dict[str, object]], said: str) -> None:
    assert told([resource(item())], after) == [said]


def test_changes_are_told_in_chinese_too() -> None:
    (change,) = differences([], [resource(name="Matter@justice")])
    assert change.zh == "增加资源 Matter@justice"
