"""The command line: ``zhitong`` and what it can be told to do."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from zhitong.connectors.key_ring import PURPOSES
from zhitong.connectors.signers import ECDSA, SM2
from zhitong.connectors.trusted_documents import Trusted
from zhitong.exceptions import SettingsError, ZhitongError
from zhitong.infra import (
    access_commands,
    audit_commands,
    bureau_signing,
    capture_commands,
    catalogue_commands,
    catalogue_quality,
    clock_commands,
    commands,
    conforming,
    documents_admin,
    erasing,
    grants_view,
    inbound_admin,
    kafka_commands,
    keys_admin,
    parked_admin,
    pg_commands,
    policy_view,
    publicity_commands,
    receipt_check,
    receivers_admin,
    reconcile_commands,
    replay_commands,
    rules_commands,
    schemas_commands,
    sent_admin,
    witnessing,
    work_commands,
)
from zhitong.infra.city import SCALES
from zhitong.infra.consuming import NAMES as RECEIVERS
from zhitong.infra.consuming import consume
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.platform_database import migrate_platform
from zhitong.infra.receivers_file import receivers_of
from zhitong.infra.receiving import receive
from zhitong.infra.relaying import relay
from zhitong.infra.sealing_process import seal
from zhitong.infra.serving import serve
from zhitong.infra.settings import Settings, from_environment
from zhitong.requesters import KINDS
from zhitong.schema.graph import federated_sdl, sdl
from zhitong.streams.asyncapi import asyncapi
from zhitong.types import Occasion

FAULT = 2
"""The exit code of what the user can put right; 1 is a check that did not hold."""

ACTION = ("动作 actions", "动作")
"""How what can be done with the things of a command is headed."""

Act = Callable[[Settings, argparse.Namespace], bool | None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says, and exit with 0, 1 or 2."""
    _speak_chinese()
    given = parser().parse_args(arguments)
    act: Act = given.act
    try:
        done = act(_settings(given), given)
    except ZhitongError as error:
        sys.stderr.write(f"{error.code}: {error.label.zh}\n  {error.label.en}\n")
        sys.exit(FAULT)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader has gone, as `| head` does; Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(1 if done is False else 0)


def parser() -> argparse.ArgumentParser:
    """Describe every command."""
    top = argparse.ArgumentParser(
        prog="zhitong",
        description="执通：一次查询，贯通全市各部门的行政执法数据。"
        " One question over the enforcement data of a city's departments.",
    )
    _shared(top, None)
    command = _verbs(top, "命令 commands", "…")
    _city(command)
    _gateway(command)
    _streams(command)
    pg_commands.describe(
        _verbs(
            command(
                "pg",
                "平台数据库：备机、接替、备份 the platform's database: standby, backup",
                pg_commands.show,
            ),
            *ACTION,
        )
    )
    _keys(command)
    _decision(command)
    _receipt(command)
    _documents(command)
    _catalogue(command)
    _policy(command)
    rules = command(
        "rules",
        "规则：核对文件，说明一件决定所用的 rules: check files; explain a decision",
        rules_commands.check,
    )
    rules_commands.describe(_verbs(rules, *ACTION))
    timed = command(
        "clocks",
        "时钟：按期、逾期、将到期的职责 clocks: duties in time, late and due soon",
        clock_commands.report,
    )
    clock_commands.describe(_verbs(timed, *ACTION))
    published = command(
        "publicity",
        "公示：各渠道应否公示、公示与否 publicity: who shows what, and whether in time",
        publicity_commands.report,
    )
    publicity_commands.describe(_verbs(published, *ACTION))
    _scenario(command)
    _questions(command)
    _witness(command)
    access = command(
        "access",
        "调阅登记：值得留意的查阅 the access register: looks that deserve attention",
        access_commands.find_unusual,
    )
    access_commands.describe(_verbs(access, *ACTION))
    audit = command(
        "audit",
        "存证：核验、导出 the log: verify it, export evidence",
        audit_commands.verify,
    )
    audit_commands.describe(_verbs(audit, *ACTION))
    return top


