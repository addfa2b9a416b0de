"""What all soaks of a folder come to together: one report over all their seeds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "soak-summary"


@dataclass(frozen=True, slots=True)
class Summary:
    """Reports, by their seeds."""

    reports: Sequence[dict[str, Any]]

    @classmethod
    def of(cls, folder: Path) -> Summary:
        """Read those of *folder*."""
        found = [
            json.loads(path.read_text("utf-8"))
            for path in folder.glob("soak-*.json")
            if path.stem.removeprefix("soak-").isdigit()
        ]
        return cls(sorted(found, key=lambda one: int(one["seed"])))

    @property
    def violations(self) -> Sequence[str]:
        """Everything that does not hold, and of which seed."""
        return [
            f"seed {each['seed']}: {fault}"
            for each in self.reports
            for fault in each["violations"]
        ]

    @property
    def kinds(self) -> Counter[str]:
        """How often each kind has struck and could."""
        return Counter(
            fault["name"]
            for each in self.reports
            for fault in each["faults"]
            if not fault["trouble"]
        )

    def lines(self) -> Iterable[tuple[str, str]]:
        """Give the figures as they are printed."""
        results = sum((Counter(each["results"]) for each in self.reports), Counter())
        grown = [one for each in self.reports for one in each["memory"]]
        seconds = sum(each["seconds"] for each in self.reports)
        yield "seeds", ", ".join(str(each["seed"]) for each in self.reports) or "none"
        yield "hours", f"{seconds / 3600:.1f}"
        decisions = sum(each["decisions"] for each in self.reports)
        yield "decisions acknowledged", f"{decisions:,}"
        yield "versions acknowledged", f"{sum(e['versions'] for e in self.reports):,}"
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(results.items()))
        yield "steps", told or "none"
        kinds = self.kinds
        yield "faults", f"{sum(kinds.values())} of {len(kinds)} kinds"
        troubled = sum(bool(f["trouble"]) for e in self.reports for f in e["faults"])
        yield "faults that could not be done", str(troubled)
        yield "memory, most grown", _most(grown)
        for what, many in self._by_rule().items():
            yield what, str(many)
        yield "violations", str(len(self.violations))

    def write(self, folder: Path) -> Path:
        """Write it as Markdown; give the page."""
        lines = ["# 持续试验汇总 Soaks, all seeds", "", "| | |", "|---|---|"]
        lines += [f"| {what} | {said} |" for what, said in self.lines()]
        lines += ["", "| seed | decisions | faults | kinds | hours | violations |"]
        lines += ["|---|---|---|---|---|---|"]
        for each in self.reports:
            kinds = {fault["name"] for fault in each["faults"]}
            lines.append(
                f"| {each['seed']} | {each['decisions']:,} | {len(each['faults'])} "
                f"| {len(kinds)} | {each['seconds'] / 3600:.1f} "
                f"| {len(each['violations'])} |"
            )
        lines += ["", "## 故障 Faults", ""]
        lines += [f"- {name}: {count}" for name, count in sorted(self.kinds.items())]
        lines += ["", "## 不符 Violations", ""]
        lines += [f"- {one}" for one in self.violations] or ["—"]
        page = folder / f"{NAME}.md"
        page.write_text("\n".join(lines) + "\n", "utf-8")
        return page

    def _by_rule(self) -> dict[str, int]:
        totals = Counter({"acknowledged and lost": 0, "twice": 0, "out of order": 0})
        for each in self.reports:
            totals.update(each["by_rule"])
        return dict(totals)


def _most(grown: Sequence[dict[str, Any]]) -> str:
    if not grown:
        return "no process ran long enough to be compared"
    worst = max(grown, key=lambda one: one["last"] / one["first"])
    share = worst["last"] / worst["first"] - 1.0
    return f"{worst['name']}: {share:+.1%} over {worst['seconds']:.0f} s"
