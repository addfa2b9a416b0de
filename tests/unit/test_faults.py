"""Faults of the log: named, counted, and each explained on the page."""

from __future__ import annotations

import re
from pathlib import Path

from zhitong.rules.fault_labels import LABELS
from zhitong.rules.faults import LISTED, Fault, FaultKind, Faults

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


def many(kind: FaultKind, count: int) -> Faults:
    found = Faults()
    found.extend(Fault(kind=kind, table="deed", id=str(each)) for each in range(count))
    return found


def test_every_fault_is_on_the_page_in_order_with_its_label() -> None:
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (.+?) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert rows == [
        (kind, f"{LABELS[kind].zh} {LABELS[kind].en}") for kind in FaultKind
    ]


def test_a_fault_names_kind_table_id_column_number() -> None:
    fault = Fault(
        kind=FaultKind.COLUMN_DIFFERS,
        table="deed",
        id="d1",
        column="who",
        number=7,
        detail="x",
    )
    assert str(fault) == "COLUMN_DIFFERS deed d1 #7 .who (x)"


def test_what_is_beyond_the_list_is_counted() -> None:
    found = many(FaultKind.ROW_MISSING, LISTED + 5)
    assert len(found.listed) == LISTED
    assert len(found) == LISTED + 5
    found.merge(many(FaultKind.ROW_MISSING, LISTED + 7))
    found.merge(many(FaultKind.BODY_CHANGED, 2))
    assert len(found.listed) == LISTED + 2
    assert found.totals == {"ROW_MISSING": 2 * LISTED + 12, "BODY_CHANGED": 2}
