"""The live page's files: copied whole, asked for by name, nothing from elsewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import httpx
import pytest
from graphql import build_schema, parse, validate
from starlette.applications import Starlette
from starlette.routing import Mount

from zhitong.exceptions import SettingsError
from zhitong.infra.embedded import clean
from zhitong.infra.live_page import FILES, PAGE, POLICY, install, live_page, main
from zhitong.infra.settings import Settings
from zhitong.schema import codes
from zhitong.schema.declare import UNRECOGNISED

PORTAL = Path(__file__).parents[2] / "portal"
OURS = PORTAL / "live"
SCHEMA = Path(__file__).parents[2] / "schema" / "schema.graphql"


def portal(folder: Path, *, charts: bool = True) -> Path:
    for name in FILES if charts else ():
        path = folder / "node_modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "live").mkdir(parents=True)
    for name in PAGE:
        (folder / "live" / name).write_text(name)
    return folder


def client(folder: Path) -> httpx.AsyncClient:
    app = Starlette(routes=[Mount("/live", live_page(folder))])
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


def test_page_and_charts_are_copied_with_their_licence(tmp_path: Path) -> None:
    assert install(portal(tmp_path / "portal"), tmp_path / "to")
    copied = {path.name: path.read_text() for path in (tmp_path / "to").iterdir()}
    assert copied == {to: name for name, to in FILES.items()} | {n: n for n in PAGE}


def test_without_npm_the_page_is_copied_and_the_lack_is_told(tmp_path: Path) -> None:
    assert not install(portal(tmp_path / "portal", charts=False), tmp_path / "to")
    assert {path.name for path in (tmp_path / "to").iterdir()} == set(PAGE)


def test_a_missing_page_is_an_error_that_names_it(tmp_path: Path) -> None:
    source = portal(tmp_path / "portal")
    (source / "live/view.js").unlink()
    with pytest.raises(SettingsError, match=r"view\.js"):
        install(source, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_the_command_installs_into_the_state_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path / "state"))
    source = portal(tmp_path / "portal", charts=False)
    monkeypatch.setattr(sys, "argv", ["live_page", str(source)])
    main()
    assert (tmp_path / "state/live/index.html").read_text() == "index.html"
    assert "没有 ECharts" in capsys.readouterr().err
    (source / "live/view.js").unlink()
    with pytest.raises(SystemExit, match=r"view\.js"):
        main()


def test_what_was_installed_goes_with_the_state_folder(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    install(portal(tmp_path / "portal"), settings.live)
    clean(settings.state)
    assert not settings.state.exists()


def test_every_file_of_the_page_is_listed() -> None:
    assert {path.name for path in OURS.iterdir()} == set(PAGE)


def test_the_page_asks_only_for_files_that_are_copied() -> None:
    page = (OURS / "index.html").read_text("utf-8")
    asked = set(re.findall(r'(?:src|href)="([^"]+)"', page))
    for name in PAGE:
        if name.endswith(".js"):
            script = (OURS / name).read_text("utf-8")
            asked |= set(re.findall(r'from "\./([^"]+)"', script))
    assert asked == {*PAGE, "echarts.js"} - {"index.html"}


def test_nothing_on_the_page_needs_what_the_policy_refuses() -> None:
    page = (OURS / "index.html").read_text("utf-8")
    assert re.findall(r"<script>|<style|style=|\son\w+=|https?:", page) == []
    for name in PAGE:
        text = (OURS / name).read_text("utf-8")
        if name.endswith(".js"):
            markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\("
            assert re.findall(markup, text) == [], name
        if name.endswith(".css"):
            assert re.findall(r"url\(|@import", text) == [], name


def test_every_text_on_the_page_is_said_in_both_languages() -> None:
    words = (OURS / "words.js").read_text("utf-8")
    said = dict(re.findall(r"^  (\w+): \[(.+?)\],?$", words, re.MULTILINE | re.DOTALL))
    page = (OURS / "index.html").read_text("utf-8")
    named = set(re.findall(r'data-say="(\w+)"', page))
    for name in ("view.js", "live.js", "chart.js"):
        script = (OURS / name).read_text("utf-8")
        named |= set(re.findall(r'\bwords\(\s*"(\w+)"', script))
        named |= set(re.findall(r'\b(?:tile|counted|pair)\(\s*"(\w+)"', script))
    assert len(named) > 30
    assert named - said.keys() == set()
    for name, texts in said.items():
        both = re.findall(r'"([^"]*)"', texts)
        assert len(both) == 2, name
        assert re.search("[\u4e00-\u9fff]", both[0]), name
        assert not re.search("[\u4e00-\u9fff]", both[1]), name


def test_what_a_click_asks_is_a_question_of_the_graph() -> None:
    script = (OURS / "live.js").read_text("utf-8")
    asked = re.findall(r"`(query [^`]+)`", script)
    assert len(asked) == 1
    assert validate(build_schema(SCHEMA.read_text("utf-8")), parse(asked[0])) == []


def test_every_status_of_a_delivery_has_a_word_and_a_tone() -> None:
    words = (OURS / "words.js").read_text("utf-8")
    view = (OURS / "view.js").read_text("utf-8")
    tones = view.partition("const TONES = {")[2].partition("}")[0]
    for status in codes.DELIVERY_STATUS.values.keys() - {UNRECOGNISED}:
        assert re.search(rf"^  {status}: \[", words, re.MULTILINE), status
        assert re.search(rf"^  {status}: ", tones, re.MULTILINE), status


async def test_the_page_is_fenced_in(tmp_path: Path) -> None:
    install(PORTAL, tmp_path)
    async with client(tmp_path) as asking:
        page = await asking.get("/live/")
        script = await asking.get("/live/live.js")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == POLICY
    assert script.headers["content-security-policy"] == POLICY
    assert script.headers["content-type"].startswith("text/javascript")
    assert "决定与推送" in (OURS / "words.js").read_text("utf-8")
    directives = {part.split()[0]: part.split()[1] for part in POLICY.split("; ")}
    assert directives["default-src"] == "'none'"
    assert {directives[f"{of}-src"] for of in ("script", "style", "connect")} == {
        "'self'"
    }


async def test_a_page_that_is_not_installed_says_how(tmp_path: Path) -> None:
    async with client(tmp_path / "nothing") as asking:
        answer = await asking.get("/live/")
    assert answer.status_code == 503
    assert "make setup" in answer.text
    assert answer.headers["content-security-policy"] == POLICY


async def test_no_file_beside_the_folder_is_given(tmp_path: Path) -> None:
    install(PORTAL, tmp_path / "live")
    (tmp_path / "cursor.key").write_text("secret")
    async with client(tmp_path / "live") as asking:
        answer = await asking.get("/live/%2e%2e/cursor.key")
    assert answer.status_code == 404
    assert "secret" not in answer.text
