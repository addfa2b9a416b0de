"""What an identifier is, whatever column it came in.

- Columns for codes of enterprises carry ID numbers of persons, old registration
  numbers, and words for “none”: each value is looked at by itself.
- What may be a person's number is personal, also where it is something else besides.
- Nothing is corrected but widths, blanks and capitals: a code with a slip keeps it,
  and the slip is named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from zhitong.rules.identifiers import (
    CREDIT_PLACEHOLDER,
    credit_code_fault,
    organisation_code_fault,
    registration_number_fault,
)
from zhitong.rules.placeholders import bare
from zhitong.rules.resident_ids import born, completed, plain, resident_id_fault
from zhitong.types import Label

_COPY = re.compile(r"\([0-9]+-[0-9]+\)$")
"""Which copy of a licence it was read from: ``（1-1）``."""
_PERSONAL = re.compile(r"[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9X]")
_CREDIT, _OLD, _OLDER, _ORGANISATION = 18, 15, 13, 9


class IdentifierKind(StrEnum):
    """What a value is."""

    NONE = "NONE"
    """Nothing, or a word for it."""
    CREDIT_CODE = "CREDIT_CODE"
    CREDIT_PLACEHOLDER = "CREDIT_PLACEHOLDER"
    """17 zeros and X: the holder has no credit code."""
    RESIDENT_ID = "RESIDENT_ID"
    ORGANISATION_CODE = "ORGANISATION_CODE"
    REGISTRATION_NUMBER = "REGISTRATION_NUMBER"
    """Of the time before credit codes."""
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A value, and what it is."""

    kind: IdentifierKind
    value: str = ""
    """In the form by which two are compared; an ID number of 15 digits as 18."""
    fault: Label | None = None
    """What is wrong with it, where it is one of its kind with a slip."""

    @property
    def personal(self) -> bool:
        """Whether it is to be kept as a natural person's number."""
        return (
            self.kind is IdentifierKind.RESIDENT_ID
            or born(self.value) is not None
            or completed(self.value) is not None
        )


def recognised(text: str, placeholders: Collection[str] = ()) -> Recognised:
    """Say what *text* is; *placeholders* as `bare` writes them stand for nothing."""
    value = plain(_COPY.sub("", unicodedata.normalize("NFKC", text).strip()))
    if not value or bare(text) in placeholders or bare(value) in placeholders:
        return Recognised(kind=IdentifierKind.NONE)
    if value == CREDIT_PLACEHOLDER:
        return Recognised(kind=IdentifierKind.CREDIT_PLACEHOLDER, value=value)
    if not (value.isascii() and value.isalnum()):
        return Recognised(kind=IdentifierKind.OTHER, value=value)
    if len(value) == _CREDIT:
        return _of_18(value)
    if len(value) in {_OLD, _OLDER} and value.isdecimal():
        return _of_digits(value)
    if len(value) == _ORGANISATION and not value.isalpha():
        fault = organisation_code_fault(value)
        return Recognised(
            kind=IdentifierKind.ORGANISATION_CODE, value=value, fault=fault
        )
    return Recognised(kind=IdentifierKind.OTHER, value=value)


def _of_18(value: str) -> Recognised:
    fault = credit_code_fault(value)
    if fault is None:
        return Recognised(kind=IdentifierKind.CREDIT_CODE, value=value)
    if _PERSONAL.fullmatch(value):
        return Recognised(
            kind=IdentifierKind.RESIDENT_ID,
            value=value,
            fault=resident_id_fault(value),
        )
    return Recognised(kind=IdentifierKind.CREDIT_CODE, value=value, fault=fault)


def _of_digits(value: str) -> Recognised:
    fault = registration_number_fault(value)
    whole = completed(value)
    if fault is not None and whole is not None:
        return Recognised(kind=IdentifierKind.RESIDENT_ID, value=whole)
    return Recognised(kind=IdentifierKind.REGISTRATION_NUMBER, value=value, fault=fault)
