"""Consumers in Python, Java and Node on one topic: whether they read the same.

    python bench/consumers.py [--receiver credit] [--answer]

Runs those of ``clients/`` to the end of a receiver's topic in the running city, each on
its own and with nothing of ours imported, and compares what they print: every event's
id, version, digest, table and answer, what the bureau's signature is worth, and what
the platform has signed. Exit code: 0 all read the same and everything holds, 1 they
read the same and something does not hold, 2 they differ or one could not read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zhitong.exceptions import ZhitongError
from zhitong.infra.broker_access import way
from zhitong.infra.broker_jars import artefacts, fetch_jars, kept_jars
from zhitong.infra.broker_java import find_java
from zhitong.infra.bureau_keys import FOLDER as BUREAUS
from zhitong.infra.platform_keys import platform_keys
from zhitong.infra.receiver_keys import private_path
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings, from_environment
from zhitong.streams import names
from zhitong.streams.kafka_client import Access

ROOT = Path(__file__).parents[1]
CLIENTS = ROOT / "clients"
SCHEMAS = ROOT / "streams" / "schemas"
OLDEST = (20, 19, 4)
"""The oldest Node that the one in Node runs on."""
SHOWN = 12
"""Lines of a topic that are printed; all are compared."""
_SECONDS = 600
_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


class MissingError(Exception):
    """A client has not what it runs on; the message says what."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one of them said."""

    lines: tuple[str, ...]
    """Sorted: partitions come in any order."""
    code: int
    complaint: str


def python() -> Sequence[str]:
    """Give the command of the consumer in Python."""
    return [sys.executable, "-m", "zhitong_consumer"]


def node() -> Sequence[str]:
    """Give the command of the one in Node; raise `MissingError`."""
    program = shutil.which("node")
    folder = CLIENTS / "node"
    if program is None or _version(program) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise MissingError(f"没有 Node {wanted} 或更新的 no Node {wanted} or newer")
    if not (folder / "node_modules" / ".installed").exists():
        raise MissingError("没有依赖，请执行 make setup no packages: make setup")
    return [program, str(folder / "main.mjs")]


def _version(program: str) -> tuple[int, ...]:
    asked = [program, "--version"]
    said = subprocess.run(asked, check=False, capture_output=True, text=True)  # noqa: S603 - the Node that was found
    return tuple(map(int, re.findall(r"\d+", said.stdout)[:3]))


def java(cache: Path) -> Sequence[str]:
    """Give the command of the one in Java, compiled if need be; or `MissingError`."""
    program, folder = find_java(), CLIENTS / "java"
    if program is None:
        raise MissingError("没有 Java 17 no Java 17")
    jars = kept_jars(cache / "clients", artefacts(folder / "artefacts.txt"))
    if not jars:
        raise MissingError("没有依赖，请执行 make setup no jars: make setup")
    sources = sorted((folder / "src" / "main" / "java").rglob("*.java"))
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in sources))
    classes = cache / "clients" / f"classes-{digest.hexdigest()[:16]}"
    if not classes.exists():
        _compile(program, jars, sources, classes)
    resources = folder / "src" / "main" / "resources"
    path = ":".join(map(str, [classes, resources, *jars]))
    return [str(program), *_JVM, "-cp", path, "cn.zhitong.consumer.Main"]


def _compile(
    program: Path, jars: Sequence[Path], sources: Sequence[Path], classes: Path
) -> None:
    # A Java of the system has its compiler behind the link; one from a wheel has none.
    beside = program.resolve().with_name("javac")
    compiler = beside if beside.exists() else shutil.which("javac")
    if compiler is None:
        raise MissingError("没有 javac no javac: a JDK is needed, not a JRE")
    with tempfile.TemporaryDirectory(dir=classes.parent) as draft:
        path = ":".join(map(str, jars))
        words = [str(compiler), "--release", "17", "-cp", path, "-d", draft]
        subprocess.run([*words, *map(str, sources)], check=True)  # noqa: S603 - our own
        shutil.copytree(draft, classes, dirs_exist_ok=True)


def commands(cache: Path) -> Mapping[str, Sequence[str]]:
    """Give the commands of all three; raise `MissingError`."""
    return {"Python": python(), "Java": java(cache), "Node": node()}


