"""What a form 格式 is: how one kind of receiver has decisions written.

Each form is a module of this folder and stands in `zhitong.streams.forms`. It writes
the row of a receiver's copy; texts of code lists are data, and a code that a list
lacks is a gap: said in a finding, while the decision leaves without that value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from zhitong.decisions import Act, Change, Copy, Decision, Entry
from zhitong.exceptions import ReceiverError
from zhitong.streams.confidence import Confidence
from zhitong.streams.receivers import IdNumber, Receiver, Receivers
from zhitong.streams.schemas import Table, tables
from zhitong.types import Label

Seal = Callable[[str], str]
"""Seals an ID number to the receiver's key."""
Text = Annotated[str, Meta(min_length=1)]
Places = Mapping[str, Collection[tuple[str, str]]]
"""Dictionary → tables and columns that its texts stand in."""
Stated = tuple[str, str, str]
"""A table, a column of it and a text that must fit there."""
Of = TypeVar("Of", bound=msgspec.Struct)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is particular to a form, as data: its section of the file of forms."""


class Status(Options, frozen=True, kw_only=True):
    """What a form writes for a decision that stands, and for one withdrawn."""

    stands: Text
    withdrawn: Text

    def of(self, entry: Entry) -> str:
        """Give the text for what *entry* leaves of its decision."""
        return self.withdrawn if entry.change is Change.WITHDRAWN else self.stands

    def at(self, table: str, column: str) -> Iterator[Stated]:
        """Say where both texts stand."""
        yield from ((table, column, text) for text in (self.stands, self.withdrawn))


@dataclass(frozen=True, slots=True)
class Gap:
    """A code that a form's dictionary has no text for."""

    dictionary: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What a row is written with, beside the copy."""

    receiver: Receiver
    config: Receivers
    seal: Seal
    follows_history: bool = False
    gaps: list[Gap] = field(default_factory=list)
    """Filled while the row is written."""

    def word(self, dictionary: str, code: str | None) -> str | None:
        """Give the text of *code*; without one note the gap and give none."""
        if not code:
            return None
        own = self.config.own_words.get(self.receiver.format, {}).get(dictionary, {})
        found = own.get(code) or self.config.words[dictionary].get(code)
        if found is None:
            self.gaps.append(Gap(dictionary, code))
        return found

    def options(self, kind: type[Of]) -> Of:
        """Give what the file of forms says of this form."""
        found = self.config.options[self.receiver.format]
        assert isinstance(found, kind)  # noqa: S101 - read as what the form names
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form in one generation, and all that is known of it."""

    name: str
    version: str
    """Of the receiver's rules: the year they date from, or our own number."""
    title: Label
    tables: Mapping[str, frozenset[Act]]
    """Table → acts whose decisions stand in it."""
    table_of: Callable[[Decision], str]
    row: Callable[[Copy, Writing], dict[str, object]]
    needed: frozenset[str] = frozenset()
    """Fields of Decision it cannot be written without, beside an event's own."""
    id_numbers: frozenset[IdNumber] = frozenset()
    """Whose ID numbers it has a place for."""
    findings: bool = False
    """It has a place for what the rules found."""
    dictionaries: Places
    options: type[Options] = Options
    stated: Callable[[Options, date], Iterable[Stated]] = lambda _options, _day: ()
    """Gives texts that the options make, of a day too, and where they stand."""
    reading: Label | None = None
    """What the form rests on and we have not seen; None: it is ours, or was seen."""
    source: str
    confidence: Confidence

    @property
    def key(self) -> str:
        """Name it as the receivers' files do."""
        return f"{self.name}@{self.version}"

    @property
    def acts(self) -> frozenset[Act]:
        """Give the acts it has a table for."""
        return frozenset().union(*self.tables.values())

    def of(self, acts: Collection[Act]) -> tuple[Table, ...]:
        """Give the tables for decisions of *acts*, by name."""
        return tuple(
            tables()[name]
            for name, own in sorted(self.tables.items())
            if own & frozenset(acts)
        )

    def table(self, decision: Decision) -> Table:
        """Say which table a decision belongs in; raise for an act it has none for."""
        if decision.act not in self.acts:
            raise ReceiverError(
                f"格式 {self.key} 没有行为类别 {decision.act} 的表",
                f"the format {self.key} has no table for {decision.act}",
            )
        return tables()[self.table_of(decision)]
