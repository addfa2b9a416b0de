"""Keys as bytes: SPKI, PKCS #8 and PEM of the two curves we sign on.

`cryptography` knows no SM2, so that the few fixed bytes around a key of 32 are written
here, alike for both curves (RFC 5480, RFC 5915).
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from textwrap import wrap

import gmssl_pyx
from cryptography.hazmat.primitives.asymmetric import ec

PRIVATE = "PRIVATE KEY"
PUBLIC = "PUBLIC KEY"
_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
_PRIVATE_BYTES = 32
_PUBLIC_BYTES = 64


class KeyFormError(ValueError):
    """These bytes are no key of ours; the message says what they lack."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What stands around the bytes of a key."""

    oid: bytes
    """The curve's identifier, DER."""

    @property
    def _algorithm(self) -> bytes:
        return _sequence(_EC_PUBLIC_KEY + self.oid)

    @property
    def _before_public(self) -> bytes:
        # A bit string of whole bytes: an uncompressed point.
        return self._algorithm + bytes.fromhex("034200") + b"\4"

    def public(self, point: bytes) -> bytes:
        """Write a public key as SPKI."""
        return _sequence(self._before_public + point)

    def private(self, number: bytes, point: bytes) -> bytes:
        """Write a private key as PKCS #8, its public key beside it."""
        inner = bytes.fromhex("0201010420") + number
        inner += bytes.fromhex("a144034200") + b"\4" + point
        octets = _sequence(inner)
        return _sequence(bytes.fromhex("020100") + self._algorithm + _tagged(4, octets))


CURVES: Mapping[str, Curve] = {
    "p256": Curve(bytes.fromhex("06082a8648ce3d030107")),
    "sm2": Curve(bytes.fromhex("06082a811ccf5501822d")),
}


@lru_cache(maxsize=64)
def public_of(spki: bytes) -> tuple[str, bytes]:
    """Give curve and point of a public key; raise `KeyFormError`."""
    for name, curve in CURVES.items():
        point = spki[-_PUBLIC_BYTES:]
        if spki == curve.public(point) and _on_curve(name, point):
            return name, point
    raise KeyFormError("no SPKI of P-256 or SM2")


def private_of(der: bytes) -> tuple[str, bytes, bytes]:
    """Give curve, number and point of a private key; raise `KeyFormError`."""
    for name, curve in CURVES.items():
        point = der[-_PUBLIC_BYTES:]
        start = len(der) - _PUBLIC_BYTES - len(bytes.fromhex("a14403420004"))
        number = der[start - _PRIVATE_BYTES : start]
        if der == curve.private(number, point) and _on_curve(name, point):
            return name, number, point
    raise KeyFormError("no PKCS #8 of P-256 or SM2 with its public key")


def pem(label: str, der: bytes) -> str:
    """Write *der* as RFC 7468 has it."""
    body = "\n".join(wrap(b64encode(der).decode(), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


def from_pem(label: str, text: str) -> bytes:
    """Read the one block of *label* in *text*; raise `KeyFormError`."""
    lines = [line.strip() for line in text.strip().splitlines()]
    ends = [f"-----BEGIN {label}-----", f"-----END {label}-----"]
    if len(lines) < len(ends) or [lines[0], lines[-1]] != ends:
        raise KeyFormError(f"no PEM of a {label}")
    try:
        return b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise KeyFormError(f"no PEM of a {label}") from error


def _on_curve(name: str, point: bytes) -> bool:
    try:
        if name == "sm2":
            gmssl_pyx.normalize_sm2_public_key(point)
        else:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + point)
    except (ValueError, gmssl_pyx.InvalidValueError):
        return False
    return True


def _sequence(content: bytes) -> bytes:
    return _tagged(0x30, content)


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size])  # noqa: PLR2004 - DER's long form
    return bytes([tag]) + length + content
