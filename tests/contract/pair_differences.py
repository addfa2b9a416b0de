"""What two executors made of one case, compared: docs/differential.md has the rules."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from executors import Case, Seen
from graphql import SelectionNode, get_operation_ast, parse

from zhitong.schema.engine import Answer
from zhitong.types import Inquiry

Json = Any
Path = tuple[str | int, ...]
SHOWN = 400
"""Characters of each side that a difference shows."""
TOO_WIDE = "TOO_WIDE"


def differences(case: Case, one: Seen, other: Seen) -> list[str]:
    """Say where *other* is not as *one*: in its answer, its record, its statements."""
    if case.fault.cancel:
        return [*_cancelled(case, one, other)]
    found = [*_answers(one, other)]
    told = _body(one.answer)
    cut = TOO_WIDE in _codes(told)
    # Where an error has nulled what stands beside it, the rest may be left unread.
    unread = bool(_nulled(told) or _nulled(_body(other.answer)))
    found += _records(one, other, partly=cut or unread)
    if case.fault.silent and not cut and not unread:
        found += _statements(case, one, other)
    return found


def _cancelled(case: Case, one: Seen, other: Seen) -> Iterator[str]:
    """Check who was left alone: nothing goes on, nothing is told, nothing half told."""
    for seen in (one, other):
        if seen.left:
            yield f"{seen.left} tasks go on after {case.fault.cancel} turns"
        if seen.answer is None and "the-request" in seen.recorded:
            yield "what nobody was answered is on record"
    if one.answer is not None and other.answer is not None:
        yield from _answers(one, other)


# --- answers -----------------------------------------------------------------


def _answers(one: Seen, other: Seen) -> Iterator[str]:
    first, second = one.answer, other.answer
    if first is None or second is None:
        yield from _unequal("answered", first is not None, second is not None)
        return
    yield from _unequal("status", first.status, second.status)
    yield from _unequal("executed", first.executed, second.executed)
    yield from _unequal("recorded", bool(first.record_id), bool(second.record_id))
    told, said = _body(first), _body(second)
    yield from _unequal("members", list(told), list(said))
    yield from _unequal("data", _text(told.get("data")), _text(said.get("data")))
    yield from _errors(told, said)
    here, there = told.get("extensions", {}), said.get("extensions", {})
    yield from _unequal("extensions", sorted(here), sorted(there))
    for name in sorted({*here, *there} - {"sources"}):
        yield from _unequal(name, _text(here.get(name)), _text(there.get(name)))
    gaps = [sorted(map(_text, each.get("sources", ()))) for each in (here, there)]
    yield from _unequal("sources", *gaps)
    if "errors" not in told and "sources" not in here:
        yield from _unequal("payload", first.payload, second.payload)


def _errors(told: Json, said: Json) -> Iterator[str]:
    """Compare errors; of several below one nulled place one in common is enough."""
    here, there = _by_place(told), _by_place(said)
    for place in sorted({*here, *there}, key=str):
        mine, others = here.get(place, Counter()), there.get(place, Counter())
        deep = any(len(path or ()) > len(place or ()) for path, _ in [*mine, *others])
        if deep and place is not None and mine.keys() & others.keys():
            continue
        yield from _unequal(f"errors at {place}", mine, others)


def _by_place(body: Json) -> dict[Path | None, Counter[tuple[Path | None, str]]]:
    """Sort errors by the place that is null for them; those of no field apart."""
    found: dict[Path | None, Counter[tuple[Path | None, str]]] = {}
    for error in body.get("errors", ()):
        path = tuple(error["path"]) if "path" in error else None
        place = None if path is None else _null_at(body.get("data"), path)
        found.setdefault(place, Counter())[path, _text(error)] += 1
    return found


def _null_at(data: Json, path: Path) -> Path:
    """Give the shortest part of *path* at which the answer has null."""
    for length, step in enumerate(path):
        if data is None:
            return path[:length]
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return path
    return path


def _nulled(body: Json) -> bool:
    """Say whether an error has nulled more than its own field."""
    return any(
        path is not None and len(path) > len(place or ())
        for place, errors in _by_place(body).items()
        for path, _ in errors
    )


def _codes(body: Json) -> set[str]:
    return {one["extensions"]["code"] for one in body.get("errors", ())}


def _body(answer: Answer | None) -> Json:
    """Give the answer as a client reads it; a plan may hold bytes of it."""
    return {} if answer is None else orjson.loads(orjson.dumps(answer.body))


def _text(value: Json) -> str:
    """Write *value* with its keys in their order."""
    return json.dumps(value, ensure_ascii=False)


# --- records -----------------------------------------------------------------


def _records(one: Seen, other: Seen, *, partly: bool) -> Iterator[str]:
    yield from _unequal(
        "inquiries", len(one.inquiries), len(other.inquiries), skip=partly
    )
    mine = {_asked(each): noted(each) for each in one.inquiries}
    theirs = {_asked(each): noted(each) for each in other.inquiries}
    for asked in mine.keys() | theirs.keys():
        here, there = mine.get(asked, {}), theirs.get(asked, {})
        for name in {**here, **there}:
            first, second = here.get(name), there.get(name)
            yield from _unequal(f"record's {name}", first, second, skip=partly)
    if not partly:
        yield from _unequal("on record", len(one.recorded), len(other.recorded))


def _asked(inquiry: Inquiry) -> Hashable:
    """Tell an inquiry from others of its question: the platform's own have new ids."""
    if inquiry.id == "the-request":
        return inquiry.id
    return inquiry.principal.unit_name, inquiry.occasion.purpose, inquiry.document_hash


