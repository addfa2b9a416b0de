"""The documents against the code: nothing left out, nothing made up."""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from zhitong.connectors.binding import Binding, FieldMap, TypeMap
from zhitong.connectors.binding_file import read_binding
from zhitong.connectors.codecs import UNITS
from zhitong.connectors.date_codecs import FORMATS
from zhitong.exceptions import ZhitongError
from zhitong.infra.cli import parser
from zhitong.infra.demo_issuer import DEMO_PRINCIPALS
from zhitong.infra.policy_file import read_policy
from zhitong.infra.sample_sheet import SampleError
from zhitong.infra.settings import Settings, variable
from zhitong.requesters import KINDS
from zhitong.resolvers.policy import Rule, Scope
from zhitong.schema.entities import ENTITIES
from zhitong.schema.enums import KEY_MATCH
from zhitong.schema.graph import sdl
from zhitong.types import MaskKind, Sharing

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
ENGLISH = ROOT / "README.md"
CHINESE = ROOT / "README.zh-CN.md"
HEADINGS = {
    "Zhitong 执通": "执通 Zhitong",
    "What it is for": "用来做什么",
    "Two promises": "两个承诺",
    "A first question": "第一次提问",
    "Who sees what": "谁能看什么",
    "A first decision": "第一件决定",
    "The shape of the code": "代码的样子",
    "Adding a department": "接入一个部门",
    "Where it stands": "现在做到哪里",
    "Documents": "文档",
    "Licence": "许可",
}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def headings(page: Path) -> list[str]:
    text = re.sub(
        r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)


def blocks(language: str) -> Iterator[tuple[Path, str]]:
    """Give every fenced block of *language* in any document."""
    for page in PAGES:
        pattern = rf"^```{language}\n(.*?)^```"
        for found in re.findall(
            pattern, page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
        ):
            yield page, found