def told(access: Access, password: Path) -> Sequence[str]:
    """Say to each of them how the broker is reached; all take the same words."""
    words = ["--bootstrap", access.address, "--protocol", access.protocol]
    words += ["--mechanism", access.mechanism, "--user", access.user]
    words += ["--password-file", str(password)]
    return [*words, "--ca", access.authorities] if access.authorities else words


def heard(command: Sequence[str], words: Sequence[str]) -> Heard:
    """Let one of them read to the end."""
    # Installed it would be found by itself; here it lies beside ours.
    beside = {**os.environ, "PYTHONPATH": str(CLIENTS / "python" / "src")}
    done = subprocess.run(  # noqa: S603 - our own
        [*command, *words],
        check=False,
        capture_output=True,
        env=beside,
        timeout=_SECONDS,
    )
    lines = sorted(done.stdout.decode().splitlines())
    return Heard(tuple(lines), done.returncode, done.stderr.decode())


def main() -> int:
    """Run all three in the running city; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--receiver", default="credit")
    parser.add_argument("--answer", action="store_true")
    parser.add_argument("--fetch", action="store_true", help="only fetch Java's jars")
    given = parser.parse_args()
    settings = from_environment()
    try:
        if given.fetch:
            listed = artefacts(CLIENTS / "java" / "artefacts.txt")
            fetch_jars(settings.cache / "clients", listed, settings.maven)
            return 0
        with tempfile.TemporaryDirectory() as scratch:
            words = _city(settings, given.receiver, Path(scratch))
            if given.answer:
                words = [*words, "--answer", names.receipts(settings.tenant)]
            return _show(commands(settings.cache), words)
    except MissingError as error:
        print(f"缺少 missing: {error}")
    except ZhitongError as error:
        print(f"{error.code}: {error.label.zh}\n  {error.label.en}")
    return 2


def _city(settings: Settings, receiver: str, scratch: Path) -> Sequence[str]:
    """Say what they need to know of the running city."""
    config = receivers_of(settings)
    topic = config.kafka[receiver].topic
    access = way(settings, receiver)()
    password, platform = scratch / "password", scratch / "platform"
    password.touch(0o600)
    password.write_text(access.password, "utf-8")
    platform.mkdir()
    for name, text in platform_keys(settings).items():
        (platform / f"{name}.pem").write_text(text, "ascii")
    bureaus = settings.state / BUREAUS
    bureaus.mkdir(mode=0o700, exist_ok=True)
    return [
        *told(access, password),
        *("--tenant", settings.tenant, "--topic", topic),
        *("--statements", config.recon(receiver)),
        *("--group", names.group(settings.tenant, receiver, "trial")),
        *("--keys", str(private_path(settings.state, receiver))),
        *("--bureaus", str(bureaus), "--platform", str(platform)),
        *("--schemas", str(SCHEMAS)),
    ]


def _show(found: Mapping[str, Sequence[str]], words: Sequence[str]) -> int:
    said = {name: heard(command, words) for name, command in found.items()}
    for name, one in said.items():
        kinds = Counter(json.loads(line)["kind"] for line in one.lines)
        counted = "，".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        print(f"{name:<7} 退出码 exit {one.code}  {counted or '无 nothing'}")
        if one.code not in {0, 1}:
            print(f"  {one.complaint.strip()}")
    first = next(iter(said.values()))
    for line in first.lines[:SHOWN]:
        print(f"  {line}")
    if len(first.lines) > SHOWN:
        print(f"  … {len(first.lines) - SHOWN}")
    if any(one.code not in {0, 1} for one in said.values()):
        return 2
    if any(one.lines != first.lines for one in said.values()):
        print("三者读到的不同 they do not read the same")
        return 2
    if not first.lines:
        print("主题上还没有事件 nothing is on the topic yet: record a decision")
        return 0
    held = "全部成立" if first.code == 0 else "有不成立的"
    also = "all holds" if first.code == 0 else "something does not hold"
    print(f"三者读到的相同，{held} they read the same, and {also}")
    return first.code


if __name__ == "__main__":
    sys.exit(main())
