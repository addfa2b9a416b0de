"""A record of a look as it is kept and proved: its body, its leaf, what it is found by.

The body is canonical JSON and says everything; the columns beside it repeat what of it
is searched. Rows seen and parties that asked are in it as digests under a key, so that
who knows one can ask for it and nobody can read it out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import orjson

from zhitong.evidence import LeafKind, stamp
from zhitong.rules.merkle import digest, leaf
from zhitong.types import Inquiry, Look, Mask, Occasion, Rulings

PAPERS = ("letter", "mandate", "authorisation", "licence", "approval")
"""What of an occasion is a document that somebody wrote."""
_NUMBERS = attrgetter(*PAPERS)
SUBJECT_BYTES = 16
BLOCK = hashlib.sha256().block_size
_NUL = rb"\u0000"
KNOWN = 2_048
"""Digests of rows' places that are remembered, of each type of each source."""


class LookEntry(NamedTuple):
    """A row of ``access_entry``, as the composite type ``look_entry`` has it."""

    record_id: str
    at: datetime
    kind: str
    unit: str
    person: str
    party: str
    purpose: str
    cause: str
    protected: bool
    subjects: str
    """An array's text: the driver takes a microsecond for each member of a tuple."""
    body: bytes
    leaf: bytes
    findings: str | None
    """What rules say of it, as JSON; None where they say nothing."""


class Records:
    """Writes looks as the register of *tenant* keeps them, whose log is over *log*."""

    def __init__(self, key: bytes, tenant: str = "", log: str = "sha256") -> None:
        self._key = key
        self._inner, self._outer = _keyed(key)
        self._tenant = tenant
        self._log = log
        self._digest = digest(log)
        self._known: dict[tuple[str, str], dict[str, str]] = {}

    def entry(self, inquiry: Inquiry) -> LookEntry:
        """Write the record of *inquiry*."""
        said: Any = self._body(inquiry)
        try:
            body = _json(said)
        except TypeError:  # half a character of UTF-16
            body = _NUL
        if _NUL in body:  # no text of the database has it
            said = _legible(said)
            body = _json(said)
        return self._row(said, body, inquiry.at)

    def read(self, body: bytes) -> LookEntry:
        """Give the row of a body; raise `ValueError` where it is none of a look."""
        try:
            said = orjson.loads(body)
            if said["kind"] != LeafKind.LOOK:
                raise ValueError(said["kind"])
            return self._row(said, body, datetime.fromisoformat(said["at"]))
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError from error

    def _row(self, said: Mapping[str, Any], body: bytes, at: datetime) -> LookEntry:
        who, findings = said["who"], said["findings"]
        return LookEntry(
            record_id=said["record"],
            at=at,
            kind=who["kind"],
            unit=who["unit"],
            person=who["person"],
            party=said["party"],
            purpose=said["purpose"],
            cause=said["cause"],
            protected=said["protected"],
            subjects=_array(_digests(said)),
            body=body,
            leaf=leaf(self._digest, body),
            findings=_json(findings).decode() if findings else None,
        )

    def _body(self, inquiry: Inquiry) -> dict[str, object]:
        principal, occasion = inquiry.principal, inquiry.occasion
        return {
            "kind": LeafKind.LOOK,
            "record": inquiry.id,
            "at": stamp(inquiry.at),
            "tenant": self._tenant,
            "hash": self._log,
            "who": {
                "kind": principal.kind,
                "role": principal.role,
                "client": principal.client,
                "unit": principal.unit,
                "name": principal.unit_name,
                "person": principal.person,
                "division": principal.division,
            },
            "party": self.party(principal.party_code or principal.party_number),
            "papers": papers(occasion),
            "purpose": occasion.purpose,
            "basis": occasion.basis,
            "cause": occasion.cause,
            "grants": sorted(inquiry.grants_used),
            "operation": inquiry.operation,
            "document": inquiry.document_hash,
            "protected": any(look.protected for look in inquiry.looks),
            "looks": [self._look(look) for look in inquiry.looks],
            "rows": sum([look.rows for look in inquiry.looks if look.keys]),
            "restrictions": [
                f"{type_name}.{name} {verdicts}"
                for (type_name, name), said in inquiry.restrictions.items()
                for verdicts in sorted({_verdicts(rulings) for rulings in said})
            ],
            "gaps": [f"{gap.source} {gap.type} {gap.code}" for gap in inquiry.gaps],
            "findings": [
                {
                    "check": finding.check,
                    "zh": finding.message.zh,
                    "en": finding.message.en,
                    "source": finding.source,
                }
                for finding in inquiry.findings
            ],
            "answer": {
                "digest": inquiry.answer_digest.hex(),
                "size": inquiry.answer_size,
            },
        }

    def _look(self, look: Look) -> dict[str, object]:
        return {
            "type": look.type,
            "source": look.source,
            "owner": look.owner,
            "rows": look.rows,
            "places": look.places,
            "fields": look.fields,
            "subjects": self._subjects(look.type, look.source, look.keys),
        }

    def subject(self, type_name: str, source: str, key: str) -> str:
        """Digest one row's place, so that "who looked at this" can be asked."""
        (found,) = self._subjects(type_name, source, [key])
        return found

    def _subjects(
        self, type_name: str, source: str, keys: Collection[str]
    ) -> list[str]:
        """Give the digests of rows' places, in their order, each once.

        Pages are asked for again and again, and have hundreds: a digest takes a
        microsecond, finding it again a tenth of that.
        """
        known = self._known.setdefault((type_name, source), {})
        found: set[Any] = {*map(known.get, keys)}
        if None in found:
            new = [key for key in keys if key not in known]
            if len(known) + len(new) > KNOWN:
                known.clear()
                new = list(keys)
            known.update(zip(new, self._keyed(type_name, source, new), strict=True))
            found = {known[key] for key in keys}
        return sorted(found)

    def _keyed(self, type_name: str, source: str, keys: Iterable[str]) -> Iterator[str]:
        """Give the HMAC (RFC 2104) of each row's place, its beginning digested once.

        A page has hundreds: the library's own, one at a time, takes twice as long.
        """
        beginning = self._inner.copy()
        beginning.update(f"{type_name}:{source}:".encode())
        for key in keys:
            inner, outer = beginning.copy(), self._outer.copy()
            inner.update(key.encode(errors="surrogatepass"))
            outer.update(inner.digest())
            yield outer.digest()[:SUBJECT_BYTES].hex()

    def party(self, number: str) -> str:
        """Digest the code or ID number of a party that asks; empty for none."""
        if not number:
            return ""
        text = f"party:{''.join(number.split()).upper()}".encode()
        return hmac.digest(self._key, text, hashlib.sha256)[:SUBJECT_BYTES].hex()


