"""What lies in the folders is what is installed and what the tools see."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("connectors", "infra", "resolvers", "schema", "streams")
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS: Mapping[str, Any] = PROJECT["tool"]["setuptools"]


def package(file: Path) -> str:
    """Name the package that installs *file*: the nearest one above it."""
    folder = file.parent
    while not (folder / "__init__.py").exists():
        folder = folder.parent
    return ".".join(("zhitong", *folder.relative_to(ROOT).parts))


def test_every_folder_with_code_is_installed() -> None:
    found = {
        ".".join(init.parent.relative_to(ROOT / "src").parts)
        for init in (ROOT / "src" / "zhitong").rglob("__init__.py")
        if not any(folder in init.parts for folder in FOLDERS)
    }
    for folder in FOLDERS:
        found |= {package(init) for init in (ROOT / folder).rglob("__init__.py")}
    assert sorted(SETUPTOOLS["packages"]) == sorted(found)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_mapped_and_linked(folder: str) -> None:
    assert SETUPTOOLS["package-dir"][f"zhitong.{folder}"] == folder
    link = ROOT / "src" / "zhitong" / folder
    assert link.resolve() == ROOT / folder
    assert not link.readlink().is_absolute()


def test_every_file_that_is_not_python_is_installed_with_its_package() -> None:
    left_out = []
    for file in (file for folder in FOLDERS for file in (ROOT / folder).rglob("*")):
        if file.is_dir() or file.suffix in {".py", ".pyc"}:
            continue
        name = package(file)
        base = ROOT.joinpath(*name.split(".")[1:])
        patterns = SETUPTOOLS["package-data"].get(name, [])
        place = str(file.relative_to(base))
        if not any(fnmatch(place, each.replace("**/", "*")) for each in patterns):
            left_out.append(str(file.relative_to(ROOT)))
    assert left_out == []


def test_types_and_licence_travel_with_the_package() -> None:
    assert (ROOT / "src" / "zhitong" / "py.typed").exists()
    assert "py.typed" in SETUPTOOLS["package-data"]["zhitong"]
    assert PROJECT["project"]["license-files"] == ["LICENSE"]
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


def test_a_folder_cannot_be_imported_by_its_bare_name() -> None:
    banned = PROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert set(FOLDERS) <= set(banned)
