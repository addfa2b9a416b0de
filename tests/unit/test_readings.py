"""Readings: kept, they leave in a question what a read for it alone leaves there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from zhitong.connectors.memory import MemorySource, Table
from zhitong.exceptions import FieldHiddenError, SourceTimeoutError
from zhitong.grants import Grant
from zhitong.resolvers import read
from zhitong.resolvers.cursors import Mark
from zhitong.resolvers.policy import CountRule, Effect, Policy, RowRule, Rule, Scope
from zhitong.resolvers.read import Ask, Found, Now, Reader
from zhitong.schema.declare import CONDITIONAL, WITHHELD, entity, item, pages
from zhitong.types import (
    SOURCE_KEY,
    Compare,
    GroupBy,
    Inquiry,
    Keys,
    Kind,
    Label,
    MaskKind,
    Occasion,
    Op,
    Order,
    Predicate,
    Principal,
    Sharing,
    Tightening,
)

CASE = entity(
    "Case",
    "cases",
    "案件",
    "A case",
    key="caseNo",
    orders=("caseNo",),
    fields=(
        item("caseNo", "编号", "Number"),
        item("division", "区划", "Division", Kind.DIVISION),
        item("filedOn", "立案日期", "Filed on", Kind.DATE),
        item("name", "名称", "Name", mask=MaskKind.NAME),
        item("phone", "电话", "Phone", sharing=CONDITIONAL, mask=MaskKind.PHONE),
        item("number", "证件", "ID", sharing=WITHHELD, exact=True),
    ),
    relations=(pages("alike", "Case", "phone", "phone", "同一电话", "Alike"),),
    place="division",
)
WHY = Label("因", "why")
OPEN = Rule(
    name="open",
    effect=Effect.ALLOW,
    kinds=frozenset({"department", "dashboard"}),
    fields=frozenset({"caseNo", "division", "filedOn"}),
    reason=WHY,
    source="test",
)
BLUR = replace(OPEN, name="blur", effect=Effect.MASK, fields=frozenset({"name"}))
HERE = RowRule(
    name="here",
    kinds=frozenset({"department"}),
    types=frozenset({"Case"}),
    scope=Scope(own_division="division"),
    source="test",
)
COUNTS = CountRule(
    name="counts",
    kinds=frozenset({"dashboard"}),
    types=frozenset({"Case"}),
    smallest=3,
    only=True,
    source="test",
)
POLICY = Policy(rules=(OPEN, BLUR), rows=(HERE,), counts=(COUNTS,))
HIDDEN = replace(POLICY, rules=(replace(OPEN, kinds=frozenset({"court"})),))
LAW = {"filedOn": Tightening(Sharing.WITHHELD, "某法第1条")}
GRANT = Grant(
    id="G1",
    unit="U",
    owner="market-owner",
    fields={"Case": frozenset({"phone"})},
    lookups={"Case": frozenset({"number"})},
    purpose="tax",
    basis="法",
    valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    valid_to=datetime(2027, 1, 1, tzinfo=UTC),
)
EMERGENCY = replace(GRANT, id="B", person="王", incident="火灾1号")
BY_KEY = Order(SOURCE_KEY, descending=False)
PHONE = Compare("phone", Op.EQ, "139")
FILED = Compare("filedOn", Op.GTE, "2026-01-01")


def source(name: str, *numbers: str) -> MemorySource:
    rows = tuple(
        {
            "caseNo": no,
            "division": f"61992{no}",
            "filedOn": f"2026-01-0{no}",
            "name": "王二",
            "phone": "139",
            "number": "6101",
        }
        for no in numbers
    )
    tightened = LAW if name == "county" else {}
    table = Table(entity=CASE, key="caseNo", rows=rows, tightened=tightened)
    made = MemorySource(name, Label(name, name), [table])
    made.owner = f"{name}-owner"
    return made


@pytest.fixture
def sources() -> dict[str, MemorySource]:
    return {"market": source("market", "1", "2"), "county": source("county", "3")}


def inquiry(*grants: Grant, person: str = "王", **more: str) -> Inquiry:
    facts = {"kind": "department", "division": "619900", "purpose": "tax", **more}
    return Inquiry(
        principal=Principal(
            kind=facts["kind"],
            unit="U",
            unit_name="局",
            person=person,
            division=facts["division"],
        ),
        occasion=Occasion(purpose=facts["purpose"]),
        id="1",
        grants=grants,
    )


def ask(*fields: str, **more: object) -> Ask:
    made = Ask(entity=CASE, fields=frozenset(fields), limit=10)
    return replace(made, **more)  # type: ignore[arg-type]


def left(asking: Inquiry) -> Mapping[str, object]:
    """Give all that a read leaves behind in a question."""
    return {
        "looks": asking.looks,
        "gaps": asking.gaps,
        "restrictions": asking.restrictions,
        "findings": asking.findings,
        "grants used": asking.grants_used,
        "verdicts": asking.verdicts,
        "sees": asking.sees,
        "urgent": asking.break_glass,
    }


def given(found: Found) -> tuple[object, ...]:
    return found.rows, found.missing, found.more


ASKS = {
    "a page": ask("caseNo", "name"),
    "a page by a day that one source keeps back": ask("name", order=Order("filedOn")),
    "a protected field": ask("caseNo", "phone", order=BY_KEY),
    "a hidden field": ask("number", order=BY_KEY),
    "a relation": ask("caseNo", links=frozenset({"alike"}), order=BY_KEY),
    "a filter": ask("caseNo", where=FILED, order=BY_KEY),
    "a filter by what is granted": ask("caseNo", where=PHONE, order=BY_KEY),
    "keys": ask("name", keys=Keys("caseNo", ("1", "3")), order=BY_KEY),
    "keys that lead nowhere": ask("name", keys=Keys("number", ("1",)), order=BY_KEY),
    "own keys": ask("name", keys=Keys(SOURCE_KEY, ("1", "3")), order=BY_KEY),
    "one source": ask("name", sources=frozenset({"market"}), order=BY_KEY),
    "a later page": ask("name", after=Mark("1", "market", "1"), order=BY_KEY),
    "what a filter lacks": ask("name", lacking=("credit",), order=BY_KEY),
}
INQUIRIES = {
    "nobody's": (),
    "granted": (GRANT,),
    "granted for a place": (replace(GRANT, division="619922"),),
    "urgent": (EMERGENCY,),
    "for another purpose": (replace(GRANT, purpose="audit"),),
}


ASKED = {f"some, {name}": (POLICY, one) for name, one in ASKS.items()}
ASKED |= {
    f"hidden, {name}": (HIDDEN, one)
    for name, one in ASKS.items()
    # By a day that is given for nobody's rows there is no order to be had.
    if one.order != Order("filedOn")
}


@pytest.mark.parametrize("grants", INQUIRIES.values(), ids=INQUIRIES)
@pytest.mark.parametrize(("policy", "asked"), ASKED.values(), ids=ASKED)
async def test_a_kept_reading_leaves_what_a_read_alone_leaves(
    sources: dict[str, MemorySource],
    policy: Policy,
    asked: Ask,
    grants: tuple[Grant, ...],
) -> None:
    reader = Reader(lambda: sources, policy)
    alone, first, second = (inquiry(*grants) for _ in range(3))
    found = given(await reader.rows(alone, asked))
    reading = reader.reading(first, asked)
    assert left(first)["restrictions"] == {}, "nothing is noted before it is read"
    assert reading.holds(reader)
    for one in (first, second):
        assert given(await reader.read(one, reading, Now.of(asked))) == found
        assert left(one) == left(alone)


@pytest.mark.parametrize("grants", INQUIRIES.values(), ids=INQUIRIES)
@pytest.mark.parametrize("groups", [(), ("division",), ("filedOn",)])
@pytest.mark.parametrize("kind", ["department", "dashboard"])
async def test_a_kept_count_leaves_what_a_count_alone_leaves(
    sources: dict[str, MemorySource],
    groups: tuple[str, ...],
    grants: tuple[Grant, ...],
    kind: str,
) -> None:
    reader = Reader(lambda: sources, POLICY)
    alone, first, second = (inquiry(*grants, kind=kind) for _ in range(3))
    by = tuple(map(GroupBy, groups))
    counted = await reader.tally(alone, ask(), by)
    counting = reader.counting(first, ask(), by)
    for one in (first, second):
        assert await reader.count(one, counting, Now.of(ask())) == counted
        assert left(one) == left(alone)


async def test_where_counts_are_all_every_read_says_so(
    sources: dict[str, MemorySource],
) -> None:
    reader = Reader(lambda: sources, POLICY)
    reading = reader.reading(inquiry(kind="dashboard"), ask("caseNo"))
    asking = inquiry(kind="dashboard")
    assert (await reader.read(asking, reading, Now())).rows == ()
    assert set(asking.restrictions) == {("Case", "*")}
    assert sources["market"].queries == []


@pytest.mark.parametrize("policy", [POLICY, HIDDEN], ids=["some", "hidden"])
async def test_what_was_noted_for_one_question_is_not_anothers(
    sources: dict[str, MemorySource], policy: Policy
) -> None:
    """A note changed afterwards, as a filter changes it, stays where it was made."""
    reader = Reader(lambda: sources, policy)
    reading = reader.reading(inquiry(), ask("number", order=BY_KEY))
    first, second = inquiry(), inquiry()
    await reader.read(first, reading, Now(limit=10))
    known = dict(first.restrictions)
    first.restrictions.clear()
    first.gaps.clear()
    first.grants_used.add("another's")
    await reader.read(second, reading, Now(limit=10))
    assert second.restrictions == known
    assert second.grants_used == set()


async def test_what_is_weighed_is_kept_for_everybody_alike(
    sources: dict[str, MemorySource],
) -> None:
    reader = Reader(lambda: sources, POLICY)
    asked = ask("name", keys=Keys("caseNo", ("1",)), where=FILED, order=BY_KEY)
    kept = reader.reading(inquiry(), asked)
    other = replace(
        asked,
        keys=Keys("caseNo", ("2",)),
        where=Compare("filedOn", Op.LTE, "2026-02-01"),
        limit=3,
    )
    assert reader.reading(inquiry(person="李"), other) is kept
    for asking, differing in (
        (inquiry(division="619921"), asked),
        (inquiry(kind="dashboard"), asked),
        (inquiry(purpose=""), asked),
        (inquiry(GRANT), asked),
        (inquiry(), replace(asked, fields=frozenset({"caseNo"}))),
        (inquiry(), replace(asked, keys=Keys("division", ("1",)))),
        (inquiry(), replace(asked, keys=None)),
        (inquiry(), replace(asked, where=None)),
        (inquiry(), replace(asked, peek=True)),
        (inquiry(), replace(asked, sources=frozenset({"market"}))),
        (inquiry(), replace(asked, links=frozenset({"alike"}))),
        (inquiry(), replace(asked, order=Order("caseNo"))),
    ):
        assert reader.reading(asking, differing) is not kept
    assert reader.counting(inquiry(), asked, ()) is not kept
    assert reader.reading(inquiry(), asked) is kept


async def test_who_is_given_other_rows_than_the_profile_reads_under_those_alone(
    sources: dict[str, MemorySource],
) -> None:
    """As the ledger's copies are made for rows beyond what a receiver is given."""
    reader = Reader(lambda: sources, POLICY)
    near = inquiry(division="619921")
    asked = ask("caseNo", order=BY_KEY)
    own = await reader.rows(near, asked)
    assert [row.key for row in own.rows] == ["1"]
    beyond = inquiry(division="619921")
    beyond.verdicts = {
        name: replace(known, rows=None) for name, known in near.verdicts.items()
    }
    assert len((await reader.rows(beyond, asked)).rows) == 3
    again = await reader.rows(inquiry(division="619921"), asked)
    assert [row.key for row in again.rows] == ["1"]


