"""New passwords and certificates of the broker, while it works.

A password's file is written first: who comes anew reads it, and is let in a moment
later. If all ends in between, ``zhitong kafka apply`` finds that it differs.
"""

from __future__ import annotations

import asyncio
import getpass
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from zhitong.connectors.access_log import open_pool
from zhitong.connectors.deeds import PlatformDeeds
from zhitong.evidence import Deed, DeedKind
from zhitong.exceptions import BrokerUnavailableError, SettingsError
from zhitong.infra.broker import Broker, choose
from zhitong.infra.broker_access import administrator, password_folder
from zhitong.infra.broker_authority import certify, ends
from zhitong.infra.platform_database import own_platform
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.secret import private
from zhitong.infra.settings import Settings
from zhitong.streams import names
from zhitong.streams.access_lists import change_users
from zhitong.streams.grants import users
from zhitong.streams.kafka_client import Access, enters

_WITHIN = 5.0
"""How long a node that may be down is waited for."""


def rotate_password(settings: Settings, user: str, because: str) -> Sequence[str]:
    """Give *user* another password; say what is to be done with it."""
    name = _known(settings, user)
    admin = administrator(settings)
    if not admin.mechanism.startswith("SCRAM") or not admin.user:
        raise SettingsError(
            "该消息代理的密码不由本平台管理", "this broker's passwords are not ours"
        )
    asyncio.run(_note(settings, "rotate-password", name, because))
    file = password_folder(settings) / name
    before = file.read_text("utf-8") if file.exists() else ""
    password = secrets.token_hex(32)
    private(file, password)
    try:
        change_users(admin, {name: password})
    except BrokerUnavailableError:
        if before:
            private(file, before)
        raise
    entry = replace(admin, user=name, password=password)
    if not settings.kafka:
        Broker(settings.state).passwords([name])
    _await(entry)
    return (
        f"密码已更换 The password is turned: {name}",
        f"  文件 file: {file}",
        "  已有的连接继续有效；要立即断开，执行 zhitong kafka restart",
        "  Connections that are there go on; zhitong kafka restart ends them",
        "  接收方在别处的，请把新密码交给它",
        "  Where the receiver is elsewhere, give it the new password",
    )


def rotate_certificates(settings: Settings, because: str) -> Sequence[str]:
    """Give every node another certificate, and restart them one by one.

    What has expired comes first. Where that is most of them they take each other no
    more: then all stop, and all start.
    """
    broker = Broker(settings.state, choose(settings))
    nodes = [node for node in broker.nodes if node.home.exists()]
    if not nodes or not broker.keeps:
        raise SettingsError(
            "这里没有内置的 Kafka", "there is no embedded Kafka of nodes here"
        )
    asyncio.run(_note(settings, "rotate-certificates", "kafka", because))
    now = datetime.now(UTC)
    expired = [node.number for node in nodes if (ends(node.home) or now) <= now]
    stopped = broker.status() == "stopped"
    for node in nodes:
        certify(broker.home, node.home)
    if not stopped:
        most = 2 * len(expired) > len(nodes)
        _ = broker.restart() if most else broker.roll(expired)
    until = min(found for node in nodes if (found := ends(node.home)))
    return (f"证书已更换 The certificates are turned: 至 until {until:%Y-%m-%d}",)


async def _note(settings: Settings, action: str, target: str, because: str) -> None:
    if not because.strip():
        raise SettingsError("请用 --because 写明原因", "say why with --because")
    pool = await open_pool(await own_platform(settings))
    try:
        await PlatformDeeds(pool).note(
            Deed(
                kind=DeedKind.KEY,
                who=getpass.getuser(),
                action=action,
                target=target,
                reason=because.strip(),
            )
        )
    finally:
        pool.terminate()


def _known(settings: Settings, user: str) -> str:
    """Give the whole name of *user*; raise `SettingsError` where nobody has it."""
    config = receivers_of(settings)
    known = (*users(config), names.ADMIN)
    for name in known:
        if user in {name, name.removeprefix(names.user(settings.tenant, ""))}:
            return name
    raise SettingsError(
        f"没有用户 {user}，有 {'、'.join(known)}",
        f"there is no user {user}, only {', '.join(known)}",
    )


def _await(entry: Access) -> None:
    """Wait until every node takes it: the controller answers before they know."""
    for address in entry.address.split(","):
        deadline = time.monotonic() + _WITHIN
        alone = replace(entry, address=address)
        while not enters(alone, 1.0) and time.monotonic() < deadline:
            pass
