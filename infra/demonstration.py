"""``zhitong demo``: a whole city on this machine, shown and checked step by step."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from zhitong.exceptions import EmbeddedError, SettingsError, ZhitongError
from zhitong.infra.broker import Broker
from zhitong.infra.broker_start import start_broker
from zhitong.infra.city_commands import NAMES, place, place_keys
from zhitong.infra.city_ledger import load_city_history
from zhitong.infra.city_load import BINDINGS, SOURCES, load_city
from zhitong.infra.client import Client
from zhitong.infra.commands import DEMONSTRATION
from zhitong.infra.consuming import database_name
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.demonstration_decisions import RECEIVERS, DecisionSteps
from zhitong.infra.demonstration_proof import ProofSteps
from zhitong.infra.demonstration_steps import FROZEN, JOINING, StepError, Steps
from zhitong.infra.demonstration_view import View
from zhitong.infra.embedded import Cluster, address, databases, kept, variable
from zhitong.infra.gateway import PLATFORM
from zhitong.infra.note import Note, find, noted
from zhitong.infra.platform_database import claim
from zhitong.infra.serving import note_path, stop
from zhitong.infra.settings import Settings
from zhitong.infra.workers import stop_workers, workers
from zhitong.rules.freshness import Standing
from zhitong.types import Label

_START_SECONDS = 60.0
_END_SECONDS = 20.0
_PAUSE = 0.1
_DECIDING_SECONDS = 4.0


def demonstrate(settings: Settings, *, once: bool) -> bool:
    """Show everything; say whether every step held. Nothing runs on afterwards."""
    signal.signal(signal.SIGTERM, _interrupted)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        signal.signal(signal.SIGHUP, _interrupted)
    view = View()
    mine = Note(pid=os.getpid(), url="zhitong demo")
    held = False
    with noted(settings.state / DEMONSTRATION, mine), ExitStack() as stack:
        stack.callback(_stop_servers, settings, view)
        try:
            started = time.monotonic()
            steps = Steps(
                settings=settings, view=view, url=_city(settings, view, stack)
            )
            decisions = DecisionSteps(steps=steps, databases=_receivers(settings))
            held = _held(steps, decisions, ProofSteps(steps=steps))
            seconds = time.monotonic() - started
            if held:
                view.step("全部步骤核验通过", f"Every step held: {seconds:.0f} s")
            if held and not once:
                _stay(steps, decisions)
        except KeyboardInterrupt:
            view.say("正在停止……", "stopping …")
    return held


def _held(steps: Steps, decisions: DecisionSteps, proof: ProofSteps) -> bool:
    try:
        steps.run()
        decisions.run()
        proof.run()
    except StepError:
        return False
    except ZhitongError as error:
        steps.view.bad(Label("这一步出错", "this step failed"), "—", str(error))
        return False
    return True


def _city(settings: Settings, view: View, stack: ExitStack) -> str:
    """Bring up the servers, the city and the gateway; give the gateway's address."""
    if os.environ.get(variable(FROZEN)):
        raise SettingsError(
            f"演示需要冻结 {FROZEN} 的数据库，请不要设置 {variable(FROZEN)}",
            f"the demonstration freezes the database of {FROZEN}: "
            f"unset {variable(FROZEN)}",
        )
    view.step(
        "启动示范城市：七个部门的数据库、平台、网关、Kafka、两个接收方",
        "Starting the demo city: seven departments, the gateway, Kafka, two receivers",
    )
    # An earlier demonstration that was killed has left its processes behind.
    if [*stop_workers(settings), *filter(None, [stop(settings)])]:
        view.say("先前的进程已停止", "the processes that still ran have been stopped")
    urls = databases(
        (*NAMES, *map(database_name, RECEIVERS)), os.environ, settings.state
    )
    owner = claim(settings, urls[PLATFORM])
    summary = asyncio.run(load_city({name: urls[name] for name in SOURCES}, "small"))
    for file in BINDINGS.glob("*.toml"):
        place(file, settings, renew=True)
    (settings.bindings / f"{JOINING}.toml").unlink(missing_ok=True)
    view.say(
        f"{len(SOURCES)} 个部门，{summary.total:,} 行数据（虚构）",
        f"{len(SOURCES)} departments, {summary.total:,} rows (all invented)",
    )
    history = asyncio.run(
        load_city_history(owner, settings.state, "small", tenant=settings.tenant)
    )
    view.say(
        f"台账中有平台启用之前的决定 {history.decisions:,} 件，不再推送",
        f"{history.decisions:,} decisions from before the platform are in the ledger",
    )
    place_keys(settings)
    started = start_broker(settings)
    view.say(f"消息代理 {started.title} {started.access.address}", "the broker")
    if started.banner:
        view.say(started.banner.zh, started.banner.en)
    url = stack.enter_context(_gateway(settings))
    view.say(f"网关 {url}", "the gateway, a process of its own")
    names = [["relay"], ["seal"], ["witness"]]
    names += [["consume", name] for name in RECEIVERS]
    for words in names:
        stack.enter_context(_beside(settings, "-".join(words), words))
    _await_workers(settings, len(names))
    _await_word(url)
    view.say(
        "中继、封存、见证和两个接收方",
        "a relay, the sealer, a witness and two receivers, each a process of its own",
    )
    return url


