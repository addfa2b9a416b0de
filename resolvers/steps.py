"""What a plan does, in order: a tree of steps, made of a selection once.

A step reads, or looks, for one part of the document, for every object that stands
where the part is asked, all at once. What needs neither is no step: columns and the
rest of the leaves are taken from the objects when the answer is put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from zhitong.resolvers.asking import Place
from zhitong.resolvers.selection import (
    Attribute,
    Column,
    Grouped,
    Identity,
    Part,
    Selection,
    SourceName,
    TypeName,
)

AT_HAND = (Column, Identity, SourceName, TypeName, Grouped, Attribute)
"""Roles whose value the object above has; that of any other has to be found."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One part of the document that is found, or passed on the way to others."""

    part: Part
    passes: str = ""
    """The attribute that it takes on the way to objects with steps; empty: it reads."""
    below: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    """By the type of what was found: the steps from there."""
    places: Mapping[str, Place] | None = None
    """What is asked of the rows; None: it depends on the question's variables."""

    def asked(self, weigh: Callable[[str], int]) -> Mapping[str, Place]:
        """Say what is asked of the rows that are read, by their type."""
        if self.places is not None:
            return self.places
        return {
            name: weighed.place(weigh) for name, weighed in self.part.places.items()
        }


def steps_of(selection: Selection) -> tuple[Step, ...]:
    """Make the steps of *selection*: those at the root, the others below them."""
    tags = [part.tag for part in every(selection.root)]
    if len(tags) != len(set(tags)):
        message = "two parts of a selection have one tag"
        raise ValueError(message)
    return _steps(selection.root)


def every(parts: tuple[Part, ...]) -> Iterator[Part]:
    """List *parts* and all that are below them."""
    for part in parts:
        yield part
        for below in part.below.values():
            yield from every(below)


def _steps(parts: tuple[Part, ...]) -> tuple[Step, ...]:
    made = (_step(part) for part in parts)
    return tuple(step for step in made if step is not None)


def _step(part: Part) -> Step | None:
    below = {name: _steps(parts) for name, parts in part.below.items()}
    below = {name: steps for name, steps in below.items() if steps}
    passes = part.role.name if isinstance(part.role, Attribute) else ""
    if not below and isinstance(part.role, AT_HAND):
        return None
    fixed = not any(weighed.variables for weighed in part.places.values())
    places = {name: weighed.place(len) for name, weighed in part.places.items()}
    return Step(part=part, passes=passes, below=below, places=places if fixed else None)
