"""What proves some leaves, gathered for somebody outside: bodies, paths, head, keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from zhitong.connectors import deeds, log_proofs
from zhitong.connectors.decision_row import entry_of, hashed
from zhitong.connectors.evidence_log import read_log
from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.loan import Plain
from zhitong.connectors.session import Session
from zhitong.connectors.statements import statements
from zhitong.decisions import SignatureState
from zhitong.evidence import Countersignature, Deed, LeafKind, Signature
from zhitong.exceptions import (
    EvidenceUnknownError,
    EvidenceUnsealedError,
    LedgerUnavailableError,
)
from zhitong.rules.statements import content as signed_content
from zhitong.rules.verification import Place

MOST = 10_000
"""Leaves of one export: it is made in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is to be exported: one of the three."""

    records: Sequence[str] = ()
    decision: str = ""
    case: str = ""

    @property
    def target(self) -> str:
        """Name it."""
        return self.case or self.decision or self.records[0]


@dataclass(frozen=True, slots=True)
class Proved:
    """A leaf with its path."""

    number: int
    kind: str
    id: str
    body: bytes
    path: Sequence[bytes]
    content: bytes | None = None
    """Of a decision: what its content hash is computed over."""
    signed: bytes | None = None
    """Of a decision that its bureau has signed: the content that it signed."""
    signer: str = ""
    """The id of the bureau's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Leaves under one head, and all that it takes to check them."""

    size: int
    note: bytes
    signatures: Sequence[Signature]
    words: Sequence[Countersignature]
    keys: Mapping[str, str]
    """Public keys in PEM, by key id."""
    leaves: Sequence[Proved]
    stamp: bytes | None = None
    """An authority's timestamp over the note (RFC 3161), DER, where it has one."""


class EvidenceExport(Session):
    """Gathers evidence, for the time of an ``async with``."""

    SQL = "evidence_export"

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            "平台数据库没有答复，没有导出任何内容：请重试",
            "the platform's database does not answer; nothing was exported: try again",
        )

    async def gather(
        self, chosen: Chosen, deed: Callable[[Evidence], Deed]
    ) -> Evidence:
        """Gather what proves *chosen*, and write that it was: both, or neither.

        Raises `EvidenceUnknownError` for what is not there, `EvidenceUnsealedError`
        for what no head with a witness's word covers yet.
        """
        async with (
            self._connected() as connection,
            connection.transaction(isolation="repeatable_read"),
        ):
            found = await _Gathering(connection).evidence(chosen)
            await deeds.write(connection, deed(found))
        return found


class _Gathering:
    def __init__(self, connection: Plain) -> None:
        self._connection = connection
        self._sql = statements("evidence_export")

    async def evidence(self, chosen: Chosen) -> Evidence:
        places = await self._places(chosen)
        bodies = await self._bodies(places)
        numbers = await self._numbers(places)
        last = max(numbers.values(), default=0)
        head = await self._connection.fetchrow(self._sql["head"], last)
        size = 0 if head is None else head["size"]
        for place in places:
            if place not in bodies:
                raise _unknown(" ".join(place))
            if numbers.get(place, size) >= size:
                raise _unsealed(" ".join(place))
        log = await read_log(self._connection)
        leaves = []
        for place, number in numbers.items():
            body, content, kept = bodies[place]
            path = await log_proofs.inclusion(
                self._connection, log.digest, number, size
            )
            hashed_over = None if content is None else hashed(content, kept)
            proved = Proved(number, *place, body, path, hashed_over)
            leaves.append(proved if content is None else _signed(proved, content))
        signatures, words = await self._signed(head)
        names = [each.key_id for each in signatures]
        names += [each.signature.key_id for each in words]
        names += [each.signer for each in leaves if each.signer]
        return Evidence(
            size=size,
            note=head["note"] if head else b"",
            signatures=signatures,
            words=words,
            keys={
                name: pem(PUBLIC, spki)
                for name, spki in await self._connection.fetch(self._sql["keys"], names)
            },
            leaves=leaves,
            stamp=head["stamp"] if head else None,
        )

    async def _places(self, chosen: Chosen) -> Sequence[Place]:
        if chosen.case:
            rows = await self._connection.fetch(self._sql["concerning"], chosen.case)
            found = [(kind, name) for kind, name in rows]
        elif chosen.decision:
            rows = await self._connection.fetch(self._sql["versions"], chosen.decision)
            found = [(LeafKind.DECISION.value, name) for (name,) in rows]
        else:
            names = dict.fromkeys(chosen.records)
            found = [(LeafKind.LOOK.value, name) for name in names]
        if not found:
            raise _unknown(chosen.target)
        if len(found) > MOST:
            raise EvidenceUnknownError(
                f"{chosen.target} 有 {len(found)} 叶，一次最多导出 {MOST}："
                "请逐件按登记或决定导出",
                f"{chosen.target} has {len(found)} leaves, and one export {MOST} at "
                "most: export its records or decisions one by one",
            )
        return found

    async def _numbers(self, places: Sequence[Place]) -> Mapping[Place, int]:
        kinds, names = zip(*places, strict=True)
        rows = await self._connection.fetch(self._sql["leaves"], kinds, names)
        return {(kind, name): number for kind, name, number in rows}

    async def _bodies(
        self, places: Sequence[Place]
    ) -> Mapping[Place, tuple[bytes, bytes | None, Mapping[str, str]]]:
        named = [
            [name for kind, name in places if kind == each]
            for each in (LeafKind.LOOK, LeafKind.DEED, LeafKind.DECISION)
        ]
        rows = await self._connection.fetch(self._sql["bodies"], *named)
        return {
            (kind, name): (body, content, orjson.loads(numbers))
            for kind, name, body, content, numbers in rows
        }

    async def _signed(
        self,
        head: Any,  # noqa: ANN401 - a row
    ) -> tuple[Sequence[Signature], Sequence[Countersignature]]:
        place = (head["origin"], head["size"], head["at"])
        signatures = [
            Signature(**row)
            for row in await self._connection.fetch(self._sql["signatures"], *place)
        ]
        words = [
            Countersignature(
                seen=seen,
                signature=Signature(key_id=name, algorithm=algorithm, value=value),
            )
            for name, algorithm, seen, value in await self._connection.fetch(
                self._sql["words"], *place
            )
        ]
        return signatures, words


def _signed(leaf: Proved, content: bytes) -> Proved:
    """Add what the bureau has signed; what does not hold proves nothing."""
    said = orjson.loads(leaf.body)
    signature = said.get("signature")
    if signature is None or signature["state"] != SignatureState.HOLDS:
        return leaf
    entry = entry_of(said, content)
    text = signed_content(entry, signature["salt"], signature["numbers"])
    return replace(leaf, signed=text, signer=signature["key"])


def _unknown(what: str) -> EvidenceUnknownError:
    return EvidenceUnknownError(
        f"日志中没有 {what[:100]}", f"the log has nothing of {what[:100]}"
    )


def _unsealed(what: str) -> EvidenceUnsealedError:
    return EvidenceUnsealedError(
        f"{what[:100]} 还没有经见证副署的树头覆盖，请稍后重试",
        f"no head with a witness's word covers {what[:100]} yet; try again in a moment",
    )
