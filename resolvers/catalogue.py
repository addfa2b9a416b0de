"""The data catalogue 数据目录: computed from what is declared, bound and ruled.

A resource is one type of one source. Nothing here is kept: what the catalogue says is
what a question would meet at this moment, so the two cannot disagree. It reads no row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from zhitong.ports import CatalogueHistory, Source
from zhitong.resolvers import granting
from zhitong.resolvers.conditions import Condition, conditions
from zhitong.resolvers.explanation import OVERSEERS, described
from zhitong.resolvers.grants import NOT_SHARED
from zhitong.resolvers.policy import Policy
from zhitong.resolvers.read import Reader
from zhitong.resolvers.rulings import plain, visible
from zhitong.types import (
    STEWARD,
    STRICTNESS,
    Allow,
    Cycle,
    EntityType,
    Field,
    Grade,
    Inquiry,
    Principal,
    Sharing,
    TypeVerdicts,
)

GRADES = tuple(Grade)
"""From harmless to grave."""


class Standing(StrEnum):
    """Whether a resource is its owner's lead source 主数源 for the type."""

    LEAD = "LEAD"
    SECOND = "SECOND"
    """Another source of the same owner leads."""
    UNSETTLED = "UNSETTLED"
    """Several sources of one owner, and none or several say that they lead."""


