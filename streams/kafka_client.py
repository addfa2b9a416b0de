"""The way to the broker: who comes, how; and clients that leave nothing behind."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaProducer, errors
from kafka.net.manager import KafkaConnectionManager
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from zhitong.exceptions import SettingsError

# An address that cannot be read, or is not there yet, is as far away as a broker
# that does not answer.
AWAY = (errors.KafkaError, OSError, ValueError, AssertionError, SettingsError)
"""What a client raises when it has no broker, or loses it."""

_LOOK_SECONDS = 1.0
_HANDSHAKE_SECONDS = 5.0
_CLIENT: Callable[..., object] = KafkaProducer.DEFAULT_CONFIG["kafka_client"]
_Made = TypeVar("_Made")


async def _handshake(transport: Any) -> None:  # noqa: ANN401 - kafka-python's own
    """Agree on TLS, or give up in time and leave nothing open.

    The library's own waits for ever. A frozen node's system takes the connection, and
    nobody answers: requests queued behind it, and the producer lost two minutes.
    """
    deadline = time.monotonic() + _HANDSHAKE_SECONDS
    sock, net = transport._sock, transport._net  # noqa: SLF001 - nothing public has them
    with ExitStack() as unless_agreed:
        unless_agreed.callback(sock.close)
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                await net.wait_read(sock, deadline)
            except ssl.SSLWantWriteError:
                await net.wait_write(sock, deadline)
            else:
                unless_agreed.pop_all()
                return


KafkaSSLTransport.handshake = _handshake  # type: ignore[method-assign,assignment]
_CONNECTIONS: Any = KafkaConnectionManager
_build = _CONNECTIONS._build_transport  # noqa: SLF001 - nothing public makes one


async def _built(
    manager: KafkaConnectionManager, node: object, timeout_at: float | None = None
) -> object:
    """Connect; a line that is reset before TLS begins is a fault of the line.

    The library raises it as it comes, and its loop that learns who leads what knows
    its own faults only: it ended, and partitions of a lost node were never read again.
    """
    try:
        return await _build(manager, node, timeout_at=timeout_at)
    except OSError as error:
        raise errors.KafkaConnectionError(str(error)) from error


_CONNECTIONS._build_transport = _built  # noqa: SLF001

_TRANSPORT: Any = KafkaTCPTransport
_write = _TRANSPORT._write_to_sock  # noqa: SLF001 - nothing public writes


async def _written(transport: Any) -> None:  # noqa: ANN401 - kafka-python's own
    """Write what waits; a line that was closed meanwhile is closed whatever happens.

    The library closes it after the last byte, and where its loop ends before that it
    stays open until somebody collects it.
    """
    try:
        await _write(transport)
    except GeneratorExit:
        # It is this one, which cannot be cancelled by itself.
        transport._write_task = None  # noqa: SLF001
        if transport.is_closing():
            transport._close()  # noqa: SLF001
        raise


_TRANSPORT._write_to_sock = _written  # noqa: SLF001


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A way to the broker at *address*; without *user* nobody is proved."""

    address: str
    protocol: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    authorities: str = ""
    """The file of those whose signature on the broker's certificate counts."""

    @property
    def configs(self) -> Mapping[str, Any]:
        """What each kind of client is made with."""
        known: dict[str, object] = {
            "bootstrap_servers": self.address,
            "security_protocol": self.protocol,
        }
        if self.protocol.startswith("SASL"):
            known |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        if self.authorities:
            known["ssl_cafile"] = self.authorities
        return known

    @property
    def properties(self) -> str:
        """The same for Java's clients, as the text of their file."""
        login = f'required username="{self.user}" password="{self.password}"'
        family = "scram.Scram" if self.mechanism.startswith("SCRAM") else "plain.Plain"
        module = f"org.apache.kafka.common.security.{family}LoginModule"
        known = {
            "security.protocol": self.protocol,
            "sasl.mechanism": self.mechanism,
            "sasl.jaas.config": f"{module} {login};",
        }
        if self.authorities:
            known["ssl.truststore.type"] = "PEM"
            known["ssl.truststore.location"] = self.authorities
        return "".join(f"{name}={value}\n" for name, value in known.items())

    @property
    def tls(self) -> ssl.SSLContext | None:
        """How its certificate is looked at; None: the line is not encrypted."""
        if not self.protocol.endswith("SSL"):
            return None
        return ssl.create_default_context(cafile=self.authorities or None)


Way = Callable[[], Access]
"""Gives the way to the broker as it is now; asked at each new beginning."""


def connect(kind: Callable[..., _Made], access: Access, **configs: object) -> _Made:
    """Make a *kind* of client; raise what it raises, its thread and sockets ended."""
    made: list[Any] = []

    def client(**given: object) -> object:
        made.append(_CLIENT(**given))
        return made[0]

    try:
        return kind(kafka_client=client, **access.configs, **configs)
    except AWAY:
        # It is tried again for as long as the broker is away: nothing may add up.
        for each in made:
            each._net.stop()  # noqa: SLF001 - nothing public ends it
            each.close()
        raise


def enters(access: Access, within: float) -> bool:
    """Say whether the broker lets *access* in, tried for so many seconds."""
    try:
        connect(
            KafkaAdminClient, access, bootstrap_timeout_ms=int(within * 1000)
        ).close()
    except AWAY:
        return False
    return True


def distrust(access: Access) -> str:
    """Say why the certificate of a broker of *access* does not count, if one does not.

    A client tells no more than that it has no broker.
    """
    for address in access.address.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            tls = access.tls
            with socket.create_connection((host, int(port)), _LOOK_SECONDS) as line:
                if tls is not None:
                    tls.wrap_socket(line, server_hostname=host).close()
        except ssl.SSLCertVerificationError as error:
            return f"{address}: {error.verify_message}"
        except (OSError, ValueError):
            continue
    return ""


def serving(access: Access, within: float) -> frozenset[int]:
    """Say which nodes the broker counts as there; none: it lets nobody in."""
    wait = int(within * 1000)
    try:
        admin = connect(
            KafkaAdminClient,
            access,
            bootstrap_timeout_ms=wait,
            request_timeout_ms=wait,
        )
        try:
            known = admin.describe_cluster()["brokers"]
            # The controller does not let it in before that: no topic can be made.
            return frozenset(
                each["broker_id"] for each in known if not each.get("is_fenced")
            )
        finally:
            admin.close()
    except AWAY:
        return frozenset()
