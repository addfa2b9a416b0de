"""A witness's own key: made at first use in its folder, readable by it alone."""

from __future__ import annotations

from pathlib import Path

from zhitong.connectors.key_forms import PRIVATE, PUBLIC, KeyFormError, from_pem, pem
from zhitong.connectors.signers import FileSigner, file_signer, generate
from zhitong.exceptions import WitnessError
from zhitong.infra.secret import private

NAME = "witness.pem"
PUBLIC_NAME = "witness.public.pem"


def witness_key(folder: Path, algorithm: str) -> FileSigner:
    """Give the key in *folder*; one of *algorithm* is made where there is none."""
    file = folder / NAME
    if not file.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        private(file, pem(PRIVATE, generate(algorithm)))
    signer = _signer(file)
    _publish(folder, signer)
    return signer


def own_public(file: Path) -> bytes:
    """Give the public key of the private one in *file*; raise `WitnessError`."""
    return _signer(file).spki


def read_public(file: Path) -> bytes:
    """Read the public key in *file* (PEM); raise `WitnessError`."""
    try:
        return from_pem(PUBLIC, file.read_text("ascii"))
    except (OSError, KeyFormError, UnicodeDecodeError) as error:
        raise _no_key(file) from error


def _signer(file: Path) -> FileSigner:
    try:
        return file_signer(from_pem(PRIVATE, file.read_text("ascii")))
    except (OSError, KeyFormError, UnicodeDecodeError) as error:
        raise _no_key(file) from error


def _publish(folder: Path, signer: FileSigner) -> None:
    public = folder / PUBLIC_NAME
    text = pem(PUBLIC, signer.spki)
    if not public.exists() or public.read_text("ascii") != text:
        public.write_text(text, "ascii")


def _no_key(file: Path) -> WitnessError:
    return WitnessError(
        f"{file.name} 不是可用的密钥（PEM，P-256 或 SM2）",
        f"{file.name} is no key (PEM, P-256 or SM2) that can be used",
    )
