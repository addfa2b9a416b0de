"""The channels 通道 by which receivers are reached: what each says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from zhitong.decisions import FrontTables


class Channel(Protocol):
    """Any of them."""

    @property
    def place(self) -> str:
        """Say where events are put: what outbox and sent log have as ``topic``."""
        ...


@dataclass(frozen=True, slots=True)
class KafkaChannel:
    """A topic of the receiver's own, which it reads."""

    topic: str
    groups: tuple[str, ...]
    """Whom it reads as; the first is that of its own system."""
    partitions: int

    @property
    def place(self) -> str:
        """Give the topic."""
        return self.topic


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpChannel:
    """An address of the receiver's that takes each event as a signed POST."""

    url: str
    requester: str
    """``rid``: as whom we are known there."""
    interface: str
    """``sid``: the interface that is called."""
    family: str = "gjgxjhpt"
    """What the convention's headers begin with."""
    taken: tuple[str, ...] = ("200",)
    """Codes of a reply by which it says that the event is taken."""
    refused: tuple[str, ...] = ()
    """Codes that say it will never be, for its own sake."""
    seconds: float = 10.0
    """How long one answer is waited for."""
    at_once: int = 8
    """So many cases side by side."""
    authorities: str = ""
    """File of the authorities its certificate is of; empty: the system's."""

    @property
    def place(self) -> str:
        """Give the address."""
        return self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndChannel:
    """A front-end database 前置库 of the receiver's, into whose tables we write."""

    address: str
    """``postgresql://user@host:port/database``: the password lies in a file."""
    source: str = ""
    """``cd_source`` of rows whose form has none."""
    rows: int = 500
    """In one batch at most."""
    tables: FrontTables

    @property
    def place(self) -> str:
        """Give server, database and schema, without who we are there."""
        where = self.address.rpartition("@")[2].partition("?")[0]
        return f"postgresql://{where}/{self.tables.schema}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChannel:
    """A folder in which batches are laid, for the receiver to take."""

    folder: str
    """Absolute, on storage that both sides have."""
    rows: int = 1_000
    """In one batch at most."""

    @property
    def place(self) -> str:
        """Give the folder as an address."""
        return f"file://{self.folder}"
