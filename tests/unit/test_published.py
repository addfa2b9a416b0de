"""What is published stays as it was, and what comes does not break who reads it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from zhitong.exceptions import SchemasError
from zhitong.infra import schemas_commands
from zhitong.infra.cli import main
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.schemas_commands import ADVICE
from zhitong.rules.schema_changes import Weight
from zhitong.streams import published
from zhitong.streams.published import (
    FOLDER,
    STREAMS,
    breaking,
    compared,
    current,
    newest,
    release,
    releases,
)

CONFIG = read_receivers()
DAY = date(2026, 12, 1)
KNOWN = [one.number for one in releases()]
TABLE = "credit.cf_fr.1"
SCHEMA = Path(published.__file__).parent / "schemas" / f"{TABLE}.json"

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "published"))


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Edit], None]:
    """Let a document of today be another than it is."""

    def put(name: str, edit: Edit) -> None:
        now = dict(current(CONFIG))
        said = json.loads(now[name])
        edit(said)
        now[name] = orjson.dumps(said)
        monkeypatch.setattr(published, "current", lambda _: now)

    return put


def test_nothing_that_was_released_is_broken_by_what_is_written_today() -> None:
    now = current(CONFIG)
    for one in releases():
        assert breaking(compared(one.documents, now)) == [], ADVICE


def test_the_digests_are_those_that_sha256sum_knows() -> None:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("no sha256sum on this machine")
    command = [program, "--check", "--quiet", "digests.txt"]
    subprocess.run(command, cwd=FOLDER, check=True)  # noqa: S603 - of that name


@pytest.mark.parametrize("how", ["changed", "added", "removed"])
def test_a_file_of_a_release_that_was_touched_is_named(folder: Path, how: str) -> None:
    file = folder / "1" / f"{TABLE}.json"
    if how == "changed":
        file.write_bytes(file.read_bytes().replace(b"200", b"300", 1))
    elif how == "added":
        file = folder / "1" / "credit.new.1.json"
        file.write_text("{}")
    else:
        file.unlink()
    with pytest.raises(SchemasError, match=f"1/{file.name}"):
        releases(folder)


def test_a_document_that_is_gone_breaks_who_may_be_sent_its_events_again() -> None:
    before = newest(releases())
    now = {name: text for name, text in before.items() if name != TABLE}
    assert breaking(compared(before, now)) == [
        f"{TABLE} . 不再有这份文档 the document is gone"
    ]


def test_what_did_not_change_is_not_released_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = newest(releases(folder))
    monkeypatch.setattr(published, "current", lambda _: before)
    assert release(CONFIG, DAY, folder) == []
    assert [one.number for one in releases(folder)] == KNOWN


def test_a_column_more_is_released_beside_what_was(
    folder: Path, today: Callable[[str, Edit], None]
) -> None:
    today(TABLE, lambda said: said["properties"].update(CF_NEW={"type": "string"}))
    names = release(CONFIG, DAY, folder)
    assert TABLE in names
    first, *_, last = releases(folder)
    assert last.number == KNOWN[-1] + 1
    assert TABLE in first.documents
    assert "CF_NEW" in json.loads(last.documents[TABLE])["properties"]
    assert f"# {last.number} {DAY}" in (folder / "digests.txt").read_text("utf-8")


def test_what_breaks_readers_is_not_released(
    folder: Path, today: Callable[[str, Edit], None]
) -> None:
    today(TABLE, lambda said: said["properties"].pop("BZ"))
    with pytest.raises(SchemasError, match=f"{TABLE} BZ"):
        release(CONFIG, DAY, folder)
    assert [one.number for one in releases(folder)] == KNOWN


def test_a_document_of_events_that_says_more_has_another_version(
    folder: Path, today: Callable[[str, Edit], None]
) -> None:
    def more(said: dict[str, Any]) -> None:
        payload = said["components"]["messages"]["notice"]["payload"]
        payload["properties"]["more"] = {"type": "string"}

    def newer(said: dict[str, Any]) -> None:
        more(said)
        said["info"]["version"] = "9.0.0"

    today(STREAMS, more)
    with pytest.raises(SchemasError, match="VERSION"):
        release(CONFIG, DAY, folder)
    today(STREAMS, newer)
    assert STREAMS in release(CONFIG, DAY, folder)


# --- the command --------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["schemas", *arguments])
    said = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, said.out, said.err


def test_the_command_lists_and_shows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert f"{TABLE}  第 1 次 release 1" in out
    _, out, _ = run(capsys, "show", TABLE, "--release", "1")
    assert out.encode() == releases()[0].documents[TABLE]
    code, _, err = run(capsys, "show", "credit.none.1")
    assert (code, err.startswith("SCHEMAS: 没有文档 credit.none.1")) == (2, True)


def test_another_tenant_s_topics_are_no_breach_of_what_is_released(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHITONG_TENANT", "other-city")
    assert run(capsys, "diff")[0] == 0
    code, out, _ = run(capsys, "diff", "--against", str(FOLDER / "1" / "asyncapi.json"))
    assert "BREAKING zhitong.anze.credit.v1" in out
    assert code == 1


def test_the_command_compares_with_a_file_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / f"{TABLE}.json"
    said = json.loads(current(CONFIG)[TABLE])
    del said["properties"]["BZ"]
    file.write_bytes(orjson.dumps(said))
    code, out, err = run(capsys, "diff", "--against", str(file))
    assert (code, out, err) == (0, f"{TABLE}\n  ADDITIVE BZ: 新增 / is new\n", "")
    said["properties"]["CF_MORE"] = {"type": "string"}
    file.write_bytes(orjson.dumps(said))
    code, out, err = run(capsys, "diff", "--json", "--against", str(tmp_path))
    assert [one["weight"] for one in json.loads(out)[TABLE]] == [
        Weight.ADDITIVE,
        Weight.BREAKING,
    ]
    assert (code, err) == (1, ADVICE)


def test_the_command_compares_with_a_commit(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("no git on this machine")
    said = json.loads(SCHEMA.read_bytes())
    said["properties"]["CF_ZT"]["enum"] = ["0"]
    file = tmp_path / "streams" / "schemas" / SCHEMA.name
    file.parent.mkdir(parents=True)
    file.write_bytes(orjson.dumps(said))
    who = ("-c", "user.name=x", "-c", "user.email=x")
    for what in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run([git, *what], cwd=tmp_path, check=True)  # noqa: S603 - git, on our own folder
    monkeypatch.setattr(schemas_commands, "ROOT", tmp_path)
    code, out, err = run(capsys, "diff", "--against", "HEAD")
    assert out.splitlines()[1].startswith("  BREAKING CF_ZT: 多了取值 '1'")
    assert (code, err) == (1, ADVICE)


def test_what_cannot_be_compared_with_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "broken.json"
    file.write_text("{")
    for name in (str(file), "no-such-commit", "--output=x"):
        code, _, err = run(capsys, "diff", f"--against={name}")
        assert (code, err.startswith("SCHEMAS: ")) == (2, True)
