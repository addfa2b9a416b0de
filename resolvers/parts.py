"""What each source is asked under the verdicts: which columns, of which of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zhitong.ports import Source
from zhitong.resolvers.emergencies import finding
from zhitong.resolvers.looks import (
    COUNT,
    PLACE,
    LookForm,
    kept_gap,
    look_form,
    note_restriction,
    noted_place,
    shown,
)
from zhitong.resolvers.readings import (
    LINK,
    Ask,
    Asked,
    Withheld,
    as_link,
    filtered,
    rests,
    used,
)
from zhitong.resolvers.sight import Sight
from zhitong.types import Allow, Column, Inquiry, Order, Predicate, Ruling

FOR_THE_RECORD = Allow("access-record")
"""What is read for the record alone; the answer has nothing of it."""


class Parts(Sight):
    """Says for each source what is selected of it, or why nothing is."""

    def parts(
        self, inquiry: Inquiry, ask: Ask, whole: frozenset[str]
    ) -> Iterable[tuple[Source, tuple[Predicate, ...]] | Withheld]:
        """List the sources to ask for which of their rows, and those that keep back.

        *whole* are the fields that rows are ordered or grouped by.
        """
        entity = ask.entity
        given = self.gives(inquiry, entity, None)
        for name, source in sorted(self._sources().items()):
            if ask.sources is not None and name not in ask.sources:
                continue
            if not source.feeds(entity.name):
                continue
            if not (given or self.gives(inquiry, entity, source)):
                refusal = self.refusal(inquiry, entity)
                yield Withheld(source=source, noted={(entity.name, "*"): (refusal,)})
                continue
            if ask.opened is not None and name not in ask.opened:
                continue
            weighed = self.weighed(inquiry, entity, source, used(ask, whole))
            kept = sorted({*weighed.kept, *(whole & weighed.under.keys())})
            if kept:
                gap = kept_gap(inquiry, entity, source, kept)
                yield Withheld(source=source, gap=gap)
                continue
            parts: list[Predicate | None] = [*weighed.under.values()]
            if ask.opened is not None:
                parts.append(ask.opened[name][1])
            if not given:
                parts.append(self.shared(inquiry, entity, source))
            yield source, tuple(part for part in parts if part is not None)

    def selected(
        self,
        inquiry: Inquiry,
        ask: Ask,
        order: Order,
        source: Source,
        scope: tuple[Predicate, ...],
    ) -> Asked:
        """Say what is selected of *source*, and how that is noted."""
        own = blank(inquiry)
        columns = self._columns(own, ask, source)
        names, ordered = ask.fields | ask.links, frozenset({order.field})
        fields = self.verdicts(inquiry, ask.entity, source).fields
        return Asked(
            source=source,
            scope=scope,
            columns=columns,
            prepared=source.prepare(ask.entity.name, columns, order),
            noted=own.restrictions,
            look=self._look(
                inquiry,
                ask,
                source,
                seen=shown(names, fields),
                whole=ask.links | ordered,
                rested=rests(self, inquiry, ask, source, names | ordered),
            ),
        )

    def grouped(
        self,
        inquiry: Inquiry,
        ask: Ask,
        groups: frozenset[str],
        source: Source,
        scope: tuple[Predicate, ...],
    ) -> Asked:
        """Say how counts of *source* are noted."""
        look = self._look(
            inquiry,
            ask,
            source,
            seen=dict.fromkeys(sorted(groups), COUNT),
            whole=groups,
            rested=rests(self, inquiry, ask, source, groups),
        )
        return Asked(source=source, scope=scope, look=look)

    def _look(  # noqa: PLR0913 - what rows and counts differ in
        self,
        inquiry: Inquiry,
        ask: Ask,
        source: Source,
        *,
        seen: Mapping[str, str],
        whole: frozenset[str],
        rested: frozenset[str],
    ) -> LookForm:
        opened = {one.id: one.incident for one in inquiry.grants if one.incident}
        return look_form(
            inquiry,
            ask.entity,
            source,
            filtered(ask, seen),
            rulings=self.verdicts(inquiry, ask.entity, source).fields,
            used=used(ask, whole),
            rested=rested,
            findings=tuple(
                finding(one, opened[one], self._policy.emergencies.source, "used")
                for one in sorted(rested & opened.keys())
            ),
        )

    def _columns(
        self, inquiry: Inquiry, ask: Ask, source: Source
    ) -> tuple[Column, ...]:
        columns: list[Column] = []
        general = self.verdicts(inquiry, ask.entity)
        here = self.verdicts(inquiry, ask.entity, source)
        for name in sorted(ask.fields | ask.links):
            rulings = here.fields[name]
            place = name if rulings == general.fields[name] else f"{name}@{source.name}"
            note_restriction(inquiry, ask.entity, place, rulings)
            if name in ask.fields:
                columns.append(Column(name, name, rulings))
            else:
                key = ask.entity.relations[name].local
                columns.append(Column(LINK + name, key, as_link(rulings)))
        noted = noted_place(inquiry, ask.entity)
        if noted is not None:
            columns.append(Column(PLACE, noted, (Ruling(FOR_THE_RECORD),)))
        return tuple(columns)


def blank(inquiry: Inquiry, *, anew: bool = False) -> Inquiry:
    """Give a question like *inquiry* that nothing has been noted in yet.

    Verdicts that are known in it stay known, and so do those that are made now; *anew*
    they are weighed as they come of its profile.
    """
    return Inquiry(
        principal=inquiry.principal,
        occasion=inquiry.occasion,
        id=inquiry.id,
        at=inquiry.at,
        document_hash=inquiry.document_hash,
        disputed=inquiry.disputed,
        told=inquiry.told,
        grants=inquiry.grants,
        verdicts={} if anew else inquiry.verdicts,
        sees={} if anew else inquiry.sees,
    )
