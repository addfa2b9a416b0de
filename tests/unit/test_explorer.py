"""The explorer's files are copied whole, from what the lock file names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.explorer import FILES, PAGE, install

PORTAL = Path(__file__).parents[2] / "portal"


def portal(folder: Path) -> Path:
    for name in FILES:
        path = folder / "node_modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "explorer").mkdir()
    for name in PAGE:
        (folder / "explorer" / name).write_text(name)
    return folder


def test_page_and_libraries_are_copied_with_their_licences(tmp_path: Path) -> None:
    install(portal(tmp_path / "portal"), tmp_path / "to")
    copied = {path.name: path.read_text() for path in (tmp_path / "to").iterdir()}
    assert copied == {to: name for name, to in FILES.items()} | {n: n for n in PAGE}


def test_a_missing_file_is_named_and_nothing_is_copied(tmp_path: Path) -> None:
    source = portal(tmp_path / "portal")
    (source / "node_modules/react/LICENSE").unlink()
    with pytest.raises(SettingsError, match="react/LICENSE"):
        install(source, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_the_page_asks_only_for_files_that_are_copied() -> None:
    page = (PORTAL / "explorer/index.html").read_text()
    asked = set(re.findall(r'(?:src|href)="([^":]+)"', page))
    assert asked == {
        "explorer.css",
        "explorer.js",
        "graphiql.css",
        "graphiql.js",
        "react.js",
        "react-dom.js",
    }
    assert asked <= {*FILES.values(), *PAGE}
    assert "<script>" not in page


def test_the_lock_file_pins_every_package_by_hash_and_names_no_registry() -> None:
    lock = json.loads((PORTAL / "package-lock.json").read_text())
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert len(packages) > 0
    assert [name for name, each in packages.items() if "integrity" not in each] == []
    assert [name for name, each in packages.items() if "resolved" in each] == []
