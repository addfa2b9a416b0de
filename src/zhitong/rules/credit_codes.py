"""What a unified social credit code (GB 32100-2015) says of its holder.

Place 1 is the registering authority, place 2 the kind of body, 3 to 8 the division of
the day of registration, 9 to 17 the organisation code (GB 11714), 18 the check.
Whether a code is valid `identifiers.credit_code_fault` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from zhitong.rules.identifiers import organisation_code
from zhitong.types import Label

# 1, 5, 9 and Y are quoted on public pages, the others recalled: none refuses a code.
AUTHORITIES: Mapping[str, Label] = MappingProxyType(
    {
        "1": Label("机构编制", "staffing of public bodies"),
        "2": Label("外交", "foreign affairs"),
        "3": Label("司法行政", "justice"),
        "4": Label("文化", "culture"),
        "5": Label("民政", "civil affairs"),
        "6": Label("旅游", "tourism"),
        "7": Label("宗教", "religion"),
        "8": Label("工会", "trade unions"),
        "9": Label("市场监管", "market supervision"),
        "A": Label("中央军委改革和编制", "the military"),
        "N": Label("农业", "agriculture"),
        "Y": Label("其他", "others"),
    }
)
"""Who registers, by the first character."""
BODIES: Mapping[str, Label] = MappingProxyType(
    {
        "11": Label("机关", "a state organ"),
        "12": Label("事业单位", "a public institution"),
        "91": Label("企业", "an enterprise"),
        "92": Label("个体工商户", "an individual business"),
        "93": Label("农民专业合作社", "a farmers' cooperative"),
    }
)
"""Kinds of body, by the first two characters; as far as they are known here."""
_UNKNOWN = Label("不详", "not known")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditCode:
    """The parts of a valid code."""

    authority: Label
    body: Label
    division: str
    """Of the day of registration: it is never corrected."""
    organisation: str
    old_organisation: bool
    """Its organisation code does not fit GB 11714, as that of some old bodies."""


def parts(code: str) -> CreditCode:
    """Take *code* apart, which is valid."""
    organisation = code[8:17]
    return CreditCode(
        authority=AUTHORITIES.get(code[0], _UNKNOWN),
        body=BODIES.get(code[:2], _UNKNOWN),
        division=code[2:8],
        organisation=organisation,
        old_organisation=organisation_code(organisation[:8]) != organisation,
    )
