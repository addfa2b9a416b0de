"""What running a plan came to: the answer's data, and what went wrong where."""

from __future__ import annotations

from dataclasses import dataclass

from zhitong.exceptions import DocumentInvalidError


@dataclass(frozen=True, slots=True)
class Fault:
    """An error of one field, where the answer has null for it."""

    error: Exception
    path: tuple[str | int, ...]
    """Response keys, and places in lists, down to the field."""
    tag: int
    """`Part.tag` of the field that raised."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer's data; None where an error has nulled all of it."""

    data: object
    """What `orjson.dumps` writes: dicts and lists, or a fragment of bytes."""
    faults: tuple[Fault, ...] = ()
    """As the specification has them: none below a place that another has nulled."""


def misfit() -> DocumentInvalidError:
    """Say that an argument or a value is none of its type."""
    return DocumentInvalidError(
        "此处有参数或值不符合类型", "an argument or a value here is not of its type"
    )
