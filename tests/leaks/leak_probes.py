"""Probes: one root field each, what it must answer, and which cases it decides."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from leak_oracle import NUMBER, Asker, Hidden, Oracle, blurred, comparing, same
from leak_rows import OWN_UNITS, Truth, Value, tokens

from zhitong.resolvers.nodes import NodeId
from zhitong.schema.entities import ENTITIES
from zhitong.schema.inputs import BY_KIND
from zhitong.types import EntityType, Field, Kind, Relation, Shape

Json = Any
MOVING = frozenset({"AccessRecord", "AccessLook", "Finding", "Receiver"})
"""Questions add to the register and to what is found about looks, relays beat."""
STARTED = frozenset({("Receiver", "topic")})
"""What a gateway that starts writes anew of its receivers."""
KEY_FIELDS = frozenset({"id", "source"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One root field; *fields* are the cases it decides as (type, field)."""

    path: str
    text: str
    fields: tuple[tuple[str, str], ...]
    faults: Callable[[Json, list[Json]], Iterable[str]]
    """Compares what came back with what must, given its value and its errors."""
    may_show: frozenset[str] = frozenset()
    """Canaries that may stand in its part of the answer."""


@dataclass(frozen=True, slots=True)
class Room:
    """One asker before one oracle."""

    oracle: Oracle
    asker: Asker

    def cells(self, row: Truth, names: Iterable[str]) -> dict[str, Value]:
        """Give what must be shown of *row*."""
        return {name: self.oracle.cell(self.asker, row, name) for name in names}

    def visible(self, type_name: str) -> list[Truth]:
        """Give the rows of a type that must be shown."""
        rows = self.oracle.of(type_name)
        return [row for row in rows if self.oracle.visible(self.asker, row)]

    def shown(self, rows: Iterable[Truth], names: Iterable[str]) -> frozenset[str]:
        """Give the canaries that these cells show."""
        named = list(names)
        return frozenset(
            token
            for row in rows
            for value in self.cells(row, named).values()
            for token in tokens(value)
        )

    # --- the ways to one row ------------------------------------------------------

    def differences(
        self, row: Truth, given: Json, names: Iterable[str], prefix: str = ""
    ) -> Iterator[str]:
        """Compare a row cell by cell, both ways."""
        named = [name for name in names if (row.type, name) not in STARTED]
        for name, expected in self.cells(row, named).items():
            found = given[prefix + name]
            if not same(expected, found):
                yield f"{row.type}@{row.source}.{name}: {found!r}, not {expected!r}"

    def whole(
        self,
        rows: Iterable[Truth],
        names: Iterable[str],
        prefix: str,
        given: list[Json],
    ) -> Iterator[str]:
        """Compare a list with the rows it must be, in whatever order."""
        due = {identity(row): row for row in rows}
        moving = {row.type for row in due.values()} & MOVING
        met: set[str] = set()
        for one in given:
            row = due.get(one["id"])
            if row is None:
                if not moving and not _moves(one["id"]):
                    yield f"a row too many: {readable(one['id'])}"
                continue
            met.add(one["id"])
            yield from self.differences(row, one, names, prefix)
        yield from (f"missing: {readable(one)}" for one in sorted(due.keys() - met))


def identity(row: Truth) -> str:
    """Write a row's global id."""
    return str(NodeId(row.type, row.source, row.key))


def readable(text: str) -> str:
    """Open a global id."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


def _moves(text: str) -> bool:
    return readable(text).split(":")[0] in MOVING


def names_of(entity: EntityType) -> list[str]:
    """List the fields of a type."""
    return list(entity.fields)


def every(entity: EntityType) -> tuple[tuple[str, str], ...]:
    """Name every field of a type as a case."""
    return tuple((entity.name, name) for name in entity.fields)


# --- lists ----------------------------------------------------------------------


def lists(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Ask for all fields of all rows: plainly, by alias, by fragments."""
    names = names_of(entity)
    bare, aliased = " ".join(names), " ".join(f"x_{name}: {name}" for name in names)
    ways = {
        "direct": (f"nodes {{ id {bare} }}", ""),
        "alias": (f"nodes {{ id {aliased} }}", "x_"),
        "inline": (
            f"nodes {{ ... on Node {{ id ... on {entity.name} {{ {bare} }} }} }}",
            "",
        ),
        "fragment": (f"edges {{ cursor node {{ ...{entity.name}Whole }} }}", ""),
    }
    for path, (selected, prefix) in ways.items():
        yield Probe(
            path=path,
            text=f"{entity.plural}(first: 200) {{ {selected} }}",
            fields=every(entity),
            faults=partial(_listed, room, entity, prefix),
            may_show=room.shown(room.visible(entity.name), names),
        )


