"""What is decided in `channels.py`, and what each receiver must hold in the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from zhitong.decisions import Act, Change, Decision, Party, Penalty

OLDER, KAFKA, FRONT, FILES = "credit-older", "credit", "provincial", "plain"
NAMES = (KAFKA, OLDER, FRONT, FILES)
DAY = date(2026, 11, 20)
FACTS = "安全出口上锁，疏散通道堆放杂物。"
SUBJECT, AGENCY = "11619900MB0004001B", "安泽市应急管理局"
CODE = "91110000600037341L"
CORRECTED, WITHDRAWN, LACKING = range(4), 4, 5
"""Which of a hundred are corrected, withdrawn, and lack their facts."""
Held = tuple[object, ...]
"""Version, status, name, code, agency, day, facts, amount, content."""


@dataclass(frozen=True, slots=True)
class Case:
    """A decision of the bench, by its number."""

    number: int

    @property
    def lacks(self) -> bool:
        """Its facts are not there at first."""
        return self.number % 100 == LACKING

    @property
    def follows(self) -> Change | None:
        """What its second version is, if there is one."""
        part = self.number % 100
        if part in CORRECTED or (self.lacks and self.number // 100 % 2 == 0):
            return Change.CORRECTED
        return Change.WITHDRAWN if part == WITHDRAWN else None

    @property
    def document_no(self) -> str:
        """The number on the document, by which receivers know it."""
        return f"（安）应急罚〔2026〕{self.number}号"

    def decision(self, version: int) -> Decision:
        """Make it as the department's own system has it."""
        corrected = version > 1 and self.follows is Change.CORRECTED
        fine = 1_000_000 if corrected else 2_000_000
        return Decision(
            local_id=f"channels-{self.number}",
            act=Act.PENALTY,
            subject_code=SUBJECT,
            subject_name=AGENCY,
            case_source="emergency",
            case_no=f"AZYJ-{self.number // 2}",
            document_no=self.document_no,
            decided_on=DAY,
            division="619900",
            title="占用安全出口案",
            facts=None if self.lacks and not corrected else FACTS,
            basis="《中华人民共和国安全生产法》第一百零五条",
            content=f"罚款人民币{fine // 100}元",
            party=Party(
                kind="LEGAL_PERSON",
                name=f"安泽市第{self.number}化工有限公司",
                code=CODE,
                representative="张三",
            ),
            penalty=Penalty(
                kinds=("FINE",),
                violation_type="安全生产",
                fine=fine,
                procedure="ORDINARY",
            ),
        )

    def held(self, receiver: str) -> Held | None:
        """Say what *receiver* must hold of it in the end; None: nothing."""
        if self.lacks and self.follows is None:
            return None
        withdrawn = self.follows is Change.WITHDRAWN
        yuan = 10_000 if self.follows is Change.CORRECTED else 20_000
        status = {
            FILES: "WITHDRAWN" if withdrawn else "CORRECTED",
        }.get(receiver, "1" if withdrawn else "0")
        if receiver == FILES and self.follows is None:
            status = "RECORDED"
        amount: Decimal | None = Decimal(yuan)
        if receiver == KAFKA:
            amount = Decimal(yuan) / 10_000
        if receiver == OLDER:
            amount = None  # that generation has no column for it
        return (
            *(2 if self.follows else 1, status, f"安泽市第{self.number}化工有限公司"),
            *(CODE, AGENCY if receiver == OLDER else SUBJECT, DAY.isoformat(), FACTS),
            *(amount, f"罚款人民币{yuan}元"),
        )
