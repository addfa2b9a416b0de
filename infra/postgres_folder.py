"""Data folders of embedded servers: made once by initdb, then copied."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zhitong.exceptions import EmbeddedError
from zhitong.infra.postgres_account import Account
from zhitong.infra.secret import private
from zhitong.infra.server_log import advise, last_lines

SUPERUSER = "postgres"
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
_ACCESS = (
    "--auth=scram-sha-256",
    f"--username={SUPERUSER}",
    "--no-instructions",
    # What makes guessed passwords dear; ours are drawn, and no guess finds them.
    "--set=scram_iterations=1",
)


def make_template(
    folder: Path, programs: Path, account: Account, password: str
) -> Path:
    """Make the data folder that all others are copies of, if there is none.

    *password* is that of its superuser, and so of all that are copied from it.
    """
    template = folder / ".template"
    if not template.exists():
        made = _fresh(folder / ".template.made")
        initdb = (str(programs / "bin/initdb"), "-D", str(made))
        with _told(folder, account, password) as file:
            run(account, *initdb, *_LOCALE, *_ACCESS, f"--pwfile={file}")
        made.rename(template)
    return template


@contextmanager
def _told(folder: Path, account: Account, password: str) -> Iterator[Path]:
    """Put *password* where the account can read it, and nobody else, for a moment."""
    file = folder / ".password"
    private(file, password)
    try:
        os.chown(file, account.user, account.group)
        yield file
    finally:
        file.unlink()


def make_data(data: Path, programs: Path, account: Account, password: str) -> None:
    """Make the folder *data*; it has this name only once it is whole."""
    if data.exists():
        return
    template = make_template(data.parent, programs, account, password)
    made = _fresh(data.with_name(f".{data.name}.made"))
    run(account, "cp", "-R", str(template), str(made))
    run(account, str(programs / "bin/initdb"), "--sync-only", "-D", str(made))
    made.rename(data)


def _fresh(made: Path) -> Path:
    """Remove what an interrupted attempt has left at *made*."""
    if made.exists():
        shutil.rmtree(made)
    return made


def run(account: Account, *words: str, secret: str = "") -> str:
    """Run one of PostgreSQL's programs to its end; give what it said.

    *secret* is the password it connects with.
    """
    done = subprocess.run(  # noqa: S603 - our own programs on our own folders
        (*account.prefix, *words),
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        env={**ENVIRONMENT, **({"PGPASSWORD": secret} if secret else {})},
        cwd="/",
    )
    if done.returncode:
        tool = Path(words[0]).name
        advice = advise(done.stderr)
        raise EmbeddedError(
            f"{tool} 失败：{advice.zh}\n{last_lines(done.stderr)}\n",
            f"{tool} failed: {advice.en}",
        )
    return done.stderr + done.stdout