def _listed(
    room: Room, entity: EntityType, prefix: str, given: Json, errors: list[Json]
) -> Iterator[str]:
    if errors:
        yield f"an error: {errors}"
        return
    rows = room.visible(entity.name)
    if given is None:
        if room.oracle.seen(room.asker, entity.name):
            yield "nothing, where there is something to see"
        return
    edges = given.get("edges")
    nodes = given["nodes"] if edges is None else [edge["node"] for edge in edges]
    yield from room.whole(rows, names_of(entity), prefix, nodes)
    known = {identity(row): row for row in rows}
    for edge in edges or ():
        if row := known.get(edge["node"]["id"]):
            yield from _sealed(room, entity, row, edge["cursor"])


def _sealed(room: Room, entity: EntityType, row: Truth, cursor: str) -> Iterator[str]:
    """Open a cursor as its holder could: no value that the row does not show."""
    payload = base64.urlsafe_b64decode(cursor)[:-16]
    listing, _, value, *_ = json.loads(payload)
    by = listing.split()[1]
    if by not in entity.fields or value is None:
        return
    if not room.oracle.wholly(room.asker, entity.name, by):
        yield f"a cursor holds {by}, which is not wholly visible"
    if not any(token in str(value) for token in tokens(row.values[by]) or {str(value)}):
        yield f"a cursor holds another's {by}"


FRAGMENTS: Mapping[str, str] = {
    entity.name: (
        f"fragment {entity.name}Whole on {entity.name} "
        f"{{ id {' '.join(names_of(entity))} }}"
    )
    for entity in ENTITIES.values()
}


# --- nodes, look-ups, search ------------------------------------------------------


