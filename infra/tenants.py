"""Whose a state folder is, and whose a file of rules.

Law is everybody's, a city's choices its own; keys are nobody else's.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from zhitong.exceptions import TenantError
from zhitong.infra.settings import TENANT, Settings

MARK = "tenant"
"""In a state folder: whose it is."""
EVERYBODY = "*"
Whose = Annotated[str, Meta(pattern=rf"^(\*|{TENANT})$")]
"""What a file of rules says of itself: a tenant, or ``*``."""


def claim_state(settings: Settings) -> None:
    """Write our name into the state folder; raise `TenantError` where another's stands.

    With its keys a cursor, a digest or a pseudonym of one would be good for the other.
    """
    mark = settings.state / MARK
    if not mark.exists():
        settings.state.mkdir(parents=True, exist_ok=True)
        draft = settings.state / f".{MARK}.{settings.tenant}.{os.getpid()}"
        draft.write_text(settings.tenant, encoding="utf-8")
        # Of two that come at once one is first, and the other reads its name.
        with suppress(FileExistsError):
            mark.hardlink_to(draft)
        draft.unlink()
    whose = mark.read_text(encoding="utf-8").strip()
    if whose != settings.tenant:
        raise TenantError(
            f"状态目录 {settings.state} 属于 {whose}，"
            f"而本进程服务于 {settings.tenant}："
            "各方各用自己的状态目录（ZHITONG_STATE）",
            f"the state folder {settings.state} is {whose}'s, and this process serves "
            f"{settings.tenant}: each tenant has one of its own (ZHITONG_STATE)",
        )


def refuse_foreign_rules(tenant: str, *paths: Path) -> None:
    """Raise `TenantError` where a file of rules is of another tenant than *tenant*.

    Of a folder each file is looked at.
    """
    for path in chain.from_iterable(map(_files, paths)):
        try:
            whose = tomllib.loads(path.read_text(encoding="utf-8")).get("tenant")
        except (OSError, ValueError):
            continue  # its own reader says what is wrong with it
        if whose not in {EVERYBODY, tenant}:
            raise TenantError(
                f"{path.name} 属于 {whose}，而本进程服务于 {tenant}（ZHITONG_TENANT）："
                "请换成自己的规则文件，适用于各方的写 *",
                f"{path.name} is {whose}'s, and this process serves {tenant} "
                "(ZHITONG_TENANT): name a file of its own; * is for all tenants",
            )


def _files(path: Path) -> Sequence[Path]:
    return sorted(path.glob("*.toml")) if path.is_dir() else [path]
