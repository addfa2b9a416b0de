"""What was made of documents, kept while it is asked for: so many, of so much text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

MOST_DOCUMENTS = 1_024
"""Beyond it each is parsed, validated and compiled anew."""
MOST_LARGEST = 128
"""A document of the largest size takes 1.2 MB, and anybody may send many: as much text
as so many of them have is kept."""


class KeptBySize(Generic[Key, Value]):
    """Forgets what was not asked for the longest, beyond a number or a size."""

    def __init__(self, most: int, size: int) -> None:
        self._most = most
        self._size = size
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._sum = 0

    def __len__(self) -> int:
        """Say how many are kept."""
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """Give what is kept as *key*, which is asked for now."""
        known = self._values.get(key)
        if known is None:
            return None
        self._values.move_to_end(key)
        return known[0]

    def keep(self, key: Key, value: Value, size: int) -> Sequence[Value]:
        """Keep *value*, made of *size* characters; give what is let go for it."""
        let_go = []
        before = self._values.pop(key, None)
        if before is not None:
            self._sum -= before[1]
        self._values[key] = value, size
        self._sum += size
        while len(self._values) > self._most or self._sum > self._size:
            _, (oldest, released) = self._values.popitem(last=False)
            self._sum -= released
            let_go.append(oldest)
        return let_go
