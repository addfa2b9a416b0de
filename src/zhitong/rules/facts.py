"""What registers say about a decision, before any rule looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from zhitong.decisions import Signed

Entry = TypeVar("Entry")

IN_FORCE = "IN_FORCE"


@dataclass(frozen=True, slots=True)
class Answer(Generic[Entry]):
    """A register's entries, or that it did not answer.

    Nothing was asked where the decision names nothing to ask for: no entries then,
    and not away.
    """

    entries: tuple[Entry, ...] = ()
    away: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """An entry that is in force over some time; a missing end is open."""

    valid_from: date | None = None
    valid_to: date | None = None
    status: str | None = None
    """A code of Validity, as it stands today."""

    def covers(self, day: date) -> bool:
        """Say whether *day* lies within."""
        return (self.valid_from or date.min) <= day <= (self.valid_to or date.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectEntry(Dated):
    """An enforcement subject."""

    code: str
    name: str = ""
    delegated_by: str | None = None
    predecessor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerEntry(Dated):
    """A person of the roster, by certificate; one who moved stands there twice."""

    certificate: str
    kind: str | None = None
    """A code of StaffKind."""
    subject_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterEntry(Dated):
    """One version of an item of the list of powers."""

    code: str
    version: int | None = None
    power_type: str | None = None
    subject_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEntry:
    """A case as its case system keeps it."""

    case_no: str
    subject_code: str | None = None
    party_code: str | None = None
    party_name: str | None = None
    decided_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyEntry:
    """An enterprise in the market regulator's register."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The registers' answers about one decision."""

    subjects: Answer[SubjectEntry] = Answer()
    """The subject, those it delegates to and those that succeeded it."""
    officers: Answer[OfficerEntry] = Answer()
    matters: Answer[MatterEntry] = Answer()
    cases: Answer[CaseEntry] = Answer()
    parties: Answer[PartyEntry] = Answer()
    case_sources: frozenset[str] = frozenset()
    """The case systems that are bound, away or not."""
    signature: Signed | None = None
    """The bureau's own, judged; no register says it."""

    def subject(self, code: str) -> SubjectEntry | None:
        """Give the entry of *code*."""
        return next((one for one in self.subjects.entries if one.code == code), None)

    def one_house(self, code: str, other: str) -> bool:
        """Say whether one of both delegates to the other."""
        return any(
            {entry.code, entry.delegated_by} == {code, other}
            for entry in self.subjects.entries
        )
