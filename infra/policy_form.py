"""What the policy file may say: its words, as forms that refuse all others."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from zhitong.infra.tenants import Whose
from zhitong.resolvers.policy import Effect
from zhitong.types import MaskKind, Sharing

Said = Annotated[str, msgspec.Meta(pattern=r"\S")]
"""Not left empty: every rule has a name, and the text it rests on."""
Texts = Annotated[list[Said], msgspec.Meta(min_length=1)]
OWN = "own"
"""Among a rule's purposes: those that the file lists for each of its kinds."""

Requirement = Literal[
    "purpose",
    "basis",
    "cause",
    "letter",
    "identity",
    "mandate",
    "authorisation",
    "licence",
    "approval",
]


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unknown keys are refused: a misspelt key must not widen a rule."""


class Text(Form, frozen=True, kw_only=True):
    """A text in both languages."""

    zh: Said
    en: Said


class Own(Form, frozen=True, kw_only=True):
    """What ties rows to the caller; see `zhitong.resolvers.policy.Scope`."""

    own_division: str | None = None
    own_unit: str | None = None
    own_party: Annotated[list[str], msgspec.Meta(max_length=2)] = []
    own_cause: str | None = None
    disputed: str | None = None
    told: tuple[str, str] | None = None

    @property
    def named(self) -> list[str]:
        """The fields that are compared with the caller's."""
        ones = (self.own_division, self.own_unit, self.own_cause, self.disputed)
        return [
            one
            for one in (*ones, *self.own_party, *(self.told or ()))
            if one is not None
        ]


class Where(Form, frozen=True, kw_only=True, rename={"values": "in"}):
    """A condition on one field."""

    field: str
    values: Texts | None = None
    present: Literal[True] | None = None
    """Instead of values: any."""

    def __post_init__(self) -> None:
        if (self.values is None) == (self.present is None):
            raise ValueError("exactly one of in and present")


class When(Own, frozen=True, kw_only=True, rename={"values": "in"}):
    """A condition on one field, on what is the caller's own, or both."""

    field: str | None = None
    values: Texts | None = None
    present: Literal[True] | None = None

    def __post_init__(self) -> None:
        said = (self.values is not None) + (self.present is not None)
        if said != (self.field is not None):
            raise ValueError("exactly one of in and present with field, none without")
        if self.field is None and not self.named:
            raise ValueError("field, or one of own_division, own_unit … is missing")


class RuleForm(Form, frozen=True, kw_only=True):
    """A rule about fields."""

    name: Said
    kinds: Texts
    roles: Texts = msgspec.field(default_factory=lambda: ["*"])
    effect: Effect
    types: Texts = msgspec.field(default_factory=lambda: ["*"])
    fields: Texts = msgspec.field(default_factory=lambda: ["*"])
    sharing: list[Sharing] | None = None
    purposes: Texts = msgspec.field(default_factory=lambda: ["*"])
    requires: list[Requirement] = []
    mask: MaskKind | None = None
    when: When | None = None
    reason: Text
    remedy: Text | None = None
    source: Said


class RowForm(Own, frozen=True, kw_only=True):
    """Which rows a kind sees at all."""

    name: Said
    kinds: Texts
    types: Texts
    where: Where | None = None
    source: Said

    def __post_init__(self) -> None:
        if self.where is None and not self.named:
            raise ValueError("at least one of where, own_division, own_unit …")


class CountForm(Form, frozen=True, kw_only=True):
    """What is counted for whom."""

    name: Said
    kinds: Texts
    types: Texts
    smallest: Annotated[int, msgspec.Meta(ge=0, le=1_000)]
    only: bool = False
    source: Said

    def __post_init__(self) -> None:
        if self.smallest and not self.only:
            raise ValueError("smallest needs only: who may list rows can count them")


class LookupForm(Form, frozen=True, kw_only=True):
    """Who may find rows by the exact value of a protected field."""

    name: Said
    kinds: Texts
    units: Texts
    type: str
    field: str
    purposes: Texts
    requires: list[Requirement]
    source: Said


Yuan = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Bands(Form, frozen=True, kw_only=True):
    """The bands amounts are masked to, and since when."""

    since: date
    edges: Annotated[list[Yuan], msgspec.Meta(min_length=1, max_length=50)]
    source: Said


class NarrowingForm(Form, frozen=True, kw_only=True):
    """How much narrowing of counts is borne; see `zhitong.resolvers.narrowing`."""

    hours: Annotated[float, msgspec.Meta(gt=0, le=744)]
    conditions: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    cut: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    source: Said


Hours = Annotated[float, msgspec.Meta(gt=0, le=744)]


class OverdueForm(Form, frozen=True, kw_only=True):
    """How many overdue reviews somebody may have and still open another."""

    since: date
    most: Annotated[int, msgspec.Meta(ge=0, le=1_000)]
    source: Said


class BreakGlassForm(Form, frozen=True, kw_only=True):
    """Who may break the glass, for how long; see `zhitong.rules.emergencies`."""

    kinds: Texts
    roles: Texts
    purpose: Said
    hours: Hours
    review_hours: Hours
    source: Said
    overdue: list[OverdueForm] = []


class PolicyForm(Form, frozen=True, kw_only=True):
    """The whole file."""

    tenant: Whose
    purposes: dict[str, Texts] = {}
    """What each requester kind may say it asks for."""
    other_purposes: list[Said] = []
    """What single rules name besides."""
    rules: list[RuleForm]
    rows: list[RowForm] = []
    counts: list[CountForm] = []
    lookups: list[LookupForm] = []
    bands: Bands | None = None
    narrowing: NarrowingForm | None = None
    break_glass: BreakGlassForm | None = None
    causes_checked: list[str] = []
    recorders: list[str] = []
    whole_texts: list[str] = []
    proceeding_recorders: list[str] = []
    grant_applicants: list[str] = []
    catalogue_outside: list[str] = []
