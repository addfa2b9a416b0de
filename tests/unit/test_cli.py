"""What the command line says and how it ends, without any server."""

from __future__ import annotations

import re
import shlex
import socket
from pathlib import Path

import pytest

from zhitong.infra.city_load import BINDINGS
from zhitong.infra.cli import main
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS, DemoIssuer
from zhitong.infra.tokens import Verifier
from zhitong.schema.graph import sdl


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep whatever a command writes in a folder of the test's own."""
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def ended(*arguments: str) -> object:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_help_names_every_command_in_both_languages(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended("--help") == 0
    said = capsys.readouterr().out
    for command in (
        *("up", "serve", "down", "status", "clean", "token", "reload", "bindings"),
        *("schema", "sample", "ask", "demo"),
    ):
        assert f"\n    {command} " in said
    assert "运行网关 run the gateway" in said


def test_without_a_command_it_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended() == 2
    assert "usage: zhitong" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("--now", "2026-11-22T09:00:00"), ("--now", "x"), ("--quorum", "0")]
)
def test_what_a_verification_cannot_be_asked_ends_with_2(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("audit", "verify", *words) == 2
    assert words[0] in capsys.readouterr().err


def test_schema_prints_the_sdl(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("schema") == 0
    assert capsys.readouterr().out == sdl()


def test_policy_matrix_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("policy", "matrix") == 0
    page = Path(__file__).parents[2] / "docs" / "policy-matrix.md"
    assert capsys.readouterr().out == page.read_text("utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/commands.md", "docs/policy.md"])
def test_what_documents_ask_of_the_policy_is_explained(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / page).read_text("utf-8")
    lines = re.findall(r"zhitong (policy explain .+)", text)
    assert lines != []
    for line in lines:
        assert ended(*shlex.split(line)) == 0
        said = capsys.readouterr().out
        assert "规则 rule: bodies-" in said
        assert "第五条" in said


def test_the_policy_says_what_one_source_keeps_back(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = state / "bindings"
    folder.mkdir(parents=True)
    bound = (BINDINGS / "market.toml").read_text("utf-8")
    free = 'phone          = "lxdh"'
    assert bound.count(free) == 1
    kept = 'column = "lxdh", sharing = "withheld", sharing_basis = "某法第一条"'
    (folder / "market.toml").write_text(
        bound.replace(free, f"phone = {{ {kept} }}"), encoding="utf-8"
    )
    why = ("--purpose", "case-handling", "--cause", "案")
    asked = ("policy", "explain", "--as", "own-officer", "--field")
    assert ended(*asked, "Counterparty.phone", *why) == 0
    assert "允许 ALLOW" in capsys.readouterr().out
    assert ended(*asked, "Counterparty.phone", *why, "--from", "market") == 0
    said = capsys.readouterr().out
    assert "不给 DENY" in said
    assert "来源 market: 不予共享 withheld（某法第一条）" in said


def test_the_policy_names_the_unit_that_may_look_up_by_a_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = (
        *("policy", "explain", "--as", "police", "--field", "Counterparty.idNumber"),
        *("--purpose", "crime-transfer", "--basis", "法", "--cause", "案"),
        *("--letter", "信", "--identity"),
    )
    police = DEMO_PRINCIPALS["police"].unit
    for unit, verdict in ((police, "允许 ALLOW"), ("another", "不给 DENY")):
        assert ended(*asked, "--unit", unit) == 0
        said = capsys.readouterr().out
        assert f"exact look-up:\n  {verdict}" in said


def test_a_field_the_policy_does_not_know_ends_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("policy", "explain", "--as", "public", "--field", "Counterparty.x")
    assert ended(*asked) == 2
    assert "there is no such field" in capsys.readouterr().err


def test_a_token_is_one_that_the_gateway_believes(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verifier = Verifier({"demo": DemoIssuer(state).issuer}, "zhitong")
    assert ended("token", "own-officer", "--hours", "1") == 0
    token = capsys.readouterr().out.strip()
    assert verifier.verify(f"Bearer {token}") == DEMO_PRINCIPALS["own-officer"]


def test_the_option_state_goes_before_the_variable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert ended("token", "public", "--state", str(other)) == 2
    assert "run zhitong up there first" in capsys.readouterr().err
    assert list(other.iterdir()) == []
    DemoIssuer(other)
    assert ended("token", "public", "--state", str(other)) == 0
    assert not (tmp_path / "state").exists()
    assert capsys.readouterr().out.count(".") == 2


def test_a_fault_of_the_user_is_one_message_with_its_code_and_exit_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended("token", "police", "--hours", "0") == 2
    assert capsys.readouterr().err == (
        "SETTINGS: 有效小时数必须大于 0\n  the hours must be more than 0\n"
    )


@pytest.mark.parametrize(
    "command", [("reload",), ("ask", "--as", "police", "-")], ids=["reload", "ask"]
)
def test_without_a_gateway_it_says_how_to_start_one(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(*command) == 2
    assert "run zhitong serve (or make demo)" in capsys.readouterr().err


def test_serving_without_a_database_says_which_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended("serve", "--port", "0") == 2
    assert "ZHITONG_DATABASE_PLATFORM" in capsys.readouterr().err


def test_serving_on_a_taken_port_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert ended("serve", "--port", str(port)) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_the_demos_bindings_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("bindings", "check", str(BINDINGS)) == 0
    assert capsys.readouterr().out.count("form is right") == 7


def test_a_wrong_binding_is_named_by_file_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = (BINDINGS / "xihe.toml").read_text(encoding="utf-8")
    lines = right.splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.startswith("fine "))
    lines[number - 1] = 'fine = { column = "fkje", unit = "gold" }'
    (tmp_path / "xihe.toml").write_text("\n".join(lines), encoding="utf-8")
    assert ended("bindings", "check", str(tmp_path)) == 1
    said = capsys.readouterr().out
    assert f"xihe.toml:{number} types.CaseRecord.fields.fine" in said
    assert "unit = gold" in said


def test_a_folder_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("bindings", "check", str(tmp_path / "none")) == 2
    assert f"there is no folder {tmp_path / 'none'}" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("serve", f"--port={port}") == 2
    assert "--port" in capsys.readouterr().err
