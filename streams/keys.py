"""Receivers' keys: what is sealed for a receiver, and what a receiver signs.

A receiver has P-256 keys of two uses, ``enc`` and ``sig``, under the name it has
everywhere. A new key is put first in its file and the older ones stay behind it: the
first seals and signs, each opens and verifies what names it.

* Sealed: a compact JWE, ECDH-ES+A256KW and A256GCM, to one receiver. No two sealings
  of a text are alike, so an event is sealed once and kept in its final bytes.
* Signed: a compact JWS, ES256, over all of a `Receipt`. The algorithms are fixed
  here and never read from what arrived.
"""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from zhitong.decisions import Answer, Receipt
from zhitong.exceptions import ReceiptInvalidError, ReceiverError

SEALING = ("ECDH-ES+A256KW", "A256GCM")
SIGNING = ("ES256",)
RECEIPT_TYPE = "zhitong-receipt+jws"
LONGEST_RECEIPT = 65_536
"""Characters of a signed receipt; a hundred reasons fit in."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key file: a JWK set with the receiver's name."""

    receiver: str
    keys: list[dict[str, str]]


class _Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a receipt's signature covers."""

    receiver: str
    event_id: UUID
    answer: Answer
    at: datetime
    payload_hash: str
    reasons: tuple[str, ...]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["ES256"]
    kid: str
    typ: Literal["zhitong-receipt+jws"]


class _Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str


class _SealedHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["ECDH-ES+A256KW"]
    enc: Literal["A256GCM"]
    kid: str
    epk: _Point


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverKeys:
    """The keys of one receiver, private or public."""

    receiver: str
    sealing: tuple[ECKey, ...]
    signing: tuple[ECKey, ...]

    @classmethod
    def generate(cls, receiver: str) -> ReceiverKeys:
        """Make a new pair of each use."""
        return cls(
            receiver=receiver,
            sealing=(ECKey.generate_key("P-256", {"use": "enc"}),),
            signing=(ECKey.generate_key("P-256", {"use": "sig"}),),
        )

    @classmethod
    def load(cls, path: Path) -> ReceiverKeys:
        """Read a key file; raise `ReceiverError` if it is missing, damaged or open."""
        try:
            if path.name.endswith(".private.json") and path.stat().st_mode & 0o077:
                raise ReceiverError(
                    f"接收方私钥 {path} 可被他人读取，请执行 chmod 600 后重试。",
                    f"Others can read the private keys {path}; chmod 600 them.",
                )
            file = msgspec.json.decode(path.read_bytes(), type=_File)
            keys = [ECKey.import_key(dict(key)) for key in file.keys]
        # A curve the library has no name for, as SM2, is a KeyError to it.
        except (OSError, msgspec.DecodeError, JoseError, ValueError, KeyError) as error:
            raise ReceiverError(
                f"接收方密钥文件 {path} 读不成，请核对或重新领取。",
                f"The receiver's key file {path} cannot be read; check or replace it.",
            ) from error
        return cls(
            receiver=file.receiver,
            sealing=_of_use(path, keys, "enc"),
            signing=_of_use(path, keys, "sig"),
        )

    @property
    def public(self) -> ReceiverKeys:
        """The public halves, which others may have."""
        return ReceiverKeys(
            receiver=self.receiver,
            sealing=tuple(map(_public, self.sealing)),
            signing=tuple(map(_public, self.signing)),
        )

    def save(self, path: Path) -> bool:
        """Write a key file whole or not at all; False if one is there already.

        A file of private keys can be read by its owner alone.
        """
        keys = [
            {
                name: str(value)
                for name, value in key.as_dict(private=key.is_private).items()
            }
            for key in (*self.sealing, *self.signing)
        ]
        private = any(key.is_private for key in (*self.sealing, *self.signing))
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(draft, flags, 0o600 if private else 0o644), "wb") as out:
            out.write(msgspec.json.encode(_File(receiver=self.receiver, keys=keys)))
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True


def _of_use(path: Path, keys: list[ECKey], use: str) -> tuple[ECKey, ...]:
    found = tuple(key for key in keys if key.get("use") == use)
    if not found or any(key.curve_name != "P-256" for key in found):
        raise ReceiverError(
            f"接收方密钥文件 {path} 中没有用途为 {use} 的 P-256 密钥。",
            f"The receiver's key file {path} has no P-256 key of use {use}.",
        )
    return found


