"""Data folders of embedded servers: made once by initdb, then copied."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from zhitong.exceptions import EmbeddedError
from zhitong.infra.postgres_account import Account
from zhitong.infra.server_log import advise, last_lines

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
_TRUST = ("--auth=trust", "--username=postgres", "--no-instructions")


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
