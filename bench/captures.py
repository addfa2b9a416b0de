"""Register the captured real penalties and see what becomes of each: `make captures`.

Everything real: the demo city with its registers, a gateway asked over HTTP, a relay,
Kafka, and both receivers, in a state folder that is made for it and removed. Row by
row it says what the ledger said, what the rules found, and what each receiver answers.

The pages name agencies and parties without their credit codes. Without an operator's
mapping (``--codes``) this script invents them, of the division 990000, which there is
not, for every agency and every party but one: that one shows what is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import running, until, zhitong

from zhitong.infra.captures import Captured, Codes, read_captures, read_codes
from zhitong.infra.client import Client
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.note import find
from zhitong.infra.serving import client, note_path
from zhitong.infra.settings import Settings
from zhitong.rules.identifiers import credit_code, organisation_code
from zhitong.types import Occasion, Principal

ROOT = Path(__file__).parents[1]
CAPTURE = (
    ROOT.parent
    / "shared/data/enterprise-risk-captures"
    / "administrative_penalties.json"
)
QUESTIONS = ROOT / "infra" / "demo" / "questions"
ON_THE_WAY = frozenset({"PENDING", "SENT"})
WHY = Occasion(purpose="case-handling", cause="历史决定补录")
SUPERVISION = Occasion(purpose="supervision", cause="历史决定补录")


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a row."""

    row: int
    number: str
    agency: str
    party: str
    notes: list[str]
    refused: str = ""
    """The code of the refusal, and its reason."""
    decision_id: str = ""
    findings: list[str] = field(default_factory=list)
    deliveries: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether every receiver has answered."""
        return bool(self.deliveries) and not any(
            each["status"] in ON_THE_WAY for each in self.deliveries.values()
        )


def invented(capture: Path) -> Codes:
    """Make codes for the names of *capture*: visibly none that anybody has."""
    rows = json.loads(capture.read_bytes())
    agencies = dict.fromkeys(row["departmentName"].strip() for row in rows)
    parties = dict.fromkeys(
        name for row in rows if (name := (row.get("obligorName") or "").strip())
    )
    return Codes(
        agencies={name: _invented("11", n) for n, name in enumerate(agencies, 1)},
        parties={name: _invented("91", n) for n, name in enumerate([*parties][:-1], 1)},
    )


def _invented(kind: str, number: int) -> str:
    return credit_code(f"{kind}990000{organisation_code(f'{number:08d}')}")


def register(settings: Settings, url: str, captured: Captured) -> Outcome:
    """Have the agency record the decision; say what the platform says."""
    decision = captured.decision or {}
    outcome = Outcome(
        row=captured.row,
        number=captured.number,
        agency=captured.agency,
        party=str(decision.get("counterpartyName", "")),
        notes=[f"{note.zh} {note.en}" for note in captured.notes],
    )
    if captured.decision is None:
        outcome.refused = "；".join(outcome.notes)
        return outcome
    agency = Principal(
        kind="department",
        unit=str(decision["subjectCode"]),
        unit_name=captured.agency,
        person="补录 capture",
        division="990000",
    )
    issuer = DemoIssuer(settings.state, audience=settings.audience)
    body = _asked(
        Client(url=url, token=issuer.issue(agency)),
        "record-decision",
        WHY,
        {"decision": decision},
    )
    if errors := body.get("errors"):
        said = errors[0]["extensions"]
        outcome.refused = f"{said['code']}: {said['zh']} {said['en']}"
        return outcome
    recorded = body["data"]["recordDecision"]
    outcome.decision_id = recorded["decisionId"]
    outcome.findings = [
        f"{each['severity']} {each['check']}: {each['messageZh']}"
        for each in recorded["findings"]
    ]
    return outcome


def look(supervisor: Client, outcome: Outcome) -> None:
    """Ask what each receiver has answered."""
    body = _asked(supervisor, "deliveries", SUPERVISION, {"id": outcome.decision_id})
    if "errors" in body:
        raise SystemExit(f"no answer: {body}")
    for each in body["data"]["decision"]["deliveries"]["nodes"]:
        outcome.deliveries[each["receiver"]] = {
            "status": each["status"],
            "reasons": each["reasons"] or [],
        }


def _asked(
    caller: Client, name: str, why: Occasion, variables: Mapping[str, object]
) -> Any:  # noqa: ANN401 - JSON
    document = (QUESTIONS / f"{name}.graphql").read_text("utf-8")
    return caller.ask(document, why, variables=variables).body


async def follow(settings: Settings, rows: Sequence[Captured]) -> list[Outcome]:
    """Register all *rows*, then wait for the receivers."""
    with ExitStack() as stack:
        stack.enter_context(running(settings.state, "serve", "--port", "0"))

        async def there() -> bool:
            return find(note_path(settings)) is not None

        await until(there, "the gateway")
        for words in (("relay",), ("consume", "provincial"), ("consume", "credit")):
            stack.enter_context(running(settings.state, *words))
        supervisor = client(settings, DEMO_PRINCIPALS["supervisor"])
        outcomes = [register(settings, supervisor.url, row) for row in rows]
        for outcome in outcomes:
            if not outcome.decision_id:
                continue

            async def answered(one: Outcome = outcome) -> bool:
                await asyncio.to_thread(look, supervisor, one)
                return one.settled

            await until(answered, f"the receivers of row {outcome.row}")
    return outcomes


def show(outcome: Outcome) -> None:
    """Print what became of one row."""
    print(f"\n{outcome.row:>2}  {outcome.agency}  {outcome.number}")
    print(f"    当事人 party: {outcome.party or '（没有 none）'}")
    for note in outcome.notes:
        print(f"    采集 capture: {note}")
    if outcome.refused:
        print(f"    拒收 refused: {outcome.refused}")
        return
    print(f"    已登记 registered: {outcome.decision_id}")
    for finding in outcome.findings:
        print(f"    核验 finding: {finding}")
    for receiver, delivery in outcome.deliveries.items():
        print(f"    {receiver}: {delivery['status']}")
        for reason in delivery["reasons"]:  # type: ignore[attr-defined]
            print(f"      {reason}")


def summary(outcomes: Sequence[Outcome]) -> None:
    """Print how many rows became what."""
    registered = [one for one in outcomes if one.decision_id]
    print(
        f"\n{len(outcomes)} 行 rows：{len(registered)} 登记 registered，"
        f"{len(outcomes) - len(registered)} 拒收 refused"
    )
    for receiver in sorted({name for one in registered for name in one.deliveries}):
        states = [str(one.deliveries[receiver]["status"]) for one in registered]
        counts = {state: states.count(state) for state in sorted(set(states))}
        print(f"  {receiver}: {counts}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=CAPTURE)
    parser.add_argument("--codes", type=Path, help="an operator's mapping, TOML")
    parser.add_argument("--json", action="store_true", help="a line of JSON at the end")
    given = parser.parse_args()
    if not given.file.exists():
        raise SystemExit(f"没有采集文件，跳过 no captures there, skipped: {given.file}")
    codes = read_codes(given.codes) if given.codes else invented(given.file)
    if not given.codes:
        print(
            "下列代码是编造的（区划 990000 不存在），不是任何单位的真实代码：\n"
            "These codes are invented (there is no division 990000), nobody has them:"
        )
        for name, code in {**codes.agencies, **codes.parties}.items():
            print(f"  {code}  {name}")
    state = (Path(".zhitong/bench") / f"captures-{os.getpid()}").resolve()
    settings = Settings(state=state, bindings=state / "bindings")
    try:
        subprocess.run(zhitong(state, "up"), check=True)  # noqa: S603 - our own program
        outcomes = asyncio.run(follow(settings, read_captures(given.file, codes)))
    finally:
        subprocess.run(zhitong(state, "clean"), check=True)  # noqa: S603 - our own program
    for outcome in outcomes:
        show(outcome)
    summary(outcomes)
    if given.json:
        print(
            json.dumps(
                [
                    {name: getattr(one, name) for name in Outcome.__slots__}
                    for one in outcomes
                ],
                ensure_ascii=False,
            )
        )


if __name__ == "__main__":
    main()
