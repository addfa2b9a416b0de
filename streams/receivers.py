"""The receivers as configured: who has what, in which form, since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import msgspec

from zhitong.decisions import Act
from zhitong.rules.work import Clock
from zhitong.rules.working_days import CHINA
from zhitong.streams import names
from zhitong.streams.channels import Channel, KafkaChannel
from zhitong.streams.confidence import Confidence
from zhitong.streams.inbound_senders import InboundSender
from zhitong.types import Label


class IdNumber(StrEnum):
    """Whose ID number a receiver's form demands."""

    PARTY = "party"
    REPRESENTATIVE = "representative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """When a receiver is to have answered an event, and how; at most one clock.

    Without a clock it is that of all, the setting ZHITONG_ANSWER_HOURS.
    """

    within_hours: int | None = None
    working_days: int | None = None
    same_day: bool = False
    """On the day the version was recorded, in Asia/Shanghai."""
    signed: bool = True
    """By a key of the receiver's; what is not signed proves nothing to a third."""

    def clock(self, hours: float) -> Clock:
        """Give its clock; that of *hours* where it names none."""
        if self.same_day:
            return Clock(working_days=0)
        if self.working_days is not None:
            return Clock(working_days=self.working_days)
        return Clock(hours=hours if self.within_hours is None else self.within_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A receiver, under the rules of one period."""

    name: str
    title: Label
    channel: Channel
    """Of the receiver, whatever the period: its events stay in one order."""
    kind: str
    """The requester kind that the policy knows it as."""
    unit: str
    """Its unified social credit code."""
    purpose: str
    basis: str
    """On what text it is given what it is given, as in each record of a look."""
    format: str
    """A key of `zhitong.streams.forms.FORMS`."""
    acts: frozenset[Act]
    id_numbers: frozenset[IdNumber]
    acknowledge: Acknowledge
    since: date
    until: date | None
    """The last day of these rules; None: until further notice."""
    source: str
    confidence: Confidence
    succeeds: str = ""
    """Whose place it takes, on a channel of its own: `zhitong.streams.successors`."""

    def in_force(self, day: date) -> bool:
        """Say whether these rules hold on *day*."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """All of the receivers' files, and of the file of forms."""

    tenant: str
    """Whose receivers they are: part of every name on the broker."""
    division: str
    """The city's division code: part of every event's source."""
    penalty_open_end: date
    """Written for a penalty without an end."""
    licence_open_end: date
    """Written for a licence for long."""
    receivers: tuple[Receiver, ...]
    words: Mapping[str, Mapping[str, str]]
    """Dictionary → code → text: the code lists that forms have in common."""
    own_words: Mapping[str, Mapping[str, Mapping[str, str]]]
    """Form → dictionary → code → text, where a form has another text for a code."""
    options: Mapping[str, msgspec.Struct]
    """Form → what is particular to it."""
    inbound: tuple[InboundSender, ...] = ()
    """Who sends to us."""
    later: tuple[tuple[date, Receivers], ...] = ()
    """From which days what forms share is something else, and all as it is then."""

    def as_of(self, day: date) -> Receivers:
        """Give all with what forms share on *day*."""
        begun = [one for since, one in self.later if since <= day]
        return begun[-1] if begun else self

    def on(self, day: date) -> Mapping[str, Receiver]:
        """Give the receivers of *day*, by name."""
        return {one.name: one for one in self.receivers if one.in_force(day)}

    def clock(self, receiver: str, recorded: datetime, hours: float) -> Clock:
        """Give *receiver*'s clock for a version of that moment; else that of *hours*.

        Where no rules were in force the last before hold on: it had the decision.
        """
        day = recorded.astimezone(CHINA).date()
        rules = [
            one for one in self.receivers if one.name == receiver and one.since <= day
        ]
        if not rules:
            return Clock(hours=hours)
        return max(rules, key=lambda one: one.since).acknowledge.clock(hours)

    @property
    def receipts(self) -> str:
        """The topic they answer on."""
        return names.receipts(self.tenant)

    @property
    def topics(self) -> Mapping[str, int]:
        """Name every topic there is to be, with its number of partitions."""
        wanted = {one.topic: one.partitions for one in self.kafka.values()}
        stated = {self.recon(name): 1 for name in self.kafka}
        # As many as the widest: a receiver's processes answer side by side too.
        answers = {self.receipts: max(wanted.values(), default=1)}
        inbound = {
            name: count for one in self.inbound for name, count in one.topics.items()
        }
        # Keyed as decisions are, and as wide.
        told = {names.clocks(self.tenant): answers[self.receipts]}
        return {**wanted, **answers, **stated, **told, **inbound}

    @property
    def kafka(self) -> Mapping[str, KafkaChannel]:
        """Give the channels of those who read topics, by the receiver's name."""
        return {
            one.name: one.channel
            for one in self.receivers
            if isinstance(one.channel, KafkaChannel)
        }

    @property
    def keyed(self) -> frozenset[str]:
        """Name whose public keys there must be: who is sealed to, and who signs."""
        return frozenset(
            one.name
            for one in self.receivers
            if one.id_numbers
            or one.acknowledge.signed
            or isinstance(one.channel, KafkaChannel)
        )

    def recon(self, receiver: str) -> str:
        """Name the topic that says to *receiver* what it was sent."""
        return names.recon(self.tenant, receiver)

    def source(self, receiver: str) -> str:
        """Say where *receiver*'s events come from; with their id it is unique."""
        return f"/zhitong/{self.tenant}/{self.division}/{receiver}"
