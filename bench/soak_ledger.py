"""The soak's own ledger, outside the system: what was attempted, and what was heard.

A line of JSON before a step is first sent and one when it is settled, both written at
once: of a soak that was killed the file still says all that may be claimed of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec


class Result(StrEnum):
    """What is known of a step."""

    OK = "ok"
    """It was answered: it is in force, whatever happens from now on."""
    REFUSED = "refused"
    """Each time it was sent it was refused: there is nothing of it."""
    UNKNOWN = "unknown"
    """Sent at least once without an answer: all of it, or nothing."""


class Act(StrEnum):
    """What a step asks for."""

    RECORD = "record"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    MALFORMED = "malformed"
    """A decision that the platform must refuse."""
    CONFLICT = "conflict"
    """Other content under a local id that is taken: to be refused."""


PLANNED_REFUSALS = frozenset({Act.MALFORMED, Act.CONFLICT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One step of one decision: begun, and settled when *result* says how."""

    mark: str
    """Stands in a text of what was sent, and nowhere else: where it is found, it is."""
    local: str
    """The decision's id in the case system."""
    version: int
    """The version it makes where it is taken."""
    act: Act
    planned: float
    """When it was due, whether or not the caller was ready: latencies count from it."""
    began: float
    ended: float = 0.0
    result: Result = Result.UNKNOWN
    decision: str = ""
    digest: str = ""
    """The content's hash as the answer has it."""
    events: frozenset[tuple[str, str]] = frozenset()
    """Event id and receiver, as the answer has them."""
    code: str = ""
    """Of the last refusal."""
    sent: int = 0
    """How many times."""

    @property
    def said(self) -> str:
        """The text of what was sent that has its mark."""
        return f"soak {self.mark} 试验"


class Ledger:
    """Writes the file; one per soak."""

    def __init__(self, path: Path, **head: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A line at a time: what was written is in the file if we are killed.
        self._file = path.open("wb", buffering=0)
        self._say({"soak": head})

    def begin(self, attempt: Attempt) -> None:
        """Note that *attempt* is about to be sent."""
        self._say({"begin": attempt})

    def settle(self, attempt: Attempt) -> None:
        """Note what came of it."""
        self._say({"settle": attempt})

    def note(self, **said: object) -> None:
        """Note something else: a fault, a recovery."""
        self._say(said)

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _say(self, line: Mapping[str, object]) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")


class _Line(msgspec.Struct):
    soak: dict[str, Any] | None = None
    begin: Attempt | None = None
    settle: Attempt | None = None


def read(path: Path) -> tuple[Mapping[str, Any], Sequence[Attempt]]:
    """Give what a ledger says of its soak, and each attempt as far as it is known."""
    head: Mapping[str, Any] = {}
    found: dict[str, Attempt] = {}
    decode = msgspec.json.Decoder(_Line).decode
    with path.open("rb") as lines:
        for line in lines:
            try:
                said = decode(line)
            except msgspec.DecodeError:
                continue  # it was being written when the soak was killed
            head = said.soak or head
            if attempt := said.settle or said.begin:
                found[attempt.mark] = attempt
    return head, list(found.values())
