"""What functions that are written for a document call: sharing, and guards.

A guard raises `UnusualError` for a value that the strict assembler has to look at. Of
text only that it is there is looked at: sources give canonical text, and one column
has one type (`zhitong.ports.Source`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from zhitong.resolvers.assemble import LARGEST, SMALLEST, Values
from zhitong.resolvers.nodes import NodeId
from zhitong.resolvers.read import Found
from zhitong.types import Row, Table

Build = Callable[[Sequence[Any], Values], Sequence[object]]
"""Makes what stands in the answer for each of some objects."""
Flat = Callable[[Sequence[Any], Sequence[Table], Mapping[str, int]], Sequence[object]]
"""The same for records, of each its table, and where their columns stand."""


class UnusualError(Exception):
    """A value does not fit its type, or is missing where it may not be."""


def one(found: Mapping[int, Any], build: Build, values: Values) -> Mapping[int, object]:
    """Make what each owner leads to; what several lead to is made once and shared."""
    targets = {id(target): target for target in found.values() if target is not None}
    made = dict(zip(targets, build(list(targets.values()), values), strict=True))
    return {owner: made.get(id(target)) for owner, target in found.items()}


def shared(
    found: Mapping[int, Sequence[Any] | None], build: Build, values: Values
) -> Mapping[int, object]:
    """Make the lists that owners lead to; what stands in several is made once."""
    targets = {id(target): target for some in found.values() for target in some or ()}
    made = dict(zip(targets, build(list(targets.values()), values), strict=True))
    return {
        owner: None if some is None else [made[id(target)] for target in some]
        for owner, some in found.items()
    }


def listed(
    found: Mapping[int, Sequence[Any] | None], build: Build, values: Values
) -> Mapping[int, object]:
    """Make the lists that owners have of their own: the rows of a page, one by one."""
    made = build([target for some in found.values() for target in some or ()], values)
    return _shares(made, found)


def records(found: Mapping[int, Found], build: Flat) -> Mapping[int, object]:
    """Make the rows of pages of what the driver holds: none of them is taken out.

    What is read for one place has one layout, whatever source it comes of.
    """
    every = [record for page in found.values() for record in page.records]
    tables = [table for page in found.values() for table in page.tables]
    made = build(every, tables, tables[0].at) if tables else ()
    return _shares(made, {owner: page.records for owner, page in found.items()})


def _shares(
    made: Sequence[object], found: Mapping[int, Sequence[Any] | None]
) -> Mapping[int, object]:
    """Give each owner its share of what was made for all, in their order."""
    shares: dict[int, object] = {}
    start = 0
    for owner, some in found.items():
        end = start + len(some or ())
        shares[owner] = None if some is None else [*made[start:end]]
        start = end
    return shares


def mixed(
    objects: Sequence[Any], builds: Mapping[str, Build], values: Values
) -> Sequence[object]:
    """Make what stands for objects of several types, each by its type's function."""
    made: dict[int, object] = {}
    for name, build in builds.items():
        some = [one for one in objects if one.type == name]
        made.update(zip(map(id, some), build(some, values), strict=True))
    return [made[id(one)] for one in objects]


def identity(row: Row) -> str:
    """Give a row's global id."""
    return str(NodeId(row.type, row.source, row.key))


def identified(table: Table, record: Any) -> str:  # noqa: ANN401 - a driver's own
    """Give a record's global id."""
    return str(NodeId(table.type, table.source, record[table.key]))


def stated(values: Iterable[object]) -> None:
    """Guard what may not be null."""
    if None in values:
        raise UnusualError


def coded(values: Iterable[object], codes: Collection[object]) -> None:
    """Guard codes: each has to be one of *codes*."""
    if not frozenset(codes).issuperset(values):
        raise UnusualError


def numbers(values: Iterable[object], nullable: bool) -> None:  # noqa: FBT001 - written by a program
    """Guard numbers: whole, and of 32 bits."""
    for number in set(values):
        if number is None and nullable:
            continue
        if type(number) is not int or not SMALLEST <= number <= LARGEST:
            raise UnusualError


def lists(
    values: Iterable[Collection[object] | None],
    nullable: bool,  # noqa: FBT001 - as above
    items: bool,  # noqa: FBT001 - as above
) -> None:
    """Guard lists of text: null, and with nulls in them, only where that may be."""
    for some in values:
        if some is None:
            if not nullable:
                raise UnusualError
        elif None in some and not items:
            raise UnusualError


NONE: Mapping[int, object] = {}
HELPERS: Mapping[str, object] = {
    "NONE": NONE,
    "coded": coded,
    "id": id,
    "identified": identified,
    "identity": identity,
    "listed": listed,
    "lists": lists,
    "map": map,
    "mixed": mixed,
    "numbers": numbers,
    "one": one,
    "records": records,
    "shared": shared,
    "stated": stated,
    "zip": zip,
}
"""All that such a function can name."""
