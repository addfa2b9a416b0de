"""The exchange file: what is written fits its schema, what is wrong is named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import orjson
import pytest

from zhitong.catalogue import ExchangeStatus, Exported, Reply
from zhitong.exceptions import BindingError, CatalogueFileError, TenantError
from zhitong.infra.catalogue_commands import bound
from zhitong.infra.catalogue_file import (
    CatalogueForm,
    body,
    read,
    schemas,
    written,
)
from zhitong.infra.city_load import BINDINGS
from zhitong.infra.settings import Settings
from zhitong.resolvers.catalogue_content import content

DOCS = Path(__file__).parents[2] / "docs"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
VERSION = "5b" * 32
EXPORTED = Exported(
    version=VERSION,
    replies={},
    resources=frozenset({"CaseRecord@market", "Counterparty@market"}),
)
CATALOGS = body(content(bound(Settings(bindings=BINDINGS))))


def reply(**changed: object) -> dict[str, object]:
    said = {"catalog_id": "CaseRecord@market", "status": 5, "external_id": "E-1"}
    return said | {"opinion": ""} | changed


def replies(*each: Mapping[str, object], **changed: object) -> bytes:
    whole = {"format": "zhitong-catalogue-reply-1", "version": VERSION}
    return json.dumps(whole | {"replies": each} | changed).encode()


def refused(tmp_path: Path, raw: bytes, exported: Exported | None = EXPORTED) -> str:
    path = tmp_path / "reply.json"
    path.write_bytes(raw)
    with pytest.raises(CatalogueFileError) as error:
        read(path, exported)
    assert error.value.code == "CATALOGUE_FILE"
    return error.value.label.en


def test_what_is_written_fits_its_schema_and_its_own_form() -> None:
    text = written("anze", CATALOGS, AT, {})
    whole = orjson.loads(text)
    schema = json.loads((DOCS / "catalogue.schema.json").read_text("utf-8"))
    jsonschema.validate(whole, schema)
    form = msgspec.json.decode(text, type=CatalogueForm)
    assert len(form.catalogs) > 20
    assert {one.status for one in form.states} == {0}


def test_the_version_can_be_computed_again_by_anybody() -> None:
    whole = json.loads(written("anze", CATALOGS, AT, {}))
    plain = json.dumps(
        whole["catalogs"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert whole["version"] == hashlib.sha256(plain.encode()).hexdigest()


def test_all_keys_are_lower_case() -> None:
    def keys(part: object) -> set[str]:
        if isinstance(part, dict):
            return {*part}.union(*map(keys, part.values()))
        return set().union(*map(keys, part)) if isinstance(part, list) else set()

    whole: Any = orjson.loads(written("anze", CATALOGS, AT, {}))
    assert [name for name in keys(whole) if name != name.lower()] == []


def test_what_the_platform_said_before_goes_out_again() -> None:
    said = Reply(
        resource="CaseRecord@market",
        external_id="E-1",
        status=ExchangeStatus.PASSED,
        opinion="",
    )
    whole = orjson.loads(written("anze", CATALOGS, AT, {said.resource: said}))
    states = {one["catalog_id"]: one for one in whole["states"]}
    assert (states[said.resource]["status"], states[said.resource]["external_id"]) == (
        5,
        "E-1",
    )


@pytest.mark.parametrize("name", sorted(schemas()))
def test_the_schemas_in_the_documents_are_those_of_the_forms(name: str) -> None:
    assert json.loads((DOCS / name).read_text("utf-8")) == schemas()[name]


def test_a_good_reply_is_read_and_fits_its_schema(tmp_path: Path) -> None:
    raw = replies(reply(), reply(catalog_id="Counterparty@market", status=2))
    jsonschema.validate(
        json.loads(raw),
        json.loads((DOCS / "catalogue-reply.schema.json").read_text("utf-8")),
    )
    path = tmp_path / "reply.json"
    path.write_bytes(raw)
    found, digest = read(path, EXPORTED)
    assert [one.status for one in found] == [
        ExchangeStatus.PASSED,
        ExchangeStatus.REJECTED_BY_ADMIN,
    ]
    assert digest == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        pytest.param(b'{\n "format": }', "reply.json:2:12 is no JSON", id="no JSON"),
        pytest.param(b'{\n\n"\xff"}', "reply.json:3 is no UTF-8", id="no UTF-8"),
        pytest.param(b"[" * 100_000, "is nested too deep", id="nested"),
        pytest.param(b"[]", "reply.json:$ Expected `object`", id="no object"),
        pytest.param(
            replies(format="zhitong-catalogue-1"), "$.format", id="another format"
        ),
        pytest.param(
            replies(reply(), reply(status=6)), "$.replies[1].status", id="no status"
        ),
        pytest.param(
            replies(reply(status="5")), "$.replies[0].status", id="status as text"
        ),
        pytest.param(replies(reply(state=5)), "`state`", id="unknown key"),
        pytest.param(
            replies(reply(opinion="a\0b")), "$.replies[0].opinion", id="no text"
        ),
        pytest.param(
            replies(reply(catalog_id="Vehicle@market")),
            "$.replies[0].catalog_id the catalogue has no Vehicle@market",
            id="unknown resource",
        ),
        pytest.param(
            replies(reply(), reply(status=1)),
            "$.replies[1].catalog_id replies[0] is about CaseRecord@market already",
            id="twice",
        ),
        pytest.param(
            replies(reply(), version="77" * 32), "$.version", id="another version"
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, raw: bytes, named: str
) -> None:
    assert named in refused(tmp_path, raw)


def test_all_wrong_places_are_named_at_once(tmp_path: Path) -> None:
    raw = replies(reply(status=6), reply(), reply(status=7))
    said = refused(tmp_path, raw)
    assert "$.replies[0].status" in said
    assert "$.replies[2].status" in said


def test_before_an_export_there_is_nothing_to_reply_to(tmp_path: Path) -> None:
    assert "there is none" in refused(tmp_path, replies(reply()), None)


def test_a_file_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(CatalogueFileError):
        read(tmp_path / "none.json", EXPORTED)


def test_a_catalogue_without_one_of_its_departments_is_not_made(tmp_path: Path) -> None:
    for path in BINDINGS.glob("*.toml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "market.toml").write_text('name = "market"', encoding="utf-8")
    with pytest.raises(BindingError):
        bound(Settings(bindings=tmp_path))


def test_another_tenants_bindings_are_in_no_catalogue_of_ours() -> None:
    with pytest.raises((BindingError, TenantError)):
        bound(Settings(bindings=BINDINGS, tenant="other"))
