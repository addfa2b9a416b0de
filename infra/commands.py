"""What the commands of every gateway do: look, ask, reload, check, take down."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import orjson

from zhitong.connectors.binding import Binding
from zhitong.connectors.binding_file import read_folder
from zhitong.connectors.postgresql import PostgreSQLSource
from zhitong.exceptions import BindingError, SettingsError, SourceError
from zhitong.infra.broker import Broker
from zhitong.infra.client import Reply
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, KEY
from zhitong.infra.embedded import Cluster, address, clean, kept
from zhitong.infra.evidence_line import log_line
from zhitong.infra.note import find
from zhitong.infra.registry import differences, refuse_foreign
from zhitong.infra.serving import STATES, client, demo_issuer, note_path, stop
from zhitong.infra.settings import Settings
from zhitong.infra.workers import stop_workers, workers
from zhitong.schema.entities import ENTITIES
from zhitong.types import Occasion

DEMONSTRATION = "demo.json"
"""The note of a demonstration that runs."""


def say(*lines: str) -> None:
    """Print *lines* at once, also into a pipe."""
    if not lines:
        return
    print("\n".join(lines), flush=True)  # noqa: T201 - the command line's voice


def down(settings: Settings) -> None:
    """Stop the gateway, the workers and every server of the state folder."""
    stopped = stop(settings)
    ended = stop_workers(settings)
    broker = Broker(settings.state)
    if broker.status() != "stopped":
        ended = (*ended, broker.title)
        broker.stop()
    names = kept(settings.state)
    if names:
        Cluster(settings.state, names).stop()
    say(
        f"已停止 Stopped: {'网关 gateway, ' if stopped else ''}"
        f"{''.join(f'{name}, ' for name in ended)}{len(names)} 个数据库 databases"
    )


def remove(settings: Settings) -> None:
    """Stop everything and remove the state folder; not under a demonstration."""
    showing = find(settings.state / DEMONSTRATION)
    if showing is not None:
        raise SettingsError(
            f"演示正在使用 {settings.state}（进程 {showing.pid}），请先按 Ctrl-C 结束",
            f"a demonstration uses {settings.state} (process {showing.pid}); "
            "end it with Ctrl-C first",
        )
    stop(settings)
    stop_workers(settings)
    clean(settings.state)
    say(f"已清除 Removed: {settings.state}")


def status(settings: Settings) -> None:
    """Say how the servers, the gateway and its sources are."""
    names = kept(settings.state)
    servers = Cluster(settings.state, names).status() if names else {}
    say(
        "数据库 Databases:",
        *(f"  {name:<12} {state}" for name, state in servers.items()),
    )
    broker = Broker(settings.state)
    if settings.kafka:
        say(f"消息代理 Broker: {settings.kafka}（ZHITONG_KAFKA）")
    elif address := broker.address():
        say(f"消息代理 Broker: {broker.title}, {address}, {broker.status()}")
    say(*(f"进程 Worker: {each.name}（pid {each.pid}）" for each in workers(settings)))
    say(asyncio.run(log_line(settings)))
    found = find(note_path(settings))
    if found is None:
        say("网关未运行 The gateway does not run: zhitong serve")
        return
    body = client(settings, DEMO_PRINCIPALS["operator"]).ready().body
    say(
        f"网关 The gateway: {found.url}（pid {found.pid}）",
        *_proof(body),
        *_kept(body),
        *_states(_seen(body, servers)),
    )


def _proof(body: Mapping[str, object]) -> Sequence[str]:
    """Say how long a word of the witnesses is overdue, and what is to come."""
    found = body.get("evidence")
    if not isinstance(found, Mapping):
        return ()
    closes = found.get("closes")
    ends = (
        f"，停止提供受保护数据 protected data is held from {closes}" if closes else ""
    )
    late = found.get("overdueSeconds")
    return (f"见证 Proof: {found.get('state')}，见证逾期 overdue {late} s{ends}",)


def _kept(body: Mapping[str, object]) -> Sequence[str]:
    """Say how many looks wait on the gateway's disk, if any does, and since when."""
    found = body.get("spool")
    if not isinstance(found, Mapping) or not found.get("bytes"):
        return ()
    many, oldest = found["bytes"], found.get("oldest")
    return (f"待补登的调阅 Looks kept on disk: {many} B，最早 oldest {oldest}",)


def token(settings: Settings, kind: str, hours: float) -> None:
    """Print a token of the demo's issuer."""
    if hours <= 0:
        raise SettingsError("有效小时数必须大于 0", "the hours must be more than 0")
    if not (settings.state / KEY).exists():
        raise SettingsError(
            f"{settings.state.resolve()} 中没有示范城市，请先在那里执行 zhitong up",
            f"there is no demo city in {settings.state.resolve()}; "
            "run zhitong up there first",
        )
    issuer = demo_issuer(settings)
    say(issuer.issue(DEMO_PRINCIPALS[kind], timedelta(hours=hours)))


