"""A file of rules that cannot be read is named, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zhitong.exceptions import ZhitongError
from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.checks_file import read_checks
from zhitong.infra.clients_file import read_clients
from zhitong.infra.duties_file import read_duties
from zhitong.infra.figures_file import read_figures
from zhitong.infra.issuers_file import read_issuers
from zhitong.infra.publicity_file import read_publicity
from zhitong.infra.receivers_file import read_receivers


def only(path: Path) -> object:
    """Read a folder of one receiver's file."""
    return read_receivers(path.parent)


def duties(path: Path) -> object:
    return read_duties(path, {}, ())


def publicity(path: Path) -> object:
    return read_publicity(path, {}, ())


def read_forms(path: Path) -> object:
    return read_receivers(forms=path)


@pytest.mark.parametrize(
    "read",
    [
        read_calendar,
        read_checks,
        read_clients,
        duties,
        publicity,
        read_figures,
        read_issuers,
        only,
        read_forms,
    ],
)
@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param('tenant = "东陵"'.encode("gbk"), "utf-8", id="saved in GBK"),
        pytest.param(b"[[", "key part", id="no TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_of_ours(
    read: Callable[[Path], object], raw: bytes, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "rules.toml"
    path.write_bytes(raw)
    with pytest.raises(ZhitongError) as caught:
        read(path)
    for text in (caught.value.label.zh, caught.value.label.en):
        assert "rules.toml" in text
        assert says in text
