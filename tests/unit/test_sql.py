"""The statements that questions cost, word by word, and their parameters.

The texts lie in tests/golden/statements.sql; ``make_golden`` below writes them anew
(``python -c "import test_sql; test_sql.make_golden()"`` in this folder).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from golden_questions import QUERIES, mapped, rows, tally

from zhitong.connectors.sql import escaped, row_statement
from zhitong.connectors.tallies import tally_statement
from zhitong.types import (
    Compare,
    Keys,
    Op,
    RowQuery,
    TallyQuery,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "statements.sql"


def _statement(query: RowQuery | TallyQuery) -> tuple[str, list[object]]:
    if isinstance(query, TallyQuery):
        return tally_statement(mapped(), query, ' collate "C"')
    return row_statement(mapped(), query, ' collate "C"')


def make_golden() -> None:
    """Write down what the statements are now."""
    parts = [
        f"-- {n} --\n{_statement(query)[0]}\n" for n, (query, _) in QUERIES.items()
    ]
    GOLDEN.write_text("\n".join(parts), encoding="utf-8")


def _golden() -> dict[str, str]:
    parts = re.split(r"^-- (.+) --\n", GOLDEN.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


@pytest.mark.parametrize("name", QUERIES)
def test_a_question_costs_this_statement(name: str) -> None:
    query, parameters = QUERIES[name]
    assert _statement(query) == (_golden()[name], parameters)


def test_no_statement_is_written_down_that_nobody_asks() -> None:
    assert _golden().keys() == QUERIES.keys()


def test_a_look_up_by_a_field_that_is_not_here_costs_nothing() -> None:
    keys = Keys("place", ("x",))
    assert _statement(rows(keys=keys)) == ("", [])
    assert _statement(tally(keys=keys)) == ("", [])


def test_the_furthest_day_is_no_infinity() -> None:
    sql, parameters = _statement(rows(where=Compare("filed", Op.GTE, "9999-12-31")))
    assert "base.\"larq\" >= date '9999-12-31'" in sql
    assert parameters == [11]


def test_wildcards_in_a_text_are_only_text() -> None:
    assert escaped("50%_\\") == "50\\%\\_\\\\"