def _receivers(settings: Settings) -> Mapping[str, str]:
    look_up = address(settings.state, os.environ)
    return {name: look_up(database_name(name)) or "" for name in RECEIVERS}


@contextmanager
def _gateway(settings: Settings) -> Iterator[str]:
    """Run ``zhitong serve`` beside us, and give its address."""
    words = ["serve", "--port", str(_free_port(settings))]
    with _beside(settings, "gateway", words) as process:
        yield _await_ready(settings, process)


@contextmanager
def _beside(
    settings: Settings, name: str, said: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of our own commands beside us, its log under *name*."""
    log = settings.state / "log" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "zhitong.infra.cli", *said]
    words += ["--state", str(settings.state)]
    with log.open("wb") as file:
        # Its own session: Ctrl-C is ours to handle.
        process = subprocess.Popen(  # noqa: S603 - our own program
            words,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(settings: Settings, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        found = find(note_path(settings))
        if found and found.pid == process.pid:
            return found.url
        time.sleep(_PAUSE)
    log = settings.state / "log" / "gateway.log"
    tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-12:])
    raise EmbeddedError(
        f"网关没有启动（日志：{log}）\n{tail}\n",
        f"the gateway did not start (log: {log})",
    )


def _await_workers(settings: Settings, count: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while len(workers(settings)) < count and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def _await_word(url: str) -> None:
    """Wait until the witness has given its word: after days of rest data is held."""
    gateway = Client(url=url)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        proof = gateway.ready().body.get("evidence")
        if isinstance(proof, Mapping) and proof["state"] != Standing.CLOSED:
            return
        time.sleep(_PAUSE)


def _free_port(settings: Settings) -> int:
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError:
        return 0
    return settings.port


def _stay(steps: Steps, decisions: DecisionSteps) -> None:
    """Say where to go on, and stay up until Ctrl-C; the bureau goes on deciding."""
    url = steps.url
    watcher = steps.client("supervisor").token
    steps.view.addresses(
        [
            ("查询界面 explorer", f"{url}/explorer/"),
            ("查询接口 GraphQL", f"{url}/graphql"),
            ("公示页面 public", f"{url}/public/"),
            ("运行状态 state", f"{url}/ready"),
            ("其他身份 other people", f"{_command()} token {_people()}"),
            ("停止 to stop", "Ctrl-C"),
            ("清除 to remove all", "make clean-demo"),
        ]
    )
    steps.view.whole(
        "民警令牌，可粘贴到查询界面：",
        "a police officer's token, to paste:",
        steps.client("police").token,
    )
    steps.view.whole(
        "实时页面，以司法局的身份打开；应急管理局每隔几秒登记一件处罚：",
        "the live page, as the justice bureau; a penalty comes every few seconds:",
        f"{url}/live#token={watcher}",
    )
    for case in itertools.cycle(list(decisions.open_cases())):
        decisions.record(case)
        time.sleep(_DECIDING_SECONDS)


def _command() -> str:
    """Name this command as it was called, where it was called by its name."""
    called = sys.argv[0]
    return called if Path(called).name == "zhitong" else "zhitong"


def _people() -> str:
    return "|".join(DEMO_PRINCIPALS)


def _stop_servers(settings: Settings, view: View) -> None:
    # A second Ctrl-C must not leave half of them running.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    names = kept(settings.state)
    if names:
        Cluster(settings.state, names).stop()
    Broker(settings.state).stop()
    view.say("全部进程已停止", "every process has stopped")


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
