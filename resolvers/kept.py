"""What is remembered from one question to the next; the least asked for falls out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import TypeVar

Value = TypeVar("Value")


class Kept(OrderedDict[Hashable, Value]):
    """Values by all that they came of."""

    def find(self, key: Hashable) -> Value | None:
        """Give what is kept under *key*, and keep it longer."""
        known = self.get(key)
        if known is not None:
            self.move_to_end(key)
        return known

    def keep(self, key: Hashable, value: Value, most: int) -> Value:
        """Remember *value*, among *most* at a time."""
        self[key] = value
        if len(self) > most:
            self.popitem(last=False)
        return value
