"""``zhitong kafka``: the embedded broker's nodes; what any broker is to have."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from zhitong.exceptions import BrokerUnavailableError, EmbeddedError, SettingsError
from zhitong.infra.broker import Broker, choose
from zhitong.infra.broker_access import administrator
from zhitong.infra.broker_authority import ends
from zhitong.infra.broker_node import Node
from zhitong.infra.broker_rotation import rotate_certificates, rotate_password
from zhitong.infra.broker_start import declared, make_password, start_broker
from zhitong.infra.commands import say
from zhitong.infra.settings import Settings
from zhitong.streams.cluster import Cluster, look, unled_groups
from zhitong.streams.declared import apply as make_equal
from zhitong.streams.declared import compare

Act = Callable[[Settings, argparse.Namespace], bool | None]
Verb = Callable[[str, str, Act], argparse.ArgumentParser]


def describe(verb: Verb) -> None:
    """Add what can be done with the broker."""
    up = verb(
        "up",
        "启动内置的 Kafka，建立主题、用户和授权"
        " start the embedded Kafka; topics, users, grants",
        lambda settings, given: start(settings, given.nodes),
    )
    up.add_argument(
        "--nodes", type=int, choices=(1, 3), help="新建时几个节点 how many, made anew"
    )
    verb("down", "停止它 stop it", lambda settings, _: stop(settings))
    verb("status", "各节点的状态 how each node is", lambda settings, _: show(settings))
    verb(
        "restart",
        "逐个重启节点，其余照常 restart node by node, the others go on",
        lambda settings, _: restart(settings),
    )
    for name, text in (
        ("kill", "断电式结束一个节点 end a node as a power cut would"),
        ("freeze", "冻结一个节点 halt a node"),
        ("thaw", "解冻一个节点 let a halted node go on"),
    ):
        one = verb(name, text, partial(_on_node, name))
        one.add_argument("node", metavar="节点", type=int, help="its number")
    applied = verb(
        "apply",
        "使主题、用户、授权与声明一致：先列出差异"
        " make topics, users, grants as declared: the difference first",
        lambda settings, given: apply(settings, dry=given.dry_run, sure=given.yes),
    )
    applied.add_argument("--dry-run", action="store_true", help="只列出 only say it")
    applied.add_argument("--yes", action="store_true", help="不再询问 do not ask")
    rotate = verb(
        "rotate",
        "更换：password 用户的密码，certificates 各节点的证书"
        " turn a user's password, or the nodes' certificates",
        _rotate,
    )
    rotate.add_argument("what", choices=("password", "certificates"), help="更换什么")
    rotate.add_argument("user", metavar="用户", nargs="?", default="", help="whose")
    rotate.add_argument("--because", metavar="原因", required=True, help="why")


def start(settings: Settings, nodes: int | None) -> None:
    """Start the embedded broker; what it is to have is made."""
    _own(settings)
    broker = Broker(settings.state)
    there = len(broker.nodes)
    if nodes is not None and broker.made and there != nodes:
        raise EmbeddedError(
            f"{broker.home} 有 {there} 个节点，不能改为 {nodes} 个，未作任何更改："
            "须另建，见 docs/kafka.md “换成三个节点”；不带 --nodes 则照旧启动",
            f"{broker.home} has {there} nodes, which cannot become {nodes}; nothing "
            "was changed: another is made beside it (docs/kafka.md, “From one node "
            "to three”); without --nodes it starts as it is",
        )
    started = start_broker(replace(settings, kafka_nodes=nodes or settings.kafka_nodes))
    say(f"{started.title}: {started.access.address}")
    if started.banner:
        say(started.banner.zh, started.banner.en)


def stop(settings: Settings) -> None:
    """Stop the embedded broker alone."""
    _own(settings)
    broker = Broker(settings.state)
    broker.stop()
    say(f"已停止 Stopped: {broker.title}")


def restart(settings: Settings) -> None:
    """Restart its nodes, one after the other."""
    _own(settings)
    Broker(settings.state, choose(settings)).roll()
    say("各节点已逐个重启 Every node was restarted, one after the other")


def show(settings: Settings) -> bool:
    """Print how each node is; say whether all is as it should be."""
    nodes = () if settings.kafka else Broker(settings.state).nodes
    states = {node.number: node.status() for node in nodes}
    try:
        admin = administrator(settings)
        found, unled = look(admin), unled_groups(admin)
    except (BrokerUnavailableError, SettingsError) as error:
        say(*(_node(node, states[node.number], None) for node in nodes))
        say(error.label.zh, f"  {error.label.en}")
        return False
    say(*(_node(node, states[node.number], found) for node in nodes))
    if not nodes:
        say(*(f"{number}  leads {n}" for number, n in sorted(found.leads.items())))
    say(
        f"控制器由节点 {found.quorum} 领导 controllers led by node {found.quorum}",
        f"分区 partitions {found.partitions}：缺副本 under-replicated {found.lacking}，"
        f"无主 leaderless {found.leaderless}，暂不接收 taking nothing {found.below}",
    )
    for share, node in sorted(unled.items()):
        say(
            f"第 {share} 份消费组无人协调，其消费组读不到消息；仍如此请重启节点 {node}",
            f"share {share} of the groups has no coordinator and its groups read "
            f"nothing; if it stays so, restart node {node}",
        )
    well = all(state == "running" for state in states.values())
    return well and not (found.lacking or found.leaderless or unled)


def apply(settings: Settings, *, dry: bool, sure: bool) -> bool:
    """Say how the broker differs from what is declared; make it equal if asked to."""
    admin = administrator(settings)
    config, retention, here = declared(settings, admin)
    found = compare(admin, config, retention, here)
    lines = tuple(found.lines())
    say(*lines, *found.notes())
    if not lines:
        say("与声明一致，无须更改 As declared, nothing to do")
        return True
    if dry:
        return False
    if not sure and not _agreed(len(lines)):
        say("未作更改 Nothing was changed: --yes")
        return False
    make_equal(admin, config, retention, partial(make_password, settings), found)
    say(f"已更改 Changed: {len(lines)}")
    return True


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"更改以上 {count} 项？Make these {count} changes? [y/N] ") == "y"


def _on_node(what: str, settings: Settings, given: argparse.Namespace) -> None:
    _own(settings)
    broker = Broker(settings.state)
    node = broker.node(given.node)
    node.running()
    act = {"kill": broker.kill, "freeze": broker.freeze, "thaw": broker.thaw}[what]
    act(node.number)
    say(f"{node.name}: {node.status()}")


def _rotate(settings: Settings, given: argparse.Namespace) -> None:
    if given.what == "password":
        say(*rotate_password(settings, given.user, given.because))
        return
    _own(settings)
    say(*rotate_certificates(settings, given.because))


def _node(node: Node, state: str, found: Cluster | None) -> str:
    until = ends(node.home)
    days = (until - datetime.now(UTC)).days if until else 0
    holds = f"  证书至 certificate until {until:%Y-%m-%d}（{days}）" if until else ""
    if until and days < 0:
        holds += " 已过期 EXPIRED: zhitong kafka rotate certificates --because …"
    if found is None:
        return f"{node.name}  {state:<8} {node.address}{holds}"
    fenced = "" if node.number in found.there else "  未被接纳 not let in"
    leads = f"领导 leads {found.leads.get(node.number, 0)}"
    return f"{node.name}  {state:<8} {node.address}  {leads}{fenced}{holds}"


def _own(settings: Settings) -> Sequence[Node]:
    """Give the embedded broker's nodes; raise where a city's own is used."""
    if settings.kafka:
        raise SettingsError(
            "已设置 ZHITONG_KAFKA：那个 Kafka 由其管理员启停、换证书",
            "ZHITONG_KAFKA is set: that Kafka is started, stopped and certified by its "
            "administrator",
        )
    return Broker(settings.state).nodes
