"""What a soak says of itself: a page for people, the same as JSON for programs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from soak_crew import Growth
from soak_ledger import Act, Attempt, Result
from soak_nemesis import Done

GROWTH = 0.05
"""How much a process may grow."""

_SIGNS = {
    "acknowledged and lost": (
        "acknowledged, 0 times",
        "left 0 times",
        "answered and not sent",
        "not on the topic",
        "not in the inbox",
        "has no effect",
    ),
    "twice": ("times in the", "took effect twice", " effects"),
    "out of order": ("in another order", "after a later"),
}


@dataclass(kw_only=True)
class Report:
    """Everything there is to say of one soak of one seed."""

    seed: int
    machine: str
    seconds: float
    rate: float
    attempts: Sequence[Attempt]
    codes: Mapping[str, int]
    faults: Sequence[Done]
    left_out: Mapping[str, str]
    growths: Sequence[Growth]
    fallen: Sequence[str]
    figures: dict[str, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    @property
    def results(self) -> Mapping[str, int]:
        """How many steps ended how."""
        return {
            result.value: sum(each.result is result for each in self.attempts)
            for result in Result
        }

    def _back(self, fault: Done) -> float | None:
        """Say when something was acknowledged again that was begun after a loss."""
        if "promoted" not in fault.name and "handed over" not in fault.name:
            return None
        found = [
            each.ended
            for each in self.attempts
            if each.result is Result.OK and each.began >= fault.began
        ]
        return min(found) - fault.began if found else None

    @property
    def kinds(self) -> Mapping[str, Sequence[Done]]:
        """The faults by their kinds."""
        found: dict[str, list[Done]] = {}
        for each in self.faults:
            found.setdefault(each.name, []).append(each)
        return dict(sorted(found.items()))

    def _acknowledged(self, *acts: Act) -> int:
        return sum(
            each.result is Result.OK and each.act in acts for each in self.attempts
        )

    def lines(self) -> Iterable[tuple[str, str]]:
        """Give the figures as they are printed."""
        acts = {each.act for each in self.attempts}
        yield "seed", str(self.seed)
        yield "machine", self.machine
        took = f"{self.seconds:.0f} s, {self.rate:g} decisions/s planned"
        yield "took", took
        for act in sorted(acts):
            mine = [each for each in self.attempts if each.act is act]
            parts = [
                f"{sum(each.result is result for each in mine):,} {result.value}"
                for result in Result
            ]
            yield f"steps: {act.value}", ", ".join(parts)
        yield "decisions acknowledged", f"{self._acknowledged(Act.RECORD):,}"
        sent = sum(each.sent for each in self.attempts)
        yield "requests", f"{sent:,}, {sent - len(self.attempts):,} of them again"
        yield "lost or refused, by code", _counted(self.codes)
        yield "latency from the planned time", _latency(self.attempts)
        yield "faults", f"{len(self.faults)} of {len(self.kinds)} kinds"
        back = [one for one in map(self._back, self.faults) if one is not None]
        if back:
            yield "writes back after a promotion began", f"{max(back):.1f} s at most"
        alone = [
            each.healed - each.undone
            for each in self.faults
            if each.healed and not each.shared
        ]
        if alone:
            worst = f"median {statistics.median(alone):.1f} s, worst {max(alone):.1f} s"
            yield f"healed after ({len(alone)} that were alone)", worst
        if self.growths:
            one = self.growths[0]
            yield "memory, most grown", grown(one)
        else:
            yield "memory", "no process ran long enough to be compared"
        yield "ended by themselves", str(len(self.fallen))
        yield from self.figures.items()
        yield "violations", str(len(self.violations))

    def write(self, folder: Path, stem: str) -> Path:
        """Write both forms; give the page."""
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / f"{stem}.md"
        page.write_text(self._page(), "utf-8")
        (folder / f"{stem}.json").write_text(
            json.dumps(self._said(), indent=1, ensure_ascii=False), "utf-8"
        )
        return page

    def _said(self) -> Mapping[str, Any]:
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "decisions": self._acknowledged(Act.RECORD),
            "versions": self._acknowledged(Act.RECORD, Act.CORRECT, Act.WITHDRAW),
            "by_rule": by_rule(self.violations),
            "figures": dict(self.lines()),
            "results": self.results,
            "faults": [asdict(each) for each in self.faults],
            "left_out": dict(self.left_out),
            "memory": [asdict(each) for each in self.growths],
            "fallen": list(self.fallen),
            "violations": self.violations,
        }

    def _page(self) -> str:
        lines = [f"# 持续试验 Soak, seed {self.seed}", "", "| | |", "|---|---|"]
        lines += [f"| {what} | {said} |" for what, said in self.lines()]
        lines += ["", "## 故障 Faults", ""]
        lines += ["| kind | times | lasted | healed after | |", "|---|---|---|---|---|"]
        for name, each in self.kinds.items():
            lasted = max(one.undone - one.began for one in each)
            healed = [one.healed - one.undone for one in each if one.healed]
            after = f"≤ {max(healed):.1f} s" if healed else "not"
            trouble = "; ".join({one.trouble for one in each if one.trouble})
            lines.append(
                f"| {name} | {len(each)} | ≤ {lasted:.1f} s | {after} | {trouble} |"
            )
        for title, said in {
            "未能施加 Left out": [f"{n}: {why}" for n, why in self.left_out.items()],
            "内存 Memory": [grown(one) for one in self.growths],
            "自行结束 Ended by themselves": self.fallen,
            "不符 Violations": self.violations,
        }.items():
            lines += ["", f"## {title}", ""]
            lines += [f"- {one}" for one in said] or ["—"]
        return "\n".join(lines) + "\n"


def by_rule(violations: Sequence[str]) -> Mapping[str, int]:
    """Sort what the checker has found into what was promised."""
    found = dict.fromkeys(_SIGNS, 0)
    for one in violations:
        # The first that fits: "0 times in the ledger" is not twice.
        for what, signs in _SIGNS.items():
            if any(sign in one for sign in signs):
                found[what] += 1
                break
    return found


def _counted(codes: Mapping[str, int]) -> str:
    parts = [f"{code} {count:,}" for code, count in sorted(codes.items())]
    return ", ".join(parts) or "none"


def _latency(attempts: Sequence[Attempt]) -> str:
    took = sorted(a.ended - a.planned for a in attempts if a.result is Result.OK)
    if not took:
        return "nothing was answered"
    marks = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    parts = [f"{n} {took[int(len(took) * q)] * 1000:.0f} ms" for n, q in marks.items()]
    return f"{', '.join(parts)}, worst {took[-1]:.1f} s"


def grown(one: Growth) -> str:
    """Say it in a line."""
    return (
        f"{one.name}: {one.share:+.1%} over {one.seconds:.0f} s, "
        f"{one.first:.0f} to {one.last:.0f} MiB"
    )
