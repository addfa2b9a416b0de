"""SQL that is text lies in ``.sql`` files beside this module, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def statements(name: str) -> Mapping[str, str]:
    """Read ``<name>.sql``: statement by the name in its ``-- name --`` line."""
    text = files(__package__ or "").joinpath(f"{name}.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- ([a-z_]+) --\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))
