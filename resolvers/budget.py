"""How much one question may read and build, however it is written.

A document cannot say how many rows its pages hold, nor how often they repeat: thirty
agencies with fifty cases each, and each case's agency with its cases again, are a
million rows in a line of text. So what is read and given is counted as it comes in,
and a question that goes beyond is refused whole, after its looks are on record.
"""

from __future__ import annotations

from dataclasses import dataclass

from zhitong.exceptions import TooWideError

MOST_READ = 100_000
"""Rows that all look-ups by key may bring, were every page full."""
MOST_BUILT = 100_000
"""About a second of the processor that all who ask share."""
ROW = 5
"""What a row costs besides its fields, in fields."""


@dataclass(slots=True)
class Budget:
    """What one question has spent."""

    read: int = 0
    built: int = 0
    exceeded: bool = False

    def may_read(self, rows: int) -> bool:
        """Count *rows* about to be read; False: leave them."""
        self.read += rows
        self.exceeded = self.exceeded or self.read > MOST_READ
        return not self.exceeded

    def may_build(self, rows: int, fields: int) -> bool:
        """Count *rows* about to be given, each with so many fields; False: do not."""
        self.built += rows * (ROW + fields)
        self.exceeded = self.exceeded or self.built > MOST_BUILT
        return not self.exceeded

    def check(self) -> None:
        """Raise `TooWideError` if something was left out."""
        if self.exceeded:
            raise TooWideError(
                "查询展开后的数据量过大，请减小 first，减少嵌套的列表或字段，"
                "分几次查询",
                "the answer would be too large; ask for smaller pages, fewer lists "
                "inside lists or fewer fields, in several steps",
            )
