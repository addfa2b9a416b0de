"""A timestamp authority (RFC 3161) for tests: ``openssl ts`` behind a little HTTP."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_TSA = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(*words: str, **more: object) -> bytes:
    done = subprocess.run(  # noqa: S603 - openssl, as a stranger has it
        ["openssl", *words],  # noqa: S607 - the one on the path
        capture_output=True,
        check=True,
        **more,  # type: ignore[call-overload]
    )
    out: bytes = done.stdout
    return out


@dataclass
class StampAuthority:
    """The authority in *folder*: certificates of its own, and an address."""

    folder: Path
    faulty: bytes | None = None
    """What it answers instead of a timestamp."""
    asked: int = 0
    _server: ThreadingHTTPServer | None = field(default=None, repr=False)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stamp"

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def make(self) -> StampAuthority:
        self.folder.mkdir()
        (self.folder / "tsa.cnf").write_text(_TSA.format(folder=self.folder))
        (self.folder / "serial").write_text("01\n")
        (self.folder / "ext").write_text(
            "extendedKeyUsage = critical,timeStamping\nkeyUsage = digitalSignature\n"
            "basicConstraints = CA:FALSE\n"
        )
        new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl(
            *new,
            *("-x509", "-days", "30", "-subj", "/CN=Test TSA root"),
            *("-keyout", self._at("ca.key"), "-out", self._at("ca.pem")),
        )
        openssl(
            *new,
            *("-subj", "/CN=Test TSA"),
            *("-keyout", self._at("tsa.key"), "-out", self._at("tsa.csr")),
        )
        openssl(
            *("x509", "-req", "-in", self._at("tsa.csr"), "-days", "30"),
            *("-CA", self._at("ca.pem"), "-CAkey", self._at("ca.key")),
            *("-CAcreateserial", "-extfile", self._at("ext")),
            *("-out", self._at("tsa.pem")),
        )
        return self

    def start(self) -> None:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["content-length"]))
                answer = authority.answer(asked)
                self.send_response(200)
                self.send_header("content-type", "application/timestamp-reply")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library names it
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def answer(self, asked: bytes) -> bytes:
        self.asked += 1
        if self.faulty is not None:
            return self.faulty
        return openssl(
            *("ts", "-reply", "-config", self._at("tsa.cnf")),
            *("-queryfile", "/dev/stdin"),
            input=asked,
        )

    def _at(self, name: str) -> str:
        return str(self.folder / name)
