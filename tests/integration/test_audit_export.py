"""What is exported is checked by a stranger, with sh and openssl and nothing else."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple

import asyncpg
import orjson
import pytest
from sealed_log import SmallWitness, looks, new_database, small_log
from stamp_authority import StampAuthority
from stranger import (
    SCRIPT,
    alone,
    bare_root,
    flipped,
    lay,
    listed,
    may_unshare,
    verified,
)

from zhitong.connectors.evidence_export import Chosen, Evidence, EvidenceExport
from zhitong.connectors.evidence_rows import EvidenceRows
from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.key_ring import HEAD, KeyRing
from zhitong.connectors.signers import ECDSA, SM2, file_signer, generate
from zhitong.connectors.timestamps import question, stamps
from zhitong.connectors.whole_check import Wanted, check
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import EvidenceUnknownError, EvidenceUnsealedError
from zhitong.infra.audit_export import pack, parts

pytestmark = pytest.mark.integration

CASE = "AZYJ-2026-00001"
Files = Mapping[str, bytes]


def deed(found: Evidence) -> Deed:
    return Deed(
        kind=DeedKind.EXPORT,
        who="李运维",
        action="export-evidence",
        target=str(found.size),
        reason="法院调取",
    )


async def gathered(url: str, chosen: Chosen) -> Evidence:
    async with EvidenceExport(url) as source:
        return await source.gather(chosen, deed)


class Exported(NamedTuple):
    """A log that stands for all tests, and what was exported of it."""

    url: str
    ring: Path
    keys: tuple[str, ...]
    """The options that name the keys of operator and witness."""
    files: Files


@pytest.fixture(scope="module", params=[ECDSA, SM2])
def exported(
    request: pytest.FixtureRequest,
    postgres: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Exported:
    """Give the export of a decision, withdrawn since; a witness signs by either."""
    folder = tmp_path_factory.mktemp("keys")
    name = f"exported_{request.param.partition('-')[0]}"
    return asyncio.run(_exported(postgres, name, folder, request.param))


async def _exported(postgres: str, name: str, folder: Path, signs: str) -> Exported:
    url = await new_database(postgres, name)
    witness = SmallWitness(file_signer(generate(signs)))
    await small_log(url, folder / "ring", witness)
    connection = await asyncpg.connect(url)
    operator = await KeyRing(folder / "ring").signer(connection, HEAD)
    decision = await connection.fetchval(
        "select min(decision_id) from decision_version where version = 2"
    )
    await connection.close()
    for who, signer in (("operator", operator), ("witness", witness.signer)):
        (folder / f"{who}.pem").write_text(pem(PUBLIC, signer.spki))
    keys = (
        *("--operator-key", str(folder / "operator.pem")),
        *("--witness-key", str(folder / "witness.pem")),
    )
    files = parts(await gathered(url, Chosen(decision=decision)))
    return Exported(url, folder / "ring", keys, files)


async def test_a_stranger_finds_that_all_holds(
    exported: Exported, tmp_path: Path
) -> None:
    bundle, keys = exported.files, exported.keys
    done = verified(lay(tmp_path / "given", bundle), *keys)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    leaves = [name for name in bundle if name.endswith(".body")]
    assert len(leaves) == 2
    for name in leaves:
        assert f"leaf {name[5:-5]} is in the tree" in done.stdout
    assert done.stdout.endswith("Everything holds.\n")
    assert "NOTE" not in done.stdout


async def test_keys_of_the_bundle_itself_are_said_to_be(
    exported: Exported, tmp_path: Path
) -> None:
    bundle = exported.files
    done = verified(lay(tmp_path / "given", bundle))
    assert done.returncode == 0
    assert "the keys come from the bundle itself" in done.stdout


async def test_a_byte_flipped_in_any_file_is_seen(
    exported: Exported, tmp_path: Path
) -> None:
    bundle, keys = exported.files, exported.keys
    chosen = Random(20261122)  # noqa: S311 - a test's choice
    folder = lay(tmp_path / "given", bundle)
    for name, content in bundle.items():
        place = chosen.randrange(len(content))
        (folder / name).write_bytes(flipped(content, place, chosen.randrange(8)))
        done = verified(folder, *keys)
        assert done.returncode in {1, 2}, (name, place, done.stdout)
        (folder / name).write_bytes(content)
    assert verified(folder, *keys).returncode == 0


async def test_whoever_writes_the_manifest_anew_is_seen_by_proof_and_signature(
    exported: Exported, tmp_path: Path
) -> None:
    bundle, keys = exported.files, exported.keys
    chosen = Random(20261122)  # noqa: S311 - a test's choice
    # The others say nothing that is proved.
    proves = [name for name in bundle if name not in {"MANIFEST", "README.txt"}]
    proves.remove("verify.sh")
    for name in proves:
        content = bundle[name]
        place = chosen.randrange(len(content) - 1)
        changed = flipped(content, place, chosen.randrange(8))
        forged = listed({**bundle, name: changed})
        done = verified(lay(tmp_path / "given", forged), *keys)
        assert done.returncode in {1, 2}, (name, place, changed[:400], done.stdout)


async def test_a_file_too_few_or_too_many_is_seen(
    exported: Exported, tmp_path: Path
) -> None:
    bundle, keys = exported.files, exported.keys
    folder = lay(tmp_path / "given", bundle)
    (folder / ".more").write_text("x")
    assert verified(folder, *keys).returncode == 1
    (folder / ".more").unlink()
    (folder / "README.txt").unlink()
    assert verified(folder, *keys).returncode == 1


async def test_another_log_s_keys_do_not_hold(
    exported: Exported, tmp_path: Path
) -> None:
    bundle = exported.files
    other = tmp_path / "other.pem"
    other.write_text(pem(PUBLIC, file_signer(generate(ECDSA)).spki))
    folder = lay(tmp_path / "given", bundle)
    for option in ("--operator-key", "--witness-key"):
        done = verified(folder, option, str(other))
        assert done.returncode == 1
        assert "no signature of" in done.stdout


async def test_a_stranger_in_a_bare_root_without_a_network_finds_the_same(
    exported: Exported, tmp_path: Path
) -> None:
    bundle = exported.files
    if not may_unshare():
        if os.environ.get("CI"):
            pytest.fail("CI lets nobody be alone: unshare is refused")
        pytest.skip("unshare is not permitted here")
    root = bare_root(tmp_path / "root")
    lay(root / "given", bundle)
    (root / "verify.sh").write_bytes(SCRIPT.read_bytes())
    for name in ("operator", "witness"):
        key = exported.ring.parent / f"{name}.pem"
        (root / f"{name}.pem").write_bytes(key.read_bytes())
    words = ("/bin/sh", "/verify.sh", "--operator-key", "/operator.pem")
    done = alone(root, *words, "--witness-key", "/witness.pem", "/given")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("Everything holds.\n")
    note = root / "given" / "head.note"
    note.write_bytes(note.read_bytes().replace(b"size ", b"size 1"))
    spoilt = alone(root, *words, "--witness-key", "/witness.pem", "/given")
    assert spoilt.returncode == 1


async def test_the_same_evidence_is_the_same_bytes(exported: Exported) -> None:
    chosen = Chosen(case=CASE)
    first, second = [await gathered(exported.url, chosen) for _ in range(2)]
    assert {leaf.kind for leaf in first.leaves} == {"DECISION"}
    assert len(first.leaves) == 11
    assert pack(first) == pack(second)


async def test_an_export_is_itself_in_the_log(exported: Exported) -> None:
    connection = await asyncpg.connect(exported.url)
    known = "select count(*) from deed where action = 'export-evidence'"
    before = await connection.fetchval(known)
    record = await connection.fetchval("select min(record_id) from access_entry")
    found = await gathered(exported.url, Chosen(records=[record, record]))
    assert [leaf.id for leaf in found.leaves] == [record]
    assert await connection.fetchval(known) == before + 1
    assert await connection.fetchval(
        "select count(*) from unsealed u join deed d on d.deed_id = u.id "
        "where d.action = 'export-evidence'"
    ) == await connection.fetchval(known)
    await connection.close()


async def test_what_is_not_there_or_not_yet_sealed_is_not_exported(
    exported: Exported,
) -> None:
    (fresh,) = await looks(exported.url, 1, first=9_000)
    connection = await asyncpg.connect(exported.url)
    known = "select count(*) from deed"
    before = await connection.fetchval(known)
    with pytest.raises(EvidenceUnsealedError):
        await gathered(exported.url, Chosen(records=[fresh]))
    for chosen in (
        Chosen(records=["no-such"]),
        Chosen(decision="no-such"),
        Chosen(case="no-such"),
    ):
        with pytest.raises(EvidenceUnknownError):
            await gathered(exported.url, chosen)
    assert await connection.fetchval(known) == before
    await connection.close()


async def test_all_versions_of_a_decision_are_exported_with_what_was_decided(
    exported: Exported,
) -> None:
    bodies = [name for name in exported.files if name.endswith(".body")]
    contents = [name for name in exported.files if name.endswith(".content")]
    assert len(bodies) == len(contents) == 2
    said = [orjson.loads(exported.files[name]) for name in bodies]
    assert sorted(each["version"] for each in said) == [1, 2]


async def test_a_timestamp_is_exported_and_checked_by_its_authority_s_root(
    database: str, tmp_path: Path
) -> None:
    witness = SmallWitness(file_signer(generate(ECDSA)))
    await small_log(database, tmp_path / "ring", witness)
    authority = StampAuthority(tmp_path / "tsa").make()
    connection = await asyncpg.connect(database)
    # Not the newest head: one that has a timestamp is taken before it.
    head = await connection.fetchrow(
        "select origin, size, at, note from head order by size desc offset 1 limit 1"
    )
    assert head is not None
    response = authority.answer(question(head["note"]).as_bytes())
    said = stamps(response, head["note"])
    await connection.execute(
        "insert into head_timestamp values ($1, $2, $3, $4, $5)",
        *(head["origin"], head["size"], head["at"], said, response),
    )
    record = await connection.fetchval(
        "select id from sealed_leaf where kind = 'LOOK' order by number limit 1"
    )
    files = parts(await gathered(database, Chosen(records=[record])))
    assert files["head.tsr"] == response
    folder = lay(tmp_path / "given", files)
    assert "ignored" in verified(folder).stdout
    done = verified(folder, "--tsa-ca", str(authority.ca))
    assert (done.returncode, "timestamp: " in done.stdout) == (0, True), done.stdout
    lay(folder, listed({**files, "head.tsr": flipped(response, len(response) - 9, 1)}))
    assert verified(folder, "--tsa-ca", str(authority.ca)).returncode == 1
    await connection.execute("update head_timestamp set stamped = now()")
    async with connection.transaction(isolation="repeatable_read"):
        wanted = Wanted(witnessed=witness.seen, grace=0)
        found = await check(EvidenceRows(connection), wanted)
    assert [each.kind for each in found.faults.listed] == ["TIMESTAMP_DIFFERS"]
    await connection.close()


def test_the_script_of_the_documents_is_the_one_in_the_bundle() -> None:
    ours = Path(__file__).parents[2] / "infra" / "audit_bundle" / "verify.sh"
    assert SCRIPT.read_bytes() == ours.read_bytes()
