"""Processes of embedded servers: found as soon as they are launched."""

from __future__ import annotations

from pathlib import Path

from zhitong.infra import processes


def test_what_is_launched_is_found_by_its_words_at_once(tmp_path: Path) -> None:
    for number in range(50):
        words = ("/bin/sleep", str(number + 60))
        pid = processes.launch(words, {}, tmp_path / "log")
        assert processes.words(pid) == words
        assert processes.kill(pid)
