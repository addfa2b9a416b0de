"""Apache Kafka: each node one process, broker and controller in one (KRaft)."""

from __future__ import annotations

import base64
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zhitong.exceptions import EmbeddedError
from zhitong.infra import processes as process
from zhitong.infra.broker_authority import NODE, authorities, certificate, certify, due
from zhitong.infra.broker_node import NODES, Node
from zhitong.infra.secret import passphrase, private
from zhitong.infra.server_log import failure, last_lines
from zhitong.streams.names import ADMIN

TITLE = "Apache Kafka"
"""Its name, for people."""

COMMON = Path(__file__).parent / "kafka" / "node.properties"
"""What is the same for every node of ours."""

# C1 alone starts faster, is smaller, and a broker copies bytes: measured with and
# without, it sent more a second and used less of the processor (docs/adr).
_JVM = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_TOOL_SECONDS = 120.0
_STOP_SECONDS = 30.0
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
_COPIES = (
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)
_IN_SYNC = (
    "min.insync.replicas",
    "transaction.state.log.min.isr",
    "share.coordinator.state.topic.min.isr",
)


@dataclass(frozen=True, slots=True)
class Apache:
    """Apache Kafka, on the Java *java*, from *jars*."""

    java: Path
    jars: tuple[Path, ...]

    @property
    def keeps(self) -> bool:
        """Whether a restart finds what was there before."""
        return True

    def prepare(self, folder: Path, nodes: Sequence[Node]) -> None:
        """Write what *nodes* need under *folder*: all that are to run, or may."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        _inherit(folder, nodes[0])
        if not any((node.home / "data").exists() for node in nodes):
            self._make(folder, nodes)
        for node in nodes:
            if node.pid() is not None:
                continue
            if due(node.home):
                certify(folder, node.home)
            if not (node.home / "data").exists():
                self._make_again(folder, nodes, node)
            if node.scratch.exists():
                shutil.rmtree(node.scratch)
            node.scratch.mkdir(parents=True)
            _write(node.properties, folder, nodes, node)

    def command(self, node: Node) -> Sequence[str]:
        """Give the command line of *node*."""
        return (*self._words(node), "kafka.Kafka", str(node.properties))

    def environment(self) -> Mapping[str, str]:
        """Give the environment: the jars go there, the command line stays short."""
        classes = os.pathsep.join(str(jar.resolve()) for jar in self.jars)
        return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "CLASSPATH": classes}

    def vote(self, folder: Path, nodes: Sequence[Node], node: Node, gone: str) -> None:
        """Let *node* vote by the folder it has now, in place of the folder *gone*."""
        draft = node.home / ".voting"
        password = passphrase(password_file(folder, ADMIN))
        login = f'{_SCRAM} required username="{ADMIN}" password="{password}";'
        client = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": login,
        }
        _write(draft, folder, nodes, node, client)
        others = ",".join(f"127.0.0.1:{each.port}" for each in nodes)
        words = (
            *self._words(node),
            "org.apache.kafka.tools.MetadataQuorumCommand",
            *("--bootstrap-server", others, "--command-config", str(draft)),
        )
        if gone:
            number = str(node.number)
            was = ("--controller-id", number, "--controller-directory-id", gone)
            self._run(node, (*words, "remove-controller", *was))
        self._run(node, (*words, "add-controller"))
        draft.unlink()

    def _make(self, folder: Path, nodes: Sequence[Node]) -> None:
        """Make the data of a new cluster; it has its name only once it is whole."""
        made = folder / f".{NODES}.made"
        if made.exists():
            shutil.rmtree(made)
        ids = {node.number: _identity() for node in nodes}
        voters = ",".join(
            f"{node.number}@127.0.0.1:{node.controller}:{ids[node.number]}"
            for node in nodes
        )
        first, *others = nodes
        data = made / str(first.number) / "data"
        users = "".join(_scram(folder, user) for user in (ADMIN, NODE))
        options = ("--initial-controllers", voters)
        self._format(folder, nodes, first, data, options, users)
        for node in others:
            # What is in it is the same for all, but for who they are.
            own = made / str(node.number) / "data"
            shutil.copytree(data, own)
            meta = own / "meta.properties"
            text = meta.read_text("utf-8")
            text = text.replace(ids[first.number], ids[node.number])
            meta.write_text(
                text.replace(f"node.id={first.number}", f"node.id={node.number}"),
                "utf-8",
            )
        if (folder / NODES).exists():
            # What is left of a cluster whose data was removed.
            shutil.rmtree(folder / NODES)
        made.rename(folder / NODES)

    def _make_again(self, folder: Path, nodes: Sequence[Node], node: Node) -> None:
        """Make the data of a node that has lost it: it has no vote, until it is let."""
        made = node.home / ".data.made"
        if made.exists():
            shutil.rmtree(made)
        self._format(folder, nodes, node, made, ("--no-initial-controllers",), "")
        made.rename(node.home / "data")

    def _format(  # noqa: PLR0913, PLR0917 - a format has that much
        self,
        folder: Path,
        nodes: Sequence[Node],
        node: Node,
        data: Path,
        options: Sequence[str],
        users: str,
    ) -> None:
        draft = _write(
            folder / ".node.made", folder, nodes, node, {"log.dirs": _escaped(data)}
        )
        # The first users are made with the log. From a file: everyone reads words.
        made = folder / ".users.made"
        private(made, users)
        cluster = next(filter(None, map(cluster_id, nodes)), _identity())
        words = (
            *self._words(node),
            *("kafka.tools.StorageTool", "format", f"@{made}", *options),
            *("-t", cluster, "-c", str(draft)),
        )
        data.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._run(node, words)
        finally:
            made.unlink()
            draft.unlink()

    def _run(self, node: Node, words: Sequence[str]) -> None:
        node.scratch.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(  # noqa: S603 - our own program on our own folder
            words,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            env=self.environment(),
            timeout=_TOOL_SECONDS,
        )
        if done.returncode:
            said = last_lines(done.stdout + done.stderr)
            raise failure(node.name, node.log, said)

    def _words(self, node: Node) -> Sequence[str]:
        return (
            str(self.java),
            *_JVM,
            # Nothing outside the state folder: neither counters in /tmp, nor
            # libraries unpacked there, nor the report of a crash where we stand.
            "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={node.scratch}",
            f"-XX:ErrorFile={node.log.with_name(f'{node.name}-crash.log')}",
            "-Duser.timezone=Asia/Shanghai",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        )


def password_file(folder: Path, user: str) -> Path:
    """Name the file with the password of *user*."""
    return folder / "users" / user


def protocol(nodes: Sequence[Node]) -> str:
    """Say how clients speak to *nodes*.

    One node is the demo's and the tests', on this machine alone: TLS would cost each
    start a third more (docs/adr), and hide its answers from proxies that disturb them.
    """
    return "SASL_SSL" if len(nodes) > 1 else "SASL_PLAINTEXT"


def cluster_id(node: Node) -> str:
    """Read which cluster *node* is of; empty: it has no data."""
    return _meta(node, "cluster.id")


def directory_id(node: Node) -> str:
    """Read which folder *node* votes by; empty: it has no data."""
    return _meta(node, "directory.id")


def _meta(node: Node, key: str) -> str:
    file = node.home / "data" / "meta.properties"
    text = file.read_text("utf-8") if file.exists() else ""
    found = re.search(rf"^{re.escape(key)}=(.*)$", text, re.MULTILINE)
    # A colon may be written with a backslash; an identity has neither.
    return found.group(1).replace("\\", "") if found else ""


def _inherit(folder: Path, first: Node) -> None:
    """Take over the one node of an earlier version, its topics and its address."""
    old = folder / "data"
    if not former(folder):
        return
    if not password_file(folder, ADMIN).exists():
        raise EmbeddedError(
            f"{folder} 是没有用户和授权的旧版内置 Kafka：请执行 zhitong down，移走该"
            "目录，再执行 zhitong up；待发箱中的事件会重新发出",
            f"{folder} is an embedded Kafka of an earlier version, without users and "
            "grants: run zhitong down, move that folder away and run zhitong up; "
            "what waits in the outbox is sent",
        )
    stop_former(folder)
    for listener in ("", "-controller"):
        kept = first.state / "port" / f"kafka{listener}"
        if kept.exists():
            kept.rename(first.port_file(listener))
    first.home.mkdir(parents=True, exist_ok=True)
    old.rename(first.home / "data")


def former(folder: Path) -> bool:
    """Say whether the one node of an earlier version is there, and not taken over."""
    return (folder / "data").exists()


def stop_former(folder: Path) -> None:
    """Stop the one node of an earlier version, which is known by other words."""
    for pid in process.everyone():
        words = tuple(process.words(pid)[-2:])
        if words == ("kafka.Kafka", str(folder / "node.properties")):
            process.stop(pid, signal.SIGTERM, _STOP_SECONDS)


def _identity() -> str:
    # An identity may not begin with what an option begins with.
    return "Z" + base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]


def _scram(folder: Path, user: str) -> str:
    password = passphrase(password_file(folder, user))
    return f"--add-scram\nSCRAM-SHA-512=[name={user},password={password}]\n"


def _write(
    file: Path,
    folder: Path,
    nodes: Sequence[Node],
    node: Node,
    more: Mapping[str, str] | None = None,
) -> Path:
    clients = f"CLIENT://127.0.0.1:{node.port}"
    listeners = f"{clients},CONTROLLER://127.0.0.1:{node.controller}"
    password = passphrase(password_file(folder, NODE))
    login = f'{_SCRAM} required username="{NODE}" password="{password}";'
    copies, in_sync = min(3, len(nodes)), 2 if len(nodes) >= 3 else 1  # noqa: PLR2004 - two of three
    own = {
        "node.id": str(node.number),
        "listener.security.protocol.map": f"CLIENT:{protocol(nodes)},CONTROLLER:SSL",
        "listeners": listeners,
        "advertised.listeners": listeners,
        "controller.quorum.bootstrap.servers": ",".join(
            f"127.0.0.1:{each.controller}" for each in nodes
        ),
        "log.dirs": _escaped(node.home / "data"),
        "ssl.keystore.location": _escaped(certificate(node.home)),
        "ssl.truststore.location": _escaped(authorities(folder)),
        "listener.name.client.scram-sha-512.sasl.jaas.config": login,
        **_each(_COPIES, copies),
        **_each(_IN_SYNC, in_sync),
        **(more or {}),
    }
    lines = "".join(f"{key}={value}\n" for key, value in own.items())
    private(file, f"{COMMON.read_text('utf-8')}\n{lines}")
    return file


def _each(keys: Iterable[str], number: int) -> Mapping[str, str]:
    return dict.fromkeys(keys, str(number))


def _escaped(path: Path) -> str:
    # A backslash would begin an escape in a properties file.
    return str(path).replace("\\", "\\\\")
