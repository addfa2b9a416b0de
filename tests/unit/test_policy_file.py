"""The rules in force: what each requester sees of each type, for review."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from zhitong.exceptions import PolicyError
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.policy_matrix import matrix
from zhitong.infra.settings import Settings
from zhitong.requesters import KINDS
from zhitong.resolvers.explanation import anybody, described
from zhitong.resolvers.policy import EVERY, Caller, Effect
from zhitong.resolvers.rulings import visible
from zhitong.resolvers.verdicts import decide
from zhitong.schema.entities import ENTITIES
from zhitong.types import (
    Allow,
    Compare,
    Deny,
    Kind,
    Mask,
    Occasion,
    Op,
    Rulings,
    Sharing,
)

PAGE = Path(__file__).parents[2] / "docs" / "policy-matrix.md"
IN_FORCE = Settings().policy
POLICY = read_policy(IN_FORCE, ENTITIES)
BODIES = {
    "police": "criminal-investigation",
    "procuratorate": "prosecution",
    "court": "trial",
    "state-security": "state-security",
    "discipline": "discipline-inspection",
    "audit": "audit",
}
WHOLE = Occasion(basis="法", cause="案", letter="信")
PAPERS = Occasion(
    cause="案", letter="信", mandate="委托", authorisation="授权", licence="证"
)
UNIT, PERSON, ATTORNEY = (
    DEMO_PRINCIPALS[who] for who in ("party", "natural-party", "attorney")
)


def seen(caller: Caller, place: str) -> Rulings:
    name, _, field = place.partition(".")
    return decide(POLICY, caller, ENTITIES[name]).fields[field]


def words(caller: Caller, place: str) -> list[str]:
    """Write verdicts as ``Allow where …``."""
    return [
        type(ruling.verdict).__name__
        + ("" if ruling.under is None else f" where {described(ruling.under)}")
        for ruling in seen(caller, place)
    ]


def rows(caller: Caller, name: str) -> str:
    scope = decide(POLICY, caller, ENTITIES[name]).rows
    return "" if scope is None else described(scope)


def test_the_page_of_the_matrix_is_what_the_rules_say() -> None:
    """To accept a change: make policy, and have it reviewed."""
    assert PAGE.read_text(encoding="utf-8") == matrix(POLICY, ENTITIES)


def test_a_rule_for_all_fields_gives_nothing_that_is_withheld() -> None:
    wide = [
        rule.name
        for rule in POLICY.rules
        if rule.effect is Effect.ALLOW
        and rule.fields == EVERY
        and Sharing.WITHHELD in rule.sharing
    ]
    assert wide == []


def test_nobody_is_given_an_id_number_in_the_clear() -> None:
    numbers = [
        (entity.name, field.name)
        for entity in ENTITIES.values()
        for field in entity.fields.values()
        if field.sharing is Sharing.WITHHELD
    ]
    assert len(numbers) > 2
    for rule in POLICY.rules:
        # A receiver's statutory form demands it, encrypted to that receiver's key.
        if rule.effect is Effect.ALLOW and not rule.kinds <= {
            "provincial-platform",
            "credit-system",
        }:
            assert [
                f"{rule.name}: {name}"
                for entity, name in numbers
                if name in rule.fields and entity in rule.types
            ] == []


def test_every_kind_has_rules() -> None:
    named = frozenset[str]().union(*(rule.kinds for rule in POLICY.rules)) - {"*"}
    assert named == set(KINDS)


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("lacking", ["purpose", "basis", "cause", "letter", "identity"])
def test_a_body_lacking_one_paper_is_given_nothing_on_condition(
    kind: str, lacking: str
) -> None:
    why = replace(WHOLE, purpose=BODIES[kind])
    identity = lacking != "identity"
    if identity:
        why = replace(why, **{lacking: ""})
    caller = Caller(principal=anybody(kind, identity=identity), occasion=why)
    # Their own applications for grants are no department's data.
    for entity in (ENTITIES[name] for name in ENTITIES if name != "AccessGrant"):
        for field in entity.fields.values():
            if field.sharing is not Sharing.UNCONDITIONAL:
                assert not visible(seen(caller, f"{entity.name}.{field.name}"))


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_with_its_papers_reads_archived_files_and_masked_numbers(
    kind: str,
) -> None:
    caller = Caller(
        principal=anybody(kind, identity=True),
        occasion=replace(WHOLE, purpose=BODIES[kind]),
    )
    for field in ("facts", "place"):
        assert words(caller, f"CaseRecord.{field}") == [
            "Allow where archivedOn present",
            "Deny",
        ]
    fallback = seen(caller, "CaseRecord.facts")[-1].verdict
    assert isinstance(fallback, Deny)
    assert "承办人" in fallback.remedy.zh
    assert words(caller, "Counterparty.idNumber") == ["Mask"]
    assert words(caller, "Officer.idNumber") == ["Deny"]


@pytest.mark.parametrize("kind", [kind for kind in BODIES if kind != "police"])
def test_the_purpose_of_the_police_is_nobody_elses(kind: str) -> None:
    caller = Caller(
        principal=anybody(kind, identity=True),
        occasion=replace(WHOLE, purpose="criminal-investigation"),
    )
    assert words(caller, "Counterparty.phone") == ["Deny"]
    assert words(caller, "CaseRecord.facts") == ["Deny"]


def test_an_officer_reads_without_approval_and_copies_with_it() -> None:
    county = DEMO_PRINCIPALS["own-officer"]
    reads = Caller(principal=county, occasion=Occasion())
    assert words(reads, "CaseRecord.facts") == ["Allow"]
    assert rows(reads, "CaseRecord") == "division prefix 619921"
    copies = Caller(principal=county, occasion=Occasion(purpose="export"))
    for field in ("caseNo", "facts"):
        (ruling,) = seen(copies, f"CaseRecord.{field}")
        assert isinstance(ruling.verdict, Deny)
        assert "zhitong-approval" in ruling.verdict.reason.en
    approved = Caller(
        principal=county, occasion=Occasion(purpose="export", approval="批")
    )
    assert words(approved, "CaseRecord.facts") == ["Allow"]


def test_a_purpose_that_is_made_up_opens_no_telephone() -> None:
    for who in ("own-officer", "department", "police", "supervisor"):
        caller = Caller(
            principal=DEMO_PRINCIPALS[who],
            occasion=replace(WHOLE, purpose="curiosity"),
        )
        assert words(caller, "CaseRecord.contactPhone") == ["Deny"]
        assert words(caller, "Counterparty.phone") == ["Deny"]


def test_a_city_sees_its_counties_and_a_county_itself() -> None:
    city = Caller(principal=DEMO_PRINCIPALS["city-officer"], occasion=Occasion())
    assert rows(city, "CaseRecord") == "division prefix 6199"


def test_a_party_sees_what_was_decided_in_its_own_case_alone() -> None:
    caller = Caller(principal=UNIT, occasion=Occasion())
    assert rows(caller, "CaseRecord") == (
        "(status in DECIDED, CLOSED) and (counterpartyCode eq own)"
    )
    assert words(caller, "CaseRecord.result") == ["Allow"]
    assert words(caller, "CaseRecord.place") == ["Deny"]
    assert words(caller, "Inspection.problems") == ["Deny"]


def test_a_unit_shows_its_letter_for_the_document_and_a_person_has_none() -> None:
    silent = Caller(principal=UNIT, occasion=Occasion())
    assert not any(
        isinstance(ruling.verdict, Allow) and ruling.under is None
        for ruling in seen(silent, "CaseRecord.facts")
    )
    first = seen(silent, "CaseRecord.facts")[0]
    assert isinstance(first.verdict, Deny)
    shown = Caller(principal=UNIT, occasion=Occasion(letter="信"))
    assert words(shown, "CaseRecord.facts")[0] == (
        "Allow where (archivedOn present) and (counterpartyCode eq own)"
    )
    person = Caller(principal=PERSON, occasion=Occasion())
    assert words(person, "CaseRecord.facts") == [
        "Allow where (archivedOn present) and (counterpartyIdNumber eq own)",
        "Deny",
    ]


def test_without_an_id_document_a_party_is_given_nothing_of_its_case() -> None:
    caller = Caller(principal=replace(PERSON, identity=False), occasion=Occasion())
    for field in ENTITIES["CaseRecord"].fields:
        assert not visible(seen(caller, f"CaseRecord.{field}"))


def test_a_dispute_opens_facts_and_place_to_the_party() -> None:
    caller = Caller(
        principal=PERSON, occasion=Occasion(), disputed=frozenset({"案1", "案2"})
    )
    for place in ("CaseRecord.facts", "CaseRecord.place"):
        assert words(caller, place)[0] == "Allow where caseNo in 案1, 案2"


def test_a_dispute_opens_inspections_of_the_party_itself_alone() -> None:
    # Case numbers are their departments': two may have one number.
    disputed = frozenset({"案1"})
    unit = Caller(principal=UNIT, occasion=Occasion(), disputed=disputed)
    assert words(unit, "Inspection.problems")[0] == (
        "Allow where (counterpartyCode eq own) and (caseNo in 案1)"
    )
    assert rows(unit, "Inspection") == "caseNo in 案1"
    person = Caller(principal=PERSON, occasion=Occasion(), disputed=disputed)
    assert words(person, "Inspection.problems") == ["Deny"]


def test_an_attorney_shows_five_papers_and_sees_the_one_case() -> None:
    caller = Caller(principal=ATTORNEY, occasion=PAPERS)
    assert words(caller, "CaseRecord.facts") == [
        "Allow where archivedOn present",
        "Deny",
    ]
    assert "caseNo eq own" in rows(caller, "CaseRecord")
    for paper in ("letter", "mandate", "authorisation", "licence"):
        lacking = Caller(principal=ATTORNEY, occasion=replace(PAPERS, **{paper: ""}))
        assert words(lacking, "CaseRecord.result") == ["Deny"]
        assert words(lacking, "CaseRecord.facts") == ["Deny"]
    nobody = Caller(principal=ATTORNEY, occasion=replace(PAPERS, cause=""))
    assert "none" in rows(nobody, "CaseRecord")


def test_a_dashboard_counts_and_is_given_no_amount_and_no_name() -> None:
    caller = Caller(principal=DEMO_PRINCIPALS["dashboard"], occasion=WHOLE)
    counted = {"CaseRecord", "Inspection", "Decision", "Delivery", "Finding"}
    counted |= {"AccessLook", "WorkItem", "Clock", "Publication"}
    for entity in ENTITIES.values():
        verdicts = decide(POLICY, caller, entity)
        assert (verdicts.counts_only, verdicts.smallest_cell) == (
            (True, 5) if entity.name in counted else (False, 0)
        )
        for field in entity.fields.values():
            if field.kind is Kind.MONEY or (field.mask and entity.name in counted):
                assert not visible(verdicts.fields[field.name])


@pytest.mark.parametrize("who", ["operator", "data-authority", "auditor"])
def test_who_manages_runs_or_audits_sees_no_business_data(who: str) -> None:
    caller = Caller(principal=DEMO_PRINCIPALS[who], occasion=WHOLE)
    platform = {"AccessRecord", "Finding", "Delivery", "Receipt", "Receiver"}
    platform |= {"AccessGrant", "AccessLook", "Reconciliation"}
    platform |= {"ReconciliationDifference", "ReconciliationRun", "WorkItem", "Clock"}
    for entity in ENTITIES.values():
        if entity.name not in platform:
            fields = decide(POLICY, caller, entity).fields
            assert not any(map(visible, fields.values()))


def test_findings_about_decisions_and_about_looks_are_read_by_different_people() -> (
    None
):
    auditor = Caller(principal=DEMO_PRINCIPALS["auditor"], occasion=Occasion())
    supervisor = Caller(principal=DEMO_PRINCIPALS["supervisor"], occasion=Occasion())
    assert rows(auditor, "Finding") == "recordId present"
    assert rows(supervisor, "Finding") == "decisionId present"


def test_the_public_sees_names_of_enterprises_and_masks_of_people() -> None:
    caller = Caller(principal=DEMO_PRINCIPALS["public"], occasion=Occasion())
    allowed, masked = seen(caller, "CaseRecord.counterpartyName")
    assert allowed.under == Compare(
        "counterpartyKind", Op.IN, ("LEGAL_PERSON", "INDIVIDUAL_BUSINESS")
    )
    assert isinstance(masked.verdict, Mask)


OWN = """
tenant = "anze"
[purposes]
police = ["crime-transfer", "x"]
[[rules]]
name = "r"
kinds = ["police", {more}]
effect = "allow"
sharing = ["unconditional"]
types = ["Counterparty"]
purposes = {purposes}
reason = {{ zh = "因", en = "why" }}
source = "test"
"""


def test_own_purposes_are_those_the_file_lists_for_each_kind(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(OWN.format(more="", purposes='["own"]'), encoding="utf-8")
    (rule,) = read_policy(path, ENTITIES).rules
    assert (sorted(rule.kinds), sorted(rule.purposes)) == (
        ["police"],
        ["crime-transfer", "x"],
    )


@pytest.mark.parametrize(
    ("more", "purposes", "wrong"),
    [
        pytest.param('"court"', '["own"]', "purposes.court", id="a kind without any"),
        pytest.param("", '["own", "x"]', "purposes.own", id="own beside others"),
    ],
)
def test_own_purposes_that_are_none_are_refused(
    tmp_path: Path, more: str, purposes: str, wrong: str
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(OWN.format(more=more, purposes=purposes), encoding="utf-8")
    with pytest.raises(PolicyError, match=wrong):
        read_policy(path, ENTITIES)


WHEN = """
tenant = "*"
[[rules]]
name = "r"
kinds = ["public"]
effect = "{effect}"
types = ["Counterparty"]
fields = ["name"]
when = {{ field = "kind", in = ["NATURAL_PERSON"] }}
reason = {{ zh = "因", en = "why" }}
source = "test"
"""


@pytest.mark.parametrize("effect", ["deny", "mask"])
def test_what_takes_away_under_a_condition_is_refused(
    tmp_path: Path, effect: str
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(WHEN.format(effect=effect), encoding="utf-8")
    with pytest.raises(PolicyError, match="rule r takes away under a condition"):
        read_policy(path, ENTITIES)


def test_what_gives_under_a_condition_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(WHEN.format(effect="allow"), encoding="utf-8")
    (rule,) = read_policy(path, ENTITIES).rules
    assert rule.under is not None
    assert rule.under.where == Compare("kind", Op.IN, ("NATURAL_PERSON",))


def test_every_rule_names_the_text_it_rests_on() -> None:
    sources = [(rule.name, rule.source) for rule in POLICY.rules]
    sources += [(rule.name, rule.source) for rule in POLICY.rows]
    sources += [(rule.name, rule.source) for rule in POLICY.counts]
    sources += [(rule.name, rule.source) for rule in POLICY.lookups]
    assert [name for name, source in sources if not source.strip()] == []
    # A rule for the purposes of each kind is one per kind, under one name.
    assert all(
        one.source == other.source
        for one in POLICY.rules
        for other in POLICY.rules
        if one.name == other.name
    )