Command = Callable[[str, str, Act], argparse.ArgumentParser]


def _verbs(parent: argparse.ArgumentParser, title: str, metavar: str) -> Command:
    """Give what adds a command below *parent*: its name, its text, what it does."""
    added = parent.add_subparsers(title=title, metavar=metavar, required=True)

    def add(name: str, text: str, act: Act) -> argparse.ArgumentParser:
        one = added.add_parser(name, help=text, description=text)
        _shared(one, argparse.SUPPRESS)
        one.set_defaults(act=act)
        return one

    return add


def _shared(one: argparse.ArgumentParser, default: str | None) -> None:
    one.add_argument(
        "--state",
        metavar="目录",
        type=Path,
        default=default,
        help="状态目录 the state folder (ZHITONG_STATE)",
    )


def _city(command: Command) -> None:
    up = command(
        "up",
        "启动示范城市的数据库并装入数据 start the city's databases, load its data",
        lambda settings, given: _demo("city_commands").up(
            settings, given.scale, standby=given.standby
        ),
    )
    up.add_argument(
        "--standby",
        action="store_true",
        help="平台数据库带同步备机 with a standby of the platform's database",
    )
    up.add_argument(
        "--scale", choices=list(SCALES), default="small", help="规模 how large a city"
    )
    command(
        "down",
        "停止网关和数据库 stop the gateway and the databases",
        lambda settings, _: commands.down(settings),
    )
    command(
        "status",
        "查看运行状态 say what runs",
        lambda settings, _: commands.status(settings),
    )
    command(
        "clean",
        "停止并删除状态目录 stop all and remove the state folder",
        lambda settings, _: commands.remove(settings),
    )
    sample = command(
        "sample",
        "把公开的权责清单装入为一个部门的数据表"
        " load a published list of powers as a department's table",
        lambda settings, given: _demo("city_commands").sample(settings, given.file),
    )
    sample.add_argument("file", metavar="文件", type=Path, help=".xls .xlsx .ods")
    demo = command(
        "demo",
        "逐步演示 the demonstration, step by step",
        lambda settings, given: _demo("demonstration").demonstrate(
            settings, once=given.once
        ),
    )
    demo.add_argument(
        "--once",
        action="store_true",
        help="演示完即结束，全部核验通过时退出码为 0 end by itself; 0 if all held",
    )


def _gateway(command: Command) -> None:
    erase = command(
        "erase",
        "依法删除：销毁一个人的密钥，号码从标准输入读取"
        " erase a person, whose ID number is read from standard input",
        lambda settings, given: erasing.erase(settings, given.because, given.approval),
    )
    erase.add_argument("--because", metavar="原因", required=True, help="why")
    erase.add_argument("--approval", metavar="文号", required=True, help="approval")
    command(
        "migrate",
        "以属主账号建立或更新平台数据库的表和权限"
        " make or renew the platform's tables and rights, as their owner",
        lambda settings, _: migrate_platform(settings),
    )
    gateway = command(
        "serve",
        "运行网关 run the gateway",
        lambda settings, given: serve(_on_port(settings, given.port)),
    )
    gateway.add_argument(
        "--port", metavar="端口", type=_port, help="0：任意空闲端口 any free one"
    )
    command(
        "reload",
        "让运行中的网关重新加载绑定 have the running gateway read its bindings again",
        lambda settings, _: commands.reload(settings),
    )
    bindings = command(
        "bindings",
        "数据绑定 the bindings",
        lambda settings, given: commands.check_bindings(settings, given.folder),
    )
    bindings.add_argument("verb", choices=["check"], help="核对 compare and report")
    bindings.add_argument("folder", metavar="目录", type=Path, nargs="?")
    schema = command("schema", "打印 GraphQL 模式 print the schema", _schema)
    schema.add_argument(
        "--federated",
        action="store_true",
        help="供联邦路由组合 as a federated router composes it",
    )
    command(
        "asyncapi", "打印事件的 AsyncAPI 文档 print the document of all events", _events
    )
    schemas = command(
        "schemas",
        "已发布的事件文档：列出、打印、比较、发布"
        " published documents of events: list, show, compare, release",
        schemas_commands.show,
    )
    schemas_commands.describe(_verbs(schemas, *ACTION))