class Access(StrEnum):
    """What the asking principal has of a field, as the question stands."""

    ALLOW = "ALLOW"
    MASK = "MASK"
    ON_CONDITION = "ON_CONDITION"
    """For some rows, or with a purpose or papers that were not stated."""
    BY_GRANT = "BY_GRANT"
    """By a sharing grant in force."""
    COUNTS = "COUNTS"
    """Counted and grouped by; its values are given to nobody of this kind."""
    DENY = "DENY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One field of a resource."""

    field: Field
    sharing: Sharing
    """The stricter of what the type declares and what the binding says."""
    basis: str
    """The text on which the binding shares it more strictly; empty: it does not."""
    lost: bool
    """The binding names it, and the source no longer has it."""
    grantable: bool
    """Whether an application for a grant may name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One type of one source, with what the asking principal may know of it."""

    entity: EntityType
    source: Source
    standing: Standing
    updated: Cycle | None
    items: tuple[Item, ...]

    @property
    def id(self) -> str:
        """Name it, as ``CaseRecord@market``."""
        return f"{self.entity.name}@{self.source.name}"

    @property
    def sharing(self) -> Sharing:
        """The strictest attribute of its fields."""
        return max((one.sharing for one in self.items), key=STRICTNESS.index)

    @property
    def grade(self) -> Grade:
        """The highest grade of its fields: 就高从严."""
        return max((one.field.grade for one in self.items), key=GRADES.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which resources are asked for; each part that is there must hold."""

    owner: str | None = None
    type: str | None = None
    sharing: Sharing | None = None
    grade: Grade | None = None
    search: str | None = None

    def holds(self, one: Resource) -> bool:
        """Say whether *one* is asked for."""
        return (
            self.owner in {None, one.source.owner}
            and self.type in {None, one.entity.name}
            and (self.sharing is None or any(_shared(one, self.sharing)))
            and (self.grade is None or any(_graded(one, self.grade)))
            and (self.search is None or self.search.casefold() in _words(one))
        )


class Catalogue:
    """The catalogue of the sources as they are now, under the policy in force."""

    def __init__(
        self,
        entities: Mapping[str, EntityType],
        sources: Callable[[], Mapping[str, Source]],
        policy: Policy,
        history: CatalogueHistory | None = None,
    ) -> None:
        self._entities = entities
        self._sources = sources
        self._policy = policy
        self.history = history
        """What was exported, and what was said of it; None: this gateway has none."""
        self._known: dict[
            tuple[str, tuple[tuple[str, Sharing], ...]],
            Mapping[str, tuple[Condition, ...]],
        ] = {}

    def resources(self, principal: Principal | None = None) -> tuple[Resource, ...]:
        """List what *principal* may know of, by id; without one, all there is.

        Whoever stands outside government is shown unconditional fields alone, and no
        resource that has none.
        """
        outside = (
            principal is not None and principal.kind in self._policy.catalogue_outside
        )
        sources = self._sources().values()
        made = [
            self._resource(entity, source, open_only=outside)
            for entity in self._entities.values()
            for source in sources
            if source.feeds(entity.name)
        ]
        return tuple(sorted((one for one in made if one.items), key=lambda one: one.id))

    def conditions(self, resource: Resource) -> Mapping[str, tuple[Condition, ...]]:
        """Say of each field which requester kinds may see it, and on what condition."""
        tightened = resource.source.tightened(resource.entity.name)
        kept = tuple(sorted((name, one.sharing) for name, one in tightened.items()))
        place = (resource.entity.name, kept)
        if place not in self._known:
            self._known[place] = conditions(self._policy, resource.entity, tightened)
        return self._known[place]

    def access(
        self, reader: Reader, inquiry: Inquiry, resource: Resource
    ) -> Mapping[str, Access]:
        """Say what whoever asks has of each field, with what is stated now."""
        verdicts = reader.verdicts(inquiry, resource.entity, resource.source)
        kinds = self.conditions(resource)
        kind = inquiry.principal.kind
        return {
            one.field.name: _access(
                verdicts,
                one.field.name,
                had=any(each.kind == kind for each in kinds[one.field.name]),
            )
            for one in resource.items
        }

    def inside(self, principal: Principal) -> bool:
        """Say whether *principal* stands inside government."""
        return principal.kind not in self._policy.catalogue_outside

    def whole(self, resource: Resource) -> Resource:
        """Give all of *resource*, whatever is shown of it."""
        return self._resource(resource.entity, resource.source, open_only=False)

    def answers_for(self, principal: Principal, resource: Resource) -> bool:
        """Say whether *principal* oversees all data, or answers for these."""
        own = principal.role == STEWARD and principal.unit == resource.source.owner
        return own or principal.role in OVERSEERS

    def _resource(
        self, entity: EntityType, source: Source, *, open_only: bool
    ) -> Resource:
        lost, kept = source.lost(entity.name), source.tightened(entity.name)
        fed = source.feeds(entity.name)
        items = []
        for name, field in entity.fields.items():
            if name not in fed:
                continue
            stricter = kept.get(name)
            sharing = field.sharing if stricter is None else stricter.sharing
            if open_only and sharing is not Sharing.UNCONDITIONAL:
                continue
            item = Item(
                field=field,
                sharing=sharing,
                basis="" if stricter is None else stricter.basis,
                lost=name in lost,
                grantable=sharing is not Sharing.WITHHELD
                and entity.name not in NOT_SHARED,
            )
            items.append(item)
        return Resource(
            entity=entity,
            source=source,
            standing=_standing(entity, source, self._sources().values()),
            updated=source.supply(entity.name).updated,
            items=tuple(items),
        )


def rows(reader: Reader, inquiry: Inquiry, resource: Resource) -> str:
    """Say which rows of a resource whoever asks is shown; empty: every row."""
    scope = reader.verdicts(inquiry, resource.entity, resource.source).rows
    return "" if scope is None else described(scope)


def wholly_given(
    reader: Reader, inquiry: Inquiry, resource: Resource
) -> frozenset[str]:
    """Name the fields of a resource whose value whoever asks is given of every row."""
    verdicts = reader.verdicts(inquiry, resource.entity, resource.source)
    if verdicts.counts_only or verdicts.rows is not None:
        return frozenset()
    return frozenset(
        item.field.name
        for item in resource.items
        if plain(verdicts.fields[item.field.name]) is True
    )


def _standing(
    entity: EntityType, source: Source, sources: Iterable[Source]
) -> Standing:
    rivals = [
        one for one in sources if one.owner == source.owner and one.feeds(entity.name)
    ]
    if len(rivals) == 1:
        return Standing.LEAD
    leading = [one for one in rivals if one.supply(entity.name).leads]
    if len(leading) != 1:
        return Standing.UNSETTLED
    return Standing.LEAD if leading[0].name == source.name else Standing.SECOND


def _access(verdicts: TypeVerdicts, name: str, *, had: bool) -> Access:
    """Weigh one field; *had* is whether this kind of caller has it on any occasion."""
    rulings = verdicts.fields[name]
    if not visible(rulings):
        return Access.ON_CONDITION if had else Access.DENY
    if verdicts.counts_only:
        return Access.COUNTS
    if any(granting.used(rulings)):
        return Access.BY_GRANT
    first = rulings[0]
    if first.under is not None:
        return Access.ON_CONDITION
    return Access.ALLOW if isinstance(first.verdict, Allow) else Access.MASK


def _shared(one: Resource, sharing: Sharing) -> Iterable[bool]:
    return (item.sharing is sharing for item in one.items)


def _graded(one: Resource, grade: Grade) -> Iterable[bool]:
    return (item.field.grade is grade for item in one.items)


def _words(one: Resource) -> str:
    """Give all that a search looks at: names and titles in both languages."""
    labels = [one.entity.label, one.source.title]
    labels += [item.field.label for item in one.items]
    names = [one.id, one.source.owner, *(item.field.name for item in one.items)]
    texts = [text for label in labels for text in (label.zh, label.en)]
    return "\n".join([*texts, *names]).casefold()
