"""Names: read and searched by whoever may, without ID numbers in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhitong.connectors.masks import blurred
from zhitong.connectors.memory import Cells, MemorySource, Table
from zhitong.exceptions import SearchTermError
from zhitong.infra.policy_file import read_policy
from zhitong.requesters import KINDS
from zhitong.resolvers.explanation import anybody, caller
from zhitong.resolvers.filters import Filters
from zhitong.resolvers.policy import Effect, Policy, Rule
from zhitong.resolvers.read import Ask, Reader
from zhitong.resolvers.rulings import plain
from zhitong.resolvers.verdicts import decide
from zhitong.schema.entities import ENTITIES
from zhitong.schema.inputs import BY_KIND
from zhitong.types import (
    All,
    Allow,
    AnyOf,
    Compare,
    GroupBy,
    Inquiry,
    Kind,
    Label,
    MaskKind,
    Not,
    Occasion,
    Op,
    Predicate,
    Principal,
    Related,
    TallyQuery,
)

RULES = read_policy(Path("infra/rules/policy.toml"), ENTITIES)
NUMBER = "11010519491231002X"
LEFT = f"1{'*' * 16}X"
NUMBERS = """
algorithm answerSigned applicationNo appliedBy blamedCodes blamedFields calendars caseId
caseNo caseSource cause certificateNo channel check client clockId code collective
concerned contentHash counterpartyIdKind counterpartyIdNumber dataSource dataType
decisionId deliveryId differenceId differs documentHash documentNo documents duty
dutyTitleEn dutyTitleZh eventId fields findingId foreignOffsets gaps grantId hearing
idNumber industry inspectionNo itemId items keyId lateSteps licenceNo listingNo localId
lookId looks lookups matterCode movedBecauseEn movedBecauseZh noticeId number
officerCertificates operation papers parentCode parties parts payloadHash penaltyKinds
person planNo proceedingId publicationId purpose rate receiptId receiver recordId
registerId registrationNo representativeIdKind representativeIdNumber requesterKind
restrictions reviewNo role root rule ruleSource runId sender signatureId signed
statement statementId tenant titleEn titleZh topic withheld
"""
"""Texts that are numbers, codes or the platform's own: nobody writes a name there."""
OWN_WORDS = frozenset({"Receiver.name"})
"""Called as people's words are, and written by the platform itself."""


def test_every_text_is_in_somebodys_words_or_a_number_that_is_known_to_be_one() -> None:
    for entity in ENTITIES.values():
        for name, field in entity.fields.items():
            if field.kind not in {Kind.TEXT, Kind.TEXTS}:
                assert not field.named, name
            elif not (field.free or field.named):
                place = f"{entity.name}.{name}"
                assert name in NUMBERS.split() or place in OWN_WORDS, (
                    f"{place} is neither"
                )


def test_nothing_is_sorted_keyed_or_joined_by_what_may_hold_an_id_number() -> None:
    for entity in ENTITIES.values():
        used = {entity.key, entity.lookup or entity.key, *entity.orders}
        used |= {way.local for way in entity.relations.values()}
        for way in entity.relations.values():
            remote = ENTITIES[way.target].fields[way.remote]
            assert (remote.named, remote.free) == (False, False), way.remote
        for name in used:
            field = entity.fields[name]
            assert (field.named, field.free) == (False, False), name


def test_texts_are_compared_by_no_range_that_would_tell_them_bit_by_bit() -> None:
    for kind in (Kind.TEXT, Kind.TEXTS):
        assert not {"gte", "lte"} & set(BY_KIND[kind][2])


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_whole_only_for_kinds_that_have_texts_whole(kind: str) -> None:
    papers = dict.fromkeys(("basis", "cause", "letter", "approval"), "own")
    for purpose in ("", "double-publicity", *purposes(kind)):
        why = Occasion(purpose=purpose, **papers)
        asking = caller(anybody(kind, identity=True), why)
        for entity in ENTITIES.values():
            verdicts = decide(RULES, asking, entity)
            for name, field in entity.fields.items():
                for ruling in verdicts.fields[name]:
                    if isinstance(ruling.verdict, Allow):
                        due = field.named and kind not in RULES.whole_texts
                        assert ruling.verdict.numberless is due, name


def purposes(kind: str) -> set[str]:
    rules = [rule for rule in RULES.rules if {kind, "*"} & rule.kinds]
    return {purpose for rule in rules for purpose in rule.purposes - {"*"}}


def test_what_is_given_without_numbers_is_still_compared() -> None:
    public = caller(anybody("public"), Occasion())
    rulings = decide(RULES, public, ENTITIES["Licence"]).fields["subjectName"]
    assert plain(rulings) is True


def test_a_masked_address_tells_no_number_that_stands_before_the_county() -> None:
    assert blurred(MaskKind.ADDRESS, "110105194912310021县") == f"1{'*' * 16}1县***"


# --- what is found, and what is shown ------------------------------------------------

