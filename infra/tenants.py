"""Files of rules say whose they are: law is everybody's, a city's choices its own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from zhitong.exceptions import TenantError
from zhitong.infra.settings import TENANT

EVERYBODY = "*"
Whose = Annotated[str, Meta(pattern=rf"^(\*|{TENANT})$")]
"""What a file of rules says of itself: a tenant, or ``*``."""


def refuse_foreign_rules(tenant: str, *paths: Path) -> None:
    """Raise `TenantError` where a file of rules is of another tenant than *tenant*."""
    for path in paths:
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
