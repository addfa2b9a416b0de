"""What a kind of fault is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from soak_world import World

Enter = Callable[[World, str], AbstractAsyncContextManager[None]]
MOMENT = (0.5, 3.0)
WHILE = (3.0, 8.0)
LONG = (16.0, 22.0)
"""Longer than the database bears a silent relay (`idle_session_timeout`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault."""

    name: str
    places: Sequence[str]
    """What it may strike; no two faults strike one place at a time."""
    enter: Enter
    lasts: tuple[float, float] = MOMENT
    """Seconds from which its length is drawn."""
    lacks: Callable[[World], str] = lambda _: ""
    """Says why this machine cannot do it; empty: it can."""
    alone: bool = False
    """Whether nothing else may be wrong meanwhile."""