def reload(settings: Settings) -> bool:
    """Have the running gateway read its bindings again; say whether all were taken."""
    reply = client(settings, DEMO_PRINCIPALS["operator"]).reload()
    if not reply.good:
        say("有绑定被拒绝，其余照常 Some bindings were refused, the rest stands:")
        say(*(f"  {message}" for message in messages(reply)))
        return False
    loaded = reply.body.get("loaded")
    names = [str(name) for name in loaded] if isinstance(loaded, list) else []
    say(f"已加载 Loaded: {', '.join(names)}", *_states(reply.body))
    findings = reply.body.get("findings")
    found = [str(each) for each in findings] if isinstance(findings, list) else []
    say(*(f"与数据库不符 differs: {each}" for each in found))
    return not found


def check_bindings(settings: Settings, folder: Path | None) -> bool:
    """Check the files, and against the live databases where those have addresses."""
    where = folder or settings.bindings
    if not where.is_dir():
        raise SettingsError(
            f"没有目录 {where}：请先执行 zhitong up，或写明绑定所在目录",
            f"there is no folder {where}: run zhitong up, or name the bindings' folder",
        )
    bindings, errors = read_folder(where, ENTITIES)
    look_up = address(settings.state, os.environ)
    faults = [str(error) for error in errors]
    for name, binding in bindings.items():
        try:
            refuse_foreign(binding, settings.tenant)
        except BindingError as error:
            faults.append(str(error))
            continue
        database = binding.database or name
        url = database if "://" in database else look_up(database)
        if url is None:
            say(f"  {name:<12} 形式无误，无数据库可对照 form is right, no database")
            continue
        found = asyncio.run(_differences(where / f"{name}.toml", binding, url))
        faults += found
        say(f"  {name:<12} {'与数据库不符 differs' if found else '无误 right'}")
    say(*(f"错误 wrong: {fault}" for fault in faults))
    return not faults


async def _differences(path: Path, binding: Binding, url: str) -> list[str]:
    source = PostgreSQLSource(binding, ENTITIES, url)
    try:
        await source.inspect()
    except SourceError as error:
        because = f" ({error.__cause__})" if error.__cause__ else ""
        return [f"{path.name}: {error}{because}"]
    finally:
        await source.close()
    return differences(path, source.drifts)


def ask(
    settings: Settings, kind: str, occasion: Occasion, file: str, variables: str = ""
) -> bool:
    """Ask the running gateway what *file* says; print the answer."""
    reply = client(settings, DEMO_PRINCIPALS[kind]).ask(
        _text(file), occasion, variables=_variables(variables)
    )
    said = orjson.dumps(
        reply.body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )
    sys.stdout.write(said.decode())
    return reply.good


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"读不了文件 {file}：{error}",
            f"cannot read the file {file}: {error}",
        ) from error


def _variables(file: str) -> Mapping[str, object]:
    if not file:
        return {}
    try:
        found = orjson.loads(_text(file))
    except orjson.JSONDecodeError as error:
        raise SettingsError(
            f"变量文件 {file} 不是 JSON（第 {error.lineno} 行）",
            f"the variables' file {file} is no JSON (line {error.lineno})",
        ) from error
    if not isinstance(found, dict):
        raise SettingsError(
            f'变量文件 {file} 应为一个 JSON 对象，如 {{"id": "…"}}',
            f'the variables\' file {file} must be a JSON object, as {{"id": "…"}}',
        )
    return found


def messages(reply: Reply) -> Sequence[str]:
    """Collect the texts of a reply's errors."""
    errors = reply.body.get("errors")
    found = errors if isinstance(errors, list) else []
    return [f"{each['extensions']['code']} {each['message']}" for each in found]


def _seen(
    body: Mapping[str, object], servers: Mapping[str, str]
) -> Mapping[str, object]:
    """Give the gateway's report, sources whose server is halted taken for away."""
    states = body.get("sources")
    # A gateway learns it from the next question, which nobody may have asked yet.
    halted = {name for name, state in servers.items() if state == "frozen"}
    found = states if isinstance(states, Mapping) else {}
    return {
        "sources": {
            name: "away" if name in halted else state for name, state in found.items()
        }
    }


def _states(body: Mapping[str, object]) -> Sequence[str]:
    states = body.get("sources")
    found = states if isinstance(states, Mapping) else {}
    return [f"  {name:<12} {STATES.get(state, state)}" for name, state in found.items()]
