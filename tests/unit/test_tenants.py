"""Whose a state folder is, and whose a file of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zhitong.exceptions import TenantError, ZhitongError
from zhitong.infra.calendar_file import read_clocks
from zhitong.infra.checks_file import read_checks
from zhitong.infra.clients_file import read_clients
from zhitong.infra.duties_file import read_duties
from zhitong.infra.figures_file import read_figures
from zhitong.infra.notifications_file import read_notifications
from zhitong.infra.policy_file import read_policy
from zhitong.infra.publicity_file import read_publicity
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.infra.tenants import claim_state, refuse_foreign_rules
from zhitong.schema.entities import ENTITIES

SHIPPED = Settings()
RULES = {
    "policy": SHIPPED.policy,
    "checks": SHIPPED.checks,
    "credit": SHIPPED.receivers / "credit.toml",
    "forms": SHIPPED.forms,
    "clients": SHIPPED.clients,
    "calendar": SHIPPED.calendar,
    "figures": SHIPPED.figures,
    "duties": SHIPPED.duties,
    "publicity": SHIPPED.publicity,
    "notifications": SHIPPED.notifications,
}


def test_what_is_shipped_is_for_all_tenants() -> None:
    refuse_foreign_rules("binhai", *RULES.values())


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("whose", ['tenant = "anze"', ""], ids=["another's", "unsaid"])
def test_a_file_of_rules_of_another_tenant_or_of_nobody_is_refused(
    tmp_path: Path, name: str, whose: str
) -> None:
    path = tmp_path / f"{name}.toml"
    text = RULES[name].read_text("utf-8")
    assert 'tenant = "*"' in text
    path.write_text(text.replace('tenant = "*"', whose, 1), encoding="utf-8")
    with pytest.raises(TenantError, match=f"{name}.toml"):
        refuse_foreign_rules("binhai", path)
    with pytest.raises(TenantError, match=f"{name}.toml"):
        refuse_foreign_rules("binhai", tmp_path)


@pytest.mark.parametrize("whose", ["", 'tenant = ""', 'tenant = "Anze"'])
def test_a_file_of_rules_says_whose_it_is(tmp_path: Path, whose: str) -> None:
    for name, path in RULES.items():
        text = path.read_text("utf-8").replace('tenant = "*"', whose, 1)
        changed = tmp_path / name / f"{name}.toml"
        changed.parent.mkdir()
        changed.write_text(text, encoding="utf-8")
        with pytest.raises(ZhitongError, match="tenant"):
            READ[name](changed)


READ: Mapping[str, Callable[[Path], object]] = {
    "policy": lambda path: read_policy(path, ENTITIES),
    "checks": read_checks,
    "credit": lambda path: read_receivers(path.parent),
    "forms": lambda path: read_receivers(forms=path),
    "clients": read_clients,
    "calendar": read_clocks,
    "figures": read_figures,
    "duties": lambda path: read_duties(path, {}, ()),
    "publicity": lambda path: read_publicity(path, {}, ()),
    "notifications": lambda path: read_notifications(path, ()),
}


def test_a_state_folder_is_the_first_tenants(tmp_path: Path) -> None:
    ours = Settings(state=tmp_path, tenant="anze")
    claim_state(ours)
    claim_state(ours)
    with pytest.raises(TenantError, match="anze's, and this process serves binhai"):
        claim_state(Settings(state=tmp_path, tenant="binhai"))
    assert [path.name for path in tmp_path.iterdir()] == ["tenant"]


def test_of_two_that_claim_a_state_folder_at_once_one_is_refused(
    tmp_path: Path,
) -> None:
    names = [f"city-{number}" for number in range(8)]

    def claimed(name: str) -> bool:
        try:
            claim_state(Settings(state=tmp_path, tenant=name))
        except TenantError:
            return False
        return True

    with ThreadPoolExecutor(len(names)) as pool:
        won = [
            name
            for name, one in zip(names, pool.map(claimed, names), strict=True)
            if one
        ]
    assert won == [(tmp_path / "tenant").read_text("utf-8")]
