"""Addresses of several servers, and that nobody connects past them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhitong.connectors.primary import servers
from zhitong.infra.postgres_server import urls
from zhitong.infra.registry import place_of

ROOT = Path(__file__).parents[2]


def test_an_address_of_several_servers_is_taken_apart() -> None:
    found = servers(urls([5001, 5002], "gateway", "word", "7"))
    assert found is not None
    assert found.least == 7
    assert found.urls == (
        "postgresql://gateway:word@127.0.0.1:5001/postgres",
        "postgresql://gateway:word@127.0.0.1:5002/postgres",
    )


def test_what_else_an_address_says_is_kept() -> None:
    found = servers("postgresql://u@a,b/d?sslmode=require&target_session_attrs=primary")
    assert found is not None
    assert found.urls == (
        "postgresql://u@a/d?sslmode=require",
        "postgresql://u@b/d?sslmode=require",
    )
    assert found.least == 0


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@one:5432/d",
        "postgresql://u:p@one:5432/d?target_session_attrs=read-write",
        # Replicas of a department, of which any will do: asyncpg's own affair.
        "postgresql://u:p@one,two/d",
        "postgresql://u:p@one,two/d?target_session_attrs=prefer-standby",
    ],
)
def test_what_asyncpg_can_do_with_is_left_to_it(url: str) -> None:
    assert servers(url) is None


def test_a_database_of_several_servers_has_one_place() -> None:
    assert place_of(urls([5001, 5002], "gateway", "word")) == (
        "127.0.0.1",
        5001,
        "postgres",
    )


def test_nobody_connects_to_the_platform_in_another_way() -> None:
    # A receiver's own database and what loads a department's are not the platform's.
    free = {"primary.py", "inbox.py", "inbox_look.py", "front_end.py"}
    past = [
        path.name
        for path in (ROOT / "connectors").glob("*.py")
        if re.search(r"asyncpg\.(connect|create_pool)\(", path.read_text("utf-8"))
    ]
    assert set(past) <= free
