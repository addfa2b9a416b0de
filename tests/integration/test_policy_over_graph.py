"""Nothing leaks: nobody's values in protected columns, asked for in every way."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest

from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.schema.engine import Answer
from zhitong.schema.entities import ENTITIES
from zhitong.types import Occasion

pytestmark = pytest.mark.integration

Asking = Callable[..., Awaitable[Answer]]
Sql = Callable[..., Awaitable[list[asyncpg.Record]]]

LETTER = Occasion(letter="正蓝函〔2026〕1号")
PARTY, FORMER, CASE_PARTY = "金丝雀自然人", "金丝雀曾用名", "金丝雀当事人"
PARTY_ID, CASE_ID, OFFICER_ID = "61990219000101771X", "619921190001017721", "6199771"
PARTY_PHONE, CASE_PHONE = "19977001771", "19977001772"
OFFICER_PHONE, REPAIR_PHONE = "19977001773", "19977001774"
ADDRESS, PLACE = "安泽市东岭县金丝雀路七号", "安泽市东岭县金丝雀桥下"
FACTS, PROBLEMS = "金丝雀违法事实", "金丝雀所见问题"
APPLICANT, REPRESENTATIVE = "金丝雀经办", "金丝雀代表"
DECISION = (
    *("金丝雀内部号", "金丝雀决定人", "金丝雀负责人", "金丝雀决定事实"),
    *("金丝雀更正原因", "金丝雀摘要", "金丝雀决定案由", "金丝雀决定内容"),
)
LOCAL_ID, DECISION_PARTY, DECISION_CHIEF, DECISION_FACTS, *_ = DECISION
FINDING = ("金丝雀规则", "金丝雀发现", "canary found", "金丝雀规则依据")
RECEIPT = ("金丝雀载荷摘要", "金丝雀拒收", "金丝雀密钥号", "金丝雀签名")
ROWS: Mapping[str, tuple[tuple[str, tuple[object, ...]], ...]] = {
    "market": (
        (
            (
                "insert into scjg.xdr (xdr_id, xdr_lx, xzqh, djzt, xdr_mc, xdr_cym, "
                "zjhm, lxdh, zs, fddbr) "
                "values (-7, '3', '619921', '1', $1, $2, $3, $4, $5, $6)"
            ),
            (PARTY, FORMER, PARTY_ID, PARTY_PHONE, ADDRESS, REPRESENTATIVE),
        ),
        (
            (
                "insert into scjg.aj (aj_id, ajbh, ajzt, xzqh, dsr_lx, lasj, dsr_mc, "
                "dsr_zjhm, dsr_dh, fadd, wfss, gdrq) values (-7, '金丝雀案', '40', "
                "'619902', '3', '2026-06-01', $1, $2, $3, $4, $5, '2026-08-01')"
            ),
            (CASE_PARTY, CASE_ID, CASE_PHONE, PLACE, FACTS),
        ),
    ),
    "justice": (
        (
            (
                "insert into sfj.zfry (ryid, zfzh, xm, zjzt, lxdh, sfzh) "
                "values (-7, '金丝雀证', '金丝雀官', '1', $1, $2)"
            ),
            (OFFICER_PHONE, OFFICER_ID),
        ),
    ),
    "credit": (
        (
            (
                "insert into xyb.xyxf (id, sqbh, sqlb, blzt, jbr, jbrdh) "
                "values (-7, '金丝雀申请', '1', '0', $1, $2)"
            ),
            (APPLICANT, REPAIR_PHONE),
        ),
    ),
    "emergency": (
        (
            (
                "insert into yjj.jc_jl (jcid, jcbh, xzqh, wtms) "
                "values (-7, '金丝雀检查', '619902', $1)"
            ),
            (PROBLEMS,),
        ),
    ),
    "platform": (
        (
            (
                "insert into decision (decision_id, local_id, act_type, subject_code, "
                "case_key, case_hash, document_no, document_key, decided_on, division, "
                "party_key, party_kind, party_name, representative, facts, reason, "
                "content_hash, title, content, officers, penalty_kinds, version, "
                "change, recorded_by, recorded_at, changed_at) values ('canary', $1, "
                "'PENALTY', '11619900MB0004001B', 'canary', 1, '7', '7', '2026-06-01', "
                "'619902', 'canary', 'NATURAL_PERSON', $2, $3, $4, $5, $6, $7, $8, "
                "'{}', '{}', 2, 'CORRECTED', '11619900MB0004001B', now(), now())"
            ),
            DECISION,
        ),
        (
            (
                "insert into finding (finding_id, decision_id, version, severity, "
                "found_at, check_name, zh, en, source) "
                "values ('canary', 'canary', 1, 'BREACH', now(), $1, $2, $3, $4)"
            ),
            FINDING,
        ),
        (
            (
                "insert into receipt (event_id, receiver, answer, at, payload_hash, "
                "reasons, key_id, signed) values ('canary', 'credit', 'REJECTED', "
                "now(), $1, array[$2], $3, $4)"
            ),
            RECEIPT,
        ),
    ),
}
ALL = {
    *(PARTY, FORMER, CASE_PARTY, PARTY_ID, CASE_ID, OFFICER_ID, PARTY_PHONE),
    *(CASE_PHONE, OFFICER_PHONE, REPAIR_PHONE, ADDRESS, PLACE, FACTS, PROBLEMS),
    *(APPLICANT, REPRESENTATIVE),
    *DECISION,
    *FINDING,
    *RECEIPT,
}
NEVER: Mapping[str, set[str]] = {
    "police": {
        *(PARTY_ID, CASE_ID, OFFICER_ID, PARTY_PHONE, CASE_PHONE, ADDRESS),
        *FINDING,
        *RECEIPT,
    },
    # The canaries lie in another place than the county officer's own.
    "own-officer": ALL - {PARTY, FORMER, PARTY_PHONE, ADDRESS, REPRESENTATIVE},
    "public": ALL,
    "auditor": ALL - {*RECEIPT},
}


@pytest.fixture
async def canaries(sql: Sql, gateway: object) -> AsyncIterator[None]:
    assert gateway  # it has made the platform's tables
    for source, inserted in ROWS.items():
        for statement, values in inserted:
            await sql(source, statement, *values)
    yield
    await sql("market", "delete from scjg.xdr where xdr_id = -7")
    await sql("market", "delete from scjg.aj where aj_id = -7")
    await sql("justice", "delete from sfj.zfry where ryid = -7")
    await sql("credit", "delete from xyb.xyxf where id = -7")
    await sql("emergency", "delete from yjj.jc_jl where jcid = -7")
    await sql("platform", "delete from receipt where event_id = 'canary'")
    await sql("platform", "delete from finding where decision_id = 'canary'")
    await sql("platform", "delete from decision where decision_id = 'canary'")


def identity(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


NODES = [
    identity(place)
    for place in (
        "Counterparty:market:-7",
        "CaseRecord:market:-7",
        "Officer:justice:-7",
        "CreditRepair:credit:-7",
        "Inspection:emergency:-7",
        "Decision:platform:canary",
        "Finding:platform:canary",
        "Receipt:platform:canary:credit:REJECTED",
    )
]


def everything() -> Iterator[str]:
    """Ask for every field of every type, by list, node, interface, alias, search."""
    for entity in ENTITIES.values():
        names = " ".join(f"{name} x{name}: {name}" for name in entity.fields)
        lists = "nodes { ...All } edges { node { ...All } }"
        used = f"fragment All on {entity.name} {{ id {names} }}"
        for name in entity.orders:
            order = f"orderBy: {{by: {name}, direction: ASC}}"
            yield f"{{ {entity.plural}(first: 200, {order}) {{ {lists} }} }} {used}"
    for node in NODES:
        for entity in ENTITIES.values():
            names = " ".join(entity.fields)
            if entity.plural != "accessRecords":
                yield (
                    f'{{ node(id: "{node}") {{ id '
                    f"... on {entity.name} {{ {names} }} }} }}"
                )
    for name in ("金丝雀", PARTY, CASE_PARTY, "1997700177"):
        yield (
            f'{{ search(name: "{name}", first: 200) {{ nodes {{ id source '
            "... on Counterparty { name representative phone } "
            "... on CaseRecord { counterpartyName facts contactPhone } "
            "... on Officer { name phone idNumber } } } }"
        )
    yield "{ caseStatistics(by: [SUBJECT, DIVISION]) { groups { subjectCode count } } }"


@pytest.mark.usefixtures("canaries")
@pytest.mark.parametrize("who", list(NEVER))
async def test_what_is_withheld_is_in_no_answer(ask: Asking, who: str) -> None:
    seen: set[str] = set()
    for document in everything():
        answer = await ask(who, document)
        text = orjson.dumps(answer.body).decode()
        assert {one for one in NEVER[who] if one in text} == set(), document
        seen |= {one for one in ALL if one in text}
    # The canaries are where the questions look: who may see the others has seen them.
    expected = {
        "police": ALL - NEVER["police"],
        "own-officer": {PARTY, FORMER, PARTY_PHONE, ADDRESS, REPRESENTATIVE},
        "auditor": {*RECEIPT},
    }
    assert seen == expected.get(who, set())


def oracles() -> Iterator[tuple[str, str, str]]:
    """Compare each protected value: type, field and the two values to tell apart."""
    yield from (
        ("counterparties", "idNumber", PARTY_ID),
        ("counterparties", "phone", PARTY_PHONE),
        ("counterparties", "address", ADDRESS),
        ("counterparties", "name", PARTY),
        ("counterparties", "representative", REPRESENTATIVE),
        ("caseRecords", "counterpartyName", CASE_PARTY),
        ("caseRecords", "counterpartyIdNumber", CASE_ID),
        ("caseRecords", "contactPhone", CASE_PHONE),
        ("caseRecords", "place", PLACE),
        ("caseRecords", "facts", FACTS),
        ("officers", "phone", OFFICER_PHONE),
        ("officers", "idNumber", OFFICER_ID),
        ("creditRepairs", "applicant", APPLICANT),
        ("creditRepairs", "phone", REPAIR_PHONE),
        ("inspections", "problems", PROBLEMS),
        ("decisions", "localId", LOCAL_ID),
        ("decisions", "counterpartyName", DECISION_PARTY),
        ("decisions", "representative", DECISION_CHIEF),
        ("decisions", "facts", DECISION_FACTS),
        *(
            ("decisions", field, value)
            for field, value in zip(
                ("changeReason", "contentHash", "title", "result"),
                DECISION[4:],
                strict=True,
            )
        ),
        ("findings", "messageZh", FINDING[1]),
        ("receipts", "signed", RECEIPT[3]),
    )


FORMS = (
    "{{{0}: {{eq: {1}}}}}",
    "{{{0}: {{in: [{1}]}}}}",
    "{{{0}: {{contains: {1}}}}}",
    "{{not: {{{0}: {{eq: {1}}}}}}}",
    "{{or: [{{{0}: {{eq: {1}}}}}, {{{0}: {{contains: {1}}}}}]}}",
    "{{not: {{not: {{{0}: {{eq: {1}}}}}}}}}",
    "{{and: [{{not: {{or: [{{{0}: {{contains: {1}}}}}]}}}}]}}",
)


@pytest.mark.usefixtures("canaries")
@pytest.mark.parametrize("who", ["police", "own-officer", "public", "auditor"])
async def test_no_filter_tells_a_withheld_value_from_one_that_is_nowhere(
    ask: Asking, who: str
) -> None:
    refused = 0
    for root, field, value in oracles():
        if value not in NEVER[who]:
            continue
        decoy = value[:-1] + ("0" if value[-1] != "0" else "1")
        for form in FORMS:
            document = (
                "query($v: String!) {{ "
                f"{root}(first: 200, where: {form.format(field, '$v')}) "
                "{ nodes { id } totalCount { count } } }"
            ).replace("{{", "{")
            answers = [
                (await ask(who, document, {"v": text})).body for text in (value, decoy)
            ]
            assert answers[0] == answers[1], document
            refused += "errors" in answers[0]
    assert refused > 0 or who == "auditor"


@pytest.mark.usefixtures("canaries")
async def test_no_way_across_types_tells_it_either(ask: Asking) -> None:
    for path in (
        "caseRecords(where: {counterparty: {name: {eq: $v}}})",
        "caseRecords(where: {not: {counterparty: {name: {eq: $v}}}})",
        "caseRecords(where: {counterparty: {phone: {eq: $v}}})",
        "creditListings(where: {counterparty: {idNumber: {eq: $v}}})",
        "counterparties(where: {cases: {contactPhone: {eq: $v}}})",
        "counterparties(where: {not: {cases: {counterpartyName: {eq: $v}}}})",
        "enforcementSubjects(where: {cases: {facts: {contains: $v}}})",
        "enforcementSubjects(where: {officers: {phone: {eq: $v}}})",
        "enforcementSubjects(where: {decisions: {facts: {contains: $v}}})",
        "enforcementSubjects(where: {decisions: {counterpartyName: {eq: $v}}})",
        "decisions(where: {findings: {messageZh: {eq: $v}}})",
        "decisions(where: {not: {findings: {messageZh: {eq: $v}}}})",
    ):
        document = f"query($v: String!) {{ {path} {{ totalCount {{ count }} }} }}"
        for value in (
            *(PARTY, PARTY_PHONE, PARTY_ID, CASE_PHONE, CASE_PARTY, FACTS),
            *(DECISION_FACTS, DECISION_PARTY, FINDING[1]),
        ):
            answers = [
                (await ask("public", document, {"v": text})).body
                for text in (value, "从来没有的")
            ]
            assert answers[0] == answers[1], document


@pytest.mark.usefixtures("canaries")
async def test_a_denial_is_explained_and_on_record(ask: Asking, sql: Sql) -> None:
    query = f"""{{ node(id: "{NODES[0]}") {{ ... on Counterparty {{
      name phone idNumber formerNames }} }} }}"""
    answer = await ask("public", query)
    assert answer.body["data"] == {
        "node": {
            "name": "金*****",
            "phone": None,
            "idNumber": None,
            "formerNames": None,
        }
    }
    extensions: Any = answer.body["extensions"]
    assert [
        (one["field"], one["verdict"], one.get("rows"), "remedy" in one)
        for one in extensions["access"]
    ] == [
        (
            "formerNames",
            "DENY",
            "not (kind in LEGAL_PERSON, INDIVIDUAL_BUSINESS)",
            True,
        ),
        ("idNumber", "DENY", None, True),
        ("name", "MASK", "not (kind in LEGAL_PERSON, INDIVIDUAL_BUSINESS)", False),
        ("phone", "DENY", None, True),
    ]
    (record,) = await sql(
        "platform",
        "select restrictions, looks from access_record where record_id = $1",
        answer.record_id,
    )
    assert sorted(record["restrictions"]) == [
        "Counterparty.formerNames ALLOW|DENY",
        "Counterparty.idNumber DENY",
        "Counterparty.name ALLOW|MASK(name)",
        "Counterparty.phone DENY",
    ]


EXPLAIN = """query($kind: String, $occasion: PolicyOccasion, $field: String!) {
  policyExplain(field: $field, kind: $kind, occasion: $occasion) {
    kind rows compared verdicts { verdict rows rule mask remedyEn } } }"""


async def told(
    ask: Asking, who: str, field: str, **more: object
) -> tuple[Any, list[str]]:
    """Ask what the policy says; give it, and the codes of errors."""
    answer = await ask(who, EXPLAIN, {"field": field, **more})
    body: Any = answer.body
    errors = [one["extensions"]["code"] for one in body.get("errors", ())]
    return body["data"]["policyExplain"], errors


async def test_a_caller_is_told_what_the_policy_gives_on_this_occasion(
    ask: Asking,
) -> None:
    found, errors = await told(ask, "police", "CaseRecord.facts")
    assert errors == []
    assert [(one["verdict"], one["rows"]) for one in found["verdicts"]] == [
        ("ALLOW", "archivedOn present"),
        ("DENY", "not (archivedOn present)"),
    ]
    assert "the officers on the case" in found["verdicts"][1]["remedyEn"]
    silent, _ = await told(ask, "police", "CaseRecord.facts", occasion={})
    assert [one["verdict"] for one in silent["verdicts"]] == ["DENY"]
    own, _ = await told(ask, "natural-party", "CaseRecord.result")
    assert own["rows"].endswith("(counterpartyIdNumber eq own)")
    assert "619921199006135015" not in str(own)


async def test_of_other_kinds_overseers_alone_are_told(ask: Asking) -> None:
    for who in ("police", "public", "party", "department"):
        found, errors = await told(ask, who, "Counterparty.phone", kind="court")
        assert (found, errors) == (None, ["FORBIDDEN"])
    stated = {"purpose": "trial", "basis": "法", "cause": "案", "letter": "信"}
    for who in ("auditor", "operator", "data-authority", "supervisor"):
        silent, _ = await told(ask, who, "Counterparty.phone", kind="court")
        assert [one["verdict"] for one in silent["verdicts"]] == ["DENY"]
        found, errors = await told(
            ask,
            who,
            "Counterparty.phone",
            kind="court",
            occasion={**stated, "identity": True},
        )
        assert (found["kind"], errors) == ("court", [])
        assert [one["verdict"] for one in found["verdicts"]] == ["ALLOW", "MASK"]


async def test_a_kind_or_field_there_is_not_is_refused(ask: Asking) -> None:
    for field, kind in (("Counterparty.nothing", None), ("Officer.name", "nobody")):
        found, errors = await told(ask, "auditor", field, kind=kind)
        assert (found, errors) == (None, ["SCALAR"])


PARTY_CASES = """{ caseRecords(first: 200) {
  nodes { caseNo status archivedOn facts place counterpartyCode counterpartyName }
} }"""


async def test_a_party_is_given_its_own_decided_cases_and_no_other(
    ask: Asking,
) -> None:
    enterprise = DEMO_PRINCIPALS["party"].party_code
    shown: Any = (await ask("party", PARTY_CASES, occasion=LETTER)).body
    cases = shown["data"]["caseRecords"]["nodes"]
    assert len(cases) > 5
    assert {case["counterpartyCode"] for case in cases} == {enterprise}
    assert {case["status"] for case in cases} <= {"DECIDED", "CLOSED"}
    assert {case["place"] for case in cases} == {None}
    # The file of one of them is not archived yet: its facts are told by the section.
    archived = {case["archivedOn"] is not None for case in cases}
    assert archived == {True, False}
    for case in cases:
        assert (case["facts"] is not None) is (case["archivedOn"] is not None)
    withheld = {(one["field"], one["rule"]) for one in shown["extensions"]["access"]}
    assert ("facts", "own-case-facts-not-archived") in withheld
    bare: Any = (await ask("party", PARTY_CASES)).body["data"]
    assert {case["facts"] for case in bare["caseRecords"]["nodes"]} == {None}


async def test_a_natural_person_finds_cases_by_the_number_nobody_is_shown(
    ask: Asking,
) -> None:
    body: Any = (await ask("natural-party", PARTY_CASES)).body["data"]
    cases = body["caseRecords"]["nodes"]
    assert {case["counterpartyName"] for case in cases} == {"胡浩宁"}
    assert {case["caseNo"] for case in cases} >= {"东岭农立字[2024]00033号"}


async def test_an_attorney_is_given_the_case_that_is_the_cause(ask: Asking) -> None:
    papers = replace(
        LETTER, mandate="委托1号", authorisation="授权1号", licence="16199001"
    )
    case = replace(papers, cause="JT2023000034")
    body: Any = (await ask("attorney", PARTY_CASES, occasion=case)).body["data"]
    (one,) = body["caseRecords"]["nodes"]
    assert one["caseNo"] == "JT2023000034"
    assert one["facts"] is not None
    other = replace(papers, cause="安市监案〔2021〕57号")  # of somebody else
    found: Any = (await ask("attorney", PARTY_CASES, occasion=other)).body["data"]
    assert found["caseRecords"]["nodes"] == []
    for lacking in (papers, replace(case, licence="")):
        nothing: Any = (await ask("attorney", PARTY_CASES, occasion=lacking)).body
        assert nothing["data"]["caseRecords"] is None


@pytest.mark.parametrize(
    "document",
    [
        '{ counterparties(where: {phone: {eq: "1"}}) { nodes { id } } }',
        "{ counterparties(where: {phone: {present: true}}) { nodes { id } } }",
        '{ counterparties(where: {not: {idNumber: {eq: "1"}}}) { nodes { id } } }',
        '{ counterparties(where: {or: [{address: {eq: "县"}}]}) { nodes { id } } }',
        "{ counterparties(where: {inspections: {}}) { nodes { id } } }",
        "{ caseRecords(where: {officers: {}}) { nodes { id } } }",
        '{ inspections(where: {problems: {contains: "x"}}) { nodes { id } } }',
        "{ officers(orderBy: {by: validTo}) { nodes { id } } }",
    ],
)
async def test_the_public_cannot_compare_or_sort_by_what_is_hidden(
    ask: Asking, sql: Sql, document: str
) -> None:
    answer = await ask("public", document)
    errors: Any = answer.body["errors"]
    assert [one["extensions"]["code"] for one in errors] == ["FIELD_HIDDEN"]
    (record,) = await sql(
        "platform",
        "select restrictions from access_record where record_id = $1",
        answer.record_id,
    )
    assert any(one.endswith(" DENY") for one in record["restrictions"])


UNFED = {
    f"Decision.{name}"
    for name in (
        *("counterpartyIdKind", "counterpartyIdNumber", "representativeIdKind"),
        *("representativeIdNumber", "collective", "hearing", "changeBasis"),
        *("recordedByName", "recordedByPerson"),
    )
}
"""Declared for the policy to say which receiver has them; no column feeds them."""


def test_the_canaries_lie_in_every_field_that_needs_one() -> None:
    """A new protected field needs a canary here, or a word why not.

    Of findings and receipts every field is protected; their texts have canaries.
    Proceedings and grants have theirs in tests/leaks, as every protected column has.
    """
    elsewhere = {"AccessRecord", "AccessGrant", "Finding", "Receipt", "Proceeding"}
    elsewhere |= {"AccessLook", "Reconciliation", "WorkItem", "Clock", "Publication"}
    # Keys and digests: a bureau's statement says what everybody may read of a decision.
    elsewhere |= {"DecisionSignature"}
    protected = {
        f"{entity.name}.{field.name}"
        for entity in ENTITIES.values()
        for field in entity.fields.values()
        if field.sharing != "unconditional" and entity.name not in elsewhere
    }
    assert protected == {
        "Officer.phone",
        "Officer.idNumber",
        "Counterparty.representative",
        "Counterparty.phone",
        "Counterparty.address",
        "Counterparty.idNumber",
        "CreditRepair.applicant",
        "CreditRepair.phone",
        "CaseRecord.counterpartyIdNumber",
        "CaseRecord.contactPhone",
        "CaseRecord.place",
        "CaseRecord.facts",
        "Inspection.problems",
        "SupervisionNotice.content",  # in tests/leaks, and test_inbound_graph
        "Decision.localId",
        "Decision.facts",
        "Decision.representative",
        "Decision.reviewOpinion",  # one of five words: nothing to find again
        "Decision.changeReason",
        "Decision.contentHash",
        *UNFED,
    }
