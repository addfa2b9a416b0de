"""What the commands that need the extra ``demo`` do: a city, a sample."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from zhitong.exceptions import BrokerUnavailableError, EmbeddedError
from zhitong.infra.broker_start import start_broker
from zhitong.infra.city_ledger import load_city_history
from zhitong.infra.city_load import BINDINGS, SOURCES, load_city
from zhitong.infra.commands import reload, say
from zhitong.infra.demo_bureau import demo_bureau
from zhitong.infra.embedded import databases, kept
from zhitong.infra.gateway import PLATFORM
from zhitong.infra.grants_view import changed
from zhitong.infra.note import find
from zhitong.infra.pg_commands import stand_by
from zhitong.infra.platform_database import claim
from zhitong.infra.receiver_keys import make_demo_keys
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.sample import BINDING as SAMPLE
from zhitong.infra.sample import load_power_list
from zhitong.infra.serving import note_path
from zhitong.infra.settings import SYNCHRONOUS, Settings

NAMES = (*SOURCES, PLATFORM)
_SHIPPED = f'tenant = "{Settings().tenant}"'
_LARGE: Mapping[str, str] = {"shared_buffers": "256MB"}


def up(settings: Settings, scale: str, *, standby: bool = False) -> None:
    """Start the servers, load the city, put the bindings where they are missing."""
    tuning = _LARGE if scale == "large" else None
    # Departments that joined later, as the demo's harbour, are bound and wanted too.
    names = dict.fromkeys((*NAMES, *kept(settings.state)))
    urls = databases(tuple(names), os.environ, settings.state, tuning)
    owner = claim(settings, urls[PLATFORM])
    summary = asyncio.run(load_city({name: urls[name] for name in SOURCES}, scale))
    history = asyncio.run(
        load_city_history(owner, settings.state, scale, tenant=settings.tenant)
    )
    if standby or settings.standby == SYNCHRONOUS:
        stand_by(settings)
    place_keys(settings)
    placed = [place(file, settings) for file in sorted(BINDINGS.glob("*.toml"))]
    loaded = "、".join(summary.loaded) or "—"
    say(
        "示范城市就绪 The city is up: "
        f"{summary.total:,} 行 rows, {summary.seconds:.1f} s",
        f"  新装入 loaded now: {loaded}",
        f"  平台之前的决定 decisions before the platform: {history.decisions:,}"
        f"（重复未计 left out as twice: {history.left_out:,}）",
        f"  绑定 bindings: {settings.bindings}（新放入 new: {sum(placed)}）",
        *_streams(settings),
        "下一步 Next: zhitong serve（另外两个窗口 in two other windows: "
        "zhitong seal，zhitong witness）",
    )


def _streams(settings: Settings) -> Iterator[str]:
    """Start the broker and say so; without one decisions wait in the outbox."""
    try:
        started = start_broker(settings)
    except (EmbeddedError, BrokerUnavailableError) as error:
        yield "  没有消息代理，决定登记后待发 no broker, decisions will wait:"
        yield f"    {error.label.zh}"
        yield f"    {error.label.en}"
        return
    yield f"  消息代理 broker: {started.title}, {started.access.address}"
    if started.banner:
        yield f"  注意 Note: {started.banner.zh}"
        yield f"    {started.banner.en}"
    if started.grants:
        yield from changed(started.grants)


def place_keys(settings: Settings) -> None:
    """Make keys of receivers and bureau that have none: all of the demo is here."""
    receivers = receivers_of(settings).receivers
    make_demo_keys(settings.state, [one.name for one in receivers])
    demo_bureau(settings)


def place(file: Path, settings: Settings, *, renew: bool = False) -> bool:
    """Copy a binding into the folder; one that is there stays, unless renewed."""
    target = settings.bindings / file.name
    if target.exists() and not renew:
        return False
    settings.bindings.mkdir(parents=True, exist_ok=True)
    # A reload meanwhile must meet the whole file or none.
    draft = target.with_suffix(".draft")
    text = file.read_text(encoding="utf-8")
    # The demonstration's departments are whose gateway this is.
    own = text.replace(_SHIPPED, f'tenant = "{settings.tenant}"', 1)
    draft.write_text(own, encoding="utf-8")
    draft.replace(target)
    return True


def sample(settings: Settings, file: Path) -> bool:
    """Load a published list of powers, bind it, and reload a running gateway."""
    name = SAMPLE.stem
    url = databases([name], os.environ, settings.state)[name]
    count = asyncio.run(load_power_list(file, url))
    place(SAMPLE, settings, renew=True)
    say(
        f"已装入 Loaded: {count} 个事项 items（临时编码 provisional codes）",
        "替换上一份清单；子项另存，不计入 It replaces the list before; sub-items are "
        "kept beside and not counted",
    )
    if find(note_path(settings)) is None:
        say("下一步 Next: zhitong serve")
        return True
    return reload(settings)