async def test_who_widens_a_question_first_widens_no_other(
    sources: dict[str, MemorySource],
) -> None:
    reader = Reader(lambda: sources, POLICY)
    asked = ask("caseNo", order=BY_KEY)
    beyond = inquiry(division="619921")
    verdicts = reader.verdicts(beyond, CASE)
    beyond.verdicts = {"Case": replace(verdicts, rows=None)}
    assert len((await reader.rows(beyond, asked)).rows) == 3
    own = await reader.rows(inquiry(division="619921"), asked)
    assert [row.key for row in own.rows] == ["1"]


async def test_a_grant_that_has_ended_gives_nothing_any_more(
    sources: dict[str, MemorySource],
) -> None:
    reader = Reader(lambda: sources, POLICY)
    asked = ask("phone", sources=frozenset({"market"}), order=BY_KEY)
    for grants, phone in (((GRANT,), "139"), ((), None), ((GRANT,), "139")):
        found = await reader.rows(inquiry(*grants), asked)
        assert found.rows[0].values["phone"] == phone


async def test_an_exact_look_up_is_weighed_each_time(
    sources: dict[str, MemorySource],
) -> None:
    reader = Reader(lambda: sources, POLICY)
    asked = ask("caseNo", order=BY_KEY)
    found = await reader.look_up(inquiry(GRANT), asked, "number", "6101")
    assert {row.source for row in found.rows} == {"market"}
    with pytest.raises(FieldHiddenError):
        await reader.look_up(inquiry(), asked, "number", "6101")
    assert (await reader.rows(inquiry(), asked)).rows


