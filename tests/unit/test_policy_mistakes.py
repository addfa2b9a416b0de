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
            "motive",
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