def _streams(command: Command) -> None:
    command(
        "relay",
        "运行中继：发送待发事件，接收回执 run a relay: send what waits, take receipts",
        lambda settings, _: relay(settings),
    )
    capture_commands.describe(
        _verbs(
            command(
                "capture",
                "采集：部门不能调用平台的，从其表中取决定"
                " take decisions from the tables of departments that cannot call",
                capture_commands.status,
            ),
            *ACTION,
        )
    )
    command(
        "seal",
        "运行封存：编号并签发日志头 run the sealer: number what waits, sign heads",
        lambda settings, _: seal(settings),
    )
    consumer = command(
        "consume",
        "运行接收方的消费程序 run a receiver's consumer",
        lambda settings, given: consume(settings, given.receiver, replay=given.replay),
    )
    consumer.add_argument("receiver", choices=RECEIVERS, help="接收方 which")
    consumer.add_argument(
        "--replay", action="store_true", help="读重放主题 read the topic of replays"
    )
    conforming.describe(
        command(
            "conform",
            "核对文件是否合于某格式 judge a file by a form, before anything is sent",
            conforming.run,
        )
    )
    replay_commands.describe(
        command(
            "replay",
            "重放：把发送过的事件再发一次 send again what was sent before",
            replay_commands.run,
        )
    )
    receivers = command(
        "receivers",
        "接收方：查看、暂停、恢复 how receivers are; suspend, resume",
        lambda settings, _: receivers_admin.show(settings),
    )
    _receivers(receivers)
    parked = command(
        "parked",
        "停发的键：查看、放行、放弃死信 parked keys: show, release, give up",
        parked_admin.show,
    )
    parked_admin.describe(_verbs(parked, *ACTION))
    command(
        "receive",
        "接收其他系统推来的事件 take what other systems send us",
        lambda settings, _: receive(settings),
    )
    inbound = command(
        "inbound",
        "来函：查看、放行、放弃等待和隔离的 what others sent us and is held",
        inbound_admin.show,
    )
    inbound_admin.describe(_verbs(inbound, *ACTION))
    work = command(
        "work",
        "待办：拒收的、逾期未答复的、待告知的 what somebody has to see to",
        work_commands.show,
    )
    work_commands.describe(_verbs(work, *ACTION))
    sent = command(
        "sent",
        "已发日志：归档到期的月份，核对归档 the sent log: archives of past months",
        sent_admin.verify,
    )
    sent_admin.describe(_verbs(sent, *ACTION))
    reconcile_commands.describe(
        command(
            "reconcile",
            "对账：应推、已发、主题上、已回执的逐件核对，列出不符的"
            " compare what was due, sent, kept and answered; name each difference",
            reconcile_commands.reconcile,
        )
    )
    kafka = command(
        "kafka",
        "消息代理：节点、主题、用户、授权、更换密码和证书"
        " the broker: nodes, topics, users, grants, rotation",
        lambda settings, _: kafka_commands.show(settings),
    )
    kafka_commands.describe(_verbs(kafka, *ACTION))


def _documents(command: Command) -> None:
    documents = command(
        "documents",
        "可信查询：查看、登记、撤下 trusted documents; add and remove them",
        lambda settings, _: documents_admin.show(settings),
    )
    verb = _verbs(documents, *ACTION)

    verb("list", "列出 list them", lambda settings, _: documents_admin.show(settings))
    add = verb("add", "登记 register files' documents", _trust)
    add.add_argument("files", metavar="文件", nargs="+", type=Path, help="documents")
    add.add_argument("--kind", default="", metavar="类别", help="requester kind")
    add.add_argument("--unit", default="", metavar="单位代码", help="credit code")
    add.add_argument("--client", default="", metavar="系统", help="client")
    remove = verb(
        "remove",
        "撤下 distrust one",
        lambda settings, given: documents_admin.remove(
            settings, given.digest, given.because
        ),
    )
    remove.add_argument("digest", metavar="哈希值", help="as `list` prints it")
    for one in (add, remove):
        one.add_argument("--because", metavar="原因", required=True, help="why")


