"""How a receiver's rejection is written, and what is read out of it: code and field.

- A code is the first word, where it is short and has a digit in it: ``1003``, ``E-12``.
  A longer one may be somebody's number, and is text.
- The field is the first word that is a column of a published table, wherever it stands:
  ``缺少 CF_WSH 决定书文号`` blames ``CF_WSH``.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_CODE = re.compile(r"(?=\S{1,10}(?:\s|$))(?=\S*\d)[A-Za-z0-9._-]+(?=\s|$)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def reasons(code: str, field: str, text: str) -> tuple[str, ...]:
    """Write *code*, the *field* it is about and its *text* as one reason; or none."""
    said = " ".join(part for part in (code, field, text) if part)
    return (said,) if said else ()


def blame(reason: str, columns: Collection[str]) -> tuple[str, str]:
    """Read code and field out of *reason*; *columns* are those that there are.

    Either is empty where it cannot be told from the words.
    """
    said = reason.lstrip()
    found = _CODE.match(said)
    code = found[0] if found and found[0] not in columns else ""
    words = _WORD.findall(said.removeprefix(code))
    return code, next((word for word in words if word in columns), "")