def _keyed(key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Begin both digests of an HMAC-SHA256 under *key*."""
    short = hashlib.sha256(key).digest() if len(key) > BLOCK else key
    whole = short.ljust(BLOCK, b"\0")
    return (
        hashlib.sha256(bytes(one ^ 0x36 for one in whole)),
        hashlib.sha256(bytes(one ^ 0x5C for one in whole)),
    )


def _digests(said: Mapping[str, Any]) -> list[str]:
    """Give the digests of all rows seen, in their order, each once."""
    # Records from before this form say their rows as one, and looks as texts.
    found = [look["subjects"] for look in said["looks"] if not isinstance(look, str)]
    # No set: what is in order already is sorted at once.
    return sorted(dict.fromkeys(chain(said.get("subjects", ()), *found)))


def _array(digests: Sequence[str]) -> str:
    """Write digests as PostgreSQL reads an array of bytes."""
    return '{"\\\\x' + '","\\\\x'.join(digests) + '"}' if digests else "{}"


def papers(occasion: Occasion) -> list[str]:
    """Name the papers shown, each by kind and number."""
    numbers = _NUMBERS(occasion)
    return [f"{kind} {one}" for kind, one in zip(PAPERS, numbers, strict=True) if one]


def grants_used(inquiries: Iterable[Inquiry]) -> list[str]:
    """Name the sharing grants that any of *inquiries* rests on."""
    return sorted({name for one in inquiries for name in one.grants_used})


def _json(value: object) -> bytes:
    """Write *value* as canonical JSON."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _verdicts(rulings: Rulings) -> str:
    return "|".join(
        f"MASK({ruling.verdict.kind})"
        if isinstance(ruling.verdict, Mask)
        else type(ruling.verdict).__name__.upper()
        for ruling in rulings
    )


def _legible(value: object) -> Any:  # noqa: ANN401 - whatever JSON has
    """Replace what no text of the database can have, so that any look is kept."""
    if isinstance(value, str):
        whole = value.replace("\0", "\ufffd")
        return whole.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_legible(name): _legible(one) for name, one in value.items()}
    if isinstance(value, Sequence):
        return [_legible(one) for one in value]
    return value
