"""What one question may see and compare, of which sources: verdicts, and no rows.

Sources differ: one shares less of a type, by its binding; one shares more with the
caller, by a grant of its owner. What is compared across sources is compared where it
may be, and the others keep back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from zhitong.exceptions import FieldHiddenError
from zhitong.grants import Grant
from zhitong.ports import Source
from zhitong.resolvers import granting
from zhitong.resolvers.explanation import Explanation, Place, explain
from zhitong.resolvers.grant_reasons import Asked, Reason, reason
from zhitong.resolvers.kept import Kept
from zhitong.resolvers.looks import note_restriction
from zhitong.resolvers.policy import Caller, Policy
from zhitong.resolvers.profiles import Profile, Profiles
from zhitong.resolvers.restrictions import restrict
from zhitong.resolvers.rulings import plain, visible
from zhitong.resolvers.verdicts import decide, scoped
from zhitong.types import (
    SOURCE_KEY,
    AnyOf,
    Deny,
    EntityType,
    Inquiry,
    Kind,
    Order,
    Predicate,
    Ruling,
    Rulings,
    Tightening,
    TypeVerdicts,
    Values,
)

REMEMBERED = 2_048
"""Verdicts that are kept, some kilobytes each: by profile, source and type."""
Opened = Mapping[str, tuple[Grant, Predicate | None]]
"""Sources that a look-up is open to by grant, and for which of their rows."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What one source lets be compared less, or for some rows more, than others."""

    kept: list[str]
    under: dict[str, Predicate]


