"""The way to the broker: TLS and SCRAM, as docs/kafka.md has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the broker is, and who comes."""

    bootstrap: str
    """``host:port``, several with commas: the first may be down at a start."""
    protocol: str = "SASL_SSL"
    mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    password_file: Path | None = None
    """Read at each new connection: passwords are turned while programs run."""
    ca: Path | None = None
    """Whose signature on the broker's certificate counts, PEM."""

    @property
    def configs(self) -> Mapping[str, Any]:
        """What a client of kafka-python is made with."""
        found: dict[str, object] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "security_protocol": self.protocol,
        }
        if self.protocol.startswith("SASL"):
            found |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self._password(),
            }
        if self.ca is not None:
            found["ssl_cafile"] = str(self.ca)
        return found

    def _password(self) -> str:
        if self.password_file is None:
            return self.password
        return self.password_file.read_text("utf-8").strip()
