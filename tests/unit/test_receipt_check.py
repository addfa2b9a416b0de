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
from zhitong.infra.receipts import Receipts, with_receipt, without_receipt
from zhitong.schema.engine import Answer, Proof

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
        self.receipt: str | None = Receipts(self.signer).of(proof())
        self.answer = ANSWER
        self.keys: list[dict[str, Any]] = [key(self.signer)]

    def checked(self) -> object:
        """Give the exit code."""
        headers = f"HTTP/1.1 200\r\nzhitong-receipt: {self.receipt}\r\n"
        files = {
            **({} if self.receipt is None else {"receipt": headers.encode()}),
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
    assert caller.receipt is not None
    head, _, signature = caller.receipt.split(".")
    other = Receipts(caller.signer).of(proof(b"other")).split(".")[1]
    caller.receipt, caller.answer = f"{head}.{other}.{signature}", b"other"
    assert caller.checked() == 1
    assert "the signature does not hold" in capsys.readouterr().out


BEARING = [
    pytest.param(ANSWER, id="data alone"),
    pytest.param(
        b'{"data":null,"errors":[{}],"extensions":{"sources":{"a":{}}}}',
        id="with extensions",
    ),
    pytest.param(
        b'{"data":{"name":",\\"receipt\\":\\"a.b.c\\"}}"},'
        b'"extensions":{"receipt":"a.b.c"}}',
        id="with what looks like one",
    ),
]


def borne(caller: Caller, recorded: bytes) -> bytes:
    """Give what leaves of an answer, of which *recorded* is on record."""
    answer = Answer(
        body=json.loads(recorded),
        executed=True,
        payload=recorded,
        proof=proof(recorded),
    )
    return with_receipt(answer, Receipts(caller.signer))


@pytest.mark.parametrize("recorded", BEARING)
def test_a_payload_that_bears_its_receipt_is_proved_without_it(
    caller: Caller, recorded: bytes
) -> None:
    payload = borne(caller, recorded)
    receipt, left = without_receipt(payload)
    assert left == recorded
    body = json.loads(payload)
    assert body.pop("extensions")["receipt"] == receipt
    assert body["data"] == json.loads(recorded)["data"]
    caller.receipt, caller.answer = None, payload + b"\n"
    assert caller.checked() == 0


@pytest.mark.parametrize("recorded", BEARING)
def test_a_payload_that_was_changed_is_not_what_its_receipt_says(
    caller: Caller, recorded: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    payload = borne(caller, recorded)
    caller.receipt, caller.answer = None, payload.replace(b'{"data"', b'{"data" ')
    assert caller.checked() == 1
    assert "the body is not what the receipt says" in capsys.readouterr().out


def test_a_payload_without_its_receipt_is_said_to_have_none(
    caller: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    caller.receipt = None
    assert caller.checked() == FAULT
    assert "a payload that bears its receipt" in capsys.readouterr().err


def test_what_is_not_on_record_bears_none(caller: Caller) -> None:
    answer = Answer(body={"data": {"sources": []}}, executed=True)
    assert with_receipt(answer, Receipts(caller.signer)) == b'{"data":{"sources":[]}}'


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
