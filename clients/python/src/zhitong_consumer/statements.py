"""What a bureau has signed of its decision, and whether it holds (docs/signing.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from zhitong_consumer.events import Event, Vouched
from zhitong_consumer.keys import P256, SM2, PublicKey, one_of, token

_FORM = "zhitong-decision/1"
_TYPE = "zhitong-decision+jwt"
_LONGEST = 8_192
_MEMBERS = frozenset(
    {
        *("form", "actType", "at", "change", "content", "decidedOn"),
        *("decisionId", "documentNo", "subjectCode"),
    }
)
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_SIGNATURE = 64


def vouched(event: Event, bureaus: Sequence[PublicKey]) -> Vouched:
    """Weigh the statement of *event* by the *bureaus*' keys."""
    if not event.statement:
        return Vouched.NONE
    found = token(event.statement) if len(event.statement) <= _LONGEST else None
    if found is None or not found.canonical or len(found.signature) != _SIGNATURE:
        return Vouched.MALFORMED
    header, said = found.header, found.payload
    if (
        set(header) != {"alg", "kid", "typ"}
        or header["typ"] != _TYPE
        or header["alg"] not in {P256, SM2}
        or not _KEY_ID.fullmatch(str(header["kid"]))
        or set(said) != _MEMBERS
        or said["form"] != _FORM
        or not all(isinstance(each, str) for each in said.values())
    ):
        return Vouched.MALFORMED
    key = one_of(bureaus, header["kid"], said["subjectCode"])
    if key is None:
        return Vouched.KEY_UNKNOWN
    fits = key.algorithm == header["alg"]
    if not fits or not key.verify(found.signed, found.signature):
        return Vouched.INVALID
    named = (said["decisionId"], said["change"])
    same = named == (str(event.decision_id), event.change)
    return Vouched.HOLDS if same else Vouched.DIFFERS