def anchor(heading: str) -> str:
    """Name a heading as links do: small letters, punctuation gone, hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def slug(code: str) -> str:
    return code.lower().replace("_", "-")


def errors(base: type[ZhitongError] = ZhitongError) -> Iterator[type[ZhitongError]]:
    for error in base.__subclasses__():
        yield error
        yield from errors(error)


CODES = {error.code: error for error in errors() if "code" in vars(error)}


@cache
def schema() -> GraphQLSchema:
    return build_schema(sdl())


def test_every_error_code_has_a_page_and_every_page_a_code() -> None:
    assert CODES["SAMPLE"] is SampleError
    pages = {page.stem for page in (DOCS / "errors").glob("*.md")}
    assert pages == set(map(slug, CODES))


@pytest.mark.parametrize("code", sorted(CODES))
def test_an_error_page_tells_what_happened_what_to_do_and_shows_it(code: str) -> None:
    page = DOCS / "errors" / f"{slug(code)}.md"
    assert headings(page) == [
        code,
        "发生了什么",
        "怎么办",
        "回答示例 Example",
        "What happened",
        "What to do",
    ]
    again = "可以稍后重试" if CODES[code].retriable else "原样重试无用"
    assert page.read_text("utf-8").splitlines()[2].startswith(again)


def told(answer: object) -> Iterator[dict[str, object]]:
    """Find whatever has a code in an answer."""
    if isinstance(answer, dict):
        if "code" in answer:
            yield answer
        for part in answer.values():
            yield from told(part)
    elif isinstance(answer, list):
        for part in answer:
            yield from told(part)


def test_the_answers_on_error_pages_have_the_code_and_the_page_they_stand_on() -> None:
    shown = set()
    for page, text in blocks("json"):
        if page.parent.name != "errors":
            continue
        for entry in told(json.loads(text)):
            assert slug(str(entry["code"])) == page.stem
            if "help" in entry:
                assert entry["help"] == named(page)
                assert entry["retriable"] is CODES[str(entry["code"])].retriable
            shown.add(entry["code"])
    # These end a command or a start-up, or are said in a log, and never travel as JSON.
    streams = {"BROKER_UNAVAILABLE", "TOPIC_MISSING", "TOPIC_PARTITIONS"}
    streams |= {"EVENT_POISON", "RECEIPT_INVALID", "REPLAY", "SCHEMAS"}
    streams |= {"RECEIVER_UNAVAILABLE", "RECEIVER_ANSWER", "RECEIVER_TABLE"}
    streams |= {"PRESSURE", "DATABASE_FULL"}
    streams |= {"EVIDENCE_BROKEN", "SIGNER_UNAVAILABLE"}
    commands = {"CHECKS", "POLICY", "RECEIVER", "SETTINGS", "EMBEDDED", "SAMPLE"}
    commands |= {
        "CLIENTS",
        "TENANT",
        "CALENDAR",
        "FIGURES",
        "DUTIES",
        "PUBLICITY",
        "WITNESS",
        "CATALOGUE_FILE",
    }
    commands |= {"CAPTURE", "CAPTURE_KEY_REUSED", "CAPTURE_KEY_TWICE"}
    commands |= {
        "CAPTURE_BACKWARDS",
        "CAPTURE_MANY",
        "CAPTURE_ROW_GONE",
        "CAPTURE_REVIVED",
        "CAPTURE_DIFFERS",
    }
    commands |= {"STANDBY", "ERASURE", "EVIDENCE_UNKNOWN", "EVIDENCE_UNSEALED"}
    commands |= {"INBOUND", "WORK"}
    assert set(CODES) - shown == commands | streams


def test_every_setting_has_a_heading_with_its_default_and_there_are_no_others() -> None:
    text = (DOCS / "settings.md").read_text("utf-8")
    found = dict(
        re.findall(r"^## ([A-Z_]+)\n\n默认 Default: (.+)$", text, flags=re.MULTILINE)
    )
    expected = {
        variable(field.name): f"`{_shown(field.default)}`"
        if field.default != ""
        else "空 empty"
        for field in fields(Settings)
    }
    assert found == expected


def _shown(default: object) -> object:
    if isinstance(default, Path) and default.is_absolute():
        return f"infra/rules/{default.name}"
    return default


def test_every_command_has_a_heading_and_there_are_no_others() -> None:
    (subparsers,) = (
        action
        for action in parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    found = [
        heading.removeprefix("zhitong ")
        for heading in headings(DOCS / "commands.md")
        if heading.startswith("zhitong ")
    ]
    assert found == list(subparsers.choices)


def test_every_make_target_that_helps_is_listed_and_there_are_no_others() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
    listed = re.findall(
        r"^\| `make ([a-z-]+)`",
        (DOCS / "commands.md").read_text("utf-8"),
        flags=re.MULTILINE,
    )
    assert set(listed) == targets
    assert len(listed) == len(targets)


def test_every_type_of_the_graph_is_in_the_glossary_and_no_other() -> None:
    text = (DOCS / "glossary.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    assert listed == list(ENTITIES)


def test_every_graphql_example_fits_the_schema() -> None:
    examples = list(blocks("graphql"))
    assert {page.name for page, _ in examples} >= {
        "README.md",
        "README.zh-CN.md",
        "asking.md",
    }
    for page, text in examples:
        assert validate(schema(), parse(text)) == [], named(page)


def test_every_binding_in_the_documents_is_right(tmp_path: Path) -> None:
    checked = 0
    for _, text in blocks("toml"):
        form = tomllib.loads(text)
        if "types" not in form:
            continue
        path = tmp_path / f"{form['name']}.toml"
        path.write_text(text, encoding="utf-8")
        assert read_binding(path, ENTITIES).name == form["name"]
        checked += 1
    assert checked > 0


def test_the_rule_in_the_documents_is_one_of_those_in_force(tmp_path: Path) -> None:
    ((_, text),) = [
        (page, text) for page, text in blocks("toml") if page.name == "policy.md"
    ]
    path = tmp_path / "policy.toml"
    known = tomllib.loads(text)["rules"][0]["purposes"]
    head = f'tenant = "*"\nother_purposes = {json.dumps(known)}\n'
    path.write_text(f"{head}{text}", encoding="utf-8")
    (shown,) = read_policy(path, ENTITIES).rules
    in_force = {
        (rule.name, rule.kinds): rule
        for rule in read_policy(Settings().policy, ENTITIES).rules
    }
    rule = in_force[shown.name, shown.kinds]
    assert (
        shown.effect,
        shown.fields,
        shown.purposes,
        shown.requires,
        shown.under,
    ) == (
        rule.effect,
        rule.fields,
        rule.purposes,
        rule.requires,
        rule.under,
    )


@pytest.mark.parametrize(
    ("page", "words"),
    [
        pytest.param(
            "bindings.md",
            {
                *Binding.__struct_fields__,
                *TypeMap.__struct_fields__,
                *FieldMap.__struct_fields__,
                *FORMATS,
                *UNITS,
            }
            - {"types"},
            id="keys, formats and units of a binding",
        ),
        pytest.param(
            "policy.md",
            {field.name for field in fields(Rule)} - {"under"}
            | {field.name for field in fields(Scope)}
            | {"when", "tenant", "recorders", "proceeding_recorders"}
            | {"grant_applicants", "catalogue_outside"}
            | {"whole_texts", "causes_checked", "sharing_basis"}
            | set(Sharing)
            | set(MaskKind)
            | set(KINDS)
            - {"department", "platform"}
            - {"provincial-platform", "credit-system", "sharing-platform"},
            id="keys and masks of a rule",
        ),
        pytest.param(
            "asking.md",
            set(KEY_MATCH.values)
            | {
                purpose
                for rule in read_policy(Settings().policy, ENTITIES).rules
                for purpose in rule.purposes - {"*"}
            },
            id="key matches and purposes",
        ),
        pytest.param("commands.md", set(DEMO_PRINCIPALS), id="the demo's people"),
    ],
)
def test_every_word_one_may_write_is_explained(page: str, words: set[str]) -> None:
    text = (DOCS / page).read_text("utf-8")
    assert {word for word in words if not re.search(f"`{word}[`.]", text)} == set()


def test_every_json_and_toml_example_can_be_read() -> None:
    for _, text in blocks("json"):
        json.loads(text)
    for _, text in blocks("toml"):
        tomllib.loads(text)


def test_both_readmes_have_the_same_headings_in_the_same_order() -> None:
    assert headings(ENGLISH) == list(HEADINGS)
    assert headings(CHINESE) == list(HEADINGS.values())


def test_both_readmes_show_the_same_questions_answers_and_commands() -> None:
    for language in ("graphql", "json"):
        shown = [
            (page, text)
            for page, text in blocks(language)
            if page in {ENGLISH, CHINESE}
        ]
        english = [text for page, text in shown if page == ENGLISH]
        assert english == [text for page, text in shown if page == CHINESE]


def test_the_steps_of_the_demonstration_are_those_it_takes() -> None:
    modules = sorted((ROOT / "infra").glob("demonstration*.py"))
    takes = "".join(module.read_text("utf-8") for module in modules)
    for page in (ENGLISH, CHINESE):
        steps = re.findall(
            r"^\d+  (.+)\n   (.+)$", page.read_text("utf-8"), re.MULTILINE
        )
        assert len(steps) == 15
        for chinese, english in steps:
            assert chinese in takes
            assert english in takes


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_between_documents_resolve(page: Path) -> None:
    text = re.sub(
        r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        target, _, place = link.partition("#")
        there = (page.parent / target).resolve() if target else page
        assert there.is_relative_to(ROOT), link
        assert there.exists(), link
        if place:
            assert place in map(anchor, headings(there)), link


def test_every_document_is_linked_from_the_index_or_a_readme() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in (DOCS / "index.md", ENGLISH)
        for link in re.findall(r"\]\(([^)\s]+\.md[^)\s]*)\)", page.read_text("utf-8"))
    }
    assert set(PAGES) - linked - {ENGLISH} == set()
