"""How the demonstration looks: Chinese with English beneath, trees and tables."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from zhitong.infra import demonstration_answers as answers
from zhitong.infra.demonstration_answers import Body
from zhitong.schema.codes import CASE_STATUS
from zhitong.types import Label, Occasion, Principal

_WIDTH = 100
_PAUSE = 1.0
_SEVERITIES = {
    "BREACH": "违反 breach",
    "DOUBT": "存疑 doubt",
    "UNVERIFIED": "待核 unverified",
}
_VERDICTS = {"MASK": "脱敏 masked", "DENY": "不予提供 withheld"}


class View:
    """Shows a step after the other, unhurried where a person looks on."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = _WIDTH
        self._step = 0

    def step(self, zh: str, en: str) -> None:
        """Open the next step."""
        self._rest()
        self._step += 1
        self._console.print()
        self._console.rule(Text(f"{self._step}  {zh}", "bold"), align="left")
        self.remark(en)

    def say(self, zh: str, en: str) -> None:
        """Say something in both languages."""
        self._console.print(Text(f"  {zh}"))
        self._console.print(Text(f"  {en}", "dim"))

    def remark(self, text: str) -> None:
        """Say something by the way."""
        self._console.print(Text(f"   {text}", "dim"))

    def good(self, label: Label, came: str) -> None:
        """Say that something was seen to hold."""
        self._console.print(
            Text.assemble(("  ✓ ", "green"), label.zh, (f"：{came}", "cyan"))
        )
        self._console.print(Text(f"    {label.en}", "dim"))

    def bad(self, label: Label, expected: str, came: str) -> None:
        """Say what was expected, and what came instead."""
        self._console.print(Text(f"  ✗ {label.zh}  {label.en}", "bold red"))
        self._console.print(
            Text(f"    应为 expected: {expected}\n    实为 came: {came}")
        )

    def question(self, document: str) -> None:
        """Show the document."""
        code = Syntax(document.strip(), "graphql", background_color="default")
        self._console.print(Panel(code, title="提问 the question", title_align="left"))

    def asker(self, who: Principal, why: Occasion, seconds: float) -> None:
        """Show who asked, why, and how long it took."""
        given = "、".join(filter(None, (why.purpose, why.basis, why.cause)))
        self._console.print(
            Text.assemble(
                ("  提问人 asked by ", "dim"),
                (f"{who.unit_name} {who.person}", "bold cyan"),
                (f"  {seconds * 1000:.0f} ms", "dim"),
                ("\n  目的·依据·事由 why ", "dim"),
                given or "未说明 not stated",
            )
        )

    def answer(self, body: Body, *, brief: bool = False) -> None:
        """Show parties, their cases and what restricts the answer."""
        if brief:
            self._summary(body)
            self._missing(answers.missing(body))
            return
        tree = Tree(Text("答复 the answer", "bold"), guide_style="dim")
        for party in answers.parties(body):
            _grow_party(tree, party)
        if not answers.parties(body):
            for case in answers.cases(body):
                _grow_case(tree, case)
        self._indented(tree)
        self._reasons(answers.restrictions(body))
        self._missing(answers.missing(body))

    def records(self, entries: Sequence[Body]) -> None:
        """Show entries of the access register."""
        table = _table(
            "时间 when", "谁 who", "目的·依据·事由 why", "条数", "脱敏、未提供"
        )
        for entry in entries:
            why = filter(None, (entry["purpose"], entry["basis"], entry["cause"]))
            table.add_row(
                Text(entry["at"][:19].replace("T", " ")),
                Text(f"{entry['unitName']}\n{entry['person']}"),
                Text("\n".join(why) or "—"),
                Text(str(entry["rows"])),
                Text("\n".join(_restricted(entry["looks"]))),
            )
        self._indented(table)

    def findings(self, entries: Sequence[Body]) -> None:
        """Show what the rules find."""
        table = _table("核验发现 finding", "程度", "依据 rests on")
        for entry in entries:
            detail = _both({"zh": entry["messageZh"], "en": entry["messageEn"]})
            weight = _SEVERITIES[entry["severity"]]
            table.add_row(
                detail, Text(weight, "yellow"), Text(entry["ruleSource"], "dim")
            )
        self._indented(table)

    def deliveries(self, entries: Sequence[Body]) -> None:
        """Show who holds what, and since when."""
        table = _table(
            "接收方 receiver", "版本", "状态 status", "入队 queued", "持有 held"
        )
        for entry in entries:
            moments = [
                str(entry[name] or "—")[11:23] for name in ("queuedAt", "heldSince")
            ]
            table.add_row(
                entry["receiver"], str(entry["version"]), entry["status"], *moments
            )
        self._indented(table)

    def form(self, title: Label, row: Mapping[str, str]) -> None:
        """Show a receiver's own row."""
        table = _table("栏目 item", "内容 value")
        table.title = f"{title.zh}  {title.en}"
        table.title_justify = "left"
        for name, value in row.items():
            table.add_row(Text(name, "magenta"), Text(value))
        self._indented(table)

    def addresses(self, lines: Sequence[tuple[str, str]]) -> None:
        """Show where to go on."""
        table = Table.grid(padding=(0, 2))
        for name, value in lines:
            table.add_row(Text(name, "dim"), Text(value, "cyan", overflow="fold"))
        self._indented(table)

    def whole(self, zh: str, en: str, text: str) -> None:
        """Show *text* on one line however long, so that it can be copied."""
        self.say(zh, en)
        self._console.print(Text(text, "cyan"), soft_wrap=True)

    def _summary(self, body: Body) -> None:
        tree = Tree(Text("答复 the answer", "bold"), guide_style="dim")
        for party in answers.parties(body):
            found = [case["source"] for case in party["cases"]["nodes"]]
            names = "、".join(
                answers.titles().get(name, name) for name in dict.fromkeys(found)
            )
            line = Text.assemble(
                (str(party["name"]), "bold"), f"  案件 {len(found)} 件  "
            )
            tree.add(line.append(names, "magenta"))
        self._indented(tree)

    def _reasons(self, entries: Sequence[Body]) -> None:
        if not entries:
            return
        table = _table("字段 field", "处理", "理由 why", "规则 rule")
        for entry in entries:
            rows = f"\n{entry['rows']}" if "rows" in entry else ""
            ruled = str(entry["verdict"])
            table.add_row(
                Text(f"{entry['type']}.{entry['field']}{rows}"),
                Text(_VERDICTS.get(ruled, ruled), "yellow"),
                _both(entry["reason"]),
                Text(entry["rule"], "dim"),
            )
        self._indented(table)

    def _missing(self, entries: Sequence[Body]) -> None:
        if not entries:
            return
        table = _table("缺失的来源 missing", "内容 of", "原因 why")
        for entry in entries:
            detail = _both(entry["detail"])
            table.add_row(_both(entry["title"]), Text(entry["type"]), detail)
        self._indented(table)

    def _indented(self, shown: RenderableType) -> None:
        grid = Table.grid(padding=(0, 0, 0, 2))
        grid.add_row(shown)
        self._console.print(grid)

    def _rest(self) -> None:
        if self._console.is_terminal and self._step:
            time.sleep(_PAUSE)


