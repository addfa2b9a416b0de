"""What the demonstration reads out of an answer, to show it and to check it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from zhitong.infra.city_load import BINDINGS
from zhitong.infra.city_words import DEMO

Body = Mapping[str, Any]

_QUESTIONS = DEMO / "questions"


def question(name: str) -> str:
    """Read one of the demonstration's documents."""
    return (_QUESTIONS / f"{name}.graphql").read_text(encoding="utf-8")


def parties(body: Body) -> Sequence[Body]:
    """List the firms and persons of an answer to `firms`."""
    data: Body = body.get("data") or {}
    pages: list[Body] = [data.get(name) or {} for name in ("firms", "persons")]
    return [node for page in pages for node in page.get("nodes") or ()]


def total(body: Body) -> Body:
    """Give the total count of the firms."""
    count: Body = body["data"]["firms"]["totalCount"]
    return count


def cases(body: Body) -> Sequence[Body]:
    """List the cases of an answer, whichever question it answers."""
    found: list[Body] = [
        case for party in parties(body) for case in party["cases"]["nodes"]
    ]
    page: Body = (body.get("data") or {}).get("caseRecords") or {}
    return [*found, *(page.get("nodes") or ())]


def officers(body: Body) -> Sequence[Body]:
    """List the officers on those cases."""
    return [officer for case in cases(body) for officer in case["officers"] or ()]


def records(body: Body) -> Sequence[Body]:
    """List the entries of the access register."""
    nodes: Sequence[Body] = ((body.get("data") or {}).get("accessRecords") or {}).get(
        "nodes", ()
    )
    return nodes


def departments(body: Body) -> frozenset[str]:
    """Name the sources that a part of the answer came from."""
    return frozenset(
        value for name, value in _leaves(body.get("data"), "") if name == "source"
    )


def values(body: Body) -> int:
    """Count the values that were given."""
    return sum(value is not None for _, value in _leaves(body.get("data"), ""))


def restrictions(body: Body) -> Sequence[Body]:
    """List what was not, or not wholly, given, and why."""
    entries: Sequence[Body] = (body.get("extensions") or {}).get("access", ())
    return entries


def verdict(body: Body, type_name: str, field: str) -> str:
    """Say how a field was ruled; several words where that depends on the row."""
    return "|".join(
        entry["verdict"]
        for entry in restrictions(body)
        if (entry["type"], entry["field"]) == (type_name, field)
    )


def missing(body: Body) -> Sequence[Body]:
    """List the sources whose part is missing."""
    entries: Sequence[Body] = (body.get("extensions") or {}).get("sources", ())
    return entries


def missing_names(body: Body) -> frozenset[str]:
    """Name those sources."""
    return frozenset(entry["source"] for entry in missing(body))


def loaded(body: Body) -> Sequence[str]:
    """Name the sources that a reload reports."""
    names: Sequence[str] = body.get("loaded", ())
    return names


@cache
def titles() -> Mapping[str, str]:
    """Give the departments' names, as their bindings have them."""
    files = [*BINDINGS.glob("*.toml"), *(DEMO / "extra").glob("*.toml")]
    found = [tomllib.loads(file.read_text(encoding="utf-8")) for file in files]
    return {each["name"]: each["title"]["zh"] for each in found}


def _leaves(value: object, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part, name)
    else:
        yield name, value
