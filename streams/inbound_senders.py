"""Who sends to us, and what each may tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zhitong.inbound import Tidings
from zhitong.streams import names
from zhitong.streams.confidence import Confidence
from zhitong.types import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundSender:
    """A system that sends to us; its keys are those it has as a receiver."""

    tenant: str
    name: str
    title: Label
    partitions: int
    types: frozenset[Tidings]
    source: str
    confidence: Confidence

    @property
    def topic(self) -> str:
        """The topic that it alone writes."""
        return names.inbound(self.tenant, self.name)

    @property
    def receipts(self) -> str:
        """The topic that it alone is answered on."""
        return names.inbound_receipts(self.tenant, self.name)

    @property
    def group(self) -> str:
        """Whom we read its topic as."""
        return names.group(self.tenant, names.INBOUND, self.name)

    @property
    def topics(self) -> Mapping[str, int]:
        """Both topics, with their partitions."""
        return {self.topic: self.partitions, self.receipts: 1}
