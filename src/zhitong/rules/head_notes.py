"""The note of a head, read back: nothing is a note that would be written otherwise."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from zhitong.evidence import Head
from zhitong.rules.merkle import HASHES

LONGEST = 1_024
"""Bytes; a note has some 330."""
_DIGEST = "[0-9a-f]{64}"
_NOTE = re.compile(
    "zhitong-head/1\n"
    r"origin (?P<origin>[0-9A-Za-z][0-9A-Za-z._/-]{0,99})" + "\n"
    f"hash (?P<hash>{'|'.join(HASHES)})\n"
    r"size (?P<size>0|[1-9][0-9]{0,17})" + "\n"
    f"root (?P<root>{_DIGEST})\n"
    r"at (?P<at>[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z)" + "\n"
    f"previous (?P<previous>{_DIGEST})\n",
    re.ASCII,
)


def read_head(note: bytes) -> Head:
    """Read the head that *note* states; raise `ValueError` where it is no note.

    One head has one note: whatever a reader could take for it in another form, as a
    zero before a number or a line end of two bytes, is refused.
    """
    if len(note) > LONGEST:
        raise ValueError("no head")
    found = _NOTE.fullmatch(note.decode("ascii"))
    if found is None:
        raise ValueError("no head")
    head = Head(
        origin=found["origin"],
        hash=found["hash"],
        size=int(found["size"]),
        root=bytes.fromhex(found["root"]),
        at=datetime.fromisoformat(found["at"]).astimezone(UTC),
        previous=bytes.fromhex(found["previous"]),
    )
    if head.note != note:
        raise ValueError("no head")
    return head
