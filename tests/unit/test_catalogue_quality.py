"""Quality is measured on rows: filled, wrong, doubled, behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import msgspec
import pytest

from zhitong.catalogue import (
    Blamed,
    FieldQuality,
    Measured,
    Quality,
    Rejections,
    Sample,
    SampledRow,
    Sampling,
)
from zhitong.connectors.sampling import plan
from zhitong.rules.catalogue_quality import measured
from zhitong.rules.identifiers import credit_code, resident_id
from zhitong.schema.catalogue_quality import quality_of
from zhitong.schema.entities import ENTITIES
from zhitong.types import Cycle

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ENTITY = ENTITIES["Counterparty"]
GOOD = credit_code("91619900MB0002006")
ONE = resident_id("61990019900101123")


def row(key: str, *, raw: str | None = None, **values: object) -> SampledRow:
    written = {"establishedOn": raw or values.get("establishedOn")}
    base = dict.fromkeys(("registerId", "code", "idNumber", "establishedOn"), None)
    return SampledRow(key, {**base, "registerId": key, **values}, written)  # type: ignore[arg-type]


def of(
    *rows: SampledRow,
    updated: Cycle | None = Cycle.WEEKLY,
    newest: str | None = None,
    none: tuple[str, ...] = (),
) -> Quality:
    sample = Sample(sampling=Sampling.WHOLE, estimate=len(rows), rows=rows)
    return measured(
        ENTITY,
        "Counterparty@market",
        sample,
        AT,
        updated=updated,
        newest=newest,
        none=none,
    )


def field(quality: Quality, name: str) -> FieldQuality:
    (found,) = (one for one in quality.fields if one.name == name)
    return found


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("code", GOOD, 0),
        ("code", GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"), 1),
        ("idNumber", ONE, 0),
        ("idNumber", GOOD, 0),
        ("idNumber", "619900199013011234", 1),
    ],
)
def test_a_check_character_that_does_not_fit_is_wrong(
    name: str, value: str, wrong: int
) -> None:
    quality = of(row("1", **{name: value}), row("2"))
    assert field(quality, name) == FieldQuality(name=name, filled=1, wrong=wrong)


def test_a_day_that_cannot_be_read_is_there_and_wrong() -> None:
    quality = of(row("1", raw="2026-13-45"), row("2", establishedOn="2026-02-28"))
    found = field(quality, "establishedOn")
    assert (found.filled, found.wrong) == (2, 1)


def test_a_sources_own_word_for_no_value_is_no_value() -> None:
    quality = of(row("1", raw="无"), none=("无",))
    found = field(quality, "establishedOn")
    assert (found.filled, found.wrong) == (0, 0)


def test_of_plain_text_nothing_can_be_told_wrong() -> None:
    assert field(of(row("1")), "registerId").wrong is None


def test_rows_with_the_same_key_of_the_type_are_doubled() -> None:
    rows = [row("1", registerId="A"), row("2", registerId="A"), row("3")]
    assert of(*rows).doubled == 2


def test_the_versions_of_one_matter_are_not_doubled() -> None:
    rows = tuple(
        SampledRow(day, {"code": "1", "validFrom": day}, {})
        for day in ("2024-01-01", "2025-01-01")
    )
    sample = Sample(sampling=Sampling.WHOLE, estimate=2, rows=rows)
    assert measured(ENTITIES["Matter"], "Matter@justice", sample, AT).doubled == 0


@pytest.mark.parametrize(
    ("updated", "behind"),
    [
        (Cycle.DAILY, 15),
        (Cycle.WEEKLY, 2),
        (Cycle.MONTHLY, 0),
        (Cycle.IRREGULAR, None),
        (None, None),
    ],
)
def test_whole_cycles_since_the_newest_day_are_counted(
    updated: Cycle | None, behind: int | None
) -> None:
    quality = of(row("1", establishedOn="2026-02-15"), updated=updated)
    assert (quality.newest, quality.behind) == (date(2026, 2, 15), behind)


def test_a_day_to_come_is_not_the_newest() -> None:
    rows = [row("1", establishedOn="2062-02-15"), row("2", establishedOn="2026-01-02")]
    assert of(*rows).newest == date(2026, 1, 2)


def test_the_first_by_order_is_newer_than_a_sample() -> None:
    quality = of(row("1", establishedOn="2026-01-02"), newest="2026-03-01")
    assert quality.newest == date(2026, 3, 1)


def test_of_no_rows_there_is_nothing_to_say() -> None:
    quality = of()
    assert (quality.sampled, quality.fields, quality.newest) == (0, (), None)


@pytest.mark.parametrize(
    ("kind", "rows", "sampling", "part"),
    [
        pytest.param("r", 1_000_000, Sampling.RANDOM, "0.200000", id="large"),
        pytest.param("r", 10, Sampling.FIRST, "", id="small"),
        pytest.param("r", -1, Sampling.FIRST, "", id="never counted"),
        pytest.param("v", 0, Sampling.FIRST, "", id="view"),
    ],
)
def test_blocks_are_read_of_large_tables_alone(
    kind: str, rows: int, sampling: Sampling, part: str
) -> None:
    found, _, sql = plan(kind, rows, 1_000)
    assert (found, part in sql, bool(sql)) == (sampling, True, bool(part))


def test_shares_of_few_rows_are_given_to_whoever_may_count_them_alone() -> None:
    found = Measured(quality=of(row("1", establishedOn="2026-01-02"), row("2")))
    names = {"registerId", "establishedOn"}
    few = quality_of(found, names, days=names, counts=False, smallest=5)
    assert (few.at is None, few.fields, few.unique, few.newest) == (
        *(False, [], None, None),
    )
    own = quality_of(found, names, days=names, counts=True, smallest=0)
    assert {one.name: one.filled for one in own.fields} == {
        "registerId": 1.0,
        "establishedOn": 0.5,
    }
    assert (own.unique, own.newest, own.rows) == (1.0, "2026-01-02", 2)


def test_the_newest_day_of_a_field_that_is_not_given_is_not_given() -> None:
    found = Measured(quality=of(row("1", establishedOn="2026-01-02")))
    names = {"registerId", "establishedOn"}
    given = {"registerId"}
    shown = quality_of(found, names, days=given, counts=True, smallest=0)
    assert (shown.newest, shown.newestField, shown.cyclesBehind) == (None, None, None)


def test_what_was_rejected_is_for_whoever_may_count_the_rows() -> None:
    rejections = Rejections(
        sent=40, rejected=2, blamed=(Blamed(code="1003", field="CF_WSH", decisions=2),)
    )
    kept = msgspec.json.encode(replace(of(row("1")), rejections=rejections))
    found = Measured(quality=msgspec.json.decode(kept, type=Quality))
    others = quality_of(found, (), days=(), counts=False, smallest=5)
    assert others.rejections is None
    own = quality_of(found, (), days=(), counts=True, smallest=0)
    assert own.rejections is not None
    assert (own.rejections.sent, own.rejections.rejected) == (40, 2)
    (blamed,) = own.rejections.blamed
    assert (blamed.code, blamed.field, blamed.decisions) == ("1003", "CF_WSH", 2)


def test_what_was_measured_before_rejections_were_counted_is_read() -> None:
    before = msgspec.to_builtins(of(row("1")))
    del before["rejections"]
    assert msgspec.convert(before, Quality).rejections is None
