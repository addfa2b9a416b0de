"""The demonstration's second part: a decision, its way to two receivers, its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from zhitong.connectors.inbox_look import held_row
from zhitong.infra import demonstration_answers as answers
from zhitong.infra.bureau_signing import sign
from zhitong.infra.client import Client
from zhitong.infra.demo_bureau import demo_bureau, enrol
from zhitong.infra.demonstration_answers import Body
from zhitong.infra.demonstration_steps import Steps
from zhitong.types import Label, Occasion

RECEIVERS: Mapping[str, Label] = {
    "provincial": Label("省级监管平台", "the provincial supervision platform"),
    "credit": Label("信用系统（双公示）", "the credit system"),
}
PUBLISHING = (
    ("collector", "COLLECT"),
    ("transmitter", "TRANSMIT"),
    ("reviewer", "PASS"),
    ("releaser", "RELEASE"),
)
"""Who takes which step, by the word that ``zhitong token`` takes."""
WITHDRAWAL = "经复查，认定事实的证据不足，自行撤销"
_PLACE = ZoneInfo("Asia/Shanghai")
_ARRIVAL_SECONDS = 20.0
"""Endless from finite; how long it took is shown."""
_PAUSE = 0.05
_FINE = "20000.00"


@dataclass(slots=True, kw_only=True)
class DecisionSteps:
    """A bureau decides a case of its own; *databases* are the receivers' own."""

    steps: Steps
    databases: Mapping[str, str]
    _case: Body = field(default_factory=dict)
    _id: str = ""
    _number: str = ""

    def run(self) -> None:
        """Show every step; raise `StepError` at the first that does not hold."""
        self.before()
        self.recorded()
        self.published()
        self.withdrawn()

    def before(self) -> None:
        """Let the case system ask before it decides."""
        view = self.steps.view
        view.step(
            "市应急管理局作出处罚之前先问：这样决定行不行",
            "Before it decides, the emergency bureau asks whether this would hold",
        )
        found_cases = list(self.open_cases())
        self.steps.expect(
            "有待决定的案件，名册和登记都对得上",
            "there are cases to decide that the registers know all about",
            came=f"{len(found_cases)} 件 cases",
            holds=bool(found_cases),
        )
        self._case = found_cases[0]
        view.question(answers.question("check-decision"))
        alone = draft(self._case, self._case["officers"][:1])
        found = _findings(self._say("check-decision", {"decision": alone}))
        view.findings(found)
        self.steps.expect(
            "只有一名执法人员：指出违反了哪一条",
            "one officer alone: the rule that would be broken is named",
            came="；".join(one["messageZh"] for one in _breaches(found)) or "—",
            holds=bool(_breaches(found)),
        )
        found = _findings(self._say("check-decision", {"decision": draft(self._case)}))
        self.steps.expect(
            "两名执法人员：没有违反规则之处",
            "two officers: no rule is broken",
            came=f"{len(found)} 条发现 findings",
            holds=not _breaches(found),
        )

    def recorded(self) -> None:
        """Record the penalty; see it at both receivers, each in its own form."""
        steps = self.steps
        steps.view.step(
            "处罚决定已经作出：登记，并推送省级平台和信用系统",
            "The penalty is decided: recorded, and on its way to both receivers",
        )
        steps.view.question(answers.question("record-decision"))
        decision = draft(self._case)
        bureau = demo_bureau(steps.settings)
        asyncio.run(enrol(steps.settings, bureau))
        variables = {"decision": decision}
        signed = {**variables, "signature": sign(bureau, variables)}
        came = self._say("record-decision", signed)["recordDecision"]
        self._id, self._number = came["decisionId"], str(decision["documentNo"])
        steps.expect(
            "登记入台账，每个接收方一个事件",
            "it is in the ledger, with an event for each receiver",
            came=f"{decision['documentNo']}，{_names(came['events'])}",
            holds={event["receiver"] for event in came["events"]} == set(RECEIVERS),
        )
        signatures = came["decision"]["signatures"]["nodes"]
        steps.expect(
            "本局签署了这件决定：签署成立，存入日志，随事件送到接收方",
            "the bureau has signed it: that holds, is in the log, and goes along",
            came="、".join(f"{one['state']} {one['keyId']}" for one in signatures)
            or "—",
            holds=[one["state"] for one in signatures] == ["HOLDS"],
        )
        self._arrived(1)
        for name, title in RECEIVERS.items():
            row = self._row(name)
            steps.view.form(title, row)
            steps.expect(
                f"{title.zh}以自己的格式持有",
                f"{title.en} holds it in a form of its own",
                came=f"{len(row)} 项 items",
                holds=str(decision["documentNo"]) in row.values(),
            )
        again = self._say("record-decision", {"decision": decision})["recordDecision"]
        steps.expect(
            "重复登记：什么也不改变",
            "the same once more changes nothing",
            came=f"replayed {again['replayed']}，version {again['version']}",
            holds=again["replayed"] is True and again["version"] == 1,
        )

    def published(self) -> None:
        """Have four people publish it; see it as anybody may, without a token."""
        steps = self.steps
        steps.view.step(
            "本机关公示这件决定：采集、传递、审核、发布，四人各司其职",
            "The bureau publishes it: collected, handed on, reviewed, released by four",
        )
        steps.view.question(answers.question("publish"))
        given = {"decisionId": self._id, "version": 1}
        stages = [self._step(who, step, given) for who, step in PUBLISHING]
        steps.expect(
            "四种角色各办一步",
            "four roles, a step each",
            came="、".join(str(one["stage"]) for one in stages),
            holds=stages[-1]["stage"] == "RELEASED",
        )
        (shown,) = self._public()
        steps.expect(
            "任何人不用令牌即可查阅，公示两年",
            "anybody reads it without a token, for two years",
            came=f"{shown['counterpartyName']}，{shown['result']}，"
            f"至 {shown['downOn']}",
            holds=(shown["standing"], shown["fine"]) == ("PUBLISHED", _FINE),
        )

    def withdrawn(self) -> None:
        """Withdraw it; see that both receivers say so."""
        steps = self.steps
        steps.view.step(
            "决定被撤销：两个接收方都知道，并都这样记载",
            "It is withdrawn: both receivers hear of it, and both say so",
        )
        steps.view.question(answers.question("withdraw-decision"))
        before = {name: self._row(name) for name in RECEIVERS}
        withdrawal = {
            "decisionId": self._id,
            "reason": WITHDRAWAL,
            "basis": "本局复查意见",
        }
        came = self._say("withdraw-decision", {"withdrawal": withdrawal})
        events = came["withdrawDecision"]["events"]
        steps.expect(
            "新的版本、各自的事件，没有删除任何东西",
            "a new version with events of its own; nothing is deleted",
            came=f"version {came['withdrawDecision']['version']}，{_names(events)}",
            holds=came["withdrawDecision"]["version"] == 1 + 1,
        )
        (gone,) = self._public()
        steps.expect(
            "公示立即撤回，只留文号和说明",
            "what was published is away at once; number and explanation stay",
            came=f"{gone['standing']}，{gone['undoneBecause']}",
            holds=(gone["standing"], gone["result"]) == ("WITHDRAWN", None)
            and gone["undoneBecause"] == WITHDRAWAL,
        )
        self._arrived(2)
        for name, title in RECEIVERS.items():
            row = self._row(name)
            changed = {
                key: value
                for key, value in row.items()
                if before[name].get(key) != value
            }
            steps.view.form(title, changed)
            steps.expect(
                f"{title.zh}注明撤销及理由",
                f"{title.en} says that it is withdrawn, and why",
                came=f"{len(changed)} 项变更 items changed",
                holds=any(WITHDRAWAL in value for value in changed.values()),
            )

    def open_cases(self) -> Iterator[Body]:
        """Give the bureau's cases that the registers know all about."""
        for case in self._say("open-case", {})["caseRecords"]["nodes"]:
            officers = _signing(case)
            known = case["counterpartyMatch"] == case["matterMatch"] == "EXACT"
            if known and case["matter"]["status"] == "IN_FORCE" and len(officers) > 1:
                yield {**case, "officers": officers}

    def record(self, case: Body) -> None:
        """Record one more and publish it, for the pages that somebody watches."""
        came = self._say("record-decision", {"decision": draft(case)})
        self.publish(came["recordDecision"]["decisionId"])

    def publish(self, decision: str) -> None:
        """Have one more published, for whoever opens the public page."""
        given = {"decisionId": decision, "version": 1}
        for who, step in PUBLISHING:
            self._step(who, step, given)

    def _step(self, who: str, step: str, given: Mapping[str, object]) -> Body:
        reply = self.steps.client(who).ask(
            answers.question("publish"),
            variables={"publication": given, "step": step},
        )
        self.steps.good(reply)
        data: Body = reply.body["data"]  # type: ignore[assignment]
        taken: Body = data["takePublicationStep"]
        return taken

    def _public(self) -> Sequence[Body]:
        reply = Client(url=self.steps.url).shown(self._number)
        self.steps.good(reply)
        found: Sequence[Body] = reply.body["publications"]  # type: ignore[assignment]
        return found

    def _arrived(self, version: int) -> None:
        """Wait until both receivers hold *version*, and say how long it took."""
        steps, started = self.steps, time.monotonic()
        nodes: Sequence[Body] = ()
        while time.monotonic() - started < _ARRIVAL_SECONDS:
            found = self._say("deliveries", {"id": self._id})
            nodes = [
                node
                for node in found["decision"]["deliveries"]["nodes"]
                if node["version"] == version
            ]
            if nodes and all(node["status"] == "HELD" for node in nodes):
                break
            time.sleep(_PAUSE)
        steps.view.deliveries(nodes)
        waits = [
            (_moment(node["heldSince"]) - _moment(node["queuedAt"])).total_seconds()
            for node in nodes
            if node["heldSince"]
        ]
        steps.expect(
            "两个接收方都已持有，签名回执已到",
            "both receivers hold it, their signed receipts are here",
            came="、".join(f"{1000 * wait:.0f} ms" for wait in waits) or "—",
            holds=len(waits) == len(RECEIVERS),
        )

    def _row(self, receiver: str) -> Mapping[str, str]:
        return asyncio.run(held_row(self.databases[receiver], self._id))

    def _say(self, name: str, variables: Mapping[str, object]) -> Body:
        cause = self._case.get("caseNo", "本局待决定的案件")
        occasion = Occasion(purpose="case-handling", cause=cause)
        reply = self.steps.client("department").ask(
            answers.question(name), occasion, variables=variables
        )
        self.steps.good(reply)
        data: Body = reply.body["data"]  # type: ignore[assignment]
        return data


