"""The demonstration's steps: each asks the running gateway and checks what comes."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from zhitong.infra import demonstration_answers as answers
from zhitong.infra.city_commands import place
from zhitong.infra.city_load import load_harbour
from zhitong.infra.city_words import DEMO
from zhitong.infra.client import Client, Reply
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.demonstration_answers import Body
from zhitong.infra.demonstration_view import View
from zhitong.infra.embedded import Cluster
from zhitong.infra.serving import demo_issuer
from zhitong.infra.settings import Settings
from zhitong.types import Label, Occasion

INVESTIGATION = Occasion(
    purpose="criminal-investigation",
    basis="刑事诉讼法第五十四条",
    cause="安公刑立字〔2026〕12号",
    letter="安公介字〔2026〕88号",
)
FROZEN = "transport"
JOINING = "harbour"
DEADLINE = 5.0
"""Seconds within which an answer has to come although a department is silent."""

_AT_LEAST = 5
_WHOLE_AGAIN = 20.0
_PAUSE = 0.5
_NONE = Occasion()


class StepError(Exception):
    """A step did not hold; what was expected and what came is told already."""


@dataclass(slots=True, kw_only=True)
class Steps:
    """What is shown, in order, to a gateway at *url*."""

    settings: Settings
    view: View
    url: str
    _issuer: DemoIssuer = field(init=False)
    _police: Body = field(default_factory=dict)
    _asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._issuer = demo_issuer(self.settings)

    def client(self, kind: str) -> Client:
        """Make a client that is one of the demo's people."""
        return Client(url=self.url, token=self._issuer.issue(DEMO_PRINCIPALS[kind]))

    def run(self) -> None:
        """Show every step; raise `StepError` at the first that does not hold."""
        self.police()
        self.public()
        self.county()
        self.register()
        self.frozen()
        self.joining()

    def police(self) -> None:
        """Let the police officer ask across departments."""
        self.view.step(
            "公安民警办案，一次查询跨越多个部门",
            "A police officer on a case: one question across the departments",
        )
        self.view.question(answers.question("firms"))
        body = self._ask("police", INVESTIGATION)
        self._police = body
        found = answers.departments(body)
        self.expect(
            "答复来自五个以上部门",
            "the answer comes from five departments or more",
            came=", ".join(sorted(found)),
            holds=len(found) >= _AT_LEAST,
        )
        numbers = [p["idNumber"] for p in answers.parties(body) if p["idNumber"]]
        self.expect(
            "自然人证件号码只见首尾",
            "ID numbers show their first and last character only",
            came=", ".join(numbers) or "—",
            holds=bool(numbers)
            and all(re.fullmatch(r".\*+.", number) for number in numbers)
            and "MASK" in answers.verdict(body, "Counterparty", "idNumber"),
        )
        self._officers_withheld(body)

    def public(self) -> None:
        """Let the public ask the same, and see less."""
        self.view.step("社会公众问同一个问题", "The public asks the same question")
        body = self._ask("public", _NONE)
        mine, theirs = answers.values(body), answers.values(self._police)
        self.expect(
            "公众看到的更少",
            "the public sees less",
            came=f"{mine} 项 values，民警 the police {theirs} 项",
            holds=0 < mine < theirs,
        )
        states = {case["status"] for case in answers.cases(body)}
        self.expect(
            "只有已作出决定的案件",
            "only cases that are decided",
            came=", ".join(sorted(states)) or "—",
            holds=bool(states) and states <= {"DECIDED", "CLOSED"},
        )
        hidden = [
            *(p["phone"] for p in answers.parties(body)),
            *(p["idNumber"] for p in answers.parties(body)),
            *(case["caseNo"] for case in answers.cases(body)),
        ]
        self.expect(
            "电话、证件号码、案号不予提供，并说明理由",
            "telephone, ID number and case number are withheld, with the reason",
            came=_listed(hidden),
            holds=not any(hidden)
            and "DENY" in answers.verdict(body, "Counterparty", "phone")
            and "DENY" in answers.verdict(body, "CaseRecord", "caseNo"),
        )

    def county(self) -> None:
        """Let the county's officer ask, and see the county's own cases."""
        who = DEMO_PRINCIPALS["own-officer"]
        self.view.step(
            "东岭县执法人员问同一个问题",
            "An officer of Dongling County asks the same question",
        )
        body = self._ask("own-officer", _NONE)
        places = {str(case["division"]) for case in answers.cases(body)}
        self.expect(
            "只见本县的案件",
            "only cases of the county itself",
            came=", ".join(sorted(places)) or "—",
            holds=places == {who.division},
        )
        self._officers_withheld(body)

    def register(self) -> None:
        """Let the auditor read who has looked."""
        self.view.step(
            "以上调阅均已登记：审计人员查看",
            "Each of these looks is on record: the auditor reads them",
        )
        document = answers.question("firms")
        self.view.question(answers.question("records"))
        digest = hashlib.sha256(document.encode()).hexdigest()
        # A look at public fields alone may be on record up to a second later.
        deadline = time.monotonic() + _WHOLE_AGAIN
        entries: list[Body] = []
        while len(entries) < len(self._asked) and time.monotonic() < deadline:
            reply = self.client("auditor").ask(
                answers.question("records"), variables={"document": digest}
            )
            self.good(reply)
            entries = list(answers.records(reply.body))
            time.sleep(_PAUSE)
        self.view.records(entries)
        people = [entry["person"] for entry in entries]
        self.expect(
            "三次调阅、三个人，先后不差",
            "three looks by three people, in order",
            came=", ".join(people) or "—",
            holds=people
            == [DEMO_PRINCIPALS[kind].person for kind in self._asked[::-1]],
        )
        said = tuple(entries[-1][name] for name in ("purpose", "basis", "cause"))
        why = (INVESTIGATION.purpose, INVESTIGATION.basis, INVESTIGATION.cause)
        self.expect(
            "民警的目的、依据、事由在案",
            "the police officer's purpose, basis and cause are on record",
            came=" · ".join(filter(None, said)),
            holds=said == why,
        )

    def frozen(self) -> None:
        """Freeze a department, and let the others answer."""
        self.view.step(
            "交通运输局的系统停止应答",
            "The transport bureau's system stops answering",
        )
        with self._frozen():
            reply = self._ask_once("police", INVESTIGATION)
            self.view.answer(reply.body, brief=True)
            self.expect(
                f"{DEADLINE:.0f} 秒内照常答复",
                f"an answer within {DEADLINE:.0f} seconds all the same",
                came=f"{reply.seconds:.1f} s",
                holds=reply.seconds < DEADLINE,
            )
            self.expect(
                "指名缺失的部门",
                "the department that is missing is named",
                came=", ".join(answers.missing_names(reply.body)) or "—",
                holds=answers.missing_names(reply.body) == {FROZEN},
            )
            count = answers.total(reply.body)
            lacking = "、".join(count["missing"]) or "—"
            self.expect(
                "总数注明不完整",
                "the total count says that it is partial",
                came=f"{count['count']}，缺 without {lacking}",
                holds=count["partial"] is True and FROZEN in count["missing"],
            )
            rest = answers.departments(self._police) - {FROZEN}
            found = answers.departments(reply.body)
            self.expect(
                "其余部门的数据照常",
                "what the other departments know still comes",
                came=", ".join(sorted(found)),
                holds=rest <= found and FROZEN not in found,
            )
        self._whole_again()

    def joining(self) -> None:
        """Let a department join by one file."""
        self.view.step(
            "新部门接入：市港航管理局，一个 TOML 文件，不改一行程序",
            "A department joins, the harbour bureau: one TOML file, no line of code",
        )
        self.view.question(answers.question("harbour"))
        before = self._ask_once("police", INVESTIGATION, "harbour")
        self.expect(
            "接入之前没有它的案件",
            "before it joins there is no case of it",
            came=f"{len(answers.cases(before.body))} 件 cases",
            holds=not answers.cases(before.body),
        )
        cluster = Cluster(self.settings.state, [JOINING])
        asyncio.run(load_harbour(cluster.start()[JOINING]))
        place(DEMO / "extra" / f"{JOINING}.toml", self.settings, renew=True)
        loaded = self.client("operator").reload()
        self.good(loaded)
        names = answers.loaded(loaded.body)
        self.expect(
            "网关运行中重新加载，接入成功",
            "the gateway takes it in while it runs",
            came=", ".join(names),
            holds=JOINING in names,
        )
        after = self._ask_once("police", INVESTIGATION, "harbour")
        self.view.answer(after.body)
        sources = {case["source"] for case in answers.cases(after.body)}
        self.expect(
            "它的案件进入同一张图，主体与人员来自司法局",
            "its cases are in the graph; subject and officers come from justice",
            came=", ".join(sorted(answers.departments(after.body))) or "—",
            holds=sources == {JOINING} and "justice" in answers.departments(after.body),
        )

    def _whole_again(self) -> None:
        deadline = time.monotonic() + _WHOLE_AGAIN
        body = self._ask_once("police", INVESTIGATION).body
        while answers.missing(body) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
            body = self._ask_once("police", INVESTIGATION).body
        self.expect(
            "系统恢复后，答复与当初一字不差",
            "once it answers again, the answer is the first one to the letter",
            came=", ".join(answers.missing_names(body)) or "相同 the same",
            holds=body == self._police,
        )

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        cluster = Cluster(self.settings.state, [FROZEN])
        cluster.freeze(FROZEN)
        try:
            yield
        finally:
            cluster.thaw(FROZEN)

    def _officers_withheld(self, body: Body) -> None:
        numbers = [officer["idNumber"] for officer in answers.officers(body)]
        self.expect(
            "执法人员身份号码不予提供，并说明理由",
            "officers' ID numbers are withheld, with the reason",
            came=f"{len(numbers)} 人 officers，{_listed(numbers)}",
            holds=bool(numbers)
            and not any(numbers)
            and "DENY" in answers.verdict(body, "Officer", "idNumber"),
        )

    def _ask(self, kind: str, why: Occasion) -> Body:
        reply = self._ask_once(kind, why)
        self._asked.append(kind)
        self.view.asker(DEMO_PRINCIPALS[kind], why, reply.seconds)
        self.view.answer(reply.body)
        return reply.body

    def _ask_once(self, kind: str, why: Occasion, name: str = "firms") -> Reply:
        reply = self.client(kind).ask(answers.question(name), why)
        self.good(reply)
        return reply

    def good(self, reply: Reply) -> None:
        """Raise unless *reply* is an answer without errors."""
        if not reply.good:
            label = Label("网关作答", "the gateway answers")
            self.view.bad(label, "200", f"{reply.status} {reply.body}")
            raise StepError

    def expect(self, zh: str, en: str, *, came: str, holds: bool) -> None:
        """Say what came; raise unless it *holds*."""
        label = Label(zh, en)
        if holds:
            self.view.good(label, came)
            return
        self.view.bad(label, f"{zh} / {en}", came)
        raise StepError


def _listed(values: Iterable[str | None]) -> str:
    return "、".join(filter(None, values)) or "未给出 none given"
