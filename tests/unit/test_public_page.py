"""The public page's files: copied whole, words for all, and a question that fits."""

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
from zhitong.infra.public_page import PAGE, install, main, public_page
from zhitong.infra.public_site import DOCUMENT
from zhitong.infra.publicity_rules import read_publicity_rules
from zhitong.infra.settings import Settings
from zhitong.schema.entities import ENTITIES

ROOT = Path(__file__).parents[2]
OURS = ROOT / "portal" / "public"
HIDDEN = {
    "party.id_number": "counterpartyIdNumber",
    "party.representative_id_number": "representativeIdNumber",
}


def test_every_file_of_the_page_is_listed_and_copied(tmp_path: Path) -> None:
    assert {path.name for path in OURS.iterdir()} == set(PAGE)
    install(ROOT / "portal", tmp_path / "to")
    assert {path.name for path in (tmp_path / "to").iterdir()} == set(PAGE)


def test_the_command_installs_into_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHITONG_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "argv", ["public_page", str(ROOT / "portal")])
    main()
    assert (tmp_path / "state/public/index.html").is_file()
    monkeypatch.setattr(sys, "argv", ["public_page", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"index\.html"):
        main()
    with pytest.raises(SettingsError):
        install(tmp_path, tmp_path / "to")


async def test_it_is_fenced_in_and_says_how_to_install_it(tmp_path: Path) -> None:
    app = Starlette(routes=[Mount("/public", public_page(tmp_path))])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://g") as client:
        missing = await client.get("/public/")
        assert missing.status_code == 503
        assert "make setup" in missing.text
        install(ROOT / "portal", tmp_path)
        answer = await client.get("/public/")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_what_it_asks_fits_the_schema_and_every_word_is_there() -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text("utf-8"))
    assert validate(schema, parse(DOCUMENT)) == []
    script = (OURS / "public.js").read_text("utf-8")
    page = (OURS / "index.html").read_text("utf-8")
    words = (OURS / "words.js").read_text("utf-8")
    there = set(re.findall(r"^  (\w+): \[", words, flags=re.MULTILINE))
    asked = set(re.findall(r'data-say="(\w+)"', page))
    asked |= set(re.findall(r'row\(list, "(\w+)"', script))
    asked |= set(re.findall(r"WORDS\.(\w+)", script))
    asked |= {"correcting", "withdrawn"}
    assert asked == there
    # What the script reads of a publication is asked for.
    assert set(re.findall(r"\bone\.(\w+)", script)) <= {
        *ENTITIES["Publication"].fields,
        *("value", "zh", "en"),
    }
    shown = set(re.findall(r"^      (\w+)$", DOCUMENT, flags=re.MULTILINE))
    read = set(re.findall(r"\bone\.(\w+)", script)) - {"value", "zh", "en"}
    assert read <= shown


def test_what_a_channel_hides_no_publication_has() -> None:
    channels, _ = read_publicity_rules(Settings())
    fields = ENTITIES["Publication"].fields
    for channel in channels:
        assert channel.hides <= HIDDEN.keys()
    assert not set(HIDDEN.values()) & fields.keys()
