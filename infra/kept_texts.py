"""Texts that clients have asked, for them to ask again by hash (automatic persisting).

A kept text is worth as much as one that is sent: it saves bytes, and is trusted with
nothing. Each client finds its own alone, so that nobody puts words into another's
mouth, and none learns what others ask by trying hashes. A process keeps its own; what
it has not, the client sends once more.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Hashable

OF_ONE = 262_144
"""Bytes that are kept for one client: some dozens of documents."""
OF_ALL = 4_194_304
"""Bytes that are kept together; beyond, the longest silent client's are forgotten."""


class _Texts:
    """Texts of one client, the one asked last at the end."""

    __slots__ = ("by_digest", "size")

    def __init__(self) -> None:
        self.by_digest: OrderedDict[str, str] = OrderedDict()
        self.size = 0

    def keep(self, digest: str, text: str, most: int) -> None:
        if digest in self.by_digest:
            return
        self.by_digest[digest] = text
        self.size += sys.getsizeof(text)
        while self.size > most:
            _, forgotten = self.by_digest.popitem(last=False)
            self.size -= sys.getsizeof(forgotten)


class KeptTexts:
    """Remembers what each client has asked, within bounds."""

    def __init__(self, of_one: int = OF_ONE, of_all: int = OF_ALL) -> None:
        self._of_one = of_one
        self._of_all = of_all
        self._clients: OrderedDict[Hashable, _Texts] = OrderedDict()
        self._size = 0

    def find(self, client: Hashable, digest: str) -> str | None:
        """Give the text of *digest*, where *client* itself has asked it."""
        own = self._clients.get(client)
        found = own.by_digest.get(digest) if own else None
        if own is not None and found is not None:
            own.by_digest.move_to_end(digest)
            self._clients.move_to_end(client)
        return found

    def keep(self, client: Hashable, digest: str, text: str) -> None:
        """Keep *text* for *client*; its oldest go where it has too many."""
        own = self._clients.setdefault(client, _Texts())
        self._clients.move_to_end(client)
        before = own.size
        own.keep(digest, text, self._of_one)
        self._size += own.size - before
        while self._size > self._of_all:
            _, silent = self._clients.popitem(last=False)
            self._size -= silent.size
