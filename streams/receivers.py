"""The receivers as configured: who has what, in which form, since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from zhitong.decisions import Act
from zhitong.streams import names
from zhitong.types import Label


class Format(StrEnum):
    """The forms there are; each is a module of this folder."""

    PROVINCIAL = "provincial"
    CREDIT = "credit"


class IdNumber(StrEnum):
    """Whose ID number a receiver's form demands."""

    PARTY = "party"
    REPRESENTATIVE = "representative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A receiver, under the rules of one period."""

    name: str
    title: Label
    topic: str
    groups: tuple[str, ...]
    """Whom it reads as; the first is that of its own system."""
    kind: str
    """The requester kind that the policy knows it as."""
    unit: str
    """Its unified social credit code."""
    purpose: str
    basis: str
    """On what text it is given what it is given, as in each record of a look."""
    format: Format
    acts: frozenset[Act]
    id_numbers: frozenset[IdNumber]
    partitions: int
    since: date
    until: date | None
    """The last day of these rules; None: until further notice."""
    source: str

    def in_force(self, day: date) -> bool:
        """Say whether these rules hold on *day*."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Texts of code lists, by code."""

    acts: Mapping[str, str]
    party_kinds: Mapping[str, str]
    id_kinds: Mapping[str, str]
    penalty_kinds: Mapping[str, str]
    licence_kinds: Mapping[str, str]
    procedures: Mapping[str, str]
    review_opinions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a form writes for a decision that stands, and for one withdrawn."""

    stands: str
    withdrawn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditForm:
    """What is particular to the double-publicity form."""

    separator: str
    """Between several kinds of penalty."""
    penalty_dates: str
    licence_dates: str
    penalty_status: Status
    licence_status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvincialForm:
    """What is particular to the form of "Internet + supervision"."""

    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """All of the receivers' file."""

    tenant: str
    """Whose receivers they are: part of every name on the broker."""
    division: str
    """The city's division code: part of every event's source."""
    penalty_open_end: date
    """Written for a penalty without an end."""
    licence_open_end: date
    """Written for a licence for long."""
    receivers: tuple[Receiver, ...]
    words: Words
    credit: CreditForm
    provincial: ProvincialForm

    def on(self, day: date) -> Mapping[str, Receiver]:
        """Give the receivers of *day*, in the file's order."""
        return {one.name: one for one in self.receivers if one.in_force(day)}

    @property
    def receipts(self) -> str:
        """The topic they answer on."""
        return names.receipts(self.tenant)

    @property
    def topics(self) -> Mapping[str, int]:
        """Name every topic there is to be, with its number of partitions."""
        wanted = {one.topic: one.partitions for one in self.receivers}
        stated = {self.recon(one.name): 1 for one in self.receivers}
        # As many as the widest: a receiver's processes answer side by side too.
        return {**wanted, self.receipts: max(wanted.values()), **stated}

    def recon(self, receiver: str) -> str:
        """Name the topic that says to *receiver* what it was sent."""
        return names.recon(self.tenant, receiver)

    def source(self, receiver: str) -> str:
        """Say where *receiver*'s events come from; with their id it is unique."""
        return f"/zhitong/{self.tenant}/{self.division}/{receiver}"
