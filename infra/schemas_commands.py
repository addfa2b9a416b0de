"""``zhitong schemas``: what is published of the events, and what changed since."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import orjson

from zhitong.exceptions import SchemasError
from zhitong.infra.commands import say
from zhitong.infra.receivers_file import read_receivers, receivers_of
from zhitong.infra.settings import Settings
from zhitong.rules.schema_changes import Difference
from zhitong.streams.cloud_events import SHANGHAI
from zhitong.streams.published import (
    STREAMS,
    Documents,
    breaking,
    compared,
    current,
    newest,
    release,
    releases,
)

Verb = Callable[
    [str, str, Callable[[Settings, argparse.Namespace], bool | None]],
    argparse.ArgumentParser,
]

ROOT = Path(__file__).resolve().parents[1]
"""The checkout, where there is one: what git is asked about."""
KEPT = {"streams/schemas": "", "docs/asyncapi.json": STREAMS}
"""Where a commit has the documents; schemas are named by their files."""
ADVICE = """有读者承受不了的改动。已发布的版本不能这样改：新的结构写成新版本的文件，\
另设新主题，与旧主题同时推送，给旧主题写明终止日期（docs/evolution.md）。
Readers of what is published would not bear this. Give what is new a file of a new \
version and a topic of its own, publish to both, and end the old topic on a day that \
is stated (docs/evolution.md).
"""


def describe(verb: Verb) -> None:
    """Add what can be done with the documents."""
    verb("list", "列出文档和各次发布 list documents and their releases", show)
    one = verb("show", "打印一份文档 print a document", show_one)
    one.add_argument("name", metavar="名称", help="as `schemas list` prints it")
    one.add_argument("--release", metavar="次", type=int, help="as it was released")
    diff = verb(
        "diff",
        "与已发布的比较：增补可以，破坏读者的退出码为 1"
        " compare with what is published; 1 where readers would break",
        compare,
    )
    diff.add_argument(
        "--against",
        metavar="提交或文件",
        help="git 提交、文件或目录 a commit, a file or a folder of documents",
    )
    diff.add_argument("--json", action="store_true", help="打印 JSON print JSON")
    verb(
        "release",
        "发布新增和有增补的文档（写入源代码目录）"
        " give out what is new (writes into the checkout)",
        give_out,
    )


def show(_settings: Settings, _given: argparse.Namespace) -> None:
    """Print each document, and whether it is as it was released last."""
    given, now = releases(), _shipped()
    before = newest(given)
    for name in sorted({*before, *now}):
        numbers = [str(one.number) for one in given if name in one.documents]
        said = "未发布 unreleased"
        if name in before:
            same = before[name] == now.get(name)
            said = f"第 {'、'.join(numbers)} 次 release {', '.join(numbers)}"
            said += "" if same else " · 其后有改动 changed since"
        say(f"{name}  {said}")


def show_one(_settings: Settings, given: argparse.Namespace) -> None:
    """Print a document as it is, or as it was in a release."""
    if given.release is None:
        found = _shipped()
    else:
        until = [one for one in releases() if one.number <= given.release]
        found = newest(until)
    if given.name not in found:
        raise SchemasError(
            f"没有文档 {given.name}，有：{'、'.join(found)}",
            f"there is no document {given.name}, but {', '.join(found)}",
        )
    sys.stdout.write(found[given.name].decode())


def compare(settings: Settings, given: argparse.Namespace) -> bool:
    """Print what changed; False where it breaks readers."""
    if given.against:
        told = compared(_before(given.against), _own(settings))
    else:
        told = compared(newest(releases()), _shipped())
    if given.json:
        say(orjson.dumps(_plain(told), option=orjson.OPT_INDENT_2).decode())
    else:
        for name, found in told.items():
            say(name, *(f"  {one}" for one in found))
        if not told:
            say("没有改动 Nothing changed")
    if not breaking(told):
        return True
    sys.stderr.write(ADVICE)
    return False


def give_out(_settings: Settings, _given: argparse.Namespace) -> None:
    """Release what is new or changed; raise where a reader would break."""
    day = datetime.now(SHANGHAI).date()
    names = release(read_receivers(), day)
    if names:
        number = releases()[-1].number
        say(f"第 {number} 次发布 Release {number}", *(f"  {name}" for name in names))
    else:
        say("没有改动 Nothing changed")


def _shipped() -> Documents:
    """Give what is released: of the receivers that the repository has."""
    return current(read_receivers())


def _own(settings: Settings) -> Documents:
    """Give what a city has: of its own receivers, under its own names."""
    return current(receivers_of(settings))


def _plain(
    told: Mapping[str, Sequence[Difference]],
) -> dict[str, list[dict[str, str]]]:
    return {
        name: [
            {
                "place": one.place,
                "weight": one.weight.value,
                "zh": one.what.zh,
                "en": one.what.en,
            }
            for one in found
        ]
        for name, found in told.items()
    }


def _before(place: str) -> Documents:
    """Give the documents of a file, a folder or a commit."""
    path = Path(place)
    if path.is_dir():
        return {one.stem: one.read_bytes() for one in sorted(path.glob("*.json"))}
    return _of_file(path) if path.is_file() else _of_commit(place)


def _of_file(path: Path) -> Documents:
    text = path.read_bytes()
    try:
        said = json.loads(text)
    except ValueError as cause:
        raise SchemasError(
            f"{path} 不是 JSON：{cause}", f"{path} is no JSON: {cause}"
        ) from cause
    return {STREAMS if "asyncapi" in said else path.stem: text}


def _of_commit(name: str) -> Documents:
    """Give what a commit had, schemas as readers are to go by them."""
    found: dict[str, bytes] = {}
    for place, title in KEPT.items():
        for path in _git("ls-tree", "-r", "--name-only", name, place).splitlines():
            said = json.loads(_git("show", f"{name}:{path.decode()}"))
            if not title:
                said.pop("additionalProperties", None)
            found[title or Path(path.decode()).stem] = orjson.dumps(said)
    if not found:
        raise SchemasError(
            f"提交 {name} 中没有事件的文档", f"the commit {name} has no documents"
        )
    return found


def _git(*arguments: str) -> bytes:
    program = shutil.which("git")
    verb, *rest = arguments
    if program is None or any(one.startswith("-") for one in rest[-2:]):
        raise SchemasError(
            "比较提交需要 git 和提交的名称", "comparing with a commit takes git"
        )
    done = subprocess.run(  # noqa: S603 - git, with a name that is no option
        [program, "-C", str(ROOT), verb, *rest], capture_output=True, check=False
    )
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip()
        raise SchemasError(f"git 读不出：{why}", f"git cannot read it: {why}")
    return done.stdout
