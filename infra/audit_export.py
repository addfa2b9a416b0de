"""``zhitong audit export``: a zip that a stranger checks with sh and openssl alone."""

from __future__ import annotations

import asyncio
import getpass
import os
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from zhitong.connectors.evidence_export import Chosen, Evidence, EvidenceExport
from zhitong.evidence import Deed, DeedKind, stamp
from zhitong.exceptions import SettingsError
from zhitong.infra.commands import say
from zhitong.infra.platform_database import own_platform
from zhitong.infra.settings import Settings

MANIFEST = "MANIFEST"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def export(settings: Settings, chosen: Chosen, out: Path, because: str) -> None:
    """Write the evidence of *chosen* to *out*; the log keeps that it was."""
    if out.exists():
        raise SettingsError(f"{out} 已存在，不覆盖", f"{out} is there already")
    found, packed = asyncio.run(_gathered(settings, chosen, because))
    try:
        _write(out, packed)
    except OSError as error:
        raise SettingsError(
            f"写不了 {out}（{error.strerror}）", f"cannot write {out}: {error.strerror}"
        ) from error
    say(
        f"已导出 Exported: {out}  {len(found.leaves)} 叶 leaves，"
        f"树头 head {found.size}",
        *(f"  {each.number}  {each.kind} {each.id}" for each in found.leaves),
        f"  sha256 {sha256(packed).hexdigest()}",
    )


async def _gathered(
    settings: Settings, chosen: Chosen, because: str
) -> tuple[Evidence, bytes]:
    url = await own_platform(settings)
    packed: list[bytes] = []

    def deed(found: Evidence) -> Deed:
        packed.append(pack(found))
        return Deed(
            kind=DeedKind.EXPORT,
            who=getpass.getuser(),
            action="export-evidence",
            target=chosen.target,
            reason=because,
            detail={
                "leaves": [each.number for each in found.leaves],
                "size": found.size,
                "sha256": sha256(packed[0]).hexdigest(),
            },
        )

    async with EvidenceExport(url) as source:
        found = await source.gather(chosen, deed)
    return found, packed[0]


def pack(found: Evidence) -> bytes:
    """Give the zip of *found*: the same evidence, the same bytes."""
    written = BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(parts(found).items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = _MODE
            archive.writestr(entry, content)
    return written.getvalue()


def parts(found: Evidence) -> Mapping[str, bytes]:
    """Give the files of *found*, by name."""
    texts = files(__package__ or "").joinpath("audit_bundle")
    listed = "".join(
        f"    {each.number}  {each.kind} {each.id}\n" for each in found.leaves
    )
    made = {
        "README.txt": texts.joinpath("README.txt").read_bytes() + listed.encode(),
        "verify.sh": texts.joinpath("verify.sh").read_bytes(),
        "head.note": found.note,
    }
    if found.stamp is not None:
        made["head.tsr"] = found.stamp
    for key_id, text in found.keys.items():
        made[f"key.{key_id}.pem"] = text.encode()
    for one in found.signatures:
        made[f"head.{one.key_id}.{one.algorithm}.sig"] = one.value
    for word in found.words:
        name = f"witness.{word.signature.key_id}.{word.signature.algorithm}"
        made[f"{name}.seen"] = f"{stamp(word.seen)}\n".encode()
        made[f"{name}.sig"] = word.signature.value
    for leaf in found.leaves:
        name = f"leaf.{leaf.number}"
        path = "".join(f"path {each.hex()}\n" for each in leaf.path)
        proof = f"number {leaf.number}\nsize {found.size}\n{path}"
        made[f"{name}.body"] = leaf.body
        made[f"{name}.proof"] = proof.encode()
        if leaf.content is not None:
            made[f"{name}.content"] = leaf.content
        if leaf.signed is not None:
            made[f"{name}.signed"] = leaf.signed
    lines = [
        f"{sha256(content).hexdigest()}  {name}\n"
        for name, content in sorted(made.items())
    ]
    return {**made, MANIFEST: "".join(lines).encode()}


def _write(out: Path, packed: bytes) -> None:
    """Write the whole file, or none: a torn one proves nothing."""
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        draft.write_bytes(packed)
        draft.rename(out)
    finally:
        draft.unlink(missing_ok=True)
