"""``zhitong receivers grants``: what is declared, and whether the broker agrees."""

from __future__ import annotations

from collections.abc import Iterator

from zhitong.exceptions import BrokerUnavailableError, SettingsError
from zhitong.infra.broker_access import administrator
from zhitong.infra.commands import say
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.settings import Settings
from zhitong.streams.access_lists import Applied, apply_grants
from zhitong.streams.grants import grants


def show(settings: Settings) -> bool:
    """Print the grants of our tenant; say whether the broker has them exactly."""
    config = receivers_of(settings)
    say(*("  ".join(grant) for grant in sorted(grants(config))))
    try:
        admin = administrator(settings)
        if not admin.user:
            say("这个消息代理没有授权 This broker has no grants: nobody is kept apart")
            return False
        found = apply_grants(admin, config, dry=True)
    except (BrokerUnavailableError, SettingsError) as error:
        say("未与消息代理核对 Not compared with the broker:", f"  {error.label.zh}")
        say(f"  {error.label.en}")
        return False
    lines = tuple(_differences(found))
    say(*lines or ("消息代理与此一致 The broker agrees",))
    return not lines


def changed(applied: Applied) -> Iterator[str]:
    """Say what was changed on the broker; nothing: it agreed."""
    if applied.added:
        yield f"  已新增授权 grants added: {len(applied.added)}"
    for line in applied.removed:
        yield f"  已取消多余的授权 surplus grant removed: {line}"
    yield from _wide(applied)


def _differences(found: Applied) -> Iterator[str]:
    for line in found.added:
        yield f"缺少 missing: {line}"
    for line in found.removed:
        yield f"多余 surplus: {line}"
    yield from _wide(found)


def _wide(found: Applied) -> Iterator[str]:
    for line in found.wide:
        yield (
            "  注意：他人的授权也及于我们的主题，请其管理员收回 "
            f"Note: another's grant reaches ours, have it ended: {line}"
        )
