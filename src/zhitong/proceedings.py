"""What follows a case: reconsideration 行政复议 and litigation 行政诉讼."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ProceedingKind(StrEnum):
    """Before whom a case is disputed."""

    RECONSIDERATION = "RECONSIDERATION"
    LITIGATION = "LITIGATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceeding:
    """A dispute about one case, as the body that is told of it says."""

    kind: ProceedingKind
    number: str
    """The number that the reconsideration body or court gave it; with *kind* its id."""
    case_no: str
    opened_on: date
    closed_on: date | None = None
    outcome: str | None = None
    """In words, as the document says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredProceeding:
    """A version of a proceeding that is in the book."""

    proceeding: Proceeding
    version: int
    replayed: bool
    """It stood there already; nothing was changed."""
