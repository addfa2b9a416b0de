"""``zhitong receipt check``: a caller's receipt, held against what the caller has."""

from __future__ import annotations

import argparse
import hashlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from zhitong.connectors.key_forms import PUBLIC, KeyFormError, from_pem
from zhitong.connectors.key_ring import RECEIPT
from zhitong.connectors.signers import ECDSA, key_id, verify_raw
from zhitong.exceptions import SettingsError
from zhitong.infra.commands import say
from zhitong.infra.receipts import TYPE, content_digest, without_receipt
from zhitong.infra.settings import Settings
from zhitong.types import Label

HEADER = "zhitong-receipt:"
_T = TypeVar("_T")


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: Literal["ES256"]
    kid: str
    typ: str


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a receipt says."""

    record: str
    digest: str
    at: datetime
    unit: str
    document: str


class _Key(msgspec.Struct, frozen=True):
    kid: str
    purpose: str
    pem: str
    since: datetime
    retired: datetime | None = None


class _Keys(msgspec.Struct, frozen=True):
    keys: list[_Key]


def check(
    receipt: str, answer: bytes, known: Mapping[str, _Key]
) -> tuple[Said, list[Label]]:
    """Give what *receipt* says, and what of it does not hold.

    *answer* is the body as it came, *known* the gateway's keys by their names.
    Raises `ValueError` where one of them cannot be read.
    """
    first, second, third = receipt.split(".")
    head = msgspec.json.decode(_bytes(first), type=_Head)
    said = msgspec.json.decode(_bytes(second), type=Said)
    wrong = []
    key = known.get(head.kid)
    if head.typ != TYPE or key is None or key.purpose != RECEIPT:
        wrong.append(
            Label(f"没有公钥 {head.kid}", f"the key {head.kid} is not among the keys")
        )
    elif not _signed(key, f"{first}.{second}", _bytes(third)):
        wrong.append(Label("签名不成立", "the signature does not hold"))
    elif said.at < key.since or (key.retired is not None and key.retired <= said.at):
        wrong.append(Label("密钥当时无效", "the key was not in force then"))
    if said.digest != content_digest(hashlib.sha256(answer).digest()):
        wrong.append(
            Label("正文不是回执所说的", "the body is not what the receipt says")
        )
    return said, wrong


def run(_: Settings, given: argparse.Namespace) -> bool:
    """Check the receipt in a file, and say what it proves; False: nothing."""
    keys = _read(given.keys, _known, "/evidence/keys 的内容", "what /evidence/keys has")
    if given.receipt is None:
        said, wrong = _read(
            given.answer,
            lambda text: check(*without_receipt(text), keys),
            "带回执的正文",
            "a payload that bears its receipt (an HTTP answer has it in its headers)",
        )
    else:
        answer = _read(given.answer, bytes, "正文", "the body")
        said, wrong = _read(
            given.receipt,
            lambda text: check(_receipt(text.decode("ascii")), answer, keys),
            "回执或回答头",
            "a receipt, or the headers of an answer",
        )
    say(
        *(f"不成立 FAILS  {each.zh} {each.en}" for each in wrong),
        f"登记 record    {said.record}",
        f"时刻 at        {said.at:%Y-%m-%d %H:%M:%S.%f} UTC",
        f"单位 unit      {said.unit}",
        f"文档 document  {said.document}",
        "结论：不成立 It does not hold." if wrong else "结论：成立 It holds.",
    )
    return not wrong


def describe(check: argparse.ArgumentParser) -> None:
    """Say what ``check`` takes."""
    check.add_argument(
        "--receipt",
        type=Path,
        metavar="文件",
        help="回执，或整份回答头；正文自带回执的不需要 "
        "the receipt, or all headers of the answer; not where the answer bears it",
    )
    check.add_argument(
        "--answer",
        type=Path,
        required=True,
        metavar="文件",
        help="正文，或 WebSocket、SSE 消息的 payload "
        "the body, or the payload of a message over WebSocket or SSE",
    )
    check.add_argument(
        "--keys",
        type=Path,
        required=True,
        metavar="文件",
        help="/evidence/keys 的内容 what the gateway has there",
    )


def _read(path: Path, read: Callable[[bytes], _T], zh: str, en: str) -> _T:
    try:
        return read(path.read_bytes())
    except (OSError, ValueError, KeyFormError, msgspec.MsgspecError) as error:
        name = type(error).__name__
        raise SettingsError(
            f"{path} 读不成{zh}（{name}）：请给出对的文件",
            f"{path} cannot be read as {en} ({name}): give the right file",
        ) from error


def _known(text: bytes) -> Mapping[str, _Key]:
    return {key.kid: key for key in msgspec.json.decode(text, type=_Keys).keys}


def _receipt(text: str) -> str:
    """Find the receipt among headers; a file may have nothing else."""
    for line in text.splitlines():
        if line.lower().startswith(HEADER):
            return line[len(HEADER) :].strip()
    return text.strip()


def _signed(key: _Key, text: str, signature: bytes) -> bool:
    spki = from_pem(PUBLIC, key.pem)
    named = key_id(spki) == key.kid
    return named and verify_raw(spki, ECDSA, text.encode(), signature)


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
