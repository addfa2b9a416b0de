"""Apache Kafka as one process, broker and controller in one (KRaft)."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zhitong.exceptions import EmbeddedError
from zhitong.infra.secret import passphrase, private
from zhitong.infra.server_log import failure, last_lines
from zhitong.streams.names import ADMIN

TITLE = "Apache Kafka"
"""Its name, for people."""

COMMON = Path(__file__).parent / "kafka" / "node.properties"
"""What is the same for every node of ours."""

# C1 alone starts faster, is smaller, and a broker copies bytes: measured with and
# without, it sent more a second and used less of the processor (docs/adr).
_JVM = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_FORMAT_SECONDS = 120.0
_NODE = "zhitong.node"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


@dataclass(frozen=True, slots=True)
class Apache:
    """Apache Kafka, on the Java *java*, from *jars*."""

    java: Path
    jars: tuple[Path, ...]

    @property
    def keeps(self) -> bool:
        """Whether a restart finds what was there before."""
        return True

    def prepare(self, home: Path, port: int, controller: int) -> None:
        """Write the settings under *home*, and the empty log where there is none."""
        data, scratch = home / "data", home / "tmp"
        if data.exists() and not password_file(home, ADMIN).exists():
            raise EmbeddedError(
                f"{home} 是没有用户和授权的旧版内置 Kafka：请执行 zhitong down，移走该"
                "目录，再执行 zhitong up；待发箱中的事件会重新发出",
                f"{home} is an embedded Kafka of an earlier version, without users and "
                "grants: run zhitong down, move that folder away and run zhitong up; "
                "what waits in the outbox is sent",
            )
        if scratch.exists():
            shutil.rmtree(scratch)
        scratch.mkdir(parents=True)
        home.chmod(0o700)
        if not data.exists():
            # It has its name only once it is whole.
            made = home / ".data.made"
            if made.exists():
                shutil.rmtree(made)
            draft = _write(home, home / ".node.made", made, port, controller)
            self._format(home, draft)
            draft.unlink()
            made.rename(data)
        _write(home, _properties(home), data, port, controller)

    def command(self, home: Path, _port: int) -> Sequence[str]:
        """Give the command line of the broker of *home*."""
        return (*self._words(home), "kafka.Kafka", str(_properties(home)))

    def environment(self) -> Mapping[str, str]:
        """Give the environment: the jars go there, the command line stays short."""
        classes = os.pathsep.join(str(jar.resolve()) for jar in self.jars)
        return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "CLASSPATH": classes}

    def _format(self, home: Path, properties: Path) -> None:
        # Text, because a cluster's id may not begin with what an option begins with.
        cluster = "Z" + base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]
        # The first users are made with the log. From a file: everyone reads words.
        made = home / ".users.made"
        private(made, "".join(_scram(home, user) for user in (ADMIN, _NODE)))
        words = (*self._words(home), "kafka.tools.StorageTool", "format", f"@{made}")
        done = subprocess.run(  # noqa: S603 - our own program on our own folder
            (*words, "--standalone", "-t", cluster, "-c", str(properties)),
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            env=self.environment(),
            timeout=_FORMAT_SECONDS,
        )
        made.unlink()
        if done.returncode:
            log = home.parent / "log" / "kafka.log"
            raise failure("kafka", log, last_lines(done.stdout + done.stderr))

    def _words(self, home: Path) -> Sequence[str]:
        log = home.parent / "log"
        return (
            str(self.java),
            *_JVM,
            # Nothing outside the state folder: neither counters in /tmp, nor
            # libraries unpacked there, nor the report of a crash where we stand.
            "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={home / 'tmp'}",
            f"-XX:ErrorFile={log / 'kafka-crash.log'}",
            "-Duser.timezone=Asia/Shanghai",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        )


def runs(words: Sequence[str], home: Path) -> bool:
    """Say whether a process of the command line *words* is the broker of *home*."""
    return tuple(words[-2:]) == ("kafka.Kafka", str(_properties(home)))


def password_file(home: Path, user: str) -> Path:
    """Name the file with the password of *user*."""
    return home / "users" / user


def _properties(home: Path) -> Path:
    return home / "node.properties"


def _scram(home: Path, user: str) -> str:
    password = passphrase(password_file(home, user))
    return f"--add-scram\nSCRAM-SHA-512=[name={user},password={password}]\n"


def _write(home: Path, file: Path, data: Path, port: int, controller: int) -> Path:
    listeners = f"CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"
    password = passphrase(password_file(home, _NODE))
    node = f'required username="{_NODE}" password="{password}"'
    own = {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
        # A backslash would begin an escape in a properties file.
        "log.dirs": str(data).replace("\\", "\\\\"),
        "listener.name.client.scram-sha-512.sasl.jaas.config": f"{_SCRAM} {node};",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{_PLAIN} {node} user_{_NODE}="{password}";'
        ),
    }
    lines = "".join(f"{key}={value}\n" for key, value in own.items())
    private(file, f"{COMMON.read_text('utf-8')}\n{lines}")
    return file
