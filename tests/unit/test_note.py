"""A gateway's note counts exactly as long as its writer lives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra.note import Note, find, noted

NOTE = Note(pid=7, url="http://127.0.0.1:1")


def test_there_is_none_before_and_after(tmp_path: Path) -> None:
    path = tmp_path / "state" / "note.json"
    assert find(path) is None
    with noted(path, NOTE):
        assert find(path) == NOTE
    assert find(path) is None


def test_a_second_process_is_refused_and_told_about_the_first(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    with (
        noted(path, NOTE),
        pytest.raises(SettingsError, match=r"process 7, http://127\.0\.0\.1:1"),
        noted(path, Note(pid=8, url="")),
    ):
        pytest.fail("two processes hold one note")


def test_a_killed_process_leaves_none(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    program = (
        "import os, pathlib, sys, time\n"
        "from zhitong.infra.note import Note, noted\n"
        "with noted(pathlib.Path(sys.argv[1]), Note(pid=os.getpid(), url='')):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - this interpreter
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert find(path) == Note(pid=process.pid, url="")
        process.kill()
    assert path.read_bytes() != b""
    assert find(path) is None