OPEN = Policy(
    rules=(
        Rule(
            name="open",
            effect=Effect.ALLOW,
            kinds=frozenset({"public"}),
            reason=Label("公开", "open"),
            source="test",
        ),
    ),
    rows=(),
)
PARTY, CASE = ENTITIES["Counterparty"], ENTITIES["CaseRecord"]
ROWS: tuple[Cells, ...] = (
    {
        "registerId": "1",
        "name": f"张三商店（{NUMBER}）",
        "formerNames": (f"张三（{NUMBER}）", "张三面馆"),
    },
    {"registerId": "2", "name": "李四商店", "formerNames": ()},
)


@pytest.fixture
def register() -> MemorySource:
    table = Table(entity=PARTY, key="registerId", rows=ROWS)
    return MemorySource("register", Label("登记", "Register"), [table])


@pytest.fixture
def reader(register: MemorySource) -> Reader:
    return Reader(lambda: {"register": register}, OPEN)


@pytest.fixture
def inquiry() -> Inquiry:
    public = Principal(kind="public", unit="", unit_name="", person="")
    return Inquiry(principal=public, occasion=Occasion(), id="1")


@pytest.fixture
def filters(reader: Reader, inquiry: Inquiry) -> Filters:
    return Filters(reader, ENTITIES, inquiry)


def named(op: Op, *terms: str) -> Compare:
    return Compare("name", op, terms if op is Op.IN else terms[0])


ASKED = [
    pytest.param(named(Op.EQ, f"张三商店（{NUMBER}）"), id="eq"),
    pytest.param(named(Op.IN, "李四", f"张三（{NUMBER}）"), id="in"),
    pytest.param(named(Op.CONTAINS, NUMBER.lower()), id="contains, small x"),
    pytest.param(named(Op.CONTAINS, " ".join(NUMBER)), id="contains, spaced"),
    pytest.param(Compare("formerNames", Op.IN, (NUMBER,)), id="has"),
    pytest.param(Not(named(Op.CONTAINS, NUMBER)), id="not"),
    pytest.param(AnyOf((All(()), All((named(Op.EQ, NUMBER),)))), id="or"),
]


@pytest.mark.parametrize("where", ASKED)
async def test_a_search_by_an_id_number_is_refused_without_repeating_it(
    where: Predicate, filters: Filters, register: MemorySource
) -> None:
    with pytest.raises(SearchTermError) as refused:
        await filters.settle(PARTY, where)
    assert NUMBER[:6] not in str(refused.value)
    assert register.queries == []


async def test_so_it_is_on_the_far_side_of_a_relation(
    filters: Filters, register: MemorySource
) -> None:
    with pytest.raises(SearchTermError, match="Counterparty"):
        await filters.settle(CASE, Related("counterparty", named(Op.CONTAINS, NUMBER)))
    assert register.queries == []


async def test_a_number_field_is_compared_with_any_number(filters: Filters) -> None:
    where = Compare("caseNo", Op.EQ, NUMBER)
    assert (await filters.settle(CASE, where)).where == where


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("张三", ["1"]),
        ("商店", ["1", "2"]),
        ("（1", ["1"]),
        ("X）", ["1"]),
        ("11", []),
        ("1949", []),
        ("002X", []),
        ("002x", []),
        (LEFT, []),
    ],
)
async def test_digits_that_are_not_shown_find_nothing(
    term: str, found: list[str], reader: Reader, inquiry: Inquiry, filters: Filters
) -> None:
    settled = await filters.settle(PARTY, named(Op.CONTAINS, term))
    ask = Ask(entity=PARTY, where=settled.where, limit=5)
    rows = (await reader.rows(inquiry, ask)).rows
    assert sorted(row.key for row in rows) == found


async def test_a_number_without_its_check_finds_nothing_though_it_is_not_refused(
    register: MemorySource, filters: Filters
) -> None:
    wrong = named(Op.EQ, "张三110105194912310021")
    settled = await filters.settle(PARTY, wrong)
    rows = [{"registerId": "1", "name": "张三110105194912310021"}]
    register.tables["Counterparty"] = Table(entity=PARTY, key="registerId", rows=rows)
    tally = TallyQuery(type="Counterparty", where=settled.where)
    assert [one.count for one in await register.tally(tally)] == [0]


async def test_names_are_shown_without_the_number(
    reader: Reader, inquiry: Inquiry
) -> None:
    names = ("name", "formerNames")
    ask = Ask(entity=PARTY, fields=frozenset(names), limit=5)
    rows = sorted((await reader.rows(inquiry, ask)).rows, key=lambda row: row.key)
    assert [{name: row.values[name] for name in names} for row in rows] == [
        {"name": f"张三商店（{LEFT}）", "formerNames": [f"张三（{LEFT}）", "张三面馆"]},
        {"name": "李四商店", "formerNames": []},
    ]


async def test_groups_by_name_are_called_without_the_number(
    register: MemorySource,
) -> None:
    for field, names in (
        ("name", {f"张三商店（{LEFT}）", "李四商店"}),
        ("formerNames", {f"张三（{LEFT}）", "张三面馆", None}),
    ):
        query = TallyQuery(type="Counterparty", by=(GroupBy(field),))
        assert {one.group[0] for one in await register.tally(query)} == names
