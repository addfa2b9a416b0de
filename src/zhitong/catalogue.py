"""Words of the data catalogue 数据目录: a version of it, and what the city says of it.

The city's exchange platform reviews what a department reports; its states are those of
deployed code (domain.md section 5.1), with their numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum

from zhitong.grants import Act, Application
from zhitong.types import Label


class ExchangeStatus(IntEnum):
    """Where a resource stands on the exchange platform."""

    NOT_REPORTED = 0
    """未上报"""
    WAITING = 1
    """待审核"""
    REJECTED_BY_ADMIN = 2
    """管理员驳回"""
    REJECTED_BY_STATE = 3
    """国家平台驳回"""
    REVOKED = 4
    """已撤销"""
    PASSED = 5
    """审核通过"""
    REJECTED = 8
    """驳回"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the exchange platform says of one resource."""

    resource: str
    """Type and source, as ``CaseRecord@market``."""
    external_id: str
    """The platform's own id of it; empty until it has one."""
    status: ExchangeStatus
    opinion: str
    version: str = ""
    """Digest of the catalogue that it is about."""
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A catalogue that was given out and differed from the one before it."""

    number: int
    digest: str
    """SHA-256 of its resources as canonical JSON."""
    made_at: datetime
    resources: int
    changes: tuple[Label, ...]
    """What had changed since the version before; none of the first."""
    status: ExchangeStatus
    """How it stands with the data authority."""
    reason: str
    reviewed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A catalogue that was given out: replies are held against it."""

    version: str
    resources: frozenset[str]


class Sampling(StrEnum):
    """How the rows came that quality was measured on."""

    WHOLE = "WHOLE"
    """All there are."""
    RANDOM = "RANDOM"
    """Blocks at random of a large table."""
    FIRST = "FIRST"
    """The first that came: a view, or a table nobody has counted, has no blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Some rows of one type of a source, for measuring them; they go nowhere else."""

    sampling: Sampling
    estimate: int | None
    """Rows there are, by the source's own statistics; None: it has none."""
    rows: Sequence[SampledRow]


@dataclass(frozen=True, slots=True)
class SampledRow:
    """One row, by field: as it is read, and as it is written where that differs."""

    key: str
    values: Mapping[str, object]
    written: Mapping[str, str | None]
    """The cell's own text, of fields that not every text can be read as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldQuality:
    """How good one field is, in rows of the sample."""

    name: str
    filled: int
    """Rows that have something there."""
    wrong: int | None
    """Of these, with what cannot be right; None: nothing of it could be told wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blamed:
    """How many decisions receivers rejected for one thing."""

    code: str
    field: str
    """The column; code and column are empty where neither can be told."""
    decisions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejections:
    """What receivers rejected lately of the decisions on a source's cases."""

    sent: int
    """Decisions of which a version was sent to anybody."""
    rejected: int
    """Those of which anybody rejected one."""
    blamed: tuple[Blamed, ...]
    """Most often first; a decision may be rejected for several things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured of one resource."""

    resource: str
    at: datetime
    sampling: Sampling
    sampled: int
    rows: int | None
    """Of all there are; an estimate unless all were sampled."""
    doubled: int
    """Rows of the sample whose key another has."""
    newest: date | None
    """The newest day that is not to come, among the sample and the first by order."""
    newest_field: str | None
    behind: int | None
    """How many update cycles have gone by since then."""
    fields: tuple[FieldQuality, ...]
    rejections: Rejections | None = None
    """Of the resource that has a source's cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A resource whose source did not answer."""

    resource: str
    at: datetime
    code: str
    why: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The last measurement of a resource, and a later attempt that came to nothing."""

    quality: Quality | None = None
    missed: Unmeasured | None = None


class ReviewOutcome(StrEnum):
    """What the data authority says of a version."""

    ACCEPT = "ACCEPT"
    RETURN = "RETURN"
    REVOKE = "REVOKE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One word of the data authority on one version."""

    version: int
    outcome: ReviewOutcome
    reason: str
    who: str
    unit: str

    @property
    def to(self) -> ExchangeStatus:
        """The state that it leads to."""
        return {
            ReviewOutcome.ACCEPT: ExchangeStatus.PASSED,
            ReviewOutcome.RETURN: ExchangeStatus.REJECTED_BY_ADMIN,
            ReviewOutcome.REVOKE: ExchangeStatus.REVOKED,
        }[self.outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A version as the data authority has left it, with what is in it."""

    number: int
    digest: str
    status: ExchangeStatus
    reason: str
    at: datetime | None
    """When it was reviewed; None: it waits."""
    resources: Mapping[str, Mapping[str, object]]
    """As the exchange file has them, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviews:
    """How the catalogue stands with the data authority."""

    begun: bool
    """Whether it has ever accepted a version: from then on it decides what is shown."""
    latest: Reviewed | None
    accepted: Reviewed | None
    """The last version that is accepted, and not revoked since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """What a review came to."""

    version: int
    status: ExchangeStatus
    replayed: bool
    """It had been said already; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantReply:
    """What the exchange platform says of one application for a grant."""

    grant: str
    """Id of the application."""
    external_id: str
    status: ExchangeStatus
    opinion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """All that an exchange file says besides the resources themselves."""

    replies: Mapping[str, Reply] = field(default_factory=dict)
    review: tuple[ExchangeStatus, str] = (ExchangeStatus.NOT_REPORTED, "")
    """How the version stands with the data authority, and what it said."""
    grants: Sequence[Application] = ()
    """Applications for sharing; no emergencies, which nobody applied for."""
    grant_replies: Mapping[str, GrantReply] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What an exchange file brings, every part of it checked."""

    file: str
    """SHA-256 of the file."""
    replies: Sequence[Reply] = ()
    grant_replies: Sequence[GrantReply] = ()
    applications: Sequence[tuple[Application, Act]] = ()
    """As each is to stand in the register, with the step that enters it."""
    body: bytes | None = None
    """The resources, where a whole catalogue is taken."""