def _trust(settings: Settings, given: argparse.Namespace) -> None:
    whom = Trusted(
        digest="",
        document="",
        title="",
        kind=given.kind,
        unit=given.unit,
        client=given.client,
    )
    documents_admin.add(settings, given.files, whom, given.because)


def _receivers(receivers: argparse.ArgumentParser) -> None:
    verb = _verbs(receivers, *ACTION)

    verb("list", "列出 list them", lambda settings, _: receivers_admin.show(settings))
    verb(
        "grants",
        "消息代理上的用户和授权，并与代理核对 who may do what on the broker",
        lambda settings, _: grants_view.show(settings),
    )
    suspend = verb(
        "suspend",
        "暂停发送 hold one",
        lambda settings, given: receivers_admin.suspend(
            settings, given.name, given.because
        ),
    )
    resume = verb(
        "resume",
        "恢复发送 send to it again",
        lambda settings, given: receivers_admin.resume(
            settings, given.name, given.because
        ),
    )
    for one in (suspend, resume):
        one.add_argument("name", metavar="接收方", help="its name")
        one.add_argument("--because", metavar="原因", required=True, help="why")


def _keys(command: Command) -> None:
    keys = command(
        "keys",
        "存证和签名密钥：查看、更换、登记 the keys of the proof; turn or add one",
        lambda settings, _: keys_admin.show(settings),
    )
    verb = _verbs(keys, *ACTION)
    verb("list", "列出 list them", lambda settings, _: keys_admin.show(settings))
    rotate = verb("rotate", "更换 let another one take over", _rotate)
    rotate.add_argument("--purpose", choices=PURPOSES, required=True, help="用途")
    rotate.add_argument("--because", metavar="原因", required=True, help="why")
    rotate.add_argument(
        "--hours",
        type=float,
        default=24.0,
        metavar="小时",
        help="两把密钥同时签名多久 how long both sign",
    )
    rotate.add_argument(
        "--program",
        default="",
        metavar="命令",
        help="由该程序签名（密码卡、签名验签服务器） a program that signs",
    )
    rotate.add_argument(
        "--public", type=Path, metavar="文件", help="该程序的公钥 its public key, PEM"
    )
    add = verb(
        "add",
        "登记部门签名的公钥 register a bureau's public key",
        lambda settings, given: keys_admin.add(
            settings, given.unit, given.key, given.because
        ),
    )
    add.add_argument("--unit", metavar="代码", required=True, help="its credit code")
    add.add_argument(
        "--key",
        type=Path,
        metavar="文件",
        required=True,
        help="公钥 PEM its public key",
    )
    retire = verb(
        "retire",
        "停用部门的密钥 let a bureau's key sign no more",
        lambda settings, given: keys_admin.retire(settings, given.name, given.because),
    )
    retire.add_argument("name", metavar="密钥号", help="as `keys list` prints it")
    for one in (add, retire):
        one.add_argument("--because", metavar="原因", required=True, help="why")


def _decision(command: Command) -> None:
    decision = command(
        "decision",
        "决定：机关的签署 decisions: a bureau's signature",
        bureau_signing.run,
    )
    verb = _verbs(decision, *ACTION)
    sign = verb("sign", "签署一件决定 sign a decision", bureau_signing.run)
    sign.add_argument("file", metavar="文件", type=Path, help="登记时的变量 variables")
    sign.add_argument(
        "--key", metavar="文件", type=Path, required=True, help="私钥 private key, PEM"
    )


def _receipt(command: Command) -> None:
    receipt = command(
        "receipt", "回答的回执：核对 an answer's receipt: check it", receipt_check.run
    )
    verb = _verbs(receipt, *ACTION)
    receipt_check.describe(
        verb("check", "核对一份回执 check a receipt", receipt_check.run)
    )


