"""What signs the proof, and what says whether a signature holds.

Two algorithms, both signing DER (an ASN.1 sequence of two integers):

* ``ecdsa-p256-sha256``: FIPS 186-5, by `cryptography`.
* ``sm2-sm3``: GB/T 32918 by GmSSL, under the identity 1234567812345678 that everybody
  takes where none was agreed; RFC 8998 has another.

A `CommandSigner` is a program that reads the text from its standard input and writes
the signature to its standard output: whatever reaches a token or a signature server
签名验签服务器 from a shell signs for us, and we never see its key.
"""

from __future__ import annotations

import hashlib
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import gmssl_pyx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from zhitong.connectors.key_forms import CURVES, KeyFormError, private_of, public_of
from zhitong.exceptions import SignerUnavailableError

ECDSA = "ecdsa-p256-sha256"
SM2 = "sm2-sm3"
ALGORITHMS = {"p256": ECDSA, "sm2": SM2}
"""By the curve of the key."""
SIGNER_SECONDS = 10.0
"""A program that has not signed by then is taken for away."""
_HALF = 32
_SHA256 = ec.ECDSA(hashes.SHA256())
"""Made once: making it costs a fifth of a signature."""
_LONGEST = 80
"""Bytes; a signature has 72 at most."""


def key_id(spki: bytes) -> str:
    """Name a public key: the beginning of its digest, whatever it is used for."""
    return hashlib.sha256(spki).hexdigest()[:16]


def algorithm_of(spki: bytes) -> str:
    """Say what a public key signs by, from its curve; raise `KeyFormError`."""
    name, _ = public_of(spki)
    return ALGORITHMS[name]


def generate(algorithm: str) -> bytes:
    """Make a private key: PKCS #8, DER."""
    if algorithm == SM2:
        public, private = gmssl_pyx.sm2_key_generate()
        return CURVES["sm2"].private(private, public)
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    point = numbers.public_numbers
    public = b"".join(each.to_bytes(_HALF, "big") for each in (point.x, point.y))
    return CURVES["p256"].private(numbers.private_value.to_bytes(_HALF, "big"), public)


def file_signer(der: bytes) -> FileSigner:
    """Give the signer of a private key: PKCS #8, DER; raise `KeyFormError`."""
    name, private, public = private_of(der)
    return (_SM2Signer if name == "sm2" else _EcdsaSigner)(private, public)


class FileSigner(ABC):
    """A private key in this process."""

    ALGORITHM: ClassVar[str]

    def __init__(self, private: bytes, public: bytes) -> None:
        self._private = private
        self._public = public
        curve = CURVES["sm2" if self.algorithm == SM2 else "p256"]
        self.spki = curve.public(public)
        self.key_id = key_id(self.spki)

    @property
    def algorithm(self) -> str:
        """What the key signs by."""
        return self.ALGORITHM

    @abstractmethod
    def sign(self, data: bytes) -> bytes:
        """Sign *data*, DER."""


class _EcdsaSigner(FileSigner):
    ALGORITHM = ECDSA

    def __init__(self, private: bytes, public: bytes) -> None:
        super().__init__(private, public)
        self._key = ec.derive_private_key(int.from_bytes(private), ec.SECP256R1())

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, _SHA256)


class _SM2Signer(FileSigner):
    ALGORITHM = SM2

    def sign(self, data: bytes) -> bytes:
        return gmssl_pyx.sm2_sign(self._private, self._public, data)


class CommandSigner:
    """A program that signs: PKCS #11 by its tool, a signature server by its client."""

    def __init__(
        self, command: Sequence[str], spki: bytes, seconds: float = SIGNER_SECONDS
    ) -> None:
        self._command = list(command)
        self._seconds = seconds
        self.spki = spki
        self.key_id = key_id(spki)
        self.algorithm = algorithm_of(spki)

    def sign(self, data: bytes) -> bytes:
        """Sign *data*, DER; a signature that does not hold is none."""
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own configuration
                self._command,
                input=data,
                capture_output=True,
                timeout=self._seconds,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            # Not its output: a program may print the pin it was given.
            why = type(error).__name__
            raise _away(self._command[0], why) from error
        if not verify(self.spki, self.algorithm, data, done.stdout):
            raise _away(self._command[0], "InvalidSignature")
        return done.stdout


def verify(spki: bytes, algorithm: str, text: bytes, signature: bytes) -> bool:
    """Say whether *signature* is that of *spki*'s owner over *text*.

    One form of a signature is taken, its DER; whatever else is there is none.
    """
    try:
        name, point = public_of(spki)
        # First: GmSSL prints lines of its own about what is no signature at all.
        if not _is_der(signature) or algorithm_of(spki) != algorithm:
            return False
        if name == "sm2":
            return gmssl_pyx.sm2_verify(point, text, signature)
        _ecdsa(point).verify(signature, text, ec.ECDSA(hashes.SHA256()))
    except (KeyFormError, InvalidSignature, ValueError, gmssl_pyx.GmsslInnerError):
        return False
    return True


@lru_cache(maxsize=64)
def _ecdsa(point: bytes) -> ec.EllipticCurvePublicKey:
    # A log has a hundred thousand signatures of a few keys.
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + point)


def raw(signature: bytes) -> bytes:
    """Give a signature as JOSE has it: both numbers, 32 bytes each."""
    first, second = decode_dss_signature(signature)
    return first.to_bytes(_HALF) + second.to_bytes(_HALF)


def verify_raw(spki: bytes, algorithm: str, text: bytes, signature: bytes) -> bool:
    """Verify a signature as JOSE has it."""
    first, second = signature[:_HALF], signature[_HALF:]
    der = encode_dss_signature(int.from_bytes(first), int.from_bytes(second))
    return len(signature) == 2 * _HALF and verify(spki, algorithm, text, der)


def _is_der(signature: bytes) -> bool:
    if len(signature) > _LONGEST:
        return False
    try:
        first, second = decode_dss_signature(signature)
    except ValueError:
        return False
    same = encode_dss_signature(first, second) == signature
    return same and 0 < first < 1 << 256 and 0 < second < 1 << 256


def _away(program: str, why: str) -> SignerUnavailableError:
    return SignerUnavailableError(
        f"签名程序 {program} 没有给出有效签名（{why}）：请检查它与其密钥、口令、网络",
        f"the program {program} gave no valid signature ({why}): look at it, its key, "
        "its password, its network",
    )
