"""The forms of the catalogue's exchange file: what goes out, and what comes back.

Keys are lower-case, as the city's exchange platforms have them (domain.md section 5.1).
docs/ has a JSON Schema of each.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from zhitong.types import Cycle, Grade, Kind, MaskKind, Sharing

OUT = "zhitong-catalogue-2"
BACK = "zhitong-catalogue-reply-1"
# Neither NUL nor half a character is text to a database.
SENDABLE = r"^[^\0\ud800-\udfff]*$"
Text = Annotated[str, msgspec.Meta(max_length=2_000, pattern=SENDABLE)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=SENDABLE)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=SENDABLE)]
Code = Annotated[str, msgspec.Meta(pattern="^[0-9A-Z]{18}$")]
Division = Annotated[str, msgspec.Meta(pattern="^([1-9][0-9]{5})?$")]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Status = Literal[0, 1, 2, 3, 4, 5, 8]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(gt=0, lt=2**31)]
Listed = Annotated[list[Name], msgspec.Meta(max_length=500)]
Mode = Literal["interface", "batch", "file"]
State = Literal[
    "applied",
    "incomplete",
    "reviewed",
    "agreed",
    "in_force",
    "refused",
    "disputed",
    "withdrawn",
    "revoked",
    "expired",
]


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt one must not pass in silence."""


class ItemForm(_Form, frozen=True, kw_only=True):
    """One field of a resource."""

    item_name: Name
    item_label: Name
    item_label_en: Name
    data_type: Kind
    share_type: Sharing
    share_basis: str
    share_scope: list[str]
    grade: Grade
    mask: MaskKind | None
    code_list: str | None
    grantable: bool


class ResourceForm(_Form, frozen=True, kw_only=True):
    """One type of one source."""

    catalog_id: Name
    catalog_name: Name
    catalog_name_en: Name
    org_code: Name
    org_name: Name
    org_name_en: Name
    lead: Literal["lead", "second", "unsettled"]
    update_cycle: Cycle | None
    share_type: Sharing
    grade: Grade
    items: Annotated[list[ItemForm], msgspec.Meta(min_length=1)]


class StateForm(_Form, frozen=True, kw_only=True):
    """What is known of a resource on the exchange platform."""

    catalog_id: Name
    external_id: Text
    status: Status
    opinion: Text


class ReviewForm(_Form, frozen=True, kw_only=True):
    """How this version stands with the data authority."""

    status: Status
    opinion: Text


class ApplicationForm(_Form, frozen=True, kw_only=True):
    """An application for a sharing grant: who asks whom for what, why and how long."""

    apply_id: Id
    unit_code: Code
    unit_name: Name
    org_code: Code
    """The owner, whose data are asked for."""
    items: Listed
    """As ``Type.field``."""
    lookups: Listed
    """Fields to look rows up by exactly, as ``Type.field``."""
    purpose: Text
    basis: Text
    scene: Text
    mode: Mode
    masked: bool
    division: Division
    own_cause: bool
    documents: Annotated[list[Digest], msgspec.Meta(max_length=500)]
    page: Count | None
    cost: Count | None
    rate: Annotated[float, msgspec.Meta(gt=0, lt=1e9)] | None
    receiver: Name | None
    valid_from: Moment
    valid_to: Moment


class GrantForm(ApplicationForm, frozen=True, kw_only=True):
    """An application as it stands in the register that gave it out."""

    status: Status
    state: State
    """The register's own word, which says more than the status."""
    opinion: Text
    applied_at: Moment


class GrantStateForm(_Form, frozen=True, kw_only=True):
    """What the exchange platform says of an application."""

    apply_id: Id
    external_id: Text = ""
    status: Status
    opinion: Text = ""


class CatalogueForm(_Form, frozen=True, kw_only=True):
    """What goes out: the whole catalogue."""

    format: Literal["zhitong-catalogue-2"]
    tenant: Name
    version: Digest
    """SHA-256 of ``catalogs`` as canonical JSON: sorted keys, no spaces, UTF-8."""
    exported_at: datetime
    share_scopes: dict[str, str]
    """The requester kinds that share_scope names."""
    catalogs: list[ResourceForm]
    states: list[StateForm]
    review: ReviewForm
    grants: list[GrantForm]
    grant_states: list[GrantStateForm]


class ReplyForm(_Form, frozen=True, kw_only=True):
    """What the platform says of one resource."""

    catalog_id: Name
    status: Status
    external_id: Text = ""
    opinion: Text = ""


class RepliesForm(_Form, frozen=True, kw_only=True):
    """What comes back: the platform's replies on one version."""

    format: Literal["zhitong-catalogue-reply-1"]
    version: Digest
    replies: list[ReplyForm]
    applications: list[ApplicationForm] = []
    """Made on the exchange platform, for data of the departments here."""
    grants: list[GrantStateForm] = []
    """Its word on applications that are here, or in this file."""


def schemas() -> dict[str, dict[str, object]]:
    """Give the JSON Schema of each form, by the name of its file in docs/."""
    return {
        "catalogue.schema.json": msgspec.json.schema(CatalogueForm),
        "catalogue-reply.schema.json": msgspec.json.schema(RepliesForm),
    }
