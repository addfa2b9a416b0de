"""The demonstration's third part: a grant's life, and that every look is proved."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from zhitong.connectors.spoiling import spoil
from zhitong.connectors.whole_check import Checked
from zhitong.infra import demonstration_answers as answers
from zhitong.infra.audit import Asked, checked
from zhitong.infra.client import Reply
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.demonstration_steps import StepError, Steps
from zhitong.infra.platform_database import owners
from zhitong.types import Label, Occasion

ENDED = "GRANT_ENDED"
_WHY = Occasion(
    purpose="inspection", basis="税收征收管理法第八十五条", cause="安税查〔2026〕3号"
)
_DAYS = 90
_SEALED_SECONDS = 60.0
"""Endless from finite: a second or two, as a rule."""
_ACTS_SECONDS = 20.0
_PAUSE = 0.2
_STEPS = (
    ("Review", "data-authority", "REVIEWED"),
    ("Decide", "justice-steward", "AGREED"),
    ("Provide", "justice-steward", "IN_FORCE"),
)


@dataclass(slots=True, kw_only=True)
class ProofSteps:
    """A unit is granted what it lacks, and loses it; every look of all is proved."""

    steps: Steps
    _grant: dict[str, Any] = field(default_factory=dict)
    _record: str = ""

    def run(self) -> None:
        """Show every step; raise `StepError` at the first that does not hold."""
        self.granted()
        self.revoked()
        self.proved()
        self.spoilt()

    def granted(self) -> None:
        """Let the tax office apply for what it is not given."""
        steps = self.steps
        steps.view.step(
            "税务局查执法人员电话：没有授权；申请、审查、答复、提供，然后有了",
            "The tax office asks for officers' telephones: none, until it has a grant",
        )
        steps.view.question(answers.question("officer-phones"))
        before = self._phones(self._ask())
        steps.expect(
            "授权之前不予提供",
            "before the grant none is given",
            came=_listed(before),
            holds=bool(before) and not any(before),
        )
        today = datetime.now(UTC).date()
        self._take(
            "Apply",
            "tax-officer",
            application={
                "grantId": uuid.uuid4().hex,
                "owner": DEMO_PRINCIPALS["justice-steward"].unit,
                "items": ["Officer.phone"],
                "purpose": _WHY.purpose,
                "basis": _WHY.basis,
                "scene": "联合检查时联系执法人员",
                "validFrom": today.isoformat(),
                "validTo": (today + timedelta(days=_DAYS)).isoformat(),
            },
        )
        steps.expect(
            "受理，答复有法定期限",
            "it is with the data authority, and its clock runs",
            came=f"{self._grant['state']}，{self._grant['dueStep']} "
            f"{self._grant['dueAt']}",
            holds=self._grant["state"] == "APPLIED" and bool(self._grant["dueAt"]),
        )
        for name, who, state in _STEPS:
            self._take(name, who, step=self._place())
            steps.expect(
                f"{DEMO_PRINCIPALS[who].unit_name}",
                f"step {name.lower()}",
                came=self._grant["state"],
                holds=self._grant["state"] == state,
            )
        given = self._awaited(given=True)
        steps.expect(
            "授权生效，电话按授权提供",
            "the grant is in force, the telephones are given",
            came=_listed(given),
            holds=any(given),
        )

    def revoked(self) -> None:
        """Let the owner take the grant back; nothing is given from then on."""
        steps = self.steps
        steps.view.step(
            "司法局收回授权：从下一次查询起不再提供",
            "The justice bureau revokes it: nothing from the next question on",
        )
        self._take("Revoke", "justice-steward", step=self._place())
        # The very next one: what a gateway remembers does not count, the record does.
        reply = self._try()
        after = [] if reply is None else self._phones(reply)
        steps.expect(
            "收回之后的第一次查询",
            "the first question after it",
            came=ENDED if reply is None else _listed(after),
            holds=self._grant["state"] == "REVOKED" and not any(after),
        )
        self._awaited(given=False)

    def proved(self) -> None:
        """Recompute the log from its rows, against the witness."""
        steps = self.steps
        steps.view.step(
            "以上每一次调阅、每一件决定、每一步授权都可以证明：重算全部存证，并与见证人核对",
            "All of it can be proved: recomputed from the rows, held to the witness",
        )
        found = self._sealed()
        steps.expect(
            "逐行重算，与见证人副署的树头一致",
            "every row, leaf, root and signature holds, also against the witness",
            came=f"{found.leaves:,} 个叶子 leaves，{found.witnessed} 次见证 heads，"
            f"root {found.root[:16]}…",
            holds=not len(found.faults) and found.leaves > 0 and found.witnessed > 0,
        )

    def spoilt(self) -> None:
        """Change one byte as only the database's owner can; it is found and named."""
        steps = self.steps
        steps.view.step(
            "有人以数据库所有者的身份改动一条调阅登记中的一个字节",
            "Somebody changes one byte of one look's record, as the database's owner",
        )
        url = owners(steps.settings)
        asyncio.run(spoil(url, self._record))
        found = self._checked()
        asyncio.run(spoil(url, self._record))
        named = [fault.id for fault in found.faults.listed]
        steps.expect(
            "核验指名这一条",
            "the verification names that very record",
            came="，".join(
                f"{fault.kind} {fault.table} {fault.id}"
                for fault in found.faults.listed[:1]
            )
            or "—",
            holds=self._record in named,
        )
        again = self._checked()
        steps.expect(
            "改回之后，全部成立",
            "put back, all of it holds again",
            came=f"{len(again.faults)} 处问题 faults",
            holds=not len(again.faults),
        )

    # --- the grant -------------------------------------------------------------------

    def _take(self, name: str, kind: str, **variables: object) -> None:
        reply = self.steps.client(kind).ask(
            answers.question("grant"), variables=variables, operation=name
        )
        self.steps.good(reply)
        data: Any = reply.body["data"]
        self._grant = data["done"]

    def _place(self) -> dict[str, object]:
        return {
            "grantId": self._grant["grantId"],
            "version": self._grant["version"],
            "reason": "经审查，符合共享条件",
        }

    def _ask(self) -> Reply:
        reply = self._try()
        if reply is None:
            self.steps.view.bad(Label("网关作答", "the gateway answers"), "200", ENDED)
            raise StepError
        return reply

    def _try(self) -> Reply | None:
        """Ask; None where the grant ended while it was answered."""
        reply = self.steps.client("tax-officer").ask(
            answers.question("officer-phones"), _WHY
        )
        errors: Any = reply.body.get("errors") or ()
        if any(one["extensions"]["code"] == ENDED for one in errors):
            return None
        self.steps.good(reply)
        self._record = reply.record or self._record
        return reply

    def _awaited(self, *, given: bool) -> list[str | None]:
        """Ask until the gateway knows of the change: a moment."""
        deadline = time.monotonic() + _ACTS_SECONDS
        while True:
            reply = self._try()
            phones = [] if reply is None else self._phones(reply)
            if bool(phones) and any(phones) is given:
                return phones
            if time.monotonic() > deadline:
                return phones
            time.sleep(_PAUSE)

    def _phones(self, reply: Reply) -> list[str | None]:
        data: Any = reply.body["data"]
        return [node["phone"] for node in data["officers"]["nodes"]]

    # --- the proof -------------------------------------------------------------------

    def _sealed(self) -> Checked:
        """Check the log once it has a head that the witness has seen."""
        deadline = time.monotonic() + _SEALED_SECONDS
        while True:
            found = self._checked()
            if found.leaves and found.witnessed:
                return found
            if time.monotonic() > deadline:
                return found
            time.sleep(_PAUSE)

    def _checked(self) -> Checked:
        return checked(self.steps.settings, Asked())


def _listed(phones: Sequence[str | None]) -> str:
    return "、".join(phone or "—" for phone in phones) or "没有 none"
