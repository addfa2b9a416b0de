"""Where the CPU of a question goes: stacks are noted, and counted part by part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from spent import OTHER, PARTS, function_of, lines, part_of

SAMPLING = Path(__file__).parents[2] / "bench" / "sampling"
BUSY = """
import os, signal, sitecustomize
def busy():
    while not sitecustomize._stacks:
        sum(range(1000))
os.kill(os.getpid(), signal.SIGUSR2)
busy()
os.kill(os.getpid(), signal.SIGUSR2)
"""
BASE = ["run /lib/asyncio/runners.py", "_run /src/zhitong/infra/serving.py"]
READ = "read /src/zhitong/resolvers/read.py"
DRIVER = "fetch /lib/asyncpg/connection.py"


def test_a_stack_belongs_to_its_innermost_part() -> None:
    names = [name for name, _ in PARTS]
    assert part_of([READ, *BASE]) in names
    assert part_of([DRIVER, READ, *BASE]) == next(
        name for name, files in PARTS if "/asyncpg/" in files
    )
    assert "loop" in part_of(BASE)
    assert part_of(["main /elsewhere.py"]) == OTHER


def test_a_library_is_not_the_function_that_is_named() -> None:
    assert function_of([DRIVER, READ, *BASE]) == "resolvers/read.read"
    assert function_of(["main /elsewhere.py"]) == "/elsewhere.main"


def test_parts_are_shares_of_the_milliseconds() -> None:
    said = [*lines([([READ, *BASE], 3), (BASE, 1)], 2.0)]
    assert "75.0%    1.500 ms" in said[0]
    assert "25.0%    0.500 ms" in said[1]
    assert "resolvers/read.read 75.0%" in said[2]
    assert [*lines([], 2.0)] == ["  没有样本 no samples"]


def test_what_is_busy_is_noted_between_two_signals(tmp_path: Path) -> None:
    path = tmp_path / "samples.json"
    subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", BUSY, "serve"],
        env={**os.environ, "PYTHONPATH": str(SAMPLING), "CPU_SAMPLES": str(path)},
        check=True,
        timeout=60,
    )
    stacks = json.loads(path.read_text("utf-8"))
    assert any("busy <string>" in stack for stack, _ in stacks)
    assert not path.with_suffix(".part").exists()
