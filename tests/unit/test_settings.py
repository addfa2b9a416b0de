"""Settings come from the environment and a wrong one is named."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

from zhitong.exceptions import SettingsError
from zhitong.infra import settings as module
from zhitong.infra.settings import Settings, from_environment, variable


def test_without_variables_the_defaults_hold() -> None:
    assert from_environment({}) == Settings()


def test_every_setting_is_read_from_its_variable() -> None:
    other = Settings(
        tenant="other-city",
        host="0.0.0.0",  # noqa: S104 - a value to read, nothing listens
        port=81,
        workers=3,
        state=Path("s"),
        bindings=Path("b"),
        audience="a",
        issuers="i",
        certificate_header="h",
        proxies="x",
        body_bytes=1,
        body_seconds=0.5,
        json_depth=2,
        compress_bytes=10,
        document_bytes=3,
        document_depth=4,
        document_tokens=5,
        executor="graphql-core",
        page_size=6,
        page_limit=7,
        check_seconds=1.5,
        policy=Path("p"),
        counts_seconds=20.5,
        standby="synchronous",
        backup="k",
        pressure_alarm_seconds=1.5,
        pressure_slow_seconds=2.5,
        pressure_loud_seconds=3.5,
        pressure_bytes=9,
        database_bytes=10,
        token_cache=8,
        kafka="127.0.0.1:9092",
        kafka_security="SASL_SSL",
        kafka_mechanism="SCRAM-SHA-256",
        kafka_users="u",
        kafka_ca="ca",
        retention_days=9,
        checks=Path("k"),
        receivers=Path("r"),
        forms=Path("f"),
        clients=Path("cl"),
        calendar=Path("cl"),
        figures=Path("fi"),
        own_figures="of",
        duties=Path("du"),
        publicity=Path("pu"),
        notifications=Path("no"),
        patterns=Path("pa"),
        retention=Path("re"),
        document_aliases=11,
        document_directives=12,
        spool_bytes=12,
        evidence_algorithm="sm3-sm2",
        seal_seconds=0.5,
        review_minutes=15.0,
        reconcile_minutes=14.0,
        answer_hours=13.0,
        witnesses="https://w.example=w.pem",
        witness_quorum=2,
        evidence_alarm_seconds=5.5,
        evidence_limit_hours=0.25,
        tsa="http://tsa.example",
        tsa_ca="tsa.pem",
        tsa_hours=2.5,
        kafka_nodes=3,
        live_seconds=2.5,
        live_streams=3,
        subscriptions=46,
        watch_seconds=0.47,
        alive_seconds=0.48,
        slow_seconds=0.49,
        late_seconds=4.5,
        maven="https://maven.example",
        cache=Path("c"),
        otlp_endpoint="http://127.0.0.1:4318",
    )
    environment = {
        variable(field.name): str(getattr(other, field.name)) for field in fields(other)
    }
    assert from_environment(environment) == other
    unchanged = [
        field.name
        for field in fields(other)
        if getattr(other, field.name) == field.default
    ]
    assert unchanged == []


def test_what_is_kept_at_run_time_lies_in_the_state_folder() -> None:
    settings = Settings(state=Path("s"))
    assert settings.explorer == Path("s/explorer")
    assert settings.cursor_secret == Path("s/cursor.key")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZHITONG_PORT", "http"),
        ("ZHITONG_PORT", ""),
        ("ZHITONG_PORT", "0"),
        ("ZHITONG_PORT", "70000"),
        ("ZHITONG_BODY_BYTES", "-1"),
        ("ZHITONG_BODY_BYTES", "1.5"),
        ("ZHITONG_CHECK_SECONDS", "nan"),
        ("ZHITONG_PAGE_SIZE", "201"),
        ("ZHITONG_COUNTS_SECONDS", "-1"),
        ("ZHITONG_COUNTS_SECONDS", "3601"),
        ("ZHITONG_SEAL_SECONDS", "10.5"),
        ("ZHITONG_EVIDENCE_LIMIT_HOURS", "169"),
        ("ZHITONG_TSA_HOURS", "inf"),
        ("ZHITONG_EVIDENCE_ALGORITHM", "sm3"),
        ("ZHITONG_KAFKA_SECURITY", "SASL"),
        ("ZHITONG_KAFKA_MECHANISM", "GSSAPI"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        from_environment({name: value})


def test_who_is_proved_to_a_broker_needs_a_folder_of_passwords() -> None:
    with pytest.raises(SettingsError, match="ZHITONG_KAFKA_USERS"):
        from_environment({"ZHITONG_KAFKA_SECURITY": "SASL_SSL"})


def test_every_setting_is_explained() -> None:
    tree = ast.parse(inspect.getsource(module))
    body = next(n.body for n in ast.walk(tree) if isinstance(n, ast.ClassDef))
    explained = [
        first.target.id
        for first, then in pairwise(body)
        if isinstance(first, ast.AnnAssign)
        and isinstance(first.target, ast.Name)
        and isinstance(then, ast.Expr)
    ]
    assert explained == [field.name for field in fields(Settings)]


def test_a_misspelt_variable_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="ZHITONG_PAGE_LIMITS"):
        from_environment({"ZHITONG_PAGE_LIMITS": "50"})


def test_addresses_of_databases_are_not_settings() -> None:
    assert from_environment({"ZHITONG_DATABASE_X": "postgresql://a@b/c"}) == Settings()


@pytest.mark.parametrize("name", ["", "x", "*", "Anze", "a b", "1st", "a" * 32, "a.b"])
def test_a_tenant_has_a_name_that_topics_and_records_can_bear(name: str) -> None:
    with pytest.raises(SettingsError, match="ZHITONG_TENANT"):
        from_environment({"ZHITONG_TENANT": name})