async def test_no_more_readings_are_kept_than_is_said(
    sources: dict[str, MemorySource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "KEPT", 1)
    reader = Reader(lambda: sources, POLICY)
    first = reader.reading(inquiry(), ask("caseNo"))
    assert reader.reading(inquiry(), ask("caseNo")) is first
    reader.reading(inquiry(), ask("name"))
    assert reader.reading(inquiry(), ask("caseNo")) is not first


async def test_values_are_of_the_read_and_not_of_the_reading(
    sources: dict[str, MemorySource],
) -> None:
    reader = Reader(lambda: sources, POLICY)
    by_number = ask("caseNo", keys=Keys("caseNo", ()), where=FILED, order=BY_KEY)
    reading = reader.reading(inquiry(), by_number)
    for number, day, found in (
        ("1", "2026-01-01", ["1"]),
        ("2", "2026-01-01", ["2"]),
        ("2", "2026-01-03", []),
    ):
        where = Compare("filedOn", Op.GTE, day)
        now = Now(where, Keys("caseNo", (number,)), limit=2)
        rows = (await reader.read(inquiry(), reading, now)).rows
        assert [row.key for row in rows] == found


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        (None, None),
        (PHONE, Keys("caseNo", ("1",))),
        (FILED, Keys("phone", ("139",))),
        (FILED, None),
    ],
    ids=["nothing", "another filter", "another key", "no key"],
)
async def test_a_reading_is_read_for_no_other_fields_than_were_weighed(
    sources: dict[str, MemorySource], where: Predicate | None, keys: Keys | None
) -> None:
    reader = Reader(lambda: sources, POLICY)
    reading = reader.reading(
        inquiry(), ask("caseNo", where=FILED, keys=Keys("caseNo", ("1",)))
    )
    with pytest.raises(ValueError, match="made for another question"):
        await reader.read(inquiry(), reading, Now(where, keys))
    assert sources["market"].queries == []


