"""What a verification found, printed: for people in both languages, or as JSON."""

from __future__ import annotations

import sys

import orjson

from zhitong.connectors.whole_check import Checked
from zhitong.infra.commands import say
from zhitong.rules.fault_labels import LABELS
from zhitong.rules.faults import LISTED, Fault, FaultKind

PAGE = "docs/audit.md"
NAME_ONE = (
    "请以 --witness 或 ZHITONG_WITNESSES 指明见证人，并确认封存进程与它相通 "
    "name the witness by --witness or ZHITONG_WITNESSES, and see that the sealer "
    "reaches it"
)


def show(found: Checked, seconds: float, why: str, *, as_json: bool) -> None:
    """Print *found*; *why* says what became of the witness, where there is none."""
    if as_json:
        text = orjson.dumps(
            form(found, seconds),
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )
        sys.stdout.write(text.decode())
        return
    say(*summary(found, seconds), *faults(found, why))


def summary(found: Checked, seconds: float) -> list[str]:
    """Say what was looked at."""
    rate = found.rows / seconds if seconds else 0.0
    seen = f"见证 witnessed {found.witnessed:,}"
    excused = f"    依法归档 archived {found.excused:,}" if found.excused else ""
    return [
        f"日志 Log {found.origin} ({found.hash})",
        f"  叶 leaves {found.leaves:,}    树头 heads {found.heads:,}    {seen}",
        f"  行 rows {found.rows:,}{excused}    {seconds:.1f} s    {rate:,.0f}/s",
        f"  树根 root {found.root or '—'}",
        *(f"  未核对 Not looked at: {each.zh} {each.en}" for each in found.unseen),
    ]


def faults(found: Checked, why: str = "") -> list[str]:
    """Say what is wrong: each kind with its total, then each place that is listed."""
    if not found.faults.totals:
        if found.unseen:
            return ["核验通过：所核对的都成立 All that was looked at holds."]
        return ["核验通过：每一行、每一叶、每个树头都成立 Everything holds."]
    lines = [f"核验未通过 It does not hold ({PAGE}):"]
    for kind, total in found.faults.totals.items():
        label = LABELS[kind]
        lines.append(f"{kind}: {total:,}  {label.zh} {label.en}")
        if kind is FaultKind.WITNESS_MISSING:
            lines.append(f"    {why or NAME_ONE}")
        listed = [one for one in found.faults.listed if one.kind is kind]
        lines += [f"    {str(one).removeprefix(kind).strip()}" for one in listed]
        if total > LISTED:
            lines.append(f"    … {total - LISTED:,} 处未列出 more are not listed")
    return lines


def form(found: Checked, seconds: float) -> dict[str, object]:
    """Give *found* as JSON has it."""
    return {
        "holds": not found.faults.totals,
        "origin": found.origin,
        "hash": found.hash,
        "leaves": found.leaves,
        "heads": found.heads,
        "rows": found.rows,
        "root": found.root,
        "witnessed": found.witnessed,
        "excused": found.excused,
        "unseen": [each.en for each in found.unseen],
        "seconds": round(seconds, 3),
        "totals": {kind.value: many for kind, many in found.faults.totals.items()},
        "faults": [_fault(one) for one in found.faults.listed],
    }


def _fault(one: Fault) -> dict[str, object]:
    return {
        "kind": one.kind,
        "table": one.table,
        "id": one.id,
        "column": one.column,
        "number": one.number,
        "detail": one.detail,
    }
