"""Keys of our own: made at first use, in the state folder, readable by us alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from zhitong.exceptions import SettingsError


def secret(path: Path) -> bytes:
    """Read a key of ours, made at first use and readable by us alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


def passphrase(path: Path) -> str:
    """Read a password of ours, made at first use and readable by us alone."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private(path, secrets.token_hex(32))
    return path.read_text("ascii")


def private(path: Path, text: str) -> None:
    """Write *text* to *path*, whole or not at all, readable by us alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.rename(path)


def read_private(path: Path) -> str:
    """Read what somebody gave us alone; raise `SettingsError` if others may read it."""
    found = read_password(path)
    if path.stat().st_mode & 0o077:
        raise SettingsError(
            f"密码文件 {path} 别人也能读：请改为只有本用户可读（chmod 600）",
            f"others may read the password file {path}: let nobody but this user "
            "(chmod 600)",
        )
    return found


def read_password(path: Path) -> str:
    """Read a password somebody gave us; raise `SettingsError` without one."""
    try:
        found = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"读不到密码文件 {path}（{type(error).__name__}）：请放入该用户的密码",
            f"the password file {path} cannot be read ({type(error).__name__}): put "
            "that user's password there",
        ) from error
    if not found:
        raise SettingsError(
            f"密码文件 {path} 是空的：请放入该用户的密码",
            f"the password file {path} is empty: put that user's password there",
        )
    return found
