"""Faults put into our own code one at a time: each must be caught by its named test.

They are declared in mutants.toml: a place in the code and what is to stand there
instead. Each runs in a copy of the repository, never in it. A fault is caught only by a
test that runs and finds something else than it expects; one that cannot be imported, or
stumbles over itself, is broken and proves nothing.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

from zhitong.infra.embedded import clean

ROOT = Path(__file__).parents[1]
DECLARED = Path(__file__).with_name("mutants.toml")
COPIED = (
    *("schema", "resolvers", "connectors", "streams", "infra", "src"),
    *("tests", "bench", "docs", "portal", "pyproject.toml"),
    *("README.md", "README.zh-CN.md"),
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", ".*_cache")
SECONDS = 240.0
"""For one test; one that takes longer hangs."""
LAST_SECONDS = 20.0
SHOWN = ("AssertionError", "assert ", "Failed: ")
"""How a failure begins that says something was found: pytest's own words."""
IMPORTED = "import {module} as it, pathlib; print(pathlib.Path(it.__file__).resolve())"


class Verdict(StrEnum):
    """What became of a fault."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    STALE = "stale"
    """What it is to replace does not stand in its file exactly once."""
    BROKEN = "broken"
    """Its test fails, or is skipped, without it; or it does not run itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One fault, as it is declared."""

    name: str
    why: str
    """What would come of it."""
    file: str
    old: str
    new: str
    test: str
    """The pytest node that must fail."""
    shows: str = ""
    """How the failure begins where it is an error the fault lets through."""


@dataclass(frozen=True, slots=True)
class Found:
    """A verdict, and what was seen."""

    verdict: Verdict
    text: str = ""


@dataclass(frozen=True, slots=True)
class Ran:
    """One test as pytest reports it: ``passed``, ``failed``, ``error``, ``skipped``."""

    outcome: str
    text: str = ""


def declared(path: Path = DECLARED) -> Sequence[Mutant]:
    """Read the declared faults."""
    return [Mutant(**each) for each in tomllib.loads(path.read_text())["mutant"]]


def changed(mutant: Mutant, root: Path = ROOT) -> str | None:
    """Give the text of its file with the fault; None: it is stale."""
    file = root / mutant.file
    text = file.read_text() if file.exists() else ""
    if text.count(mutant.old) != 1 or mutant.old == mutant.new:
        return None
    return text.replace(mutant.old, mutant.new)


def page(mutants: Sequence[Mutant]) -> str:
    """Write the table of docs/mutants.md."""
    lines = ["| 错误 Fault | 后果 What would come of it | 测试 Test |", "|---|---|---|"]
    for each in mutants:
        file, _, test = each.test.partition("::")
        lines.append(f"| `{each.name}` | {each.why} | `{file}` `{test}` |")
    return "\n".join(lines) + "\n"


class Copy:
    """A copy of the repository, in which faults are put and taken out again."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder.resolve()
        self._folder.mkdir()
        for name in COPIED:
            there, here = root / name, self._folder / name
            if there.is_dir():
                shutil.copytree(there, here, symlinks=True, ignore=LEFT_OUT)
            elif there.exists():
                shutil.copy2(there, here)
        (self._folder / ".zhitong").mkdir()
        # The broker's jars and the installed programs are the clone's.
        for name in (".zhitong/cache", ".venv"):
            (self._folder / name).symlink_to((root / name).resolve())
        self._imported: dict[str, bool] = {}

    def run(self, tests: Sequence[str]) -> Mapping[str, Ran]:
        """Run *tests*; give what became of each that was run, by its node."""
        report = self._folder / "report.xml"
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        self._call([*command, f"--junitxml={report}", *tests], SECONDS * len(tests))
        if not report.exists():
            return {}
        cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest wrote it
        ran: dict[str, Ran] = {}
        for case in cases:
            classname, name = case.get("classname", ""), case.get("name", "")
            node = f"{classname.replace('.', '/')}.py::{name}"
            ran[node] = _worse(ran.get(node), _ran(case))
        return ran

    def imports(self, file: str) -> bool:
        """Say whether the package *file* lies in is imported from this copy."""
        path = Path(file)
        parts = path.parent.parts if file.endswith(".py") else path.parts[:1]
        module = ".".join(parts[1:] if parts[0] == "src" else ("zhitong", *parts))
        if module not in self._imported:
            code = IMPORTED.format(module=module)
            said = self._call([sys.executable, "-c", code], SECONDS).strip()
            here = bool(said) and Path(said).is_relative_to(self._folder)
            self._imported[module] = here
        return self._imported[module]

    @contextmanager
    def with_fault(self, mutant: Mutant) -> Iterator[bool]:
        """Have the fault in while the block runs; False: it is stale."""
        text = changed(mutant, self._root)
        if text is None:
            yield False
            return
        file = self._folder / mutant.file
        file.write_text(text)
        try:
            yield True
        finally:
            shutil.copy2(self._root / mutant.file, file)

    def close(self) -> None:
        """End what a test has left running."""
        for state in (self._folder / ".zhitong/test").glob("*"):
            clean(state)

    def _call(self, command: Sequence[str], seconds: float) -> str:
        """Run *command* here; give what it wrote, nothing if it took too long."""
        process = subprocess.Popen(  # noqa: S603 - our own words
            command,
            cwd=self._folder,
            env={
                **os.environ,
                "PYTHONPATH": str(self._folder / "src"),
                # Made once and left running for all that follow here.
                "TEST_SERVERS": f"{os.getpid()}.shared",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A Ctrl-C is ours: we end it, and take the copy away after it.
            start_new_session=True,
        )
        try:
            return process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            return ""
        finally:
            if process.poll() is None:
                _end(process)


def judge(mutant: Mutant, copy: Copy, clean_run: Mapping[str, Ran]) -> Found:
    """Put the fault into *copy* and say what became of it."""
    without = _of(clean_run, mutant.test)
    with copy.with_fault(mutant) as fits:
        if not fits:
            return Found(Verdict.STALE, mutant.file)
        if without.outcome != "passed":
            return Found(
                Verdict.BROKEN, f"without it: {without.outcome} {without.text}"
            )
        if not copy.imports(mutant.file):
            return Found(Verdict.BROKEN, f"{mutant.file} is not imported")
        ran = _of(copy.run([mutant.test]), mutant.test)
    if ran.outcome == "passed":
        return Found(Verdict.SURVIVED)
    if ran.outcome == "failed" and ran.text.startswith(mutant.shows or SHOWN):
        return Found(Verdict.CAUGHT, ran.text)
    return Found(Verdict.BROKEN, f"{ran.outcome} {ran.text}")


def run(mutants: Sequence[Mutant], jobs: int) -> Mapping[str, Found]:
    """Judge all *mutants*, *jobs* at a time; say each as it is known."""
    folder = ROOT / ".zhitong" / "mutants"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        free: queue.Queue[Copy] = queue.Queue()
        copies = [Copy(ROOT, Path(name) / str(number)) for number in range(jobs)]
        for copy in copies:
            free.put(copy)
        tests = list(dict.fromkeys(each.test for each in mutants))
        clean_run = _halves(copies, tests)

        def one(mutant: Mutant) -> Found:
            copy, began = free.get(), time.monotonic()
            try:
                found = judge(mutant, copy, clean_run)
            finally:
                free.put(copy)
            _say(mutant, found, time.monotonic() - began)
            return found

        try:
            with ThreadPoolExecutor(jobs) as threads:
                found = list(threads.map(one, mutants))
        finally:
            for copy in copies:
                copy.close()
    return {each.name: said for each, said in zip(mutants, found, strict=True)}


def _halves(copies: Sequence[Copy], tests: Sequence[str]) -> Mapping[str, Ran]:
    """Run *tests* without any fault, each copy a part: by file, for what they share."""
    files = sorted({test.partition("::")[0] for test in tests})
    place = {file: number % len(copies) for number, file in enumerate(files)}
    shares = [
        [test for test in tests if place[test.partition("::")[0]] == number]
        for number in range(len(copies))
    ]
    with ThreadPoolExecutor(len(copies)) as threads:
        ran = threads.map(
            lambda copy, share: copy.run(share) if share else {}, copies, shares
        )
        return {node: each for part in ran for node, each in part.items()}


def _of(ran: Mapping[str, Ran], test: str) -> Ran:
    """Give what became of *test*: of one with parameters, the worst of its runs."""
    found = Ran("not run")
    for node, each in ran.items():
        if node == test or node.startswith(f"{test}["):
            found = each if found.outcome == "not run" else _worse(found, each)
    return found


def _worse(one: Ran | None, other: Ran) -> Ran:
    order = ("skipped", "passed", "error", "failed")
    if one is None or order.index(other.outcome) > order.index(one.outcome):
        return other
    return one


def _ran(case: ET.Element) -> Ran:
    # A test that fails may stumble again while it is cleared away.
    for tag, outcome in (("failure", "failed"), ("error", "error"), ("skipped",) * 2):
        for each in case.iter(tag):
            text = " ".join((each.get("message") or "").split())
            return Ran(outcome, text)
    return Ran("passed")


def _end(process: subprocess.Popen[str]) -> None:
    """End a test that hangs: first so that it stops its servers."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(LAST_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _say(mutant: Mutant, found: Found, seconds: float) -> None:
    print(f"{found.verdict:8}  {seconds:5.1f} s  {mutant.name}", flush=True)
    if found.verdict is not Verdict.CAUGHT:
        print(f"          {mutant.test}\n          {found.text[:300]}", flush=True)


def main() -> int:
    """Judge the declared faults, or those that are named; 0: all are caught."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="these alone")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--page", action="store_true", help="write the page's table")
    given = parser.parse_args()
    mutants = declared()
    if given.page:
        print(page(mutants), end="")
        return 0
    if unknown := {*given.names} - {each.name for each in mutants}:
        parser.error(f"没有这样的错误 no such fault: {', '.join(sorted(unknown))}")
    chosen = [each for each in mutants if not given.names or each.name in given.names]
    began = time.monotonic()
    found = run(chosen, min(given.jobs, len(chosen)))
    count = sum(each.verdict is Verdict.CAUGHT for each in found.values())
    print(
        f"{len(found)} 个错误，发现 {count} 个 {count} of {len(found)} faults caught, "
        f"{time.monotonic() - began:.0f} s"
    )
    return int(count < len(found))


if __name__ == "__main__":
    sys.exit(main())