def _public(key: ECKey) -> ECKey:
    return ECKey.import_key(key.as_dict(private=False))


# --- sealing -----------------------------------------------------------------


def seal(text: str, receiver: ReceiverKeys) -> str:
    """Encrypt *text* for *receiver* alone; give the compact JWE."""
    key = receiver.sealing[0]
    header = {"alg": SEALING[0], "enc": SEALING[1], "kid": key.thumbprint()}
    return jwe.encrypt_compact(header, text.encode(), key, algorithms=list(SEALING))


def unseal(sealed: str, receiver: ReceiverKeys) -> str:
    """Give the text that was sealed for *receiver*; raise `ReceiverError`."""
    for key in receiver.sealing if _is_sealed(sealed) else ():
        try:
            opened = jwe.decrypt_compact(sealed, key, algorithms=list(SEALING))
            return (opened.plaintext or b"").decode()
        except (JoseError, ValueError):
            continue
    raise ReceiverError(
        "密文不是封给这个接收方的，或已被改动。",
        "What is sealed is not for this receiver, or was changed.",
    )


def _is_sealed(text: str) -> bool:
    """Say whether the header is one we write: the library trips over stranger ones."""
    header = text.partition(".")[0]
    try:
        decoded = base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
        msgspec.json.decode(decoded, type=_SealedHeader)
    except (ValueError, msgspec.DecodeError):
        return False
    return True


# --- receipts ----------------------------------------------------------------


def sign_receipt(receipt: Receipt, private: ReceiverKeys) -> str:
    """Sign *receipt* as its receiver; raise `ReceiverError` for another's."""
    if receipt.receiver != private.receiver:
        raise ReceiverError(
            f"{private.receiver} 的密钥不能签 {receipt.receiver} 的回执",
            f"{private.receiver}'s keys do not sign receipts of {receipt.receiver}",
        )
    said = _Said(
        receiver=receipt.receiver,
        event_id=receipt.event_id,
        answer=receipt.answer,
        at=receipt.at,
        payload_hash=receipt.payload_hash,
        reasons=receipt.reasons,
    )
    key = private.signing[0]
    header = {"alg": SIGNING[0], "kid": key.thumbprint(), "typ": RECEIPT_TYPE}
    return jws.serialize_compact(header, msgspec.json.encode(said), key, list(SIGNING))


def verify_receipt(signed: str, public: ReceiverKeys) -> Receipt:
    """Give the receipt that *public*'s receiver signed; raise `ReceiptInvalidError`."""
    if len(signed) > LONGEST_RECEIPT:
        raise _invalid("回执过长", "the receipt is too long")
    try:
        unchecked = jws.extract_compact(signed.encode("ascii"))
        header = msgspec.convert(unchecked.headers(), _Header)
    except (JoseError, ValueError, msgspec.ValidationError) as error:
        raise _invalid("不是签名回执", "this is no signed receipt") from error
    keys = {key.thumbprint(): key for key in public.signing}
    if header.kid not in keys:
        raise _invalid(
            f"签名密钥不是 {public.receiver} 登记的",
            f"the key is not one of {public.receiver}'s",
        )
    try:
        checked = jws.deserialize_compact(signed, keys[header.kid], list(SIGNING))
        said = msgspec.json.decode(checked.payload, type=_Said)
    except (JoseError, ValueError, msgspec.DecodeError) as error:
        raise _invalid("签名不符", "the signature does not fit") from error
    if said.receiver != public.receiver or said.at.tzinfo is None:
        raise _invalid("回执说的是别的接收方", "the receipt names another receiver")
    return Receipt(
        event_id=said.event_id,
        receiver=said.receiver,
        answer=said.answer,
        at=said.at,
        payload_hash=said.payload_hash,
        reasons=said.reasons,
        key_id=header.kid,
        signed=signed,
    )


def _invalid(zh: str, en: str) -> ReceiptInvalidError:
    return ReceiptInvalidError(f"{zh}；回执另存待查", f"{en}; it is kept apart")
