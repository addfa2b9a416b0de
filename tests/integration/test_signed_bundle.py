"""A bureau's signature in what is exported: a stranger verifies it by openssl."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from sealed_log import SmallWitness, new_database, small_log
from signed_log import NUMBER, proved, signed_decision
from stranger import alone, bare_root, flipped, lay, listed, may_unshare, verified

from zhitong.connectors.evidence_export import Chosen, Evidence, EvidenceExport
from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.signers import ECDSA, SM2, file_signer, generate
from zhitong.evidence import Deed, DeedKind
from zhitong.infra.audit_export import parts

pytestmark = pytest.mark.integration


def deed(found: Evidence) -> Deed:
    return Deed(
        kind=DeedKind.EXPORT,
        who="李运维",
        action="export-evidence",
        target=str(found.size),
        reason="法院调取",
    )


class Exported(NamedTuple):
    """What was exported of a signed decision."""

    files: Mapping[str, bytes]
    key: Path
    """The bureau's own."""
    leaf: str


@pytest.fixture(scope="module", params=[ECDSA, SM2])
def exported(
    request: pytest.FixtureRequest,
    postgres: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Exported:
    folder = tmp_path_factory.mktemp("signed")
    name = f"signed_{request.param.partition('-')[0]}"
    return asyncio.run(_exported(postgres, name, folder, request.param))


async def _exported(postgres: str, name: str, folder: Path, signs: str) -> Exported:
    url = await new_database(postgres, name)
    witness = SmallWitness(file_signer(generate(ECDSA)))
    await small_log(url, folder / "ring", witness)
    bureau = file_signer(generate(signs))
    made = await signed_decision(url, bureau)
    await proved(url, folder / "ring", witness)
    async with EvidenceExport(url) as source:
        chosen = Chosen(decision=str(made.decision.id))
        files = parts(await source.gather(chosen, deed))
    key = folder / "bureau.pem"
    key.write_text(pem(PUBLIC, bureau.spki))
    (leaf,) = (name for name in files if name.endswith(".signed"))
    return Exported(files, key, leaf.removesuffix(".signed"))


def test_a_stranger_verifies_what_the_bureau_has_signed(
    exported: Exported, tmp_path: Path
) -> None:
    given = lay(tmp_path / "given", exported.files)
    done = verified(given, "--bureau-key", str(exported.key))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "bureau, leaf" in done.stdout
    assert "bureau's key comes from the bundle" not in done.stdout
    assert NUMBER.encode() not in b"".join(exported.files.values())


def test_a_bureau_s_key_of_the_bundle_itself_is_said_to_be(
    exported: Exported, tmp_path: Path
) -> None:
    done = verified(lay(tmp_path / "given", exported.files))
    assert done.returncode == 0
    assert "the bureau's key comes from the bundle itself" in done.stdout


def test_the_key_of_another_bureau_does_not_do(
    exported: Exported, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(pem(PUBLIC, file_signer(generate(ECDSA)).spki))
    given = lay(tmp_path / "given", exported.files)
    done = verified(given, "--bureau-key", str(other))
    assert done.returncode == 1
    assert "no signature of the bureau" in done.stdout


@pytest.mark.parametrize("ending", ["signed", "body"])
def test_content_or_statement_changed_with_a_new_manifest_is_seen(
    exported: Exported, tmp_path: Path, ending: str
) -> None:
    name = f"{exported.leaf}.{ending}"
    changed = flipped(exported.files[name], len(exported.files[name]) // 2, 1)
    forged = listed({**exported.files, name: changed})
    done = verified(lay(tmp_path / "given", forged), "--bureau-key", str(exported.key))
    assert done.returncode == 1, done.stdout


def test_signed_content_of_a_leaf_that_has_no_statement_is_seen(
    exported: Exported, tmp_path: Path
) -> None:
    foreign = {**exported.files, f"{exported.leaf}.signed": b"{}"}
    done = verified(lay(tmp_path / "given", listed(foreign)))
    assert done.returncode == 1
    assert "what the bureau signed" in done.stdout


def test_without_any_key_of_the_bureau_nothing_is_said_to_hold(
    exported: Exported, tmp_path: Path
) -> None:
    used = verified(lay(tmp_path / "all", exported.files)).stdout
    (name,) = (
        name
        for name in exported.files
        if name.startswith("key.")
        and f"bureau, leaf {exported.leaf[5:]} {name[4:20]}" in used
    )
    rest = {each: text for each, text in exported.files.items() if each != name}
    done = verified(lay(tmp_path / "given", listed(rest)))
    assert done.returncode == 1
    assert "its key is missing" in done.stdout


@pytest.mark.skipif(not may_unshare(), reason="no namespaces on this machine")
def test_a_bare_root_without_a_network_is_enough(
    exported: Exported, tmp_path: Path
) -> None:
    root = bare_root(tmp_path / "root")
    lay(root / "given", exported.files)
    done = alone(root, "/bin/sh", "/given/verify.sh", "/given")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bureau, leaf" in done.stdout
