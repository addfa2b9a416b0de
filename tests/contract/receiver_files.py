"""The shipped files of receivers and forms, with something changed in them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from zhitong.infra.forms_file import SHARED
from zhitong.infra.receivers_file import RECEIVERS

EXAMPLES = RECEIVERS / "examples"


def text(name: str) -> str:
    """Give the shipped file of the receiver *name*."""
    return (RECEIVERS / f"{name}.toml").read_text("utf-8")


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    """Copy the receivers' files into *folder*, with *new* for *old* in that of *name*.

    A file is called as the receiver in it.
    """
    return written(folder, name, replaced(text(name), old, new))


def written(folder: Path, name: str, said: str) -> Path:
    """Copy the receivers' files into *folder*, with *said* for that of *name*."""
    copied = folder / "receivers"
    shutil.copytree(RECEIVERS, copied, dirs_exist_ok=True)
    (copied / f"{name}.toml").unlink(missing_ok=True)
    found = re.search(r'^name = "(.+)"', said, re.MULTILINE)
    (copied / f"{found[1] if found else name}.toml").write_text(said, "utf-8")
    return copied


def forms_changed(folder: Path, old: str, new: str) -> Path:
    """Copy the file of forms into *folder*, with *new* for *old*."""
    path = folder / "forms.toml"
    path.write_text(replaced(SHARED.read_text("utf-8"), old, new), "utf-8")
    return path


def replaced(said: str, old: str, new: str) -> str:
    """Replace *old*, which must be there."""
    assert old in said
    return said.replace(old, new)


def with_examples(folder: Path, *names: str) -> Path:
    """Copy the receivers' files into *folder*, and put examples in force."""
    copied = folder / "receivers"
    shutil.copytree(RECEIVERS, copied, dirs_exist_ok=True)
    for name in names:
        shutil.copyfile(EXAMPLES / f"{name}.toml", copied / f"{name}.toml")
    return copied
