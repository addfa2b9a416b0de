"""A policy with a mistake is refused at start, never half understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhitong.exceptions import PolicyError
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.schema.entities import ENTITIES

IN_FORCE = Settings().policy.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        pytest.param(
            'fields = ["idNumber"]', 'fields = ["idNo"]', "Officer.idNo", id="field"
        ),
        pytest.param(
            'requires = ["purpose", "cause"]',
            'requires = ["purpose", "motive"]',
            "own-officer-party-phone.requires",
            id="what a rule requires",
        ),
        pytest.param('effect = "deny"', 'effect = "forbid"', "forbid", id="effect"),
        pytest.param("sharing =", "sharings =", "sharings", id="key"),
        pytest.param(
            'own_unit = "recordedBy"',
            'own_unit = "recorder"',
            "Proceeding.recorder",
            id="a unit's own",
        ),
        pytest.param(
            'own_unit = "recordedBy"\n', "", "own_unit", id="rows without a condition"
        ),
        pytest.param(
            'roles = ["user"]', 'roles = ["boss"]', "role boss", id="break-glass, role"
        ),
        pytest.param(
            'purpose = "emergency"',
            'purpose = "audit"',
            "shares its purpose audit",
            id="break-glass, everyday purpose",
        ),
        pytest.param(
            'roles = ["steward"]',
            'roles = ["stewart"]',
            "names stewart",
            id="a rule's role",
        ),
        pytest.param(
            'told = ["recordId", "lookId"]',
            'told = ["recordId"]',
            "told",
            id="looks told of by one field",
        ),
        pytest.param("hours = 2\n", "hours = 0\n", "hours", id="break-glass, hours"),
    ],
)
def test_a_word_that_means_nothing_is_named(
    tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    path = tmp_path / "policy.toml"
    assert right in IN_FORCE
    path.write_text(IN_FORCE.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(PolicyError, match=told):
        read_policy(path, ENTITIES)


RULE = """
[[rules]]
name = "added"
kinds = ["police"]
effect = "deny"
reason = { zh = "因", en = "why" }
source = "test"
"""
LOOKUP = """
[[lookups]]
name = "added"
kinds = ["police"]
units = ["*"]
type = "Counterparty"
field = "idNumber"
purposes = ["trial"]
requires = []
source = "test"
"""
ALLOW, MASK = (RULE.replace("deny", effect) for effect in ("allow", "mask"))


@pytest.mark.parametrize(
    ("added", "told"),
    [
        pytest.param(RULE + 'fields = ["phnoe"]', "names phnoe", id="of no type"),
        pytest.param(
            ALLOW + 'types = ["CaseRecord"]', "what is withheld", id="all there is"
        ),
        pytest.param(
            MASK + 'types = ["Matter"]\nmask = "null"',
            "what is withheld",
            id="all masked",
        ),
        pytest.param(
            RULE + 'purposes = ["trial"]', "denies for a purpose", id="denied purpose"
        ),
        pytest.param(
            ALLOW + 'types = ["Matter"]\nfields = ["name"]\npurposes = ["trail"]',
            "names purposes.trail",
            id="a purpose nobody has",
        ),
        pytest.param(
            LOOKUP.replace("trial", "trail"),
            "names purposes.trail",
            id="looked up for a purpose nobody has",
        ),
        pytest.param(
            ALLOW + 'when = { field = "knid", in = ["x"] }', "names knid", id="when"
        ),
        pytest.param(
            ALLOW
            + 'types = ["Counterparty"]\nwhen = { field = "kind", in = ["PERSN"] }',
            "kind = PERSN",
            id="a code that no row has",
        ),
        pytest.param(RULE.replace("added", "own-case"), "2 rules", id="name taken"),
        pytest.param(RULE.replace("test", " "), "rules added.source", id="no source"),
        pytest.param(ALLOW + 'mask = "name"', "names a mask", id="mask that allows"),
        pytest.param(
            MASK + 'types = ["CaseRecord"]\nfields = ["caseNo"]',
            "caseNo declares no mask",
            id="nothing to blur by",
        ),
        pytest.param(
            MASK + 'types = ["Officer"]\nfields = ["phone"]\nmask = "amount-band"',
            "no mask for phone",
            id="a mask of amounts",
        ),
        pytest.param(LOOKUP.replace("idNumber", "cases"), "cases", id="by a relation"),
        pytest.param(LOOKUP.replace("Counterparty", "*"), "names \\*", id="every type"),
        pytest.param(LOOKUP.replace("trial", "own"), "purposes.own", id="own purposes"),
    ],
)
def test_a_rule_that_would_not_do_what_it_says_is_refused(
    tmp_path: Path, added: str, told: str
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(IN_FORCE + added, encoding="utf-8")
    with pytest.raises(PolicyError, match=told):
        read_policy(path, ENTITIES)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('\nrecorders = ["department"]', '\nrecorders = ["departmnt"]'),
        ('proceeding_recorders = ["supervisor"', 'proceeding_recorders = ["supervsor"'),
        ('causes_checked = ["own-officer"', 'causes_checked = ["own-oficer"'),
        ('whole_texts = [\n    "own-officer"', 'whole_texts = [\n    "own-oficer"'),
        ('\ncourt = ["trial"', '\ncuort = ["trial"'),
    ],
)
def test_a_kind_there_is_not_is_named_wherever_it_stands(
    tmp_path: Path, right: str, wrong: str
) -> None:
    path = tmp_path / "policy.toml"
    assert right in IN_FORCE
    path.write_text(IN_FORCE.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(PolicyError, match="names the kind"):
        read_policy(path, ENTITIES)


def test_a_policy_that_is_not_there_is_a_policy_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"absent\.toml"):
        read_policy(tmp_path / "absent.toml", ENTITIES)


def test_who_may_record_is_named_and_without_a_name_nobody_may(tmp_path: Path) -> None:
    assert read_policy(Settings().policy, ENTITIES).recorders == {"department"}
    path = tmp_path / "policy.toml"
    silent = IN_FORCE.replace('recorders = ["department"]', "", 1)
    assert silent != IN_FORCE
    path.write_text(silent, encoding="utf-8")
    assert read_policy(path, ENTITIES).recorders == frozenset()
