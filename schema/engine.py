"""A question as the front hands it over, and the answer it gets back."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from zhitong.exceptions import ZhitongError
from zhitong.resolvers.changes import Watch
from zhitong.types import Allowance, Occasion, Principal


@dataclass(slots=True, kw_only=True)  # a frozen one takes three microseconds to make
class Question:
    """A GraphQL request after the front has checked its form and its sender."""

    document: str
    variables: Mapping[str, object] | None
    operation: str | None
    principal: Principal
    occasion: Occasion
    request_id: str
    read_only: bool = False
    once: Callable[[], Awaitable[None]] | None = field(default=None, compare=False)
    """Notes that the caller's token serves a change; raises if it may not."""
    spend: Callable[[int], None] | None = field(default=None, compare=False)
    """Counts the question's cost against its client's rate; raises where too fast."""
    allowance: Allowance = field(default_factory=Allowance)
    """What the client may ask, as its configuration has it."""
    watch: Watch | None = field(default=None, compare=False)
    """The subscription that this is an answer of; None: it may be none."""
    priced: bool = False
    """Whether the answer is to say what the document cost."""
    traced: bool = False
    """Whether it is to say how long it took, for a federated router's trace."""
    digest: str = field(default="", compare=False)
    """The document's hash, where who asks has made it already; see `document_hash`."""


@dataclass(slots=True, kw_only=True)  # not frozen: as above
class Proof:
    """What the record of an answer says, for the caller to keep."""

    record: str
    digest: bytes
    """SHA-256 of the answer's bytes."""
    at: datetime
    unit: str
    document: str
    """SHA-256 of the document, in hex."""


@dataclass(slots=True, kw_only=True)  # not frozen: as above
class Answer:
    """What goes back: *executed* is False where no field was resolved."""

    body: Mapping[str, object]
    executed: bool
    status: int = 200
    record_id: str | None = None
    payload: bytes | None = None
    """The very bytes that are on record; None where nothing was looked at."""
    proof: Proof | None = None
    executor: str = ""
    """What ran the operation, and why no plan did; empty where nothing was run."""


class Engine(Protocol):
    """Answers questions; of what a caller did wrong raises only what asks too fast."""

    async def answer(self, question: Question) -> Answer:
        """Answer *question* after its looks are recorded."""
        ...


def document_hash(document: str) -> str:
    """Give the hash by which a document is registered, granted and recorded."""
    # A lone surrogate is no text, but its refusal is the parser's.
    return hashlib.sha256(document.encode(errors="surrogatepass")).hexdigest()


def problem(error: ZhitongError) -> dict[str, object]:
    """Render *error* as an entry of a GraphQL answer's ``errors``."""
    return {"message": str(error), "extensions": explained(error)}


def explained(error: ZhitongError) -> dict[str, object]:
    """Give what *error* says beside its message."""
    return {
        "code": error.code,
        "zh": error.label.zh,
        "en": error.label.en,
        "retriable": error.retriable,
        **({"details": error.details} if error.details else {}),
        "help": f"docs/errors/{error.code.lower().replace('_', '-')}.md",
    }
