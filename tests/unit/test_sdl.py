"""The schema's text in the repository is the schema."""

from __future__ import annotations

from pathlib import Path

from zhitong.schema.graph import sdl

SDL = Path(__file__).parents[2] / "schema" / "schema.graphql"


def test_the_checked_in_text_is_that_of_the_schema() -> None:
    assert SDL.read_text(encoding="utf-8") == sdl(), "run make schema"
