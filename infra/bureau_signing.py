"""``zhitong decision sign``: what a bureau does to sign its decision (docs/signing.md).

From the variables of its mutation alone: it takes no platform to sign.
"""

from __future__ import annotations

import argparse
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeAlias
from uuid import uuid5

from zhitong.connectors.key_forms import PRIVATE, KeyFormError, from_pem
from zhitong.connectors.signers import FileSigner, file_signer, raw
from zhitong.decisions import NAMESPACE, Change
from zhitong.exceptions import SettingsError
from zhitong.infra.commands import say
from zhitong.infra.settings import Settings
from zhitong.rules.money import fen, yuan
from zhitong.rules.statements import (
    ALGORITHMS,
    AMOUNTS,
    HASHES,
    PLACES,
    TYPE,
    Statement,
    canonical,
    content_digest,
    keyed,
    written,
)

Variables: TypeAlias = Mapping[str, Any]
"""Of recordDecision or correctDecision as they are sent; of withdrawDecision with the
``decision`` that it withdraws."""
_KINDS = {"idKind": "idNumber", "representativeIdKind": "representativeIdNumber"}


def sign(
    signer: FileSigner,
    variables: Variables,
    nonce: str = "",
    at: datetime | None = None,
) -> dict[str, str]:
    """Give the input ``signature`` for a mutation of these variables."""
    nonce = nonce or secrets.token_hex(32)
    names = {algorithm: name for name, algorithm in ALGORITHMS.items()}
    name = names[signer.algorithm]
    change, decision, said = _change(variables)
    if change is not Change.WITHDRAWN:
        said["decision"] = _signed(decision, HASHES[name], nonce)
    said["salt"] = keyed(HASHES[name], nonce, "salt")
    statement = Statement(
        act_type=decision["actType"],
        at=at or datetime.now(UTC),
        change=change,
        content=content_digest(HASHES[name], canonical(said)),
        decided_on=date.fromisoformat(decision["decidedOn"]),
        decision_id=str(
            uuid5(NAMESPACE, f"{decision['subjectCode']}/{decision['localId']}")
        ),
        document_no=decision["documentNo"],
        subject_code=decision["subjectCode"],
    )
    head = canonical({"alg": name, "kid": signer.key_id, "typ": TYPE})
    text = b".".join(map(_base64url, (head, written(statement))))
    signature = _base64url(raw(signer.sign(text)))
    return {"statement": (text + b"." + signature).decode(), "nonce": nonce}


def run(_: Settings, given: argparse.Namespace) -> None:
    """Sign the variables in a file, and print the input ``signature``."""
    try:
        signer = file_signer(from_pem(PRIVATE, given.key.read_text("ascii")))
        signed = sign(signer, json.loads(given.file.read_text("utf-8")))
    except (OSError, ValueError, KeyFormError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise SettingsError(
            "不能签署：私钥须为 P-256 或 SM2 的 PKCS #8 PEM，"
            f"文件须为登记时的变量（{why}）",
            "cannot sign: the key is to be PKCS #8 in PEM of P-256 or SM2, the file "
            f"the variables that are sent ({why})",
        ) from error
    say(json.dumps(signed, indent=2))


def _change(variables: Variables) -> tuple[Change, Variables, dict[str, object]]:
    """Give what is done, the decision, and what is signed beside it."""
    if "withdrawal" in variables:
        said = variables["withdrawal"]
        kept = {name: said[name] for name in ("reason", "basis")}
        return Change.WITHDRAWN, variables["decision"], kept
    if "correction" in variables:
        said = variables["correction"]
        kept = {name: said[name] for name in ("reason", "version")}
        return Change.CORRECTED, said["decision"], kept
    return Change.RECORDED, variables["decision"], {}


def _signed(decision: Variables, hash_name: str, nonce: str) -> Variables:
    """Leave out what is blank; put keyed digests in the place of ID numbers."""
    stated = {
        name: yuan(fen(value)) if name in AMOUNTS else value
        for name, value in decision.items()
        if value not in (None, []) and str(value).strip()
    }
    for kind, number in _KINDS.items():
        if number not in stated:
            stated.pop(kind, None)
    for name in PLACES:
        if name in stated:
            opening = keyed(hash_name, nonce, name)
            stated[name] = keyed(hash_name, opening, stated[name])
    return stated


def _base64url(text: bytes) -> bytes:
    return urlsafe_b64encode(text).rstrip(b"=")
