"""The structure of rows: the JSON Schemas that the platform publishes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator

from zhitong_consumer.events import Annotation, Event

_WRITERS = "additionalProperties"
"""That no other column comes binds who writes: who reads ignores one more."""


class Schemas:
    """Says which columns of a row are not as its schema has it."""

    def __init__(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        """Take *documents* by their ``$id``, which events name as ``dataschema``."""
        self._known = {
            name: Draft202012Validator(
                {key: said for key, said in document.items() if key != _WRITERS}
            )
            for name, document in documents.items()
        }

    @classmethod
    def load(cls, folder: Path) -> Schemas:
        """Read a folder of schemas."""
        read = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
        return cls({str(each["$id"]): each for each in read})

    def faults(self, event: Event | Annotation) -> tuple[str, ...]:
        """Name the columns that are not so; ``schema`` where it is not known."""
        if event.schema not in self._known:
            return ("schema",)
        found: set[str] = set()
        said = event.row if isinstance(event, Event) else event.data
        row = cast("Any", said)  # its values may be any
        for error in self._known[event.schema].iter_errors(row):
            if error.absolute_path:
                found.add(str(error.absolute_path[0]))
            elif error.validator == "required":
                required = cast("list[str]", error.validator_value)
                found |= {each for each in required if each not in said}
            else:
                found.add("row")
        return tuple(sorted(found))
