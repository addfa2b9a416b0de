"""The note by which a key names its successor, read back in its one form."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime
from hashlib import sha256

from zhitong.evidence import KeyNote

LONGEST = 1_024
"""Bytes; a note has some 330."""
_NOTE = re.compile(
    "zhitong-key/1\n"
    r"origin (?P<origin>[0-9A-Za-z][0-9A-Za-z._/-]{0,99})" + "\n"
    "purpose (?P<purpose>[a-z]{1,20})\n"
    "old (?P<old>[0-9a-f]{16})\n"
    "new (?P<new>[0-9a-f]{16})\n"
    "algorithm (?P<algorithm>[a-z0-9-]{1,40})\n"
    "key (?P<key>[A-Za-z0-9+/]{1,600}={0,2})\n"
    r"at (?P<at>[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z)" + "\n",
    re.ASCII,
)


def key_id(spki: bytes) -> str:
    """Name the public key *spki*: the beginning of the digest of its DER."""
    return sha256(spki).hexdigest()[:16]


def read_key_note(text: bytes) -> KeyNote:
    """Read what *text* says of a new key; raise `ValueError` where it is no note.

    A key is named rightly or the note is none.
    """
    if len(text) > LONGEST:
        raise ValueError("no note of a key")
    found = _NOTE.fullmatch(text.decode("ascii"))
    if found is None:
        raise ValueError("no note of a key")
    note = KeyNote(
        origin=found["origin"],
        purpose=found["purpose"],
        old=found["old"],
        new=found["new"],
        algorithm=found["algorithm"],
        spki=b64decode(found["key"], validate=True),
        at=datetime.fromisoformat(found["at"]).astimezone(UTC),
    )
    if note.text != text or key_id(note.spki) != note.new:
        raise ValueError("no note of a key")
    return note