def _rotate(settings: Settings, given: argparse.Namespace) -> None:
    turn = keys_admin.Turn(
        purpose=given.purpose,
        because=given.because,
        hours=given.hours,
        program=given.program,
        public=given.public,
    )
    keys_admin.rotate(settings, turn)


def _catalogue(command: Command) -> None:
    catalogue = command(
        "catalogue",
        "数据目录：与交换平台往来的文件 the catalogue's file for the exchange platform",
        catalogue_commands.export,
    )
    verb = _verbs(catalogue, *ACTION)
    export = verb(
        "export", "导出目录 write the catalogue to a file", catalogue_commands.export
    )
    export.add_argument(
        "--out", metavar="文件", type=Path, required=True, help="where to"
    )
    take = verb(
        "import", "收下平台的答复 take the platform's replies", catalogue_commands.take
    )
    take.add_argument("file", metavar="文件", type=Path, help="a file of replies")
    quality = verb(
        "quality",
        "抽样测量数据质量 measure the quality of a sample",
        catalogue_quality.quality,
    )
    quality.add_argument("--source", metavar="来源", help="only this source")
    quality.add_argument(
        "--sample",
        metavar="行数",
        type=int,
        default=catalogue_quality.SAMPLE,
        help="rows of each resource",
    )


def _policy(command: Command) -> None:
    policy = command(
        "policy",
        "共享规则：说明一个字段，或列出全部 what the rules say of a field, or of all",
        lambda settings, _: policy_view.show_matrix(settings),
    )
    verb = _verbs(policy, *ACTION)
    verb(
        "matrix",
        "规则矩阵 every kind, type and field",
        lambda settings, _: policy_view.show_matrix(settings),
    )
    explain = verb("explain", "说明一个字段 one field, and why", _explain)
    explain.add_argument("--as", dest="kind", choices=list(KINDS), required=True)
    explain.add_argument("--field", metavar="类型.字段", required=True, help="T.f")
    _occasion(explain)
    explain.add_argument(
        "--identity", action="store_true", help="证件已核验 an ID document was checked"
    )
    explain.add_argument(
        "--unit", default="", metavar="单位代码", help="credit code of the unit"
    )
    explain.add_argument(
        "--from", dest="source", default="", metavar="来源", help="as one source shares"
    )


def _explain(settings: Settings, given: argparse.Namespace) -> None:
    asked = policy_view.Asked(
        kind=given.kind,
        field=given.field,
        occasion=_stated(given),
        identity=given.identity,
        unit=given.unit,
        source=given.source,
    )
    policy_view.show(settings, asked)


_PAPERS = {
    "letter": "单位介绍信 the unit's letter",
    "mandate": "委托书 the letter of the attorney's firm",
    "authorisation": "授权书 the party's power of attorney",
    "licence": "律师执业证 the lawyer's licence",
    "approval": "审批单 the approval to copy or export",
}


def _questions(command: Command) -> None:
    token = command(
        "token",
        "签发演示令牌 print a token of the demo's issuer",
        lambda settings, given: commands.token(settings, given.kind, given.hours),
    )
    token.add_argument("kind", choices=list(DEMO_PRINCIPALS), help="身份 who")
    token.add_argument(
        "--hours", type=float, default=8.0, metavar="小时", help="有效期 lifetime"
    )
    ask = command("ask", "向运行中的网关提问 ask the running gateway", _ask)
    ask.add_argument(
        "--as", dest="kind", choices=list(DEMO_PRINCIPALS), required=True, help="身份"
    )
    _occasion(ask)
    ask.add_argument(
        "--variables",
        default="",
        metavar="文件",
        help="变量 a JSON file, or - for stdin",
    )
    ask.add_argument(
        "file", metavar="文件", help="查询文档，- 为标准输入 or - for stdin"
    )


