"""Signatures: the standards' vectors, openssl as the other side, what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zhitong.connectors.key_forms import (
    CURVES,
    PRIVATE,
    PUBLIC,
    KeyFormError,
    from_pem,
    pem,
    private_of,
    public_of,
)
from zhitong.connectors.signers import (
    ECDSA,
    SM2,
    CommandSigner,
    file_signer,
    generate,
    key_id,
    raw,
    verify,
)
from zhitong.exceptions import SignerUnavailableError

TEXT = b"zhitong-head/1\nsize 3\n"
OPTIONS = {
    ECDSA: ("-digest", "sha256"),
    SM2: ("-digest", "sm3", "-pkeyopt", "distid:1234567812345678"),
}
both = pytest.mark.parametrize("algorithm", [ECDSA, SM2])


def openssl(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - our own words
        ["openssl", *words],  # noqa: S607 - the one of the machine
        input=given,
        capture_output=True,
        check=False,
    )


def test_the_signature_of_the_standard_holds() -> None:
    # GB/T 32918.5-2017, annex A.2, on the recommended curve.
    point = bytes.fromhex(
        "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )
    signature = bytes.fromhex(
        "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
        "022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
    )
    spki = CURVES["sm2"].public(point)
    assert verify(spki, SM2, b"message digest", signature)
    assert not verify(spki, SM2, b"message digesu", signature)


@both
def test_openssl_accepts_what_we_sign(algorithm: str, tmp_path: Path) -> None:
    signer = file_signer(generate(algorithm))
    (tmp_path / "key").write_text(pem(PUBLIC, signer.spki))
    (tmp_path / "text").write_bytes(TEXT)
    (tmp_path / "signature").write_bytes(signer.sign(TEXT))
    said = openssl(
        *("pkeyutl", "-verify", "-rawin", *OPTIONS[algorithm], "-pubin"),
        *("-inkey", str(tmp_path / "key"), "-in", str(tmp_path / "text")),
        *("-sigfile", str(tmp_path / "signature")),
    )
    assert said.stdout == b"Signature Verified Successfully\n", said.stderr


@both
def test_we_accept_what_openssl_signs_with_a_key_of_its_own(
    algorithm: str, tmp_path: Path
) -> None:
    kind = {
        ECDSA: ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
        SM2: ("-algorithm", "SM2"),
    }
    key, text = tmp_path / "key", tmp_path / "text"
    openssl("genpkey", *kind[algorithm], "-out", str(key))
    text.write_bytes(TEXT)
    signature = openssl(
        *("pkeyutl", "-sign", "-rawin", *OPTIONS[algorithm]),
        *("-inkey", str(key), "-in", str(text)),
    ).stdout
    signer = file_signer(from_pem(PRIVATE, key.read_text()))
    assert verify(signer.spki, algorithm, TEXT, signature)


@both
def test_a_key_is_the_same_after_it_was_written(algorithm: str) -> None:
    der = generate(algorithm)
    signer = file_signer(from_pem(PRIVATE, pem(PRIVATE, der)))
    assert signer.key_id == file_signer(der).key_id == key_id(signer.spki)
    assert public_of(signer.spki)[1] == private_of(der)[2]


@both
def test_every_change_of_a_signature_is_refused(algorithm: str) -> None:
    signer = file_signer(generate(algorithm))
    signature = signer.sign(TEXT)
    for place in range(len(signature)):
        changed = bytearray(signature)
        changed[place] ^= 1
        assert not verify(signer.spki, algorithm, TEXT, bytes(changed))
    for wrong in (b"", signature[:-1], signature + b"\0", bytes(64), b"0" * 10_000):
        assert not verify(signer.spki, algorithm, TEXT, wrong)


@both
def test_a_signature_holds_for_its_own_key_and_algorithm_alone(algorithm: str) -> None:
    signer, other = file_signer(generate(algorithm)), file_signer(generate(algorithm))
    signature = signer.sign(TEXT)
    assert verify(signer.spki, algorithm, TEXT, signature)
    assert not verify(other.spki, algorithm, TEXT, signature)
    assert not verify(signer.spki, ECDSA if algorithm == SM2 else SM2, TEXT, signature)
    assert not verify(signer.spki, "none", TEXT, signature)
    assert not verify(b"no key", algorithm, TEXT, signature)


def test_the_raw_form_has_both_numbers_at_full_length() -> None:
    signer = file_signer(generate(ECDSA))
    # One in 128 numbers begins with a zero byte, which DER leaves out.
    assert {len(raw(signer.sign(b"%d" % each))) for each in range(600)} == {64}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("-----BEGIN PRIVATE KEY-----", id="a beginning"),
        pytest.param(pem(PUBLIC, b"some bytes"), id="another label"),
        pytest.param(pem(PRIVATE, b"some bytes").replace("c", "?"), id="no base64"),
    ],
)
def test_what_is_no_pem_is_no_key(text: str) -> None:
    with pytest.raises(KeyFormError):
        from_pem(PRIVATE, text)


def test_a_point_off_its_curve_is_no_key() -> None:
    for curve in CURVES.values():
        with pytest.raises(KeyFormError):
            public_of(curve.public(b"\1" * 64))


# --- a program that signs ----------------------------------------------------


def by_openssl(folder: Path) -> tuple[list[str], bytes]:
    """Give a program that signs, as a token's tool does, and its public key."""
    key = folder / "token.pem"
    key.write_text(pem(PRIVATE, generate(ECDSA)))
    der = openssl("pkey", "-in", str(key), "-pubout", "-outform", "DER").stdout
    return ["openssl", "dgst", "-sha256", "-sign", str(key)], der


def test_a_program_signs_for_us(tmp_path: Path) -> None:
    signer = CommandSigner(*by_openssl(tmp_path))
    assert verify(signer.spki, ECDSA, TEXT, signer.sign(TEXT))
    assert (signer.algorithm, len(signer.key_id)) == (ECDSA, 16)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        pytest.param("import time; time.sleep(600)", "TimeoutExpired", id="silent"),
        pytest.param("raise SystemExit(1)", "CalledProcessError", id="failing"),
        pytest.param("print('signed')", "InvalidSignature", id="babbling"),
    ],
)
def test_a_program_that_does_not_sign_is_said(
    tmp_path: Path, program: str, why: str
) -> None:
    _, spki = by_openssl(tmp_path)
    signer = CommandSigner([sys.executable, "-c", program], spki, seconds=1)
    with pytest.raises(SignerUnavailableError, match=why):
        signer.sign(TEXT)


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    signer = CommandSigner([str(tmp_path / "none")], by_openssl(tmp_path)[1])
    with pytest.raises(SignerUnavailableError, match="FileNotFoundError"):
        signer.sign(TEXT)


def test_the_signature_of_another_key_is_none(tmp_path: Path) -> None:
    command, _ = by_openssl(tmp_path)
    signer = CommandSigner(command, file_signer(generate(ECDSA)).spki)
    with pytest.raises(SignerUnavailableError, match="InvalidSignature"):
        signer.sign(TEXT)
