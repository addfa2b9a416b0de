"""``zhitong receipt check``: what a caller keeps proves what it was given, or not."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.signers import ECDSA, FileSigner, file_signer, generate
from zhitong.evidence import stamp
from zhitong.infra.cli import FAULT, main
from zhitong.infra.receipts import Receipts
from zhitong.schema.engine import Proof

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ANSWER = b'{"data":{"matters":null}}'


def proof(answer: bytes = ANSWER) -> Proof:
    return Proof(
        record="ab" * 16,
        digest=hashlib.sha256(answer).digest(),
        at=AT,
        unit="11619900MB0004001B",
        document="cd" * 32,
    )


def key(signer: FileSigner, **more: object) -> dict[str, object]:
    """Write a key as ``/evidence/keys`` has it."""
    return {
        "kid": signer.key_id,
        "use": "sig",
        "purpose": "receipt",
        "algorithm": ECDSA,
        "pem": pem(PUBLIC, signer.spki),
        "since": stamp(AT - timedelta(days=1)),
        "retired": None,
        **more,
    }


class Caller:
    """Keeps what came, and has it checked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = file_signer(generate(ECDSA))
        self.receipt = Receipts(self.signer).of(proof())
        self.answer = ANSWER
        self.keys: list[dict[str, Any]] = [key(self.signer)]

    def checked(self) -> object:
        """Give the exit code."""
        files = {
            "receipt": f"HTTP/1.1 200\r\nzhitong-receipt: {self.receipt}\r\n".encode(),
            "answer": self.answer,
            "keys": json.dumps({"keys": self.keys}).encode(),
        }
        words = []
        for name, text in files.items():
            (self.folder / name).write_bytes(text)
            words += [f"--{name}", str(self.folder / name)]
        with pytest.raises(SystemExit) as end:
            main(["receipt", "check", *words])
        return end.value.code


@pytest.fixture
def caller(tmp_path: Path) -> Caller:
    return Caller(tmp_path)


def test_a_receipt_proves_the_very_bytes_that_came(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    assert caller.checked() == 0
    out = capsys.readouterr().out
    assert "ab" * 16 in out
    assert out.endswith("It holds.\n")


def test_another_body_is_not_what_the_receipt_says(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    caller.answer += b" "
    assert caller.checked() == 1
    assert "the body is not what the receipt says" in capsys.readouterr().out


def test_a_receipt_that_was_changed_does_not_hold(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    head, _, signature = caller.receipt.split(".")
    other = Receipts(caller.signer).of(proof(b"other")).split(".")[1]
    caller.receipt, caller.answer = f"{head}.{other}.{signature}", b"other"
    assert caller.checked() == 1
    assert "the signature does not hold" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kid": "0123456789abcdef"}, "is not among the keys"),
        ({"purpose": "head"}, "is not among the keys"),
        (
            {"pem": pem(PUBLIC, file_signer(generate(ECDSA)).spki)},
            "the signature does not hold",
        ),
        ({"retired": stamp(AT)}, "the key was not in force then"),
        ({"since": stamp(AT + timedelta(1))}, "the key was not in force then"),
    ],
)
def test_a_key_that_is_another_or_of_another_time_does_not_do(
    caller: Caller,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, Any],
    said: str,
) -> None:
    caller.keys = [key(caller.signer) | changed]
    assert caller.checked() == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("receipt", ["", "a.b.c", "…", "e30.e30.e30"])
def test_what_is_no_receipt_is_said_to_be_none(
    caller: Caller, capsys: pytest.CaptureFixture[str], receipt: str
) -> None:
    caller.receipt = receipt
    assert caller.checked() == FAULT
    said = capsys.readouterr().err
    assert "SETTINGS" in said
    assert f"{caller.folder / 'receipt'} cannot be read as a receipt" in said


def test_a_file_that_is_no_keys_is_named(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    caller.keys = [{"kid": 1}]
    assert caller.checked() == FAULT
    assert f"{caller.folder / 'keys'} cannot be read as what" in capsys.readouterr().err
