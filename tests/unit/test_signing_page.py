"""docs/signing.md: what it tells a bureau to type makes a signature that holds."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from zhitong.connectors.key_forms import PRIVATE, PUBLIC, from_pem, pem
from zhitong.connectors.signers import (
    ECDSA,
    file_signer,
    generate,
    key_id,
    verify_raw,
)
from zhitong.decisions import (
    Act,
    BureauKey,
    Change,
    Decision,
    Entry,
    Party,
    SignatureState,
    Signing,
)
from zhitong.infra.cli import FAULT, main
from zhitong.rules.statements import canonical, content, judge, read, stated

PAGE = Path("docs/signing.md").read_text("utf-8")
UNIT = "11619900MB0004001B"
NUMBER = "11010519491231002X"
AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def entry() -> Entry:
    decision = Decision(
        local_id="A-1",
        act=Act.PENALTY,
        subject_code=UNIT,
        document_no="（安）应急罚〔2026〕1号",
        decided_on=AT.date(),
        party=Party(
            kind="NATURAL_PERSON",
            name="李四",
            id_kind="RESIDENT_ID",
            id_number=NUMBER,
        ),
    )
    return Entry(
        decision=decision,
        version=1,
        change=Change.RECORDED,
        at=AT,
        unit=UNIT,
        person="王五",
    )


def shell(folder: Path, script: str) -> str:
    done = subprocess.run(  # noqa: S603 - the page's own commands
        ["/bin/bash", "-euc", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_bureau_with_openssl_alone_makes_a_signature_that_holds(
    tmp_path: Path,
) -> None:
    make, sign = blocks()[0], blocks()[-1]
    openssl = [line for line in make.splitlines() if line.startswith("openssl")]
    shell(tmp_path, "\n".join(openssl))
    nonce = "cd" * 32
    sign = sign.replace("$(openssl rand -hex 32)", nonce)
    begun, then = sign.split("printf 'sha-256", 1)
    salt, digest = shell(tmp_path, begun).split()
    numbers = {"idNumber": digest}
    (tmp_path / "content.json").write_bytes(content(entry(), salt, numbers))
    digested, rest = ("printf 'sha-256" + then).split("\n", 1)
    found = shell(tmp_path, digested).strip()
    said: dict[str, Any] = {
        "form": "zhitong-decision/1",
        "change": "RECORDED",
        "decisionId": str(entry().decision.id),
        "subjectCode": UNIT,
        "actType": "PENALTY",
        "documentNo": entry().decision.document_no,
        "decidedOn": "2026-11-22",
        "content": found,
        "at": "2026-11-22T17:30:00+08:00",
    }
    (tmp_path / "statement.json").write_bytes(canonical(said))
    statement = shell(tmp_path, rest).strip()
    spki = from_pem(PUBLIC, (tmp_path / "bureau.pub.pem").read_text())
    assert read(statement).key_id == key_id(spki)
    key = BureauKey(
        key_id=key_id(spki), unit=UNIT, algorithm=ECDSA, spki=spki, since=AT
    )
    given = Signing(statement=statement, nonce=nonce)
    signed = judge(entry(), given, stated(entry().decision), [key], verify_raw)
    assert signed.state is SignatureState.HOLDS


def test_the_command_signs_what_is_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    der = generate(ECDSA)
    (tmp_path / "bureau.pem").write_text(pem(PRIVATE, der))
    variables = {
        "decision": {
            "localId": "A-1",
            "actType": "PENALTY",
            "subjectCode": UNIT,
            "documentNo": "（安）应急罚〔2026〕1号",
            "decidedOn": "2026-11-22",
            "counterpartyKind": "NATURAL_PERSON",
            "counterpartyName": "李四",
            "idKind": "RESIDENT_ID",
            "idNumber": NUMBER,
        }
    }
    (tmp_path / "record.json").write_bytes(msgspec.json.encode(variables))
    words = ["decision", "sign", "--key", str(tmp_path / "bureau.pem")]
    with pytest.raises(SystemExit) as end:
        main([*words, str(tmp_path / "record.json")])
    assert end.value.code == 0
    given = msgspec.json.decode(capsys.readouterr().out, type=Signing)
    signer = file_signer(der)
    key = BureauKey(
        key_id=signer.key_id, unit=UNIT, algorithm=ECDSA, spki=signer.spki, since=AT
    )
    signed = judge(entry(), given, stated(entry().decision), [key], verify_raw)
    assert signed.state is SignatureState.HOLDS


@pytest.mark.parametrize(("name", "text"), [("key", "no key"), ("record", "{}")])
def test_a_file_that_is_none_is_named_and_nothing_is_signed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    (tmp_path / "key").write_text(pem(PRIVATE, generate(ECDSA)))
    (tmp_path / "record").write_text('{"decision": {}}')
    (tmp_path / name).write_text(text)
    key, record = str(tmp_path / "key"), str(tmp_path / "record")
    with pytest.raises(SystemExit) as end:
        main(["decision", "sign", "--key", key, record])
    assert end.value.code == FAULT
    out, error = capsys.readouterr()
    assert (out, error[: len("SETTINGS")]) == ("", "SETTINGS")
