"""The limits of texts as docs/decisions.md has them, against the rules file."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "decisions.md").read_text("utf-8")


def test_the_limits_on_the_page_are_those_of_the_rules() -> None:
    file = ROOT / "infra" / "rules" / "checks.toml"
    limits = tomllib.loads(file.read_text("utf-8"))["limits"]
    texts = limits["texts"]
    reason, yuan = texts["reason"], int(limits["amount"])
    for said in (
        f"违法事实 `facts` {texts['facts']:,}，`result` {texts['content']:,}，",
        f"，`legalBasis` {texts['basis']:,}，",
        f"更正的原因、撤销的原因和依据各 {reason:,}，",
        f"`facts` {texts['facts']:,}, `result` {texts['content']:,},",
        f"`licenceAffected` {texts['penalty.licence_affected']}，",
        f"执法证号最多 {limits['officers']} 个，金额不超过 {yuan:,} 元",
    ):
        assert said in PAGE
