"""Heads stamped by an authority (RFC 3161): which is due, and what came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.x509 import Certificate
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from zhitong.connectors import primary
from zhitong.connectors.statements import statements

_SECONDS = 10.0


class StampError(ValueError):
    """What came back is no timestamp of an authority we trust over what we sent."""


@dataclass(frozen=True, slots=True)
class Due:
    """A head that is to be stamped."""

    origin: str
    size: int
    at: datetime
    note: bytes


async def due(url: str, seconds: float) -> Due | None:
    """Give the newest head if none was stamped for *seconds*, and it has grown."""
    connection = await primary.connect(url, timeout=_SECONDS, command_timeout=_SECONDS)
    try:
        row = await connection.fetchrow(statements("timestamps")["due"], seconds)
        await connection.execute(statements("primary")["copied"])
    finally:
        connection.terminate()
    return Due(**row) if row else None


async def keep(url: str, head: Due, stamped: datetime, response: bytes) -> None:
    """Keep what the authority answered."""
    connection = await primary.connect(url, timeout=_SECONDS, command_timeout=_SECONDS)
    try:
        named = (head.origin, head.size, head.at)
        await connection.execute(
            statements("timestamps")["keep"], *named, stamped, response
        )
    finally:
        connection.terminate()


def question(note: bytes) -> TimeStampRequest:
    """Ask for a timestamp over *note*, with the certificates that show whose it is."""
    builder = TimestampRequestBuilder().data(note).nonce(nonce=True)
    asking = builder.cert_request(cert_request=True)
    return asking.hash_algorithm(HashAlgorithm.SHA256).build()


def stamps(response: bytes, note: bytes) -> datetime | None:
    """Give the time of a timestamp over *note*; None where it is none of that.

    Whose it is, is not asked: that takes the authority's certificate.
    """
    try:
        said = decode_timestamp_response(response).tst_info
    except ValueError:
        return None
    if said.message_imprint.message != sha256(note).digest():
        return None
    return said.gen_time


def trusted(response: bytes, note: bytes, roots: Sequence[Certificate]) -> bool:
    """Say whether an authority of *roots* has signed a timestamp over *note*.

    Its certificates must have been valid when it did, not now.
    """
    try:
        _verify(VerifierBuilder(), response, note, roots)
    except (VerificationError, ValueError):
        return False
    return True


def stamped_at(
    asked: TimeStampRequest, response: bytes, note: bytes, roots: Sequence[Certificate]
) -> datetime:
    """Give the time in *response*; raise `StampError` unless all about it holds."""
    try:
        answer = _verify(VerifierBuilder.from_request(asked), response, note, roots)
    except (VerificationError, ValueError) as error:
        raise StampError(type(error).__name__) from error
    return answer.tst_info.gen_time


def _verify(
    builder: VerifierBuilder,
    response: bytes,
    note: bytes,
    roots: Sequence[Certificate],
) -> TimeStampResponse:
    for root in roots:
        builder = builder.add_root_certificate(root)
    answer = decode_timestamp_response(response)
    builder.build().verify_message(answer, note)
    return answer