def overstepped(whole: Seen, cut: Seen) -> Iterator[str]:
    """Say what a question that was cut short looked at, and the whole one did not."""
    found = [
        {(look.type, look.source, *sorted(look.fields.items())): set(look.keys)}
        for seen in (whole, cut)
        for inquiry in seen.inquiries
        for look in inquiry.looks
    ]
    may: dict[Hashable, set[str]] = {}
    number = sum(len(inquiry.looks) for inquiry in whole.inquiries)
    for look in found[:number]:
        for place, keys in look.items():
            may.setdefault(place, set()).update(keys)
    for look in found[number:]:
        for place, keys in look.items():
            if not keys <= may.get(place, set()):
                yield f"looked beyond the whole question: {place} {sorted(keys)}"


def noted(inquiry: Inquiry) -> dict[str, Json]:
    """Say what *inquiry* leaves on record, whatever the order and size of its reads."""
    rested = bool(inquiry.grants_used)
    return {
        "looks": _looks(inquiry, rested=rested),
        "protected": any(look.protected for look in inquiry.looks),
        "restrictions": {
            place: {repr(rulings) for rulings in said}
            for place, said in inquiry.restrictions.items()
        },
        "gaps": {repr(gap) for gap in inquiry.gaps},
        "findings": {repr(finding) for finding in inquiry.findings},
        "grants": inquiry.grants_used,
        "break-glass": inquiry.break_glass,
        "disputed": inquiry.disputed,
        "told": inquiry.told,
        "operation": (inquiry.operation, inquiry.document_hash),
    }


def _looks(inquiry: Inquiry, *, rested: bool) -> dict[Hashable, Json]:
    """Put looks together that differ in their batches alone."""
    found: dict[Hashable, tuple[Counter[str], Counter[str], list[int]]] = {}
    for look in inquiry.looks:
        # What rests on a grant is protected from the moment it was used: an order.
        said = () if rested else (look.protected, look.emergency)
        fields = tuple(sorted(look.fields.items()))
        key = (look.type, look.source, look.owner, fields, *said)
        keys, places, counted = found.setdefault(key, (Counter(), Counter(), [0]))
        keys.update(look.keys)
        places.update(look.places)
        counted[0] += look.rows - len(look.keys)
    return {
        key: (sorted(keys.items()), sorted(places.items()), counted[0])
        for key, (keys, places, counted) in found.items()
    }


def _statements(case: Case, one: Seen, other: Seen) -> Iterator[str]:
    """Hold that the other executor asks no source more often.

    Two branches may ask one thing at one time, or not: then it is one statement, or
    two. Where sources answer at once that is so of roots alone; else each place that
    has fields below it may ask once more.
    """
    for source, many in other.statements.items():
        fewest = one.statements[source]
        if many > fewest and many > fewest + _lucky(case):
            yield f"statements of {source}: {many}, not {fewest}"


def _lucky(case: Case) -> int:
    """Say how many statements may be shared by luck."""
    if not case.at_once:
        return case.document.count("{")
    return max(len(roots(case.document)) - 1, 0)


def roots(text: str) -> Sequence[SelectionNode]:
    """Give what the first operation of a document asks for at its root."""
    operation = get_operation_ast(parse(text))
    return operation.selection_set.selections if operation else ()


def _unequal(
    what: str, one: object, other: object, *, skip: bool = False
) -> Iterator[str]:
    if one != other and not skip:
        first, second = _apart(one, other)
        yield f"{what}:\n    {first}\n    {second}"


def _apart(one: object, other: object) -> tuple[str, str]:
    """Show both from a little before where they part."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        differing = [key for key in {**one, **other} if one.get(key) != other.get(key)]
        one = {key: one.get(key) for key in differing}
        other = {key: other.get(key) for key in differing}
    elif isinstance(one, set) and isinstance(other, set):
        one, other = one - other, other - one
    first, second = _cut(one), _cut(other)
    same = _common(first, second)
    start = max(0, same - SHOWN // 4)
    return first[start : start + SHOWN], second[start : start + SHOWN]


def _cut(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _common(one: str, other: str) -> int:
    pairs: Iterable[tuple[str, str]] = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), 0)


def reported(case: Case, found: Sequence[str]) -> str:
    """Write a difference so that somebody can look into it."""
    said = "\n  ".join(found)
    return (
        f"asker {case.asker.name}, fault {case.fault.name}, seed {case.seed}\n"
        f"{case.document}\nvariables {case.variables}\n  {said}"
    )