def draft(case: Body, officers: Sequence[Body] | None = None) -> dict[str, Any]:
    """Write what the bureau decides in *case*, today."""
    now = datetime.now(_PLACE)
    serial = f"{now:%m%d%H%M%S}{now.microsecond // 10_000:02d}"
    signing = case["officers"][:2] if officers is None else officers
    return {
        "localId": f"demo-{case['caseNo']}-{serial}",
        "actType": "PENALTY",
        "subjectCode": case["subjectCode"],
        "subjectName": case["subjectName"],
        "caseSource": "emergency",
        "caseNo": case["caseNo"],
        "matterCode": case["matterCode"],
        "documentNo": f"安应急罚〔{now.year}〕{serial}号",
        "decidedOn": f"{now:%Y-%m-%d}",
        "division": case["division"],
        "title": case["title"],
        "facts": case["facts"],
        "legalBasis": case["legalBasis"],
        "result": "罚款人民币贰万元整",
        "counterpartyKind": "LEGAL_PERSON",
        "counterpartyName": case["counterpartyName"],
        "counterpartyCode": case["counterpartyCode"],
        "representative": (case["counterparty"] or {}).get("representative"),
        "officerCertificates": [one["certificateNo"] for one in signing],
        "reviewNo": f"安应急审〔{now.year}〕{serial}号",
        "reviewedOn": f"{now:%Y-%m-%d}",
        "reviewOpinion": "AGREE",
        "penaltyKinds": ["FINE"],
        "violationType": case["title"],
        "fine": _FINE,
        "procedure": "ORDINARY",
    }


def _signing(case: Body) -> list[Body]:
    """Choose the officers on *case* who may sign today."""
    today = datetime.now(_PLACE).date().isoformat()
    return [
        officer
        for officer in case["officers"] or ()
        if officer["kind"] == "OFFICER"
        and officer["status"] == "IN_FORCE"
        and (officer["validTo"] or today) >= today
        and officer["subjectCode"] == case["subjectCode"]
    ]


def _findings(data: Body) -> Sequence[Body]:
    found: Sequence[Body] = data["checkDecision"]["findings"]
    return found


def _breaches(findings: Sequence[Body]) -> Sequence[Body]:
    return [one for one in findings if one["severity"] == "BREACH"]


def _names(events: Sequence[Body]) -> str:
    return "、".join(RECEIVERS[event["receiver"]].zh for event in events)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
