"""Placeholders: what departments write where they have no number, as ``无``, ``/``.

Taken for numbers they would be shared: all decisions of a department would be of one
case ``无``, wait for each other and leave in one line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from msgspec.structs import replace

from zhitong.decisions import Decision

NUMBERS = ("case_no", "inspection_no", "matter_code")
OF_PARTY = ("code", "registration_no", "representative")


def bare(text: str) -> str:
    """Write *text* as placeholders are compared: widths, blanks, capitals gone."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def without_placeholders(decision: Decision, placeholders: Collection[str]) -> Decision:
    """Give *decision* with nothing where a placeholder stands for a number."""
    gone = _gone(decision, NUMBERS, placeholders)
    of_party = _gone(decision.party, OF_PARTY, placeholders)
    if of_party:
        gone["party"] = replace(decision.party, **of_party)
    return replace(decision, **gone) if gone else decision


def _gone(
    value: object, names: Collection[str], placeholders: Collection[str]
) -> dict[str, object]:
    found = ((name, getattr(value, name)) for name in names)
    return {name: None for name, text in found if text and bare(text) in placeholders}
