"""The receipt of an answer: what is on record of it, signed (docs/receipts.md)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping

import orjson

from zhitong.connectors.signers import ECDSA, raw
from zhitong.evidence import stamp
from zhitong.exceptions import SettingsError
from zhitong.ports import Signer
from zhitong.schema.engine import Answer, Proof

TYPE = "zhitong-receipt+jwt"
_URL = bytes.maketrans(b"+/", b"-_")
_BESIDE = b',"extensions":{'
_BORNE = re.compile(rb'(,"extensions":\{|,)"receipt":"([\w.-]+)"\}\}\s*\Z')
"""How a payload ends that bears its receipt."""


class Receipts:
    """Writes receipts as a JWS (RFC 7515) in ES256, whatever the log is signed by.

    Callers check them with what they check tokens with.
    """

    def __init__(self, signer: Signer) -> None:
        self.sign_by(signer)

    def sign_by(self, signer: Signer) -> None:
        """Sign by this key from now on."""
        if signer.algorithm != ECDSA:
            raise SettingsError(
                f"回执的签名密钥须为 {ECDSA}，现为 {signer.algorithm}",
                f"receipts are signed by {ECDSA}, not by {signer.algorithm}",
            )
        self._signer = signer
        head = {"alg": "ES256", "kid": signer.key_id, "typ": TYPE}
        self._head = _base64url(orjson.dumps(head)) + b"."

    def of(self, proof: Proof) -> str:
        """Write the receipt of *proof*."""
        said = {
            "record": proof.record,
            "digest": content_digest(proof.digest),
            "at": stamp(proof.at),
            "unit": proof.unit,
            "document": proof.document,
        }
        signed = self._head + _base64url(orjson.dumps(said))
        signature = raw(self._signer.sign(signed))
        return (signed + b"." + _base64url(signature)).decode("ascii")


def compact(signer: Signer, kind: str, said: bytes) -> bytes:
    """Write *said* as a compact JWS of type *kind*."""
    head = {"alg": "ES256", "kid": signer.key_id, "typ": kind}
    signed = _base64url(orjson.dumps(head)) + b"." + _base64url(said)
    return signed + b"." + _base64url(raw(signer.sign(signed)))


def proof_headers(proof: Proof, receipts: Receipts | None) -> Mapping[str, str]:
    """Say in headers what is on record of an answer."""
    headers = {"zhitong-answer-digest": content_digest(proof.digest)}
    if receipts is not None:
        headers["zhitong-receipt"] = receipts.of(proof)
    return headers


def with_receipt(answer: Answer, receipts: Receipts | None) -> bytes:
    """Write *answer* as a payload, which has no headers and so bears its receipt.

    That is its very last member: without it these are the bytes that are on record.
    """
    payload = answer.payload
    if payload is None:
        return orjson.dumps(answer.body)
    if answer.proof is None or receipts is None:
        return payload
    borne = b'"receipt":"' + receipts.of(answer.proof).encode() + b'"}}'
    if "extensions" in answer.body:
        return payload[:-2] + b"," + borne
    return payload[:-1] + _BESIDE + borne


def without_receipt(payload: bytes) -> tuple[str, bytes]:
    """Give the receipt that *payload* bears, and the bytes that are on record.

    Raises `ValueError` where it bears none.
    """
    found = _BORNE.search(payload)
    if found is None:
        raise ValueError
    closing = b"}" if found[1] == _BESIDE else b"}}"
    return found[2].decode(), payload[: found.start()] + closing


def content_digest(digest: bytes) -> str:
    """Write a digest as the field Content-Digest has it (RFC 9530)."""
    return f"sha-256=:{binascii.b2a_base64(digest, newline=False).decode('ascii')}:"


def _base64url(text: bytes) -> bytes:
    return binascii.b2a_base64(text, newline=False).translate(_URL, b"=")
