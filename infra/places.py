"""How much of something one user may have open at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zhitong.exceptions import ZhitongError
from zhitong.types import Principal


class Places:
    """So many for each principal; *refusal* says so to the one too many."""

    def __init__(self, most: int, refusal: Callable[[int], ZhitongError]) -> None:
        self._most = most
        self._refusal = refusal
        self._taken: Counter[Principal] = Counter()

    def check(self, principal: Principal) -> None:
        """Raise where *principal* has as many as one may have."""
        if self._taken[principal] >= self._most:
            raise self._refusal(self._most)

    @contextmanager
    def taken(self, principal: Principal) -> Iterator[None]:
        """Hold one for *principal*; raise where there is none left."""
        self.check(principal)
        self._taken[principal] += 1
        try:
            yield
        finally:
            self._taken[principal] -= 1
            if not self._taken[principal]:
                del self._taken[principal]
