"""What a step costs while nothing is wrong: CPU, by who has spent it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping

from machine import cpu_seconds, servers
from soak_world import World

from zhitong.infra.platform_database import PLATFORM


def spent(world: World) -> Mapping[str, float]:
    """Give the CPU seconds so far of all there is, by its part."""
    parts = {pids[0]: name.split()[0] for name, pids in world.crew.members().items()}
    for name, pid in servers(world.settings.state).items():
        ours = name.startswith((PLATFORM, "at-"))
        parts[pid] = f"PostgreSQL {name.split('-')[0]}" if ours else "departments"
    for node in world.broker.nodes:
        if at := node.pid():
            parts[at] = "brokers"
    found: dict[str, float] = defaultdict(float)
    for part, seconds in zip(parts.values(), cpu_seconds(*parts), strict=True):
        found[part] += seconds
    # Our own alone: its callers, and the lines it leads the others over.
    found["soak"] = time.process_time()
    return found


def told(before: Mapping[str, float], after: Mapping[str, float], steps: int) -> str:
    """Write what one of so many *steps* took, in milliseconds, the most first."""
    each = {
        name: (seconds - before.get(name, 0.0)) / max(1, steps) * 1000
        for name, seconds in after.items()
    }
    parts = sorted(each.items(), key=lambda one: -one[1])
    said = ", ".join(f"{name} {value:.1f}" for name, value in parts)
    return f"{sum(each.values()):.1f}: {said}"
