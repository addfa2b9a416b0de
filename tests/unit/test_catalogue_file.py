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

from zhitong.catalogue import ExchangeStatus, Exported, GrantReply, Outgoing, Reply
from zhitong.exceptions import BindingError, CatalogueFileError, TenantError
from zhitong.grants import GrantState, GrantStep
from zhitong.infra.calendar_file import read_clocks
from zhitong.infra.catalogue_commands import bound
from zhitong.infra.catalogue_file import Register, body, read, written
from zhitong.infra.catalogue_forms import CatalogueForm, schemas
from zhitong.infra.city_load import BINDINGS
from zhitong.infra.exchange_grants import Desk
from zhitong.infra.settings import Settings
from zhitong.resolvers.catalogue_content import content
from zhitong.rules.grant_exchange import STATUSES

DOCS = Path(__file__).parents[2] / "docs"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
VERSION = "5b" * 32
EXPORTED = Exported(
    version=VERSION,
    resources=frozenset({"CaseRecord@market", "Counterparty@market"}),
)
CATALOGS = body(content(bound(Settings(bindings=BINDINGS))))
CLOCKS = read_clocks(Settings().calendar)
UNIT, OWNER = "11619900MB0002073A", "11619900MB0002006C"
APPLICATION: Mapping[str, object] = {
    "apply_id": "A-1",
    "unit_code": UNIT,
    "unit_name": "安泽市税务局",
    "org_code": OWNER,
    "items": ["Counterparty.phone"],
    "lookups": [],
    "purpose": "inspection",
    "basis": "税收征收管理法",
    "scene": "核实",
    "mode": "interface",
    "masked": False,
    "division": "",
    "own_cause": False,
    "documents": [],
    "page": None,
    "cost": None,
    "rate": None,
    "receiver": None,
    "valid_from": "2026-01-01T00:00:00+08:00",
    "valid_to": "2030-01-01T00:00:00+08:00",
}


def register(exported: Exported | None) -> Register:
    """Give what a file is held against; that terms are to be had is said elsewhere."""
    desk = Desk(check=lambda *_: True, clocks=CLOCKS, known={"B-1"}, at=AT)
    return Register(tenant="anze", exported=exported, catalogs=CATALOGS, desk=desk)


def standing(state: str, **changed: object) -> dict[str, object]:
    """Give an application as another register has it, in *state*."""
    said = {"state": state, "status": STATUSES[GrantState[state.upper()]].value}
    at = {"opinion": "", "applied_at": "2026-02-01T00:00:00Z"}
    return {**APPLICATION, **said, **at, **changed}


def whole(**changed: object) -> bytes:
    """Give a whole catalogue as it goes out, with something of it *changed*."""
    made = orjson.loads(written("anze", CATALOGS, AT, Outgoing()))
    return json.dumps(made | changed).encode()


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
        read(path, register(exported))
    assert error.value.code == "CATALOGUE_FILE"
    assert str(error.value).encode()  # it can be printed
    return error.value.label.en


def test_what_is_written_fits_its_schema_and_its_own_form() -> None:
    text = written("anze", CATALOGS, AT, Outgoing())
    whole = orjson.loads(text)
    schema = json.loads((DOCS / "catalogue.schema.json").read_text("utf-8"))
    jsonschema.validate(whole, schema)
    form = msgspec.json.decode(text, type=CatalogueForm)
    assert len(form.catalogs) > 20
    assert {one.status for one in form.states} == {0}


