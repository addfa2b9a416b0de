"""The platform's public keys on a receiver's side: what it states is signed by one.

A receiver is given them as PEM files in ``platform`` of its state folder; where it
shares the platform's own, as in the demo city, they are those that sign there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from zhitong.connectors.key_forms import PRIVATE, PUBLIC, from_pem, pem
from zhitong.connectors.key_ring import RECEIPT, Program
from zhitong.connectors.signers import file_signer, key_id
from zhitong.exceptions import SettingsError
from zhitong.infra.settings import Settings

FOLDER = "platform"


def platform_keys(settings: Settings) -> Mapping[str, str]:
    """Give the keys by id, PEM; raise `SettingsError` for a file that is none."""
    return {key_id(spki): pem(PUBLIC, spki) for spki in _read(settings)}


def _read(settings: Settings) -> Iterator[bytes]:
    for path in sorted((settings.state / FOLDER).glob("*.pem")):
        with _named(path):
            yield from_pem(PUBLIC, path.read_text("ascii"))
    for path in sorted(settings.evidence.glob(f"{RECEIPT}-*")):
        with _named(path):
            if path.suffix == ".pem":
                yield file_signer(from_pem(PRIVATE, path.read_text("ascii"))).spki
            elif path.suffix == ".json":
                program = msgspec.json.decode(path.read_bytes(), type=Program)
                yield from_pem(PUBLIC, program.public)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise SettingsError(
            f"{path} 不是平台的密钥", f"{path} is no key of the platform"
        ) from error
