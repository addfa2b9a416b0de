"""The rules in force: what each requester sees of each type, for review."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from zhitong.exceptions import PolicyError
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.settings import Settings
from zhitong.resolvers.policy import Caller, decide
from zhitong.schema.access_report import described
from zhitong.schema.entities import ENTITIES
from zhitong.types import Allow, Compare, Mask, Occasion, Op, Ruling, Rulings

GOLDEN = Path(__file__).parents[1] / "golden" / "policy-matrix.txt"
IN_FORCE = Settings().policy
POLICY = read_policy(IN_FORCE, ENTITIES)
ASKING = {
    "police": Occasion(
        purpose="criminal-investigation", basis="法", cause="案", letter="信"
    ),
    "police, saying nothing": Occasion(),
    "own-officer": Occasion(purpose="case-handling", cause="案"),
    "own-officer, saying nothing": Occasion(),
    "department": Occasion(purpose="case-handling", cause="案"),
    "department, saying nothing": Occasion(),
    "supervisor": Occasion(),
    "public": Occasion(),
    "auditor": Occasion(purpose="audit", basis="法", cause="案"),
    "operator": Occasion(purpose="operation", basis="法", cause="案"),
}


def word(ruling: Ruling) -> str:
    verdict = ruling.verdict
    shown = type(verdict).__name__.lower()
    if isinstance(verdict, Mask):
        shown = f"mask {verdict.kind}"
    if not isinstance(verdict, Allow) and verdict.rule == "silence":
        shown = "-"
    where = "" if ruling.under is None else f" where {described(ruling.under)}"
    return f"{shown}{where}" if shown == "-" else f"{shown} ({verdict.rule}){where}"


def cell(rulings: Rulings) -> str:
    return "; ".join(map(word, rulings))


def matrix() -> Iterator[str]:
    for who, occasion in ASKING.items():
        principal = DEMO_PRINCIPALS[who.partition(",")[0]]
        for entity in ENTITIES.values():
            verdicts = decide(
                POLICY, Caller(principal=principal, occasion=occasion), entity
            )
            yield f"## {who}: {entity.name}"
            if verdicts.rows is not None:
                yield f"rows: {described(verdicts.rows)}"
            names: dict[str, list[str]] = {}
            for name, rulings in verdicts.fields.items():
                names.setdefault(cell(rulings), []).append(name)
            yield from (f"{one}: {' '.join(alike)}" for one, alike in names.items())


def test_what_each_requester_sees_is_as_written_down() -> None:
    """To accept a change: write `matrix()` to the file, and have it reviewed."""
    assert GOLDEN.read_text(encoding="utf-8") == "\n".join(matrix()) + "\n"


WHEN = """
tenant = "*"
[[rules]]
name = "r"
kinds = ["public"]
effect = "{effect}"
types = ["Counterparty"]
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
    sources = {rule.name: rule.source for rule in POLICY.rules}
    sources |= {rule.name: rule.source for rule in POLICY.rows}
    assert [name for name, source in sources.items() if not source.strip()] == []
    assert len(sources) == len(POLICY.rules) + len(POLICY.rows)