def test_the_version_can_be_computed_again_by_anybody() -> None:
    whole = json.loads(written("anze", CATALOGS, AT, Outgoing()))
    plain = json.dumps(
        whole["catalogs"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert whole["version"] == hashlib.sha256(plain.encode()).hexdigest()


def test_all_keys_are_lower_case() -> None:
    def keys(part: object) -> set[str]:
        if isinstance(part, dict):
            return {*part}.union(*map(keys, part.values()))
        return set().union(*map(keys, part)) if isinstance(part, list) else set()

    whole: Any = orjson.loads(written("anze", CATALOGS, AT, Outgoing()))
    assert [name for name in keys(whole) if name != name.lower()] == []


def test_what_the_platform_said_before_goes_out_again() -> None:
    said = Reply(
        resource="CaseRecord@market",
        external_id="E-1",
        status=ExchangeStatus.PASSED,
        opinion="",
    )
    given = Outgoing(replies={said.resource: said})
    whole = orjson.loads(written("anze", CATALOGS, AT, given))
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
    found = read(path, register(EXPORTED))
    assert [one.status for one in found.replies] == [
        ExchangeStatus.PASSED,
        ExchangeStatus.REJECTED_BY_ADMIN,
    ]
    assert found.file == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        pytest.param(b'{\n "format": }', "reply.json:2:12 is no JSON", id="no JSON"),
        pytest.param(b'{\n\n"\xff"}', "reply.json:3 is no UTF-8", id="no UTF-8"),
        pytest.param(b"[" * 100_000, "is nested too deep", id="nested"),
        pytest.param(b"9" * 5_000, "a number that is too long", id="a long number"),
        pytest.param(replies(format="\ud800"), "surrogates", id="half a character"),
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
        pytest.param(
            replies(reply(opinion="\ud800")), "$.replies[0].opinion", id="half a letter"
        ),
        pytest.param(
            replies(grants=[{"apply_id": "C-9", "status": 5}]),
            "$.grants[0].apply_id there is no application C-9",
            id="unknown application",
        ),
        pytest.param(
            replies(grants=[{"apply_id": "B-1", "status": 5}] * 2),
            "$.grants[1].apply_id grants[0] is B-1 already",
            id="application twice",
        ),
        pytest.param(
            replies(applications=[{**APPLICATION, "unit_code": "税务局"}]),
            "$.applications[0].unit_code",
            id="no unit",
        ),
        pytest.param(
            replies(applications=[APPLICATION, {**APPLICATION, "scene": " "}]),
            "$.applications[1] the application lacks scene",
            id="no scene",
        ),
        pytest.param(
            replies(applications=[APPLICATION, APPLICATION]),
            "$.applications[1].apply_id applications[0] is A-1 already",
            id="applied for twice",
        ),
        pytest.param(
            replies(applications=[{**APPLICATION, "items": ["phone"]}]),
            "$.applications[0] an item is written as Type.field",
            id="no item",
        ),
        pytest.param(
            replies(applications=[{**APPLICATION, "org_code": UNIT}]),
            "$.applications[0] a unit needs no grant",
            id="own data",
        ),
        pytest.param(
            replies(
                applications=[{**APPLICATION, "valid_from": "0001-01-01T00:00:00Z"}]
            ),
            "$.applications[0] the period has a year that cannot be",
            id="no year",
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
        read(tmp_path / "none.json", register(EXPORTED))


def test_a_catalogue_without_one_of_its_departments_is_not_made(tmp_path: Path) -> None:
    for path in BINDINGS.glob("*.toml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "market.toml").write_text('name = "market"', encoding="utf-8")
    with pytest.raises(BindingError):
        bound(Settings(bindings=tmp_path))


def test_another_tenants_bindings_are_in_no_catalogue_of_ours() -> None:
    with pytest.raises((BindingError, TenantError)):
        bound(Settings(bindings=BINDINGS, tenant="other"))


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        pytest.param(whole(tenant="other"), "$.tenant", id="another city"),
        pytest.param(whole(version="77" * 32), "$.version", id="another digest"),
        pytest.param(
            whole(states=[{"catalog_id": "X@y", "status": 5}]), "$.states[0]", id="form"
        ),
        pytest.param(
            whole(catalogs=orjson.loads(CATALOGS)[1:]),
            "$.catalogs lacks the resource",
            id="resource missing",
        ),
        pytest.param(
            whole(grants=[standing("in_force", status=8)]),
            "$.grants[0].status the status of in_force is 5",
            id="status of another state",
        ),
        pytest.param(
            whole(grants=[standing("applied", applied_at="2999-01-01T00:00:00Z")]),
            "$.grants[0].applied_at",
            id="in the future",
        ),
        pytest.param(
            whole(grants=[standing("applied") | {"state": "lost"}]),
            "$.grants[0].state",
            id="no state",
        ),
        pytest.param(
            whole(grants=[standing("applied", unit_name="某局\u001b[2J")]),
            "$.grants[0] unit_name has control characters",
            id="control characters",
        ),
        pytest.param(
            whole(grant_states=[{"apply_id": "C-9", "status": 5}]),
            "$.grant_states[0].apply_id",
            id="unknown application",
        ),
    ],
)
def test_what_is_wrong_in_a_whole_catalogue_is_named(
    tmp_path: Path, raw: bytes, named: str
) -> None:
    assert named in refused(tmp_path, raw, None)


def test_a_resource_that_is_bound_otherwise_here_is_named(tmp_path: Path) -> None:
    catalogs = orjson.loads(CATALOGS)
    catalogs[1]["update_cycle"] = "yearly"
    version = hashlib.sha256(body(catalogs)).hexdigest()
    said = refused(tmp_path, whole(catalogs=catalogs, version=version), None)
    assert "$.catalogs[1] is not as bound here" in said
    assert "update cycle changed from yearly" in said


def test_a_platform_that_has_given_one_out_takes_no_whole_catalogue(
    tmp_path: Path,
) -> None:
    assert "$.format" in refused(tmp_path, whole())


@pytest.mark.parametrize("state", [one.lower() for one in GrantState])
def test_nothing_that_comes_in_is_agreed_to(tmp_path: Path, state: str) -> None:
    path = tmp_path / "whole.json"
    path.write_bytes(whole(grants=[standing(state, opinion="因故")]))
    ((made, act),) = read(path, register(None)).applications
    ended = {"refused", "withdrawn", "revoked", "expired"}
    assert made.state.lower() == (state if state in ended else "applied")
    assert (made.due is None) == (state in ended)
    assert (act.step, act.actor.unit) == (GrantStep.APPLY, UNIT)


def test_what_ended_keeps_the_words_it_ended_with(tmp_path: Path) -> None:
    given = [
        standing("refused", apply_id="A-1", opinion="依据不足"),
        standing("revoked", apply_id="A-2", opinion="用途已变"),
    ]
    path = tmp_path / "whole.json"
    path.write_bytes(whole(grants=given))
    (refused_one, _), (revoked_one, _) = read(path, register(None)).applications
    assert refused_one.refusal == "依据不足"
    assert refused_one.settled  # it is applied for anew, not disputed
    assert revoked_one.ending == "用途已变"


def test_applications_and_their_states_go_out_again(tmp_path: Path) -> None:
    path = tmp_path / "whole.json"
    states = [{"apply_id": "A-1", "status": 1, "external_id": "E", "opinion": "待审"}]
    ended = standing("revoked", opinion="用途已变")
    path.write_bytes(whole(grants=[ended], grant_states=states))
    found = read(path, register(None))
    given = Outgoing(
        grants=[made for made, _ in found.applications],
        grant_replies={one.grant: one for one in found.grant_replies},
    )
    again = orjson.loads(written("anze", CATALOGS, AT, given))
    assert again["grant_states"] == states
    moments = ("valid_from", "valid_to", "applied_at")
    (one,) = again["grants"]
    assert {name: one[name] for name in one if name not in moments} == {
        name: ended[name] for name in ended if name not in moments
    }
    assert one["valid_from"] == "2025-12-31T16:00:00.000000Z"


def test_an_application_on_the_exchange_platform_is_one_here(tmp_path: Path) -> None:
    said = {"apply_id": "A-1", "status": 1, "external_id": "E-1"}
    path = tmp_path / "reply.json"
    path.write_bytes(replies(applications=[APPLICATION], grants=[said]))
    found = read(path, register(EXPORTED))
    ((made, _),) = found.applications
    assert (made.state, made.applied_at) == (GrantState.APPLIED, AT)
    assert found.grant_replies == [
        GrantReply(
            grant="A-1", external_id="E-1", status=ExchangeStatus.WAITING, opinion=""
        )
    ]
