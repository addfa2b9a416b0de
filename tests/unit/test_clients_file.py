"""What clients may ask: the most specific block wins, mistakes stop the start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from zhitong.exceptions import ClientsError
from zhitong.infra.clients_file import read_clients
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.requesters import KINDS
from zhitong.types import Allowance

POLICE = replace(DEMO_PRINCIPALS["police"], client="case-system")
FILE = """
tenant = "*"
[[clients]]
cost = 100
source = "s"
[[clients]]
kinds = ["police", "court"]
cost = 200
rate = 2.0
source = "s"
[[clients]]
units = ["{unit}"]
cost = 300
trusted_only = true
source = "s"
[[clients]]
clients = ["case-system"]
cost = 400
source = "s"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clients.toml"
    path.write_text(FILE.format(unit=POLICE.unit), "utf-8")
    return path


def test_the_most_specific_block_wins_and_leaves_the_rest_to_wider_ones(
    file: Path,
) -> None:
    found = read_clients(file, page=50)
    everywhere = Allowance(page=50)
    assert found.allowance(DEMO_PRINCIPALS["public"]) == replace(everywhere, cost=100)
    unit = replace(POLICE, client="")
    assert found.allowance(replace(unit, unit="another")) == replace(
        everywhere, cost=200, rate=2.0
    )
    of_unit = replace(everywhere, cost=300, rate=2.0, trusted_only=True)
    assert found.allowance(unit) == of_unit
    assert found.allowance(POLICE) == replace(of_unit, cost=400)


def test_the_shipped_file_gives_the_schema_to_officials_and_not_to_the_public() -> None:
    found = read_clients()
    told = {
        kind
        for kind in KINDS
        if found.allowance(replace(POLICE, kind=kind, client="")).introspection
    }
    assert set(KINDS) - told == {"public", "party", "attorney", "platform"}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("", "tenant"),
        ('tenant = "*"', "clients"),
        (FILE + '[[clients]]\nkinds = ["polise"]\nsource = "s"', "polise"),
        (FILE + '[[clients]]\nkinds = ["court"]\nsource = "s"', "court"),
        (FILE + '[[clients]]\nclients = ["x"]', "source"),
        (FILE + '[[clients]]\nclients = ["x"]\ncots = 1\nsource = "s"', "cots"),
        (FILE + '[[clients]]\nclients = ["x"]\npage = 0\nsource = "s"', ">= 1"),
        (FILE + '[[clients]]\nclients = ["x"]\npage = 1001\nsource = "s"', "1000"),
        (FILE + '[[clients]]\nclients = ["x"]\nrate = 0.0\nsource = "s"', "> 0"),
        (FILE + '[[clients]]\nclients = []\nsource = "s"', "length >= 1"),
        (FILE + '[[clients]]\nsource = "s"', "clients"),
    ],
)
def test_a_wrong_file_stops_the_start_and_says_where(
    tmp_path: Path, wrong: str, named: str
) -> None:
    path = tmp_path / "clients.toml"
    path.write_text(wrong, "utf-8")
    with pytest.raises(ClientsError, match=named):
        read_clients(path)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ClientsError, match=r"nowhere\.toml"):
        read_clients(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("who", ["police", "court", "own-officer", "audit"])
def test_one_official_is_not_answered_so_much_at_a_time_that_all_others_wait(
    who: str,
) -> None:
    # Beside 32 large questions of one person all others waited two seconds.
    assert read_clients().allowance(DEMO_PRINCIPALS[who]).concurrent == 8