def _witness(command: Command) -> None:
    witness = command(
        "witness",
        "运行见证人：在平台之外核对并签认日志 witness a log from outside its operator",
        lambda settings, given: witnessing.run(
            settings,
            witnessing.Asked(
                folder=given.folder,
                origin=given.origin or settings.tenant,
                trust=tuple(given.trust),
                host=given.host,
                port=given.port,
                tolerance=given.tolerance,
                algorithm=given.algorithm,
            ),
        ),
    )
    witness.add_argument(
        "--folder", metavar="目录", type=Path, help="它自己的目录 a folder of its own"
    )
    witness.add_argument(
        "--origin", metavar="日志", default="", help="哪一方的日志 whose log"
    )
    witness.add_argument(
        "--trust",
        metavar="公钥",
        type=Path,
        action="append",
        default=[],
        help="平台的签名公钥 the operator's public key, PEM",
    )
    witness.add_argument("--host", default="127.0.0.1", metavar="地址", help="address")
    witness.add_argument("--port", type=_port, metavar="端口", help="port")
    witness.add_argument(
        "--tolerance",
        type=float,
        default=witnessing.TOLERANCE,
        metavar="秒",
        help="时钟容差 how far a head's time may be off",
    )
    witness.add_argument(
        "--algorithm",
        choices=(ECDSA, SM2),
        default=ECDSA,
        help="自己密钥的算法 of its own key",
    )


def _occasion(one: argparse.ArgumentParser) -> None:
    one.add_argument("--purpose", default="", metavar="目的", help="purpose")
    one.add_argument("--basis", default="", metavar="依据", help="legal basis")
    one.add_argument("--cause", default="", metavar="事由", help="the case")
    for name, what in _PAPERS.items():
        one.add_argument(f"--{name}", default="", metavar="文号", help=what)


def _stated(given: argparse.Namespace) -> Occasion:
    parts = ("purpose", "basis", "cause", *_PAPERS)
    return Occasion(**{part: getattr(given, part) for part in parts})


def _scenario(command: Command) -> None:
    plays = command(
        "scenario",
        "剧本：写定的一年，逐项重算核对 a scripted year, counted a second time",
        lambda settings, given: _demo("scenario").year(settings, given),
    )
    year = _verbs(plays, *ACTION)(
        "year",
        "各渠道、时钟、更正、撤下的一年，在内嵌服务上"
        " every channel, clock, correction and takedown, on embedded services",
        lambda settings, given: _demo("scenario").year(settings, given),
    )
    year.add_argument(
        "--decisions", metavar="件数", type=int, default=10_000, help="how many"
    )
    year.add_argument(
        "--seed", metavar="种子", type=int, help="另一年 another year of the same kind"
    )


def _demo(name: str) -> ModuleType:
    """Import what needs the extra ``demo``, which a plain gateway may lack."""
    try:
        return import_module(f"zhitong.infra.{name}")
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"未安装演示组件（{error.name}）：请执行 pip install 'zhitong[demo]'",
            f"the extra demo ({error.name}) is missing: pip install 'zhitong[demo]'",
        ) from error


def _ask(settings: Settings, given: argparse.Namespace) -> bool:
    why = _stated(given)
    return commands.ask(settings, given.kind, why, given.file, given.variables)


def _schema(_settings: Settings, given: argparse.Namespace) -> None:
    sys.stdout.write(federated_sdl() if given.federated else sdl())


def _events(settings: Settings, _given: argparse.Namespace) -> None:
    sys.stdout.write(asyncapi(receivers_of(settings)))


def _on_port(settings: Settings, port: int | None) -> Settings:
    return settings if port is None else replace(settings, port=port)


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65_535:  # noqa: PLR2004 - the highest port there is
        raise ValueError(text)
    return number


def _speak_chinese() -> None:
    """Write UTF-8, also where the locale says something else."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")


def _settings(
    given: argparse.Namespace, environment: Mapping[str, str] = os.environ
) -> Settings:
    chosen = {} if given.state is None else {"ZHITONG_STATE": str(given.state)}
    return from_environment({**environment, **chosen})


if __name__ == "__main__":
    main()
