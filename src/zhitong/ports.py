"""What resolvers ask of connectors; infra injects the adapters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from zhitong.catalogue import (
    Concluded,
    Measured,
    Reply,
    Review,
    Reviewed,
    Reviews,
    Version,
)
from zhitong.decisions import (
    Ack,
    Act,
    Annotation,
    Answer,
    Arrival,
    Backlog,
    BatchAnswer,
    Changed,
    Committed,
    Copy,
    Decision,
    Due,
    Entry,
    Event,
    Finding,
    FrontPlace,
    FrontRow,
    Held,
    Outgoing,
    Receipt,
    Signed,
    Signing,
    Unreadable,
)
from zhitong.exceptions import EvidenceStaleError
from zhitong.grants import Act as GrantAct
from zhitong.grants import Application, InForce, Taken, Unreviewed
from zhitong.inbound import Arrived, Fate, InboundReceipt, Judged
from zhitong.proceedings import EnteredProceeding, Proceeding
from zhitong.publishing import Entry as PublicationEntry
from zhitong.publishing import Published, Stood, Teller
from zhitong.publishing import Taken as PublicationTaken
from zhitong.types import (
    Column,
    Inquiry,
    Keys,
    Label,
    Occasion,
    Order,
    Position,
    Predicate,
    Principal,
    Row,
    RowQuery,
    Supply,
    Table,
    Tally,
    TallyQuery,
    Tightening,
    TokenUse,
)


class Prepared(Protocol):
    """A source got ready to be asked for certain columns, again and again."""

    async def table(
        self,
        *,
        limit: int,
        where: Predicate | None = None,
        keys: Keys | None = None,
        after: Position | None = None,
    ) -> Table:
        """Answer in one statement, as `Source.rows`; raise `SourceError`."""
        ...


class Source(Protocol):
    """A department's system, read where it is and never written."""

    @property
    def name(self) -> str:
        """The binding's name, part of every node id."""
        ...

    @property
    def title(self) -> Label:
        """The department's name, for people."""
        ...

    @property
    def owner(self) -> str:
        """The credit code of the agency that answers for the data."""
        ...

    @property
    def state(self) -> str:
        """``ready``, ``drift`` (some fields lost) or ``away``."""
        ...

    def feeds(self, type_name: str) -> frozenset[str]:
        """Name the fields of *type_name* this source has; none: not fed here."""
        ...

    def lost(self, type_name: str) -> Mapping[str, Label]:
        """Name the fields of *type_name* that have gone missing here, and why."""
        ...

    def tightened(self, type_name: str) -> Mapping[str, Tightening]:
        """Name the fields that are shared more strictly here than the type says."""
        ...

    def supply(self, type_name: str) -> Supply:
        """Say how this source feeds *type_name*: how often, and whether it leads."""
        ...

    def may_hold(self, type_name: str, where: Predicate | None) -> bool:
        """Say False only if no row here can satisfy *where*."""
        ...

    def prepare(
        self, type_name: str, columns: tuple[Column, ...], order: Order
    ) -> Prepared:
        """Get ready to be asked for these *columns*; no I/O."""
        ...

    async def rows(self, query: RowQuery) -> Sequence[Row]:
        """Answer in one statement; raise `SourceError` when it cannot."""
        ...

    async def tally(self, query: TallyQuery) -> Sequence[Tally]:
        """Count in one statement; raise `SourceError` when it cannot."""
        ...


class AccessLog(Protocol):
    """Where looks are recorded before the answer leaves."""

    @property
    def away(self) -> bool:
        """Say whether the last commit failed, and none has succeeded since."""
        ...

    async def record(self, inquiry: Inquiry) -> str:
        """Commit what *inquiry* read, return the record's id.

        Raises `RecordUnavailableError`, and `GrantEndedError` where a sharing grant
        that was used has ended meanwhile.
        """
        ...

    async def follow(self, inquiries: Sequence[Inquiry]) -> Sequence[Inquiry]:
        """Commit what several questions read that are answered; give what failed.

        Raises `RecordUnavailableError` where none of them could be written.
        """
        ...

    async def keep(self, inquiry: Inquiry) -> None:
        """Put the record on our own disk; it is committed as soon as that works.

        Raises `SpoolFullError`, `RecordUnavailableError`.
        """
        ...


