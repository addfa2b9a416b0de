"""The regime row by row: what carries each institution, and what proves that it does.

The rows are those of the seed texts, by the numbers they have in domain.md. They stand
in regime.toml; `python bench/regime.py` writes the table of docs/regime.md, and
tests/unit/test_regime.py holds every name in it to the code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

DECLARED = Path(__file__).with_name("regime.toml")
HEAD = (
    "| 行 Row | 制度 Institution | 类型 Types | 规则 Rules | 时钟 Clocks "
    "| 事件 Events | 测试 Tests | 关掉规则的错误 Faults | 还等待 Waits for |"
)


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One institution, and what carries it."""

    id: str
    """Its number in domain.md."""
    zh: str
    en: str
    types: tuple[str, ...] = ()
    """Types of the graph."""
    rules: tuple[str, ...] = ()
    """Checks and figures by name, or the file of the policy."""
    clocks: tuple[str, ...] = ()
    """Duties."""
    events: tuple[str, ...] = ()
    """Types of events, or tables of a form."""
    tests: tuple[str, ...] = ()
    """Nodes of pytest, from tests/."""
    faults: tuple[str, ...] = ()
    """Seeded faults that switch its rule off: one of its tests must find out."""
    waits: str = ""
    """The part of the regime that it, or what is left of it, waits for."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the regime that is still to come."""

    zh: str
    en: str


class Regime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All rows, and the parts that some of them wait for."""

    rows: tuple[Row, ...]
    parts: Mapping[str, Part]


def declared(path: Path = DECLARED) -> Regime:
    """Read the rows."""
    return msgspec.toml.decode(path.read_bytes(), type=Regime)


def page(regime: Regime) -> str:
    """Write the table of docs/regime.md, and how much of it is carried."""
    return "\n".join([*_lines(regime)]) + "\n"


def _lines(regime: Regime) -> Iterator[str]:
    carried = [one for one in regime.rows if one.tests]
    whole = [one for one in carried if not one.waits]
    proved = [one for one in carried if one.faults]
    yield (
        f"共 {len(regime.rows)} 行：已承载 {len(whole)}，部分承载 "
        f"{len(carried) - len(whole)}，还没有 {len(regime.rows) - len(carried)}；"
        f"{len(proved)} 行另有关掉规则的错误。"
    )
    yield (
        f"{len(regime.rows)} rows: {len(whole)} are carried, "
        f"{len(carried) - len(whole)} in part, {len(regime.rows) - len(carried)} not "
        f"yet; {len(proved)} have a fault that switches their rule off."
    )
    yield ""
    yield HEAD
    yield "|---" * 9 + "|"
    for one in regime.rows:
        part = regime.parts.get(one.waits, Part("", ""))
        cells = (
            one.id,
            f"{one.zh} {one.en}",
            *(_listed(each) for each in (one.types, one.rules, one.clocks)),
            *(_listed(each) for each in (one.events, one.tests, one.faults)),
            f"{part.zh} {part.en}".strip(),
        )
        yield f"| {' | '.join(cells)} |"


def _listed(names: Sequence[str]) -> str:
    return "<br>".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    print(page(declared()), end="")
