"""Keys: the receiver's own, and the public ones of bureaus and of the platform.

Algorithms are fixed here and never read from what arrived: ES256, or SM2 with SM3
under the identity 1234567812345678; sealed is ECDH-ES+A256KW with A256GCM.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gmssl_pyx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

_COMPACT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")
P256 = "ES256"
SM2 = "SM2-SM3"
_SEALING = ["ECDH-ES+A256KW", "A256GCM"]
_SEALED = re.compile(r"eyJ[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+){4}")
# SPKI of an uncompressed point is these bytes and the point: RFC 5480, GB/T 35276.
_HEADS = {
    bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"): P256,
    bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004"): SM2,
}
_POINT = 64
_HALF = 32


class KeysError(ValueError):
    """A file of keys cannot be read, or others can read it."""


class UnsealError(ValueError):
    """What is sealed is not for this receiver, or was changed."""


@dataclass(frozen=True, slots=True)
class ReceiverKeys:
    """The receiver's private keys, newest first of each use."""

    receiver: str
    sealing: tuple[ECKey, ...] = field(repr=False)
    signing: tuple[ECKey, ...] = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> ReceiverKeys:
        """Read a private key file; raise `KeysError`."""
        try:
            if path.stat().st_mode & 0o077:
                raise KeysError(f"{path}: chmod 600")
            said = json.loads(path.read_bytes())
            keys = [ECKey.import_key(each) for each in said["keys"]]
            receiver = str(said["receiver"])
        except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
            raise KeysError(f"{path}: {error}") from error
        found = cls(
            receiver,
            tuple(key for key in keys if key.get("use") == "enc" and key.is_private),
            tuple(key for key in keys if key.get("use") == "sig" and key.is_private),
        )
        if not (found.sealing and found.signing):
            raise KeysError(f"{path}: enc, sig")
        return found

    def unseal(self, sealed: str) -> str:
        """Open what was sealed for this receiver; raise `UnsealError`."""
        header = _object(sealed.partition(".")[0])
        if [header.get("alg"), header.get("enc")] != _SEALING:
            raise UnsealError("alg")
        for key in self.sealing:
            if header.get("kid") != key.thumbprint():
                continue
            try:
                opened = jwe.decrypt_compact(sealed, key, algorithms=_SEALING)
                return (opened.plaintext or b"").decode()
            except (JoseError, ValueError) as error:
                raise UnsealError("tag") from error
        raise UnsealError("kid")

    def sign(self, kind: str, said: Mapping[str, object]) -> str:
        """Sign *said* as a compact JWS of the type *kind*."""
        key = self.signing[0]
        header = {"alg": P256, "kid": key.thumbprint(), "typ": kind}
        payload = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        return jws.serialize_compact(header, payload.encode(), key, [P256])


def is_sealed(value: object) -> bool:
    """Say whether *value* is a sealed text."""
    return isinstance(value, str) and _SEALED.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Somebody's public key; *owner* is a bureau's credit code, empty: the platform."""

    id: str
    """The first 16 hexadecimal digits of SHA-256 over its DER."""
    algorithm: str
    point: bytes
    owner: str = ""

    @classmethod
    def load(cls, path: Path, owner: str = "") -> PublicKey:
        """Read a PEM; raise `KeysError`."""
        try:
            lines = path.read_text("ascii").split("-----")
            der = base64.b64decode("".join(lines[2].split()), validate=True)
            algorithm = _HEADS[der[:-_POINT]]
        except (OSError, ValueError, IndexError, KeyError) as error:
            raise KeysError(f"{path}: P-256, SM2") from error
        name = hashlib.sha256(der).hexdigest()[:16]
        return cls(name, algorithm, der[-_POINT:], owner)

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Say whether this key has signed *text*; r and s, as JOSE has them."""
        if len(signature) != 2 * _HALF:
            return False
        first, second = signature[:_HALF], signature[_HALF:]
        der = encode_dss_signature(int.from_bytes(first), int.from_bytes(second))
        try:
            if self.algorithm == SM2:
                return bool(gmssl_pyx.sm2_verify(self.point, text, der))
            curve = ec.SECP256R1()
            key = ec.EllipticCurvePublicKey.from_encoded_point(
                curve, b"\4" + self.point
            )
            key.verify(der, text, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError, gmssl_pyx.GmsslInnerError):
            return False
        return True


def bureau_keys(folder: Path | None) -> Sequence[PublicKey]:
    """Read bureaus' keys: ``<credit code>.<anything>.pem``."""
    found = sorted(folder.glob("*.pem")) if folder else []
    return [PublicKey.load(path, path.name.partition(".")[0]) for path in found]


def platform_keys(folder: Path | None) -> Sequence[PublicKey]:
    """Read the platform's keys: those of /evidence/keys whose purpose is receipt."""
    return (
        [PublicKey.load(path) for path in sorted(folder.glob("*.pem"))]
        if folder
        else []
    )


def one_of(keys: Iterable[PublicKey], key_id: object, owner: str) -> PublicKey | None:
    """Find the key of that id that belongs to *owner*."""
    named = (key for key in keys if (key.id, key.owner) == (key_id, owner))
    return next(named, None)


@dataclass(frozen=True, slots=True)
class Token:
    """A compact JWS taken apart, its signature not verified."""

    header: Mapping[str, Any]
    payload: Mapping[str, Any]
    canonical: bool
    """Header and payload are written as RFC 8785 does: nobody reads another thing."""
    signed: bytes
    signature: bytes


def token(compact: str) -> Token | None:
    """Take a JWS apart; None where it is none."""
    if not _COMPACT.fullmatch(compact):
        return None
    parts = compact.split(".")
    try:
        texts = [_bytes(part) for part in parts]
        header, payload = (json.loads(text.decode()) for text in texts[:2])
        signed = f"{parts[0]}.{parts[1]}".encode("ascii")
    except (ValueError, RecursionError):
        return None
    if not (isinstance(header, dict) and isinstance(payload, dict)):
        return None
    same = (_canonical(header), _canonical(payload)) == (texts[0], texts[1])
    return Token(header, payload, same, signed, texts[2])


def _canonical(said: Mapping[str, Any]) -> bytes:
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8", "surrogatepass")


def _object(part: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_bytes(part).decode())
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _bytes(part: str) -> bytes:
    padded = part.encode("ascii") + b"=" * (-len(part) % 4)
    return binascii.a2b_base64(padded.translate(bytes.maketrans(b"-_", b"+/")))
