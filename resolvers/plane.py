"""The data plane: what makes an answer's data of what a plan has found.

There is one way to it and room for others. The default writes a Python function for
each document; one that is compiled, and gives bytes for `orjson` to splice in, would
fit here. The strict assembler is the reference for all of them, and has the word
wherever a plane meets something unusual.
"""

from __future__ import annotations

from typing import Protocol

from zhitong.resolvers.plan_generated import Assemble, generated
from zhitong.resolvers.selection import Selection


class Plane(Protocol):
    """Makes, for a selection, the function that puts its answers together."""

    def compile(self, selection: Selection) -> Assemble:
        """Give the function; it raises where an answer is out of the ordinary."""
        ...


class PythonPlane:
    """The default: dicts, made by a function that is written for the selection."""

    def compile(self, selection: Selection) -> Assemble:
        """Write it."""
        return generated(selection)
