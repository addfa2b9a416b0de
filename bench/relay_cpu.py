"""What relays, the platform's database and the broker have had of the CPU."""

from __future__ import annotations

from dataclasses import dataclass

from machine import cpu_seconds, servers

from zhitong.infra.broker import Broker
from zhitong.infra.platform_database import PLATFORM
from zhitong.infra.settings import Settings
from zhitong.infra.workers import workers


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds so far."""

    relays: float
    postgres: float
    broker: float

    def since(self, before: Spent, of: float) -> str:
        """Write what was spent since *before*, in millionths of *of*."""
        parts = {
            "relay": self.relays - before.relays,
            "PostgreSQL": self.postgres - before.postgres,
            "broker": self.broker - before.broker,
        }
        said = ", ".join(f"{name} {s / of * 1e6:.1f}" for name, s in parts.items())
        return f"{said}; all {sum(parts.values()) / of * 1e6:.1f}"


def spent(settings: Settings) -> Spent:
    """Give the CPU seconds of all that runs from the state folder, so far."""
    postgres = servers(settings.state)[PLATFORM]
    nodes = [pid for node in Broker(settings.state).nodes if (pid := node.pid())]
    relays = [one.pid for one in workers(settings) if one.name.startswith("relay")]
    database, *others = cpu_seconds(postgres, *nodes, *relays)
    return Spent(sum(others[len(nodes) :]), database, sum(others[: len(nodes)]))