async def test_a_reading_holds_while_policy_and_sources_stand(
    sources: dict[str, MemorySource],
) -> None:
    def made() -> Mapping[str, MemorySource]:
        return dict(sources)

    reader = Reader(made, POLICY)
    reading = reader.reading(inquiry(), ask("caseNo"))
    sources["market"].failure = SourceTimeoutError("没有答复", "no answer")
    assert reading.holds(reader), "a source that is away is asked all the same"
    assert not reading.holds(Reader(made, HIDDEN))
    table = sources["county"].tables["Case"]
    sources["county"].tables = {"Case": replace(table, tightened={})}
    assert not reading.holds(reader), "it shares more than it did"
    sources["county"].tables = {"Case": table}
    assert reading.holds(reader)
    sources["county"] = source("county", "3")
    assert not reading.holds(reader), "it was bound anew"


async def test_a_field_that_goes_missing_is_told_by_a_reading_made_before(
    sources: dict[str, MemorySource],
) -> None:
    reader = Reader(lambda: sources, POLICY)
    reading = reader.reading(inquiry(), ask("division", order=BY_KEY, where=FILED))
    table = sources["market"].tables["Case"]
    lost = {"filedOn": Label("没有列 larq", "no column larq")}
    sources["market"].tables = {"Case": replace(table, lost=lost)}
    asking = inquiry()
    found = await reader.read(asking, reading, Now(FILED))
    assert [gap.fields for gap in asking.gaps] == [("filedOn",), ("filedOn",)]
    assert found.missing == ("county", "market")


def test_an_order_that_is_hidden_is_refused_and_noted_at_once(
    sources: dict[str, MemorySource],
) -> None:
    asking = inquiry()
    with pytest.raises(FieldHiddenError):
        Reader(lambda: sources, POLICY).reading(
            asking, ask("caseNo", order=Order("phone"))
        )
    assert set(asking.restrictions) == {("Case", "phone")}


async def test_an_urgent_read_is_found_in_every_question_it_is_made_for(
    sources: dict[str, MemorySource],
) -> None:
    reader = Reader(lambda: sources, POLICY)
    reading = reader.reading(inquiry(EMERGENCY), ask("phone", order=BY_KEY))
    for _ in range(2):
        asking = inquiry(EMERGENCY)
        for _ in range(2):
            await reader.read(asking, reading, Now(limit=10))
        assert len(asking.findings) == 1
        assert asking.grants_used == {"B"}
        assert asking.break_glass
