"""Reading a file of rules: TOML of one form, or an error that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from zhitong.exceptions import ZhitongError
from zhitong.types import Label

Form = TypeVar("Form", bound=msgspec.Struct)


def read_form(
    path: Path, form: type[Form], what: Label, error: type[ZhitongError]
) -> Form:
    """Read *path* as *form*; raise *error*, which calls the file *what*."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=form)
    # ValueError: msgspec's own, and that of a file in another encoding than UTF-8.
    except (OSError, ValueError) as cause:
        raise error(
            f"{what.zh} {path.name} 读不成，请更正后重新启动：{cause}",
            f"{what.en} {path.name} cannot be read; correct it and start again: "
            f"{cause}",
        ) from cause
