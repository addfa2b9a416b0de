"""Data folders of embedded servers: made once by initdb, then copied."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from zhitong.exceptions import EmbeddedError
from zhitong.infra.postgres_account import Account
from zhitong.types import Label

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
# Sorting by code point, as Python does, lets pages of several sources be merged;
# under ctype C pg_trgm would find no letter in a Chinese name.
_LOCALE = (
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--lc-collate=C",
    "--lc-ctype=C.UTF-8",
    "--lc-messages=C",
)
_TAIL_LINES = 12
_TRUST = ("--auth=trust", "--username=postgres", "--no-instructions")
_ADVICE = {
    "No space left on device": Label(
        "磁盘已满：请腾出空间后再启动", "the disk is full: free some space, start again"
    ),
    "incompatible with server": Label(
        "数据属于另一个 PostgreSQL 版本：请执行 make clean-demo 重建",
        "the data is of another PostgreSQL version: make clean-demo, then start anew",
    ),
    "wrong ownership": Label(
        "数据目录属于其他用户：请以该用户或 root 运行",
        "the data folder belongs to another user: run as that user or as root",
    ),
    "could not look up effective user": Label(
        "当前用户不在 /etc/passwd 中：请添加，或换一个用户运行",
        "the user has no line in /etc/passwd: add one, or run as another user",
    ),
    "pre-existing shared memory block": Label(
        "被强制结束的服务器仍有查询在运行：请稍后再启动",
        "a query of the killed server still runs: start again in a while",
    ),
    "Address already in use": Label(
        "端口被占用：请再启动一次", "the port was taken: start again"
    ),
}
_OTHERWISE = Label(
    "请查看日志；若数据可以丢弃，执行 make clean-demo 后重新启动",
    "read the log; if the data may go, run make clean-demo and start anew",
)


def make_template(folder: Path, programs: Path, account: Account) -> Path:
    """Make the data folder that all others are copies of, if there is none."""
    template = folder / ".template"
    if not template.exists():
        made = _fresh(folder / ".template.made")
        initdb = (str(programs / "bin/initdb"), "-D", str(made))
        _run(account, *initdb, *_LOCALE, *_TRUST)
        made.rename(template)
    return template


def make_data(data: Path, programs: Path, account: Account) -> None:
    """Make the folder *data*; it has this name only once it is whole."""
    if data.exists():
        return
    template = make_template(data.parent, programs, account)
    made = _fresh(data.with_name(f".{data.name}.made"))
    _run(account, "cp", "-R", str(template), str(made))
    _run(account, str(programs / "bin/initdb"), "--sync-only", "-D", str(made))
    made.rename(data)


def failure(name: str, log: Path, tail: str) -> EmbeddedError:
    """Say that *name* did not start, what its log says last, and what to do."""
    advice = advise(tail)
    return EmbeddedError(
        f"{name} 无法启动：{advice.zh}（日志：{log}）\n{tail}\n",
        f"{name} did not start: {advice.en} (log: {log})",
    )


def last_lines(text: str) -> str:
    """Keep what a person reads of a long log: its end."""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])


def advise(tail: str) -> Label:
    """Say what to do about the last lines of a log."""
    for sign, advice in _ADVICE.items():
        if sign in tail:
            return advice
    return _OTHERWISE


def _fresh(made: Path) -> Path:
    """Remove what an interrupted attempt has left at *made*."""
    if made.exists():
        shutil.rmtree(made)
    return made


def _run(account: Account, *words: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own programs on our own folders
        (*account.prefix, *words),
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        env=ENVIRONMENT,
        cwd="/",
    )
    if done.returncode:
        tool = Path(words[0]).name
        advice = advise(done.stderr)
        raise EmbeddedError(
            f"{tool} 失败：{advice.zh}\n{last_lines(done.stderr)}\n",
            f"{tool} failed: {advice.en}",
        )
