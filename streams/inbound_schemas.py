"""The JSON Schema of each event that is sent to us, by type and version.

``inbound_schemas/<what is told>.<version>.json`` says the structure of ``data``;
``x-source`` on what text it rests, ``x-confidence`` how sure we are of it, in the words
of `Confidence`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from zhitong.inbound import PREFIX, Tidings


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What an event of one type and version has in its data."""

    tidings: Tidings
    version: int
    document: Mapping[str, object]
    validator: Draft202012Validator

    @property
    def type(self) -> str:
        """The type of its events."""
        return f"{PREFIX}{self.tidings}.v{self.version}"

    @property
    def urn(self) -> str:
        """The schema's name, in the attribute ``dataschema``."""
        return str(self.document["$id"])

    def faults(self, data: Mapping[str, object]) -> Iterator[str]:
        """Name each place in *data* that is not so, without a word of its content."""
        plain: Any = dict(data)
        for error in self.validator.iter_errors(plain):
            place = ".".join(map(str, error.absolute_path)) or "data"
            yield f"{place} ({error.validator})"


@cache
def shapes() -> Mapping[str, Shape]:
    """Give every shape by the type of its events."""
    found: list[Shape] = []
    for file in files("zhitong.streams").joinpath("inbound_schemas").iterdir():
        told, version, _ = file.name.rsplit(".", 2)
        document = orjson.loads(file.read_bytes())
        Draft202012Validator.check_schema(document)
        found.append(
            Shape(
                tidings=Tidings(told),
                version=int(version),
                document=document,
                validator=Draft202012Validator(
                    document, format_checker=Draft202012Validator.FORMAT_CHECKER
                ),
            )
        )
    return {one.type: one for one in sorted(found, key=lambda one: one.type)}