class Lookers(Protocol):
    """Who looked at a row, as the register has it."""

    async def records(
        self,
        places: Sequence[tuple[str, str, str]],
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Sequence[str]:
        """Name the newest *limit* records of looks at rows: type, source, key of each.

        Raises `RecordUnavailableError`.
        """
        ...

    async def looks(
        self,
        places: Sequence[tuple[str, str, str]],
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Sequence[str]:
        """Name the newest *limit* looks, of whatever records, that saw these rows.

        Raises `RecordUnavailableError`.
        """
        ...


class Freshness(Protocol):
    """How long a word of the witnesses is overdue, as last seen."""

    def stale(self) -> EvidenceStaleError | None:
        """Give what refuses protected data now; None: nothing does. No I/O."""
        ...

    def announcement(self) -> str:
        """Say in a header's form that proof is late, and when data will be held."""
        ...


class ToldTurn(Protocol):
    """What was noted of one name, while nobody else may look at it."""

    @property
    def large(self) -> bool:
        """Whether it should be replaced by less."""
        ...

    def since(self, place: object) -> tuple[Sequence[bytes], object]:
        """Give what was noted after *place* (None: all of it), and the place now."""
        ...

    def add(self, noted: Iterable[bytes]) -> None:
        """Note more; whoever added it is given it again, too."""
        ...

    def replace(self, noted: Iterable[bytes]) -> None:
        """Forget all but this."""
        ...


class ToldCounts(Protocol):
    """What the processes of one gateway have told of counts, common to all of them."""

    def turn(self, name: str) -> AbstractContextManager[ToldTurn]:
        """Take the turn of *name*; raise `RecordUnavailableError` if that fails."""
        ...


class Documents(Protocol):
    """Documents that were looked at before they are asked, by their SHA-256."""

    async def find(self, digest: str, principal: Principal) -> str | None:
        """Give the document of *digest* if *principal*'s client may ask it."""
        ...


class UsedTokens(Protocol):
    """Which tokens have served a change; common to all gateways of a tenant."""

    async def use(self, token: TokenUse) -> None:
        """Note that *token* serves a change, before that is made.

        Raises `TokenReplayedError` where it has served one and may serve no other,
        or has served another holder; `LedgerUnavailableError`.
        """
        ...


class Ledger(Protocol):
    """The ledger of decisions: one transaction per entry."""

    def content_hash(self, decision: Decision) -> str:
        """Digest *decision*; ID numbers go in under a key, so none can be guessed."""
        ...

    async def held(self, decision_id: UUID) -> Held | None:
        """Give the present version; raise `LedgerUnavailableError`."""
        ...

    async def signed(
        self, entry: Entry, given: Signing, stated: Mapping[str, str]
    ) -> Signed:
        """Say what the bureau's signature of *entry* is worth; never refuse it.

        *stated* are the ID numbers that were sent with it. Raises
        `LedgerUnavailableError`.
        """
        ...

    async def commit(self, entry: Entry) -> Committed:
        """Commit version, findings, audit leaf and outbox rows, or nothing.

        The same content once more is `Committed` as replayed. Raises
        `DecisionConflictError` (same id, other content), `DecisionDuplicateError`
        (same agency, document number and party stand under another id),
        `DecisionStaleError` (it is not the next version), `LedgerUnavailableError`.
        """
        ...

    async def copied(self) -> None:
        """Wait until what was seen there is on the standby, if there is one.

        Raises `LedgerUnavailableError`.
        """
        ...


class LedgerChanges(Protocol):
    """What has changed in the ledger, as it was sealed; lags by the sealer."""

    async def since(self, position: int, most: int) -> Sequence[Changed]:
        """Give the first *most* versions of decisions from *position* on.

        Raises `LedgerUnavailableError`, as `end` does.
        """
        ...

    async def end(self) -> int:
        """Give the position of what is sealed next."""
        ...


class PublicationBook(Protocol):
    """Where publications by people are kept: each step one transaction."""

    async def take(
        self,
        said: PublicationTaken,
        teller: Teller,
        judge: Callable[[PublicationEntry | None, Published], PublicationEntry],
    ) -> Stood:
        """Have *judge* say what the step makes of the publication, and note it.

        The same once more is `Stood` as replayed. Raises what *judge* raises,
        `PublicationUnknownError`, `LedgerUnavailableError`.
        """
        ...


class GrantBook(Protocol):
    """Where applications for grants are kept: each step one transaction."""

    async def find(self, grant_id: str) -> Application | None:
        """Give the application as it stands."""
        ...

    async def copied(self) -> None:
        """Wait until what was seen there is on the standby, if there is one.

        Raises `LedgerUnavailableError`.
        """
        ...

    async def enter(self, made: Application, act: GrantAct) -> Taken:
        """Enter a new application, or find that it was entered so.

        Raises `GrantConflictError` where another has its id.
        """
        ...

    async def unreviewed(
        self, unit: str, person: str, at: datetime
    ) -> Sequence[Unreviewed]:
        """Give emergencies whose review is overdue *at* that moment, the oldest first.

        Those of *unit*, and those of whoever has this subject, anywhere.
        """
        ...

    async def take(
        self, act: GrantAct, judge: Callable[[Application, GrantAct], Application]
    ) -> Taken:
        """Have *judge* say what *act* makes of the application, and note it.

        The same once more is `Taken` as replayed. Raises what *judge* raises,
        `GrantUnknownError`, `GrantStaleError`, `LedgerUnavailableError`.
        """
        ...

    async def expire(
        self,
        now: datetime,
        judge: Callable[[Application], tuple[GrantAct, Application]],
    ) -> int:
        """Note what has run out by *now*; give how many there were."""
        ...


class GrantsInForce(Protocol):
    """What is in force of the register of grants, for those who weigh it."""

    async def counter(self) -> int:
        """Give the number of changes; while it stands, what is in force stands."""
        ...

    async def in_force(self, now: datetime) -> InForce:
        """Give the grants that are in force at *now*, or agreed to begin later.

        Both raise `LedgerUnavailableError`.
        """
        ...


class CatalogueHistory(Protocol):
    """Catalogues that were given out, and what the exchange platform said of them."""

    async def reviews(self) -> Reviews:
        """Give how the catalogue stands with the data authority.

        Raises `LedgerUnavailableError` where that was never known.
        """
        ...

    async def review(
        self, said: Review, check: Callable[[Reviewed, Reviews, Review], None]
    ) -> Concluded:
        """Note *said* unless *check* raises; the same once more changes nothing.

        Raises `CatalogueReviewError`, `LedgerUnavailableError`.
        """
        ...

    async def versions(
        self, limit: int, before: int | None, *, accepted: bool = False
    ) -> Sequence[Version]:
        """Give the newest *limit* versions, of those *before* a number.

        With *accepted* those alone that the data authority has accepted.

        Raises `LedgerUnavailableError`.
        """
        ...

    async def replies(self) -> Mapping[str, Reply]:
        """Give the last reply on each resource; raise `LedgerUnavailableError`."""
        ...

    async def measured(self) -> Mapping[str, Measured]:
        """Give what was last measured of each resource's quality.

        Raises `LedgerUnavailableError`.
        """
        ...


class ProceedingBook(Protocol):
    """Where reconsiderations and lawsuits are kept, version by version."""

    async def enter(
        self, proceeding: Proceeding, principal: Principal, *, any_unit: bool
    ) -> EnteredProceeding:
        """Enter another version, or find that it stands so.

        Raises `ProceedingError` where another unit recorded it, unless *any_unit*,
        and `LedgerUnavailableError`.
        """
        ...


class Envelopes(Protocol):
    """Each receiver's form of a decision, in final bytes."""

    def receivers(self, act: Act, at: datetime | None = None) -> tuple[str, ...]:
        """Name who is to have decisions of this kind recorded *at* a time, or now."""
        ...

    def heirs(
        self, act: Act, had: Collection[str], at: datetime | None = None
    ) -> tuple[str, ...]:
        """Name who has taken the place of those that *had* one, and had it not."""
        ...

    def asker(self, receiver: str, at: datetime) -> tuple[Principal, Occasion]:
        """Say as whom *receiver* is given what it is given, and for what purpose."""
        ...

    def events(
        self, copies: Sequence[Copy], *, follows_history: bool
    ) -> tuple[Event, ...]:
        """Write the event of each copy."""
        ...

    def tells_findings(self, receiver: str, at: datetime) -> bool:
        """Say whether *receiver*'s form has a place for what the rules find."""
        ...

    def annotates(self, receiver: str, at: datetime) -> bool:
        """Say whether *receiver*'s channel has a place for what is no version."""
        ...

    def annotated(self, one: Annotation) -> Event:
        """Write the event of what happened to a decision, for one receiver."""
        ...

    def shortcomings(self, copies: Sequence[Copy]) -> tuple[Finding, ...]:
        """Say what a receiver's format asks for and its copy does not have."""
        ...


class Outbox(Protocol):
    """What waits to leave, as one relay sees it; all buckets of it or some."""

    @property
    def settled(self) -> bool:
        """Say whether nothing is about to change hands, as far as we are concerned."""
        ...

    async def own(self, under_way: Collection[int] = ()) -> frozenset[int]:
        """Beat, take over what is free, release what is another's; give what is ours.

        Of what is another's, buckets *under_way* are still held, for a while.
        Raises `LedgerUnavailableError` after losing all of them.
        """
        ...

    async def waiting(
        self, limit: int, resting: Collection[str] = ()
    ) -> Sequence[Outgoing]:
        """Give the oldest events of our buckets, each key's in order from its first.

        At most *limit* of each receiver; those of suspended receivers and of
        *resting* ones, of parked keys and behind an event that failed are left out.
        """
        ...

    async def sent(self, acks: Sequence[Ack]) -> None:
        """Move what the broker has to the sent log, in one transaction."""
        ...

    async def failed(self, seq: int, error: str) -> int:
        """Note an attempt that failed for the event's own sake; give their number."""
        ...

    async def park(self, seq: int, reason: str) -> None:
        """Make the event a dead letter and let its key's later events wait."""
        ...

    async def backlog(self) -> Sequence[Backlog]:
        """Say how much waits, by receiver, whoever sends it; counted to a bound.

        Raises `LedgerUnavailableError`, and loses no bucket by it.
        """
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


class Pressure(Protocol):
    """How hard what waits to leave presses; nothing is refused for it."""

    def undelivered(self, receivers: Collection[str]) -> Collection[str]:
        """Say which of *receivers* will not have what is recorded now for long yet."""
        ...

    async def calm(self, patience: float = 0.0) -> None:
        """Wait until what is not urgent may go on, or for *patience* seconds.

        0: as long as it is good for who waits.
        """
        ...

    async def prompt(self) -> None:
        """Wait, not for long, until what was decided leaves within moments."""
        ...


class ReceiptBook(Protocol):
    """Where receipts are kept beside what was sent."""

    async def file(self, receipts: Sequence[Receipt]) -> None:
        """Keep *receipts*; one for nothing we sent is kept apart, and said."""
        ...

    async def stray(self, receiver: str, raw: bytes, why: str) -> None:
        """Keep what is no receipt, or not signed as it must be."""
        ...


class BatchBook(ReceiptBook, Protocol):
    """The receipt book, which knows what lies in a batch too."""

    async def batch(self, receiver: str, place: str, number: int) -> Sequence[UUID]:
        """Give the events that were put into the batch *number* at *place*."""
        ...

    async def unanswered(
        self, receiver: str, place: str, since: int = 0
    ) -> Sequence[int]:
        """Give the oldest batches at *place* from *since* on that are not answered.

        That is where an event has no final answer; to a bound.
        """
        ...


class FrontEnd(Protocol):
    """A receiver's front-end database 前置库, as far as we write and read there."""

    async def write(self, rows: Sequence[FrontRow]) -> Sequence[FrontPlace]:
        """Write *rows* as one batch, in one transaction; say where each lies.

        One that is there already stays where it is. Raises
        `ReceiverUnavailableError`, and has written nothing then.
        """
        ...

    async def answers(self, numbers: Sequence[int]) -> Sequence[BatchAnswer]:
        """Give what the other side says of the batches *numbers*, where it does."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


class Inbox(Protocol):
    """A receiver's own database: what arrived, and its effect."""

    async def take(self, arrivals: Sequence[Arrival]) -> Sequence[Answer]:
        """Take *arrivals* in one transaction: inbox, effect and receipts due.

        What came before changes nothing and has its receipt made due again. A
        version whose predecessor is missing waits; it is taken with it.
        """
        ...

    async def set_aside(self, unreadable: Sequence[Unreadable]) -> None:
        """Keep bytes that are no event, so that they neither block nor are lost."""
        ...

    async def due(self, limit: int) -> Sequence[Due]:
        """Give receipts not yet sent, oldest first; nobody else is given them soon."""
        ...

    async def answered(self, sent: Sequence[Due]) -> None:
        """Note that the receipts of *sent* are with the broker."""
        ...


class Inbound(Protocol):
    """What other systems send us: kept, judged, answered."""

    async def take(self, arrivals: Sequence[Arrived]) -> Sequence[Judged]:
        """Judge *arrivals* in one transaction with their effects and receipts due.

        What came before, at the same place, has no verdict and changes nothing.
        """
        ...

    async def due(self, limit: int) -> Sequence[InboundReceipt]:
        """Give receipts not yet sent, oldest first; nobody else is given them soon."""
        ...

    async def answered(self, sent: Sequence[UUID]) -> None:
        """Note that receipts are with the broker."""
        ...

    async def held(self) -> Mapping[tuple[str, Fate], int]:
        """Count what waits and what is in quarantine, by sender."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedHere:
    """A statement of what a receiver was sent, as it came."""

    statement: UUID
    topic: str
    partition: int
    start: int
    end: int
    said: bytes
    signed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedDue:
    """A statement that is to be answered; what lies before *seen* has come."""

    statement: UUID
    said: bytes
    seen: int


class Stated(Protocol):
    """What was stated to a receiver, beside what it has."""

    async def keep(self, stated: Sequence[StatedHere]) -> None:
        """Keep what was stated, to be answered; look at the earlier ones again."""
        ...

    async def due(self) -> Sequence[StatedDue]:
        """Give the statements to be answered now."""
        ...

    async def held(
        self, topic: str, partition: int, start: int, end: int
    ) -> Mapping[int, str]:
        """Give the event ids that are here of a place, by offset."""
        ...

    async def answered(self, statement: UUID, held: int) -> None:
        """Note that it was answered, with so many events."""
        ...


class Signer(Protocol):
    """A key that signs, wherever it lies: a file, a token, a signature server."""

    @property
    def key_id(self) -> str:
        """First 16 hex digits of SHA-256 over the public key's DER."""
        ...

    @property
    def algorithm(self) -> str:
        """``ecdsa-p256-sha256`` or ``sm2-sm3``."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Sign *data*, DER; raise `SignerUnavailableError`. May block."""
        ...