class Sight:
    """Weighs the policy for one question at a time, and for each source."""

    def __init__(
        self, sources: Callable[[], Mapping[str, Source]], policy: Policy
    ) -> None:
        self._sources = sources
        self._policy = policy
        self._profiles = Profiles(policy)
        self._decided = Kept[TypeVerdicts]()
        self._scoped: dict[str, bool] = {}

    def profile(self, inquiry: Inquiry) -> Profile:
        """Say what all verdicts for *inquiry* come of, besides policy and sources."""
        asking = Caller(
            principal=inquiry.principal,
            occasion=inquiry.occasion,
            disputed=inquiry.disputed,
            told=frozenset(inquiry.told),
        )
        return self._profiles.of(asking, inquiry.grants, inquiry.document_hash)

    def stamp(self, entity: EntityType) -> tuple[object, ...]:
        """Give what verdicts of *entity* come of besides who asks, to be compared."""
        made: list[object] = [self._policy]
        for source in self._sources().values():
            made += source, source.feeds(entity.name), source.tightened(entity.name)
        return tuple(made)

    def verdicts(
        self, inquiry: Inquiry, entity: EntityType, source: Source | None = None
    ) -> TypeVerdicts:
        """Decide once per question and type, and per source that differs.

        One shares less of it, by its binding, or more, by its owner's grant.
        """
        tightened = {} if source is None else source.tightened(entity.name)
        grants = () if source is None else granted(inquiry, entity, source)
        own = source is not None and (tightened or grants)
        name = f"{entity.name}@{source.name}" if source and own else entity.name
        known = inquiry.verdicts.get(name)
        if known is None:
            known = self._decide(inquiry, entity, tightened, grants)
            inquiry.verdicts[name] = known
        return known

    def _decide(
        self,
        inquiry: Inquiry,
        entity: EntityType,
        tightened: Mapping[str, Tightening],
        grants: tuple[Grant, ...] = (),
    ) -> TypeVerdicts:
        """Decide, or remember it: all that verdicts come of is in the key."""
        asking = caller(inquiry)
        kept = frozenset(tightened.items()) if tightened else None
        key = (self._profiles.of(asking, grants), entity.name, kept)
        known = self._decided.find(key)
        if known is None:
            known = decide(self._policy, asking, entity, tightened, grants)
            self._decided.keep(key, known, REMEMBERED)
        return known

    def explain(self, asking: Caller, place: Place) -> Explanation:
        """Say what the policy gives *asking* at *place*, and what sources keep."""
        name = place.entity.name
        tightened = {
            source.name: source.tightened(name)
            for source in self._sources().values()
            if source.feeds(name)
        }
        return explain(self._policy, asking, place, tightened)

    def reason(
        self, asking: Caller, place: Place, at: datetime, values: Values
    ) -> Reason:
        """Say what a grant, as the register has it, does at *place* for *asking*."""
        return reason(Asked(self._policy, asking, place, self._sources(), at), values)

    def tell(self, inquiry: Inquiry, entity: EntityType, looks: Iterable[str]) -> None:
        """Let *inquiry* see *looks*, at rows of its party, where the policy says so."""
        inquiry.told |= {*looks}
        told = replace(caller(inquiry), told=frozenset(inquiry.told))
        inquiry.verdicts[entity.name] = decide(self._policy, told, entity)

    def scoped(self, kind: str) -> bool:
        """Say whether verdicts for *kind* need to know which cases are disputed."""
        known = self._scoped.get(kind)
        if known is None:
            known = self._scoped[kind] = scoped(self._policy, kind)
        return known

    def comparable(
        self, inquiry: Inquiry, entity: EntityType, name: str
    ) -> Predicate | bool:
        """Say for which rows *name* may be compared, in the sources that give most.

        What others have less is asked of none of them: `weighed`.
        """
        rows = plain(self.verdicts(inquiry, entity).fields[name])
        if rows is not False or not inquiry.grants:
            return rows
        found = [
            plain(self.verdicts(inquiry, entity, source).fields[name])
            for source in self._sources().values()
            if source.feeds(entity.name)
        ]
        some = tuple(rows for rows in found if not isinstance(rows, bool))
        return True if True in found else AnyOf(some) if some else False

    def restriction(
        self, inquiry: Inquiry, entity: EntityType, name: str
    ) -> Predicate | None:
        """Say for which rows *name* may be compared; raise if for none."""
        rows = self.comparable(inquiry, entity, name)
        rulings = self.verdicts(inquiry, entity).fields[name]
        note_restriction(inquiry, entity, name, rulings)
        if rows is False:
            raise FieldHiddenError(
                f"{entity.name}.{name} 对本次查询不完全可见，"
                "不能用来筛选、排序、分组或检索",
                f"{entity.name}.{name} is not wholly visible here, so nothing can be "
                "filtered, sorted, grouped or searched by it",
            )
        return None if rows is True else rows

    def order(self, inquiry: Inquiry, entity: EntityType, asked: Order | None) -> Order:
        """Take the order asked for, or the type's first that may be seen."""
        if asked is not None and asked.field == SOURCE_KEY:
            return asked
        if asked is not None:
            if self.restriction(inquiry, entity, asked.field) is not None:
                raise FieldHiddenError(
                    f"{entity.name}.{asked.field} 只对部分记录可见，不能用来排序",
                    f"{entity.name}.{asked.field} is visible for some rows only, so "
                    "nothing can be sorted by it",
                )
            return asked
        fields = self.verdicts(inquiry, entity).fields
        # What one source keeps back would leave its rows out of a list nobody ordered.
        orders = set(entity.orders)
        kept = {
            name
            for source in self._sources().values()
            for name in self.weighed(inquiry, entity, source, orders).kept
        }
        for name in entity.orders:
            if name not in kept and plain(fields[name]) is True:
                dated = entity.fields[name].kind in {Kind.DATE, Kind.DATETIME}
                return Order(name, descending=dated)
        return Order(SOURCE_KEY, descending=False)

    def sees(self, inquiry: Inquiry, entity: EntityType) -> bool:
        """Say whether anything of *entity* may be seen at all, of any source."""
        if self.gives(inquiry, entity, None):
            return True
        return bool(inquiry.grants) and any(
            self.gives(inquiry, entity, source)
            for source in self._sources().values()
            if source.feeds(entity.name)
        )

    def gives(
        self, inquiry: Inquiry, entity: EntityType, source: Source | None
    ) -> bool:
        """Say whether *source* gives anything of *entity*; None: those alike."""
        if source is None and entity.name in inquiry.sees:
            return inquiry.sees[entity.name]
        fields = self.verdicts(inquiry, entity, source).fields
        given = any(map(visible, fields.values()))
        if source is None:
            inquiry.sees[entity.name] = given
        return given

    def shared(
        self, inquiry: Inquiry, entity: EntityType, source: Source
    ) -> Predicate | None:
        """Say which rows of *source* anything is given of, of a type else hidden.

        That there is a row, and its id, is the grant's to give as well.
        """
        fields = self.verdicts(inquiry, entity, source).fields
        unders = {
            ruling.under: None
            for rulings in fields.values()
            for ruling in rulings
            if not isinstance(ruling.verdict, Deny)
        }
        if None in unders:
            return None
        found = tuple(under for under in unders if under is not None)
        return found[0] if len(found) == 1 else AnyOf(found)

    def leads(self, inquiry: Inquiry, entity: EntityType, remote: str) -> bool:
        """Say whether any row may be found by *remote*, as a relation does."""
        if remote == SOURCE_KEY:
            return True
        if self.comparable(inquiry, entity, remote) is False:
            rulings = self.verdicts(inquiry, entity).fields[remote]
            note_restriction(inquiry, entity, remote, rulings)
            return False
        return True

    def refuse(self, inquiry: Inquiry, entity: EntityType) -> None:
        """Note for the answer that nothing of *entity* is seen, and why."""
        restrict(inquiry, entity.name, "*", self.refusal(inquiry, entity))

    def refusal(self, inquiry: Inquiry, entity: EntityType) -> Rulings:
        """Say why nothing of *entity* is seen."""
        (ruling,) = self.verdicts(inquiry, entity).fields[entity.key]
        remedy = granting.hint(
            inquiry.grants, (inquiry.principal, inquiry.occasion), entity.name
        )
        if remedy is not None and isinstance(ruling.verdict, Deny):
            ruling = replace(ruling, verdict=replace(ruling.verdict, remedy=remedy))
        return (ruling,)

    def weighed(
        self, inquiry: Inquiry, entity: EntityType, source: Source, used: Iterable[str]
    ) -> Weighed:
        """Weigh what *source* lets be compared of *used* against what others do.

        One that has less, by its binding or for want of a grant that another's owner
        has given, is not asked; one that has some rows more is asked for these.
        """
        differing = source.tightened(entity.name).keys() | _named(inquiry, entity)
        weighed = Weighed([], {})
        if not differing:
            return weighed
        general = self.verdicts(inquiry, entity).fields
        here = self.verdicts(inquiry, entity, source).fields
        for name in sorted(differing.intersection(used)):
            rows, own = plain(general[name]), plain(here[name])
            if rows is not False:
                # By a grant alone a source only has more: it is asked as all are.
                if own is not True and self._less(inquiry, entity, source, name):
                    weighed.kept.append(name)
            elif own is False:
                if self.comparable(inquiry, entity, name) is not False:
                    weighed.kept.append(name)
            elif own is not True:
                weighed.under[name] = own
        return weighed

    def _less(
        self, inquiry: Inquiry, entity: EntityType, source: Source, name: str
    ) -> bool:
        """Say whether *source*, but for grants, has *name* for other rows than all."""
        tightened = source.tightened(entity.name)
        if name not in tightened:
            return False
        place = f"{entity.name}@{source.name} alone"
        known = inquiry.verdicts.get(place)
        if known is None:
            known = self._decide(inquiry, entity, tightened)
            inquiry.verdicts[place] = known
        general = self.verdicts(inquiry, entity).fields
        return plain(known.fields[name]) != plain(general[name])

    def opened(self, inquiry: Inquiry, entity: EntityType, field: str) -> Opened:
        """Say which sources' rows may be looked up by *field*, by which grant."""
        principal, occasion = inquiry.principal, inquiry.occasion
        found: dict[str, tuple[Grant, Predicate | None]] = {}
        for source in self._sources().values():
            grants = granted(inquiry, entity, source)
            speaking = granting.speaking(grants, principal, occasion)
            opened = granting.found_by(speaking, entity, field, occasion)
            if opened is not None and source.feeds(entity.name):
                found[source.name] = opened
        return found


