"""House rules that no linter knows, each with its reason."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("connectors", "infra", "resolvers", "schema", "src/zhitong", "streams")
LOADERS = frozenset({"infra/city_load.py", "infra/sample.py"})
"""They make the demo's tables: schema names of our own cannot be parameters."""
CALLS = frozenset(
    {"execute", "executemany", "fetch", "fetchrow", "fetchval", "prepare"}
)

Place = str
Rule = Callable[[ast.AST], Iterator[int]]


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Parse each file once, under its own folder and not through its link."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not path.parent.is_symlink() and path.resolve() == path:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def broken(rule: Rule, *excused: str) -> list[Place]:
    """Find where *rule* is broken, outside files and folders that are excused."""
    return [
        f"{name}:{line}"
        for name, module in modules()
        if not name.startswith(excused or "-")
        for line in rule(module)
    ]


def catches_everything(module: ast.AST) -> Iterator[int]:
    for node in ast.walk(module):
        if isinstance(node, ast.ExceptHandler):
            names = {"Exception", "BaseException"}
            parts = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(
                part is None or (isinstance(part, ast.Name) and part.id in names)
                for part in parts
            ):
                yield node.lineno


def sends_formatted_text(module: ast.AST) -> Iterator[int]:
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CALLS
            and any(isinstance(argument, ast.JoinedStr) for argument in node.args)
        ):
            yield node.lineno


def imports_asyncpg(module: ast.AST) -> Iterator[int]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        if any(name.split(".")[0] == "asyncpg" for name in names):
            yield node.lineno


def logs_the_question(module: ast.AST) -> Iterator[int]:
    levels = {"debug", "info", "warning", "error", "exception", "critical", "log"}
    told = {"document", "variables", "values", "parameters", "occasion", "looks"}
    for node in ast.walk(module):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in levels
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id.lower() == "logger"
            and any(
                isinstance(inside, ast.Attribute) and inside.attr in told
                for argument in node.args
                for inside in ast.walk(argument)
            )
        ):
            yield node.lineno


def test_only_the_edge_catches_whatever_comes() -> None:
    # An error nobody foresaw must reach the front, which masks and logs it. The
    # register hands each error on to those who wait for the same commit; a plan tells
    # it at the field where it was met, as graphql-core does. A record that follows its
    # answer has no front to reach: whatever comes, the look is kept on our own disk.
    plans = "resolvers/plan.py", "resolvers/assemble.py"
    records = "connectors/access_log.py", "resolvers/records.py"
    beside = "infra/", *records, *plans
    assert broken(catches_everything, *beside) == []


def test_a_statement_is_never_put_together_where_it_is_sent() -> None:
    # Names in SQL come from bindings through one quoting function; values are
    # parameters. Text built at the call is where an injection would be.
    assert broken(sends_formatted_text, *LOADERS) == []


def test_the_driver_stays_in_connectors() -> None:
    assert broken(imports_asyncpg, "connectors/", *LOADERS) == []


def test_no_log_has_what_was_asked() -> None:
    # A literal of a question may be somebody's ID number.
    assert broken(logs_the_question) == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        pytest.param(catches_everything, "try: x\nexcept Exception: y", id="all"),
        pytest.param(catches_everything, "try: x\nexcept: y", id="bare"),
        pytest.param(
            catches_everything, "try: x\nexcept (OSError, Exception): y", id="tuple"
        ),
        pytest.param(sends_formatted_text, "c.fetch(f'select {x}')", id="text"),
        pytest.param(imports_asyncpg, "from asyncpg.pool import Pool", id="driver"),
        pytest.param(logs_the_question, "LOGGER.error('%s', q.document)", id="log"),
    ],
)
def test_a_rule_finds_what_breaks_it(rule: Rule, code: str) -> None:
    assert list(rule(ast.parse(code))) != []


def test_every_module_is_looked_at() -> None:
    names = {name for name, _ in modules()}
    assert {"infra/front.py", "src/zhitong/types.py", "schema/graph.py"} <= names
    assert not any(name.startswith("src/zhitong/infra") for name in names)


def test_what_a_lost_database_raises_is_written_once() -> None:
    # Whoever writes it anew forgets a part, and a relay ends of what it should bear.
    both = "asyncpg.PostgresError, asyncpg.InterfaceError"
    found = [
        path.name
        for path in sorted((ROOT / "connectors").glob("*.py"))
        if both in path.read_text("utf-8")
    ]
    assert found == ["loan.py"]
