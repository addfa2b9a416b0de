"""Bundles that somebody made up: genuine keys are given, and nothing of them holds."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from entries import AT
from stranger import lay, listed, verified

from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.signers import ECDSA, FileSigner, file_signer, generate
from zhitong.evidence import Countersignature, Head, Signature, stamp
from zhitong.rules.merkle import NONE, digest, leaf

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")

BODY = b'{"kind":"LOOK"}'


def invented(operator: FileSigner, witness: FileSigner) -> dict[str, bytes]:
    """Give a bundle of one leaf, signed by the two as no genuine log is."""
    of = digest("sha256")
    head = Head(
        origin="anze",
        hash="sha256",
        size=1,
        root=leaf(of, BODY),
        at=AT,
        previous=NONE,
    )
    seen = AT + timedelta(seconds=1)
    blank = Signature(key_id="", algorithm=ECDSA, value=b"")
    text = Countersignature(seen=seen, signature=blank).text(head.note)
    return {
        "head.note": head.note,
        f"head.{operator.key_id}.{ECDSA}.sig": operator.sign(head.note),
        f"key.{operator.key_id}.pem": pem(PUBLIC, operator.spki).encode(),
        f"witness.{witness.key_id}.{ECDSA}.sig": witness.sign(text),
        f"witness.{witness.key_id}.{ECDSA}.seen": f"{stamp(seen)}\n".encode(),
        f"key.{witness.key_id}.pem": pem(PUBLIC, witness.spki).encode(),
        "leaf.0.body": BODY,
        "leaf.0.proof": b"number 0\nsize 1\n",
    }


@pytest.fixture
def genuine() -> tuple[FileSigner, FileSigner]:
    return file_signer(generate(ECDSA)), file_signer(generate(ECDSA))


@pytest.fixture
def given(genuine: tuple[FileSigner, FileSigner], tmp_path: Path) -> list[str]:
    """Give the options with the keys of operator and witness, had elsewhere."""
    options = []
    for who, signer in zip(("operator", "witness"), genuine, strict=True):
        file = tmp_path / f"{who}.pem"
        file.write_text(pem(PUBLIC, signer.spki))
        options += [f"--{who}-key", str(file)]
    return options


def test_a_bundle_by_the_keys_that_were_given_holds(
    genuine: tuple[FileSigner, FileSigner], given: list[str], tmp_path: Path
) -> None:
    done = verified(lay(tmp_path / "b", listed(invented(*genuine))), *given)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "shape",
    [
        # base64 stops at what it does not know, openssl begins at the first header.
        "{lines}!\n{own}",
        " -----BEGIN PUBLIC KEY-----\n{lines}!\n{own}",
        "-----BEGIN PUBLIC KEY-----\n{lines}!\n{own}",
        "-----BEGIN PUBLIC KEY-----\n{lines}=\n{ownlines}-----END PUBLIC KEY-----\n",
    ],
)
def test_a_key_hidden_in_the_file_of_a_genuine_one_signs_nothing(
    genuine: tuple[FileSigner, FileSigner],
    given: list[str],
    tmp_path: Path,
    shape: str,
) -> None:
    forger = file_signer(generate(ECDSA))
    forged = invented(forger, forger)
    own = pem(PUBLIC, forger.spki)
    bundle = {name: forged[name] for name in ("head.note", "leaf.0.body")}
    bundle["leaf.0.proof"] = forged["leaf.0.proof"]
    for who, signer in zip(("head", "witness"), genuine, strict=True):
        for kind in ("sig", "seen"):
            mine = f"{who}.{forger.key_id}.{ECDSA}.{kind}"
            if mine in forged:
                theirs = f"{who}.{signer.key_id}.{ECDSA}.{kind}"
                bundle[theirs] = forged[mine]
        lines = "".join(pem(PUBLIC, signer.spki).splitlines(keepends=True)[1:-1])
        ownlines = "".join(own.splitlines(keepends=True)[1:-1])
        key = shape.format(lines=lines, own=own, ownlines=ownlines)
        bundle[f"key.{signer.key_id}.pem"] = key.encode()
    done = verified(lay(tmp_path / "b", listed(bundle)), *given)
    assert done.returncode == 1, done.stdout


def test_a_signature_of_no_known_algorithm_is_none(
    genuine: tuple[FileSigner, FileSigner], given: list[str], tmp_path: Path
) -> None:
    bundle = invented(*genuine)
    for name in [one for one in bundle if one.endswith((".sig", ".seen"))]:
        bundle[name.replace(ECDSA, "rsa")] = bundle.pop(name)
    done = verified(lay(tmp_path / "b", listed(bundle)), *given)
    assert done.returncode == 1, done.stdout


@pytest.mark.parametrize(
    "more", ["leaf.7.content", "leaf.7.proof", "look-12.json", "leaf.txt"]
)
def test_a_file_that_nothing_proves_is_no_part_of_a_bundle(
    genuine: tuple[FileSigner, FileSigner],
    given: list[str],
    tmp_path: Path,
    more: str,
) -> None:
    bundle = {**invented(*genuine), more: b"{}"}
    done = verified(lay(tmp_path / "b", listed(bundle)), *given)
    assert done.returncode == 1, done.stdout


def test_a_proof_that_names_its_number_after_its_path_is_none(
    genuine: tuple[FileSigner, FileSigner], given: list[str], tmp_path: Path
) -> None:
    bundle = invented(*genuine)
    bundle["leaf.0.proof"] = b"number 5\nsize 9\nnumber 0\nsize 1\n"
    done = verified(lay(tmp_path / "b", listed(bundle)), *given)
    assert done.returncode == 1, done.stdout


def test_what_a_bundle_says_of_itself_moves_no_cursor(
    genuine: tuple[FileSigner, FileSigner], given: list[str], tmp_path: Path
) -> None:
    bundle = {**invented(*genuine), "x\x1b[2K": b""}
    done = verified(lay(tmp_path / "b", listed(bundle)), *given)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