def _table(*heads: str) -> Table:
    table = Table(show_edge=False, header_style="dim", pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _both(label: Body) -> Group:
    return Group(Text(label["zh"]), Text(label["en"], "dim"))


def _grow_party(tree: Tree, party: Body) -> None:
    line = Text(f"{party['name']}  ", "bold")
    line.append(f"{party['code']}  ", "dim")
    line.append("电话 ").append_text(_value(party["phone"]))
    line.append("  证件 ").append_text(_value(party["idNumber"]))
    branch = tree.add(line)
    for listing in party["listings"]["nodes"]:
        text = f"列入 {listing['listedOn']} {listing['reason']}"
        branch.add(_signed(Text(text), listing["source"]))
    for licence in party["licences"]["nodes"]:
        text = f"许可 {licence['name']} 至 {licence['validTo']}"
        branch.add(_signed(Text(text), licence["source"]))
    for case in party["cases"]["nodes"]:
        _grow_case(branch, case)


def _grow_case(tree: Tree, case: Body) -> None:
    status = CASE_STATUS.values.get(case["status"])
    line = Text(f"案件 {case['filedOn']} {status.zh if status else '—'} ")
    line.append_text(_value(case["caseNo"])).append(f" {case['title']}")
    branch = tree.add(_signed(line, case["source"]))
    subject = case["subject"]
    if subject:
        branch.add(_signed(Text(subject["name"]), subject["source"]))
    for officer in case["officers"] or ():
        text = Text(f"{officer['name']} {officer['certificateNo']} 身份号码 ")
        text.append_text(_value(officer["idNumber"]))
        branch.add(_signed(text, officer["source"]))


def _value(value: str | None) -> Text:
    if value is None:
        return Text("—", "dim")
    return Text(value, "yellow" if "*" in value else "")


def _signed(text: Text, source: str) -> Text:
    return text.append(f"  {answers.titles().get(source, source)}", "magenta")


def _restricted(looks: Sequence[str]) -> list[str]:
    """Pick the fields out of a record's looks that were masked or withheld."""
    found = {
        f"{look.partition('@')[0]}.{field} {_VERDICTS[ruling]}"
        for look in looks
        for field, ruling in re.findall(r"(\w+)=(?:ALLOW\|)?(MASK|DENY)", look)
    }
    return sorted(found)
