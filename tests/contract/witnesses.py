"""``zhitong witness`` as a process, for tests: halted, killed, brought back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.infra.note import find
from zhitong.infra.witness_client import WitnessClient
from zhitong.infra.witnessing import NOTE

PATIENCE = 60.0


@dataclass
class WitnessProcess:
    """A witness in *folder*, whose port stays what it was at first."""

    folder: Path
    trust: bytes
    words: Sequence[str] = ()
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> WitnessClient:
        return WitnessClient(self.url)

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8") if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")

    def start(self) -> WitnessProcess:
        self.folder.mkdir(parents=True, exist_ok=True)
        trusted = self.folder.with_name(f"{self.folder.name}.operator.pem")
        trusted.write_text(pem(PUBLIC, self.trust), "ascii")
        said = ["--folder", str(self.folder), "--port", str(self.port)]
        said += ["--trust", str(trusted), *self.words]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "zhitong.infra.cli", "witness", *said],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while (note := find(self.folder / NOTE)) is None:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        assert note.pid == self._process.pid
        self.port = int(note.url.rpartition(":")[2])
        return self

    def halt(self) -> None:
        """Let it stand still: connections are taken, nothing answers."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self) -> int:
        """Ask it to end; give its exit code."""
        assert self._process is not None
        self._send(signal.SIGCONT)
        self._send(signal.SIGTERM)
        return self._process.wait(PATIENCE)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)