def nodes(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Ask for each row by its global id, through the interface."""
    names = names_of(entity)
    for row in islice(room.oracle.of(entity.name), 40):
        yield Probe(
            path="node",
            text=(
                f'node(id: "{identity(row)}") '
                f"{{ id ... on {entity.name} {{ {' '.join(names)} }} }}"
            ),
            fields=every(entity),
            faults=partial(_single, room, row, names),
            may_show=_due(room, row, names),
        )


def _due(room: Room, row: Truth, names: Iterable[str]) -> frozenset[str]:
    seen = room.oracle.visible(room.asker, row)
    return room.shown([row], names) if seen else frozenset()


def _single(
    room: Room, row: Truth, names: Iterable[str], given: Json, errors: list[Json]
) -> Iterator[str]:
    if errors:
        yield f"an error: {errors}"
    elif not room.oracle.visible(room.asker, row):
        if given is not None:
            yield f"a hidden row is given: {readable(given['id'])}"
    elif given is None:
        yield f"missing: {readable(identity(row))}"
    else:
        yield from room.differences(row, given, names)


def lookups(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Ask for rows by the number people know."""
    if entity.lookup is None:
        return
    names = names_of(entity)
    root = entity.name[0].lower() + entity.name[1:]
    for row in room.oracle.of(entity.name):
        stated = comparing(row, entity.lookup)
        if stated is None:
            continue
        yield Probe(
            path="number",
            text=(
                f"{root}({entity.lookup}: {literal(stated)}) {{ id {' '.join(names)} }}"
            ),
            fields=every(entity),
            faults=partial(_looked_up, room, row, entity.lookup),
            may_show=_due(room, row, names),
        )


def _looked_up(
    room: Room, row: Truth, lookup: str, given: Json, errors: list[Json]
) -> Iterator[str]:
    try:
        rows = room.oracle.comparable(room.asker, row.type, lookup)
    except Hidden:
        yield from _refused(given, errors)
        return
    due = row in rows and room.oracle.visible(room.asker, row)
    if errors or (given is not None) != due:
        yield f"{given!r} {errors} for a row that is {'there' if due else 'not there'}"
    elif due:
        yield from room.differences(row, given, ENTITIES[row.type].fields)


def exacts(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Look rows up by a protected number: refused where no grant names it."""
    names = names_of(entity)
    root = entity.name[0].lower() + entity.name[1:]
    for field in entity.fields.values():
        held = [row for row in room.oracle.of(entity.name) if row.values[field.name]]
        for number in sorted({str(row.values[field.name]) for row in held}):
            due = [row for row in held if row.values[field.name] == number]
            granted = room.oracle.may_look_up(room.asker, entity.name, field.name)
            shown = [
                row
                for row in due
                if room.oracle.visible(room.asker, row)
                and room.oracle.opened(room.asker, row, field.name)
            ]
            if field.exact:
                yield Probe(
                    path="exact",
                    text=(
                        f"{root}By{field.name[0].upper()}{field.name[1:]}"
                        f"({field.name}: {literal(number)}) "
                        f"{{ id {' '.join(names)} }}"
                    ),
                    fields=((entity.name, field.name),),
                    faults=partial(_exact, room, shown if granted else None, names),
                    may_show=room.shown(shown, names) if granted else frozenset(),
                )


def _exact(
    room: Room,
    due: list[Truth] | None,
    names: list[str],
    given: Json,
    errors: list[Json],
) -> Iterator[str]:
    if due is None:
        yield from _refused(given, errors)
    elif errors:
        yield f"an error: {errors}"
    else:
        yield from room.whole(due, names, "", given)


MISTAKES = (
    "{plural}(where: {{{field}: {{eq: [[{value}]]}}}}) {{ nodes {{ id }} }}",
    "{plural}(where: {{{field}: {{nope: {value}}}}}) {{ nodes {{ id }} }}",
    "{plural}(where: {{{field}: {value}}}) {{ nodes {{ id }} }}",
    "{plural}(where: {{{field}: {{eq: {value} {value}}}}}) {{ nodes {{ id }}",
    "{plural}(first: {value}) {{ nodes {{ {field} }} }}",
    "{plural}(after: {value}) {{ nodes {{ {field} }} }}",
    "{plural}(sources: [{value}, 1.5]) {{ nodes {{ {field} }} }}",
    "{plural}(orderBy: {{by: {value}}}) {{ nodes {{ {field} }} }}",
    "node(id: {value}) {{ id }}",
)


def errors(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Make every mistake with every value: no refusal repeats what was written."""
    for field in entity.fields.values():
        row = _holder(room, entity, field)
        if row is None or not tokens(row.values[field.name]):
            continue
        value = literal(str(row.values[field.name]))
        for mistake in MISTAKES:
            yield Probe(
                path="error",
                text=mistake.format(
                    plural=entity.plural, field=field.name, value=value
                ),
                fields=((entity.name, field.name),),
                faults=_mistaken,
            )


def _mistaken(given: Json, errors: list[Json]) -> Iterator[str]:
    if not errors or given is not None:
        yield f"answered, though it is wrong: {given!r}"


def searches(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Search for each row by a part of its name."""
    if entity.search is None:
        return
    names = names_of(entity)
    for row in room.oracle.of(entity.name):
        stated = row.values[entity.search]
        if not stated:
            continue
        for term in terms(entity.fields[entity.search], "contains", stated):
            yield Probe(
                path="search",
                text=(
                    f"search(name: {literal(term)}, types: [{entity.name}], "
                    f"first: 200) {{ nodes {{ id ... on {entity.name} "
                    f"{{ {' '.join(names)} }} }} }}"
                ),
                fields=((entity.name, entity.search),),
                faults=partial(_found, room, row, entity.search, term),
                may_show=_due(room, row, names),
            )


def _found(
    room: Room, row: Truth, by: str, term: Value, given: Json, errors: list[Json]
) -> Iterator[str]:
    try:
        rows = room.oracle.comparable(room.asker, row.type, by)
    except Hidden:
        yield from _refused(given, errors)
        return
    field = ENTITIES[row.type].fields[by]
    if numbered(field, term):
        yield from _refused(given, errors, "SEARCH_TERM")
        return
    seen = row in rows and room.oracle.visible(room.asker, row)
    due = [row] if seen and matches(field, row, "contains", term) else []
    if errors:
        yield f"an error: {errors}"
        return
    yield from room.whole(due, ENTITIES[row.type].fields, "", given["nodes"])


def _refused(given: Json, errors: list[Json], *due: str) -> Iterator[str]:
    codes = [one["extensions"]["code"] for one in errors]
    if codes not in ([one] for one in due or ("FIELD_HIDDEN",)) or given is not None:
        yield f"not refused: {codes} {given!r}"


# --- relations --------------------------------------------------------------------


def relations(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Follow every relation from every row, and from there one more."""
    for way in entity.relations.values():
        target = ENTITIES[way.target]
        names = names_of(target)
        yield _followed(room, entity, way, names, ())
        for further in target.relations.values():
            yield _followed(room, entity, way, names[:3], (further,))


def _followed(
    room: Room,
    entity: EntityType,
    way: Relation,
    names: list[str],
    further: tuple[Relation, ...],
) -> Probe:
    beyond = "".join(
        f" {one.name}{selected(one, names_of(ENTITIES[one.target]))}" for one in further
    )
    last = further[-1] if further else way
    rows = room.visible(entity.name)
    path = "nested" if further else "relation"
    return Probe(
        path=path,
        text=(
            f"{entity.plural}(first: 200) {{ nodes {{ id "
            f"{way.name}{selected(way, names, beyond)} }} }}"
        ),
        fields=every(ENTITIES[last.target]),
        faults=partial(_following, room, entity, way, names, further),
        may_show=room.shown(_targets(room, rows, (way,)), names)
        | room.shown(
            _targets(room, rows, (way, *further)), names_of(ENTITIES[last.target])
        )
        if further
        else room.shown(_targets(room, rows, (way,)), names),
    )


def selected(way: Relation, names: list[str], more: str = "") -> str:
    """Write what is selected below a relation."""
    inner = f"{{ id {' '.join(names)}{more} }}"
    if way.shape is Shape.PAGE:
        return f"(first: 30) {{ nodes {inner} }}"
    return f" {inner}"


def _targets(
    room: Room, rows: Iterable[Truth], ways: tuple[Relation, ...]
) -> list[Truth]:
    for way in ways:
        reached = {
            identity(target): target
            for row in rows
            for target in room.oracle.reached(room.asker, row, way) or ()
        }
        rows = list(reached.values())
    return list(rows)


def _following(
    room: Room,
    entity: EntityType,
    way: Relation,
    names: list[str],
    further: tuple[Relation, ...],
    given: Json,
    errors: list[Json],
) -> Iterator[str]:
    if errors:
        yield f"an error: {errors}"
        return
    known = {identity(row): row for row in room.visible(entity.name)}
    for one in (given or {"nodes": []})["nodes"]:
        if one["id"] in known:
            row = known[one["id"]]
            yield from _reached(room, row, one, way, names, further)


def _reached(
    room: Room,
    row: Truth,
    one: Json,
    way: Relation,
    names: list[str],
    further: tuple[Relation, ...],
) -> Iterator[str]:
    due, given = room.oracle.reached(room.asker, row, way), one[way.name]
    if due is None or way.shape is Shape.ONE:
        if bool(due) != (given is not None):
            yield f"{readable(one['id'])}.{way.name}: {given!r}, not {due!r}"
            return
        found = [given] if given is not None else []
    else:
        if given is None:
            yield f"{readable(one['id'])}.{way.name}: nothing, not {due!r}"
            return
        found = given["nodes"] if way.shape is Shape.PAGE else given
    known = {identity(target): target for target in due or ()}
    if way.shape is not Shape.ONE:
        yield from room.whole(known.values(), names, "", found)
    for each in found:
        target = known.get(each["id"])
        if target is None:
            if not _moves(each["id"]):
                place = readable(one["id"])
                yield f"{place}.{way.name} leads to {readable(each['id'])}"
            continue
        yield from room.differences(target, each, names)
        for next_way in further:
            names_there = names_of(ENTITIES[next_way.target])
            yield from _reached(room, target, each, next_way, names_there, ())


# --- filters ----------------------------------------------------------------------


def literal(value: Value) -> str:
    """Write a value into a document."""
    return json.dumps(value, ensure_ascii=False)


def operators(field: Field) -> tuple[str, ...]:
    """List the operators that the input of a field has."""
    return ("eq", "in") if field.codes else BY_KIND[field.kind][2]


def _operand(field: Field, operator: str, value: Value) -> str | None:
    """Write the operand that finds the row with *value*; None where none does."""
    if operator == "present":
        return "true"
    if isinstance(value, tuple):
        value = value[0] if value else None
    if value is None:
        return None
    written = str(value) if field.codes else literal(value)
    return f"[{written}]" if operator in {"in", "has"} else written


def terms(field: Field, operator: str, value: Value) -> list[Value]:
    """Give what to ask for *value* with: where names are compared, in parts too."""
    number = NUMBER.search(str(value)) if field.named else None
    if number is None or operator == "present":
        return [value]
    whole = value[:1] if isinstance(value, tuple) else value
    shown = blurred("text", Kind.TEXT, whole)
    if operator == "contains":
        # By its name, by the digits of a birth, by what a number's mask leaves.
        return [whole, *tokens(value) - {number[0]}, number[0][6:17], str(shown)]
    return [whole, shown]


def numbered(field: Field, value: Value) -> bool:
    """Say whether a name would be compared with somebody's ID number."""
    return field.named and NUMBER.search(str(value)) is not None


def matches(field: Field, row: Truth, operator: str, value: Value) -> bool:
    """Compare as the department's database must: in names no ID number is found."""
    stored = comparing(row, field.name)
    if stored is None or stored == ():
        return False
    if operator == "present":
        return True
    if field.named and not _meets(
        field, blurred("text", Kind.TEXT, stored), operator, value
    ):
        return False
    return _meets(field, stored, operator, value)


def _meets(field: Field, stored: Value, operator: str, value: Value) -> bool:
    if isinstance(stored, tuple):
        return isinstance(value, tuple) and value[0] in stored
    if operator in {"gte", "lte"}:
        mine, other = _sorted(field, stored), _sorted(field, value)
        return mine >= other if operator == "gte" else mine <= other
    if operator == "contains":
        return str(value).lower() in str(stored).lower()
    return (
        str(stored).startswith(str(value)) if operator == "within" else stored == value
    )


def _sorted(field: Field, value: Value) -> tuple[float, str]:
    number = float(str(value)) if field.kind in {Kind.MONEY, Kind.INTEGER} else 0.0
    return number, str(value)


FORMS = {
    "filter": "{0}",
    "not": "{{not: {0}}}",
    "or": "{{or: [{0}]}}",
    "deep": "{{and: [{{not: {{or: [{{not: {0}}}]}}}}]}}",
}


def filters(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Compare every field in every way its input has, and count; also under not, or."""
    if entity.name in MOVING:
        return
    for field in entity.fields.values():
        row = _holder(room, entity, field)
        if row is None:
            continue
        for operator in operators(field):
            for value in terms(field, operator, row.values[field.name]):
                yield from _compared(room, entity, field, operator, value)


def _compared(
    room: Room, entity: EntityType, field: Field, operator: str, value: Value
) -> Iterator[Probe]:
    operand = _operand(field, operator, value)
    if operand is None or not _fits(field, operator, value):
        return
    condition = f"{{{field.name}: {{{operator}: {operand}}}}}"
    for form in FORMS if operator == operators(field)[0] else ("filter",):
        where = FORMS[form].format(condition)
        yield Probe(
            path=form,
            text=(
                f"{entity.plural}(first: 200, where: {where}) "
                "{ nodes { id } totalCount { count } }"
            ),
            fields=((entity.name, field.name),),
            faults=partial(
                _filtered, room, entity, field, operator, value, form == "not"
            ),
        )


def _holder(room: Room, entity: EntityType, field: Field) -> Truth | None:
    """Find a row with a value, better one that is not to be seen."""
    rows = [row for row in room.oracle.of(entity.name) if row.values[field.name]]
    hidden = [row for row in rows if not room.oracle.counted(room.asker, row)]
    return next(iter([*hidden, *rows]), None)


def _fits(field: Field, operator: str, value: Value) -> bool:
    """Leave out what the scalar refuses: no credit code, years of databases."""
    if field.kind is Kind.CREDIT_CODE and operator != "present":
        return isinstance(value, str) and (
            value in OWN_UNITS or (len(value) == 18 and value.startswith("91619900MA"))
        )
    return True


def _filtered(
    room: Room,
    entity: EntityType,
    field: Field,
    operator: str,
    value: Value,
    negated: bool,  # noqa: FBT001 - bound by partial
    given: Json,
    errors: list[Json],
) -> Iterator[str]:
    if not room.oracle.seen(room.asker, entity.name):
        if given is not None and given["totalCount"]["count"]:
            yield f"{field.name}: counted, though nothing may be seen"
        return
    if room.oracle.counts_only(room.asker, entity.name):
        rows = [row for row in room.oracle.of(entity.name) if row.values[field.name]]
        due = [row for row in rows if matches(field, row, operator, value) != negated]
        if operator != "present" and numbered(field, value):
            yield from _refused(given, errors, "FIELD_HIDDEN", "SEARCH_TERM")
            return
        yield from _only_counted(room, due, given, errors)
        return
    try:
        rows = room.oracle.comparable(room.asker, entity.name, field.name)
    except Hidden:
        yield from _refused(given, errors)
        return
    if operator != "present" and numbered(field, value):
        yield from _refused(given, errors, "SEARCH_TERM")
        return
    if errors:
        yield f"{field.name} {operator}: {errors}"
        return
    due = [row for row in rows if matches(field, row, operator, value) != negated]
    if given["totalCount"]["count"] != len(due):
        yield (
            f"{field.name} {operator}: {given['totalCount']['count']} counted, "
            f"not {len(due)}"
        )
    only = room.oracle.counts_only(room.asker, entity.name)
    yield from room.whole([] if only else due, (), "", given["nodes"])


def _only_counted(
    room: Room, due: list[Truth], given: Json, errors: list[Json]
) -> Iterator[str]:
    """Let a count be refused or hidden: told, it is right and not small."""
    if errors or given is None:
        yield from _refused(given, errors)
        return
    if given["nodes"]:
        yield "a row, where counts alone are given"
    told = given["totalCount"]["count"]
    type_name = due[0].type if due else ""
    counted = sum(room.oracle.counted(room.asker, row) for row in due)
    if told is not None and told != counted:
        yield f"{told} counted, not {counted}"
    if told and told < room.oracle.smallest(room.asker, type_name):
        yield f"a small count is told: {told}"


def joins(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Compare every field of what a relation leads to."""
    if entity.name in MOVING:
        return
    for way in entity.relations.values():
        if way.target in MOVING:
            continue
        for field in ENTITIES[way.target].fields.values():
            row = _holder(room, ENTITIES[way.target], field)
            operator = operators(field)[0]
            if row is None or not _fits(field, operator, row.values[field.name]):
                continue
            operand = _operand(field, operator, row.values[field.name])
            if operand is None:
                continue
            where = f"{{{way.name}: {{{field.name}: {{{operator}: {operand}}}}}}}"
            yield Probe(
                path="join",
                text=(
                    f"{entity.plural}(first: 200, where: {where}) "
                    "{ nodes { id } totalCount { count } }"
                ),
                fields=((way.target, field.name),),
                faults=partial(
                    _joined, room, entity, way, field, row.values[field.name]
                ),
            )


def _joined(
    room: Room,
    entity: EntityType,
    way: Relation,
    field: Field,
    value: Value,
    given: Json,
    errors: list[Json],
) -> Iterator[str]:
    oracle, asker = room.oracle, room.asker
    if any(oracle.counts_only(asker, name) for name in (entity.name, way.target)):
        yield from _refused(given, errors)
        return
    try:
        if not oracle.wholly(asker, entity.name, way.name):
            raise Hidden(way.name)  # noqa: TRY301 - one refusal for all that is hidden
        there = oracle.comparable(asker, way.target, way.remote, field.name)
    except Hidden:
        yield from _refused(given, errors)
        return
    if not oracle.seen(asker, entity.name):
        if given is not None and given["totalCount"]["count"]:
            yield "counted, though nothing may be seen"
        return
    operator = operators(field)[0]
    if operator != "present" and numbered(field, value):
        yield from _refused(given, errors, "SEARCH_TERM")
        return
    if errors:
        yield f"an error: {errors}"
        return
    keys = {
        key
        for row in there
        if matches(field, row, operator, value)
        for key in _all(comparing(row, way.remote))
    }
    due = [
        row
        for row in oracle.of(entity.name)
        if oracle.counted(asker, row)
        and not oracle.kept_back(asker, entity.name, way.local, row.source)
        and keys & set(_all(comparing(row, way.local)))
    ]
    if given["totalCount"]["count"] != len(due):
        yield f"{given['totalCount']['count']} counted, not {len(due)}"
    only = oracle.counts_only(asker, entity.name)
    yield from room.whole([] if only else due, (), "", given["nodes"])


def _all(value: Value) -> tuple[Value, ...]:
    if isinstance(value, tuple):
        return value
    return () if value is None else (value,)


# --- orders and counts ------------------------------------------------------------


def orders(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Sort by every field that can be sorted by: refused unless wholly visible."""
    for name in entity.orders:
        for direction in ("ASC", "DESC"):
            yield Probe(
                path="order",
                text=(
                    f"{entity.plural}(first: 200, orderBy: {{by: {name}, "
                    f"direction: {direction}}}) {{ nodes {{ id }} }}"
                ),
                fields=((entity.name, name),),
                faults=partial(_ordered, room, entity, name, direction == "DESC"),
            )


def _ordered(
    room: Room,
    entity: EntityType,
    name: str,
    descending: bool,  # noqa: FBT001 - bound by partial
    given: Json,
    errors: list[Json],
) -> Iterator[str]:
    if not room.oracle.wholly(room.asker, entity.name, name):
        yield from _refused(given, errors)
        return
    if errors or given is None:
        yield f"{name}: {errors} {given!r}"
        return
    known = {identity(row): row for row in room.visible(entity.name)}
    rows = [known[one["id"]] for one in given["nodes"] if one["id"] in known]
    valued = [row for row in rows if row.values[name] is not None]
    field = entity.fields[name]
    sorts = [_sorted(field, row.values[name]) for row in valued]
    if sorts != sorted(sorts, reverse=descending):
        yield f"{name}: not in the order asked for"


def statistics(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Count by each grouping: refused where hidden, small cells suppressed."""
    root = entity.name.removesuffix("Record").removesuffix("Look")
    root = f"{root[0].lower()}{root[1:]}Statistics"
    times = f", {YEAR}" if entity.dated else ""
    for grouping in entity.groupings:
        name = grouping.by.field
        shown_as = "month" if grouping.by.month else name
        yield Probe(
            path="group",
            text=(
                f"{root}(by: [{grouping.name}]{times}) "
                f"{{ groups {{ {shown_as} count suppressed }} }}"
            ),
            fields=((entity.name, name),),
            faults=partial(_grouped, room, entity.name, name, shown_as),
            may_show=room.shown(countable(room, entity.name, name), [name]),
        )


def countable(room: Room, type_name: str, name: str) -> list[Truth]:
    """Give the rows that may be counted by a field."""
    try:
        return room.oracle.comparable(room.asker, type_name, name)
    except Hidden:
        return []


def _grouped(
    room: Room,
    type_name: str,
    name: str,
    shown_as: str,
    given: Json,
    errors: list[Json],
) -> Iterator[str]:
    if not room.oracle.wholly(room.asker, type_name, name):
        yield from _refused(given, errors)
        return
    if errors or given is None:
        yield f"{errors} {given!r}"
        return
    if type_name in MOVING:
        return
    counts: dict[Value, int] = {}
    for row in countable(room, type_name, name):
        stated = row.values[name]
        key = str(stated)[:7] if shown_as == "month" and stated else stated
        counts[key] = counts.get(key, 0) + 1
    found = {one[shown_as]: one["count"] for one in given["groups"]}
    if not room.oracle.counts_only(room.asker, type_name):
        if found != counts:
            yield f"groups by {name}: {found}, not {counts}"
        return
    smallest = room.oracle.smallest(room.asker, type_name)
    for key, told in found.items():
        # What is not small may be hidden as well, where it would tell a small one.
        if told is not None and (told != counts.get(key) or told < smallest):
            yield f"{key}: {told} told of {counts.get(key)}"


# --- who looked -------------------------------------------------------------------

YEAR = 'since: "2026-01-01T00:00:00+08:00", until: "2027-01-01T00:00:00+08:00"'
LOOK, RECORD, PARTY = "AccessLook", "AccessRecord", "Counterparty"


def lookers(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Ask who looked: at oneself, at a row by its id, at a party by its numbers."""
    if entity.name == LOOK:
        names = names_of(entity)
        yield Probe(
            path="lookers",
            text=f"whoLookedAtMe(first: 200) {{ nodes {{ id {' '.join(names)} }} }}",
            fields=every(entity),
            faults=partial(_told, room, names),
        )
        return
    for row in islice(room.oracle.of(entity.name), 5):
        yield _who(room, f'id: "{identity(row)}"', (entity.name, entity.key))
        if entity.name == PARTY:
            code, number = comparing(row, "code"), row.values["idNumber"]
            if code:
                yield _who(room, f"code: {literal(code)}", (PARTY, "code"))
            if number:
                yield _who(room, f"idNumber: {literal(number)}", (PARTY, "idNumber"))


def _who(room: Room, whose: str, at: tuple[str, str]) -> Probe:
    seen = room.oracle.seen(room.asker, RECORD)
    granted = at != (PARTY, "idNumber") or room.oracle.may_look_up(room.asker, *at)
    return Probe(
        path="lookers",
        text=f"whoLooked({whose}, first: 200) {{ nodes {{ id purpose looks }} }}",
        fields=(at,),
        faults=partial(_asked_about, seen=seen, granted=granted),
    )


def _asked_about(
    given: Json, errors: list[Json], *, seen: bool, granted: bool
) -> Iterator[str]:
    if seen and not granted:
        yield from _refused(given, errors)
    elif errors or (given is not None) != seen:
        yield f"{given!r} {errors}, to one who sees {'' if seen else 'no '}records"


def _told(
    room: Room, names: list[str], given: Json, errors: list[Json]
) -> Iterator[str]:
    oracle, asker = room.oracle, room.asker
    if oracle.counts_only(asker, LOOK):
        yield from _refused(given, errors)
        return
    if errors or (given is not None) != oracle.seen(asker, LOOK):
        yield f"{given!r} {errors}"
        return
    who = asker.principal
    nodes = given["nodes"] if given else []
    if nodes and not (who.kind == "party" and (who.party_code or who.party_number)):
        yield f"{len(nodes)} looks told to one who is no party"
    hidden = [name for name in names if not oracle.wholly(asker, LOOK, name)]
    for node in nodes:
        yield from (f"{one} is told" for one in hidden if node[one] is not None)
        if node["purpose"] not in oracle.listed(asker, LOOK, "purpose"):
            yield f"a look for {node['purpose']} is told"


# --- what the policy says of itself -----------------------------------------------

EXPLAINED = (
    "{ verdicts { verdict mask rows reasonZh reasonEn remedyZh remedyEn ruleSource } "
    "rows rowSources compared ordered countsOnly lookup { verdict rows ruleSource } "
    "stricter { source sharing basis } }"
)


def explanations(room: Room, entity: EntityType) -> Iterator[Probe]:
    """Have the policy explain each field: what it does, and nobody's data."""
    for field in entity.fields.values():
        yield Probe(
            path="explain",
            text=f'policyExplain(field: "{entity.name}.{field.name}") {EXPLAINED}',
            fields=((entity.name, field.name),),
            faults=partial(_explained, room, entity.name, field),
        )


def _before_silence(verdicts: list[str]) -> list[str]:
    return _before_silence(verdicts[:-1]) if verdicts[-1:] == ["DENY"] else verdicts


def _explained(
    room: Room, type_name: str, field: Field, given: Json, errors: list[Json]
) -> Iterator[str]:
    # It speaks of anybody of the kind: of one with some case that is disputed.
    asker = replace(room.asker, disputed=frozenset({"own disputed"}))
    oracle = room.oracle
    if errors or given is None:
        yield f"an error: {errors}"
        return
    arms = oracle.arms(asker, type_name, field.name)
    due = [arm.effect.upper() for arm in arms]
    told = [one["verdict"] for one in given["verdicts"]]
    # Silence denies, so what is denied last may as well not be said.
    if _before_silence(told) != _before_silence(due):
        yield f"{field.name}: explained as {told}, not {due}"
    sorts = field.name in ENTITIES[type_name].orders
    if given["ordered"] != (sorts and oracle.wholly(asker, type_name, field.name)):
        yield f"{field.name}: ordered by, {given['ordered']}"
    if field.exact:
        granted = oracle.may_look_up(asker, type_name, field.name)
        if (given["lookup"]["verdict"] == "ALLOW") != granted:
            yield f"{field.name}: looked up, {given['lookup']}, not {granted}"