def caller(inquiry: Inquiry) -> Caller:
    """Give what verdicts depend on besides the policy."""
    return Caller(
        principal=inquiry.principal,
        occasion=inquiry.occasion,
        disputed=inquiry.disputed,
    )


def granted(inquiry: Inquiry, entity: EntityType, source: Source) -> tuple[Grant, ...]:
    """Give the caller's grants that open *source*, whatever their purpose."""
    if not inquiry.grants:
        return ()
    return tuple(
        grant
        for grant in inquiry.grants
        if granting.may_serve(
            grant,
            entity,
            inquiry.document_hash,
            source.owner,
            source.feeds(entity.name),
        )
    )


def _named(inquiry: Inquiry, entity: EntityType) -> frozenset[str]:
    """Give the fields that the caller's grants for this purpose name."""
    if not inquiry.grants:
        return frozenset()
    grants = granting.speaking(inquiry.grants, inquiry.principal, inquiry.occasion)
    return frozenset(
        name for grant in grants for name in grant.fields.get(entity.name, ())
    )


def not_by(
    inquiry: Inquiry, entity: EntityType, field: str, verdict: Deny
) -> FieldHiddenError:
    """Say that nobody gives rows by *field* here, and what the caller can do."""
    caller = (inquiry.principal, inquiry.occasion)
    remedy = granting.hint(inquiry.grants, caller, entity.name, field)
    if remedy is not None:
        verdict = replace(verdict, remedy=remedy)
    restrict(inquiry, entity.name, field, (Ruling(verdict),))
    return FieldHiddenError(
        f"不能按 {entity.name}.{field} 精确查找：{verdict.reason.zh}；"
        f"{verdict.remedy.zh}",
        f"rows cannot be looked up by {entity.name}.{field}: "
        f"{verdict.reason.en}; {verdict.remedy.en}",
    )
