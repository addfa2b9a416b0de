"""Mistakes in a declaration of captured decisions: file, line, field, finding."""

from __future__ import annotations

from pathlib import Path

import pytest
from captured_desk import BINDING, BY_CLOCK

from zhitong.connectors.binding import Binding
from zhitong.connectors.binding_file import read_binding
from zhitong.connectors.capture_binding import captured_binding
from zhitong.exceptions import BindingError
from zhitong.schema.entities import ENTITIES


def read(folder: Path, text: str) -> Binding:
    path = folder / "bm.toml"
    path.write_text(text, "utf-8")
    return read_binding(path, ENTITIES)


def test_fields_of_the_type_are_taken_and_those_stated_go_before(
    tmp_path: Path,
) -> None:
    more = '[capture.fields]\ntitle = "mc"\ncounterpartyCode = "jg"\n'
    own = captured_binding(read(tmp_path, f"{BINDING}{BY_CLOCK}\n{more}"), ENTITIES)
    fields = own.types["Decision"].fields
    assert own.types["Decision"].table == "bm.jd"
    assert "caseId" not in fields  # CaseRecord's own, nothing of a decision
    assert (fields["counterpartyCode"], fields["title"]) == ("jg", "mc")
    assert {"~void", "~version", "~day"} <= fields.keys()
    assert own.timeout == 30


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param(
            BINDING.replace('like  = "CaseRecord"', 'like  = "Case"'),
            "capture.like",
            id="no such type",
        ),
        pytest.param(
            BINDING.replace('like  = "CaseRecord"', 'table = "bm.jd"'),
            "capture",
            id="no key",
        ),
        pytest.param(
            BINDING.replace('documentNo          = "wh"\n', ""),
            "capture.fields",
            id="no number",
        ),
        pytest.param(
            f'{BINDING}[capture.fields]\ncontentHash = "jg"\n',
            "capture.fields.contentHash",
            id="the ledger's own",
        ),
        pytest.param(
            f'{BINDING}[capture.fields]\nprocedure = "jg"\n',
            "capture.fields.procedure",
            id="a code without its list",
        ),
        pytest.param(
            f'{BINDING}[capture.fields]\nfacts = {{ column = "jg", secrecy = '
            '"state-secret" }\n',
            "capture.fields.facts",
            id="a state secret",
        ),
        pytest.param(
            f'{BINDING}version = {{ column = "gxsj", format = "yyyy" }}\n',
            "capture.version",
            id="a clock nobody knows",
        ),
        pytest.param(
            f'{BINDING}version = {{ column = "elsewhere.gxsj" }}\n',
            "capture.version",
            id="no such alias",
        ),
        pytest.param(f"{BINDING}evry = 5\n", "evry", id="misspelt"),
    ],
)
def test_a_mistake_is_named_where_it_stands(
    tmp_path: Path, text: str, where: str
) -> None:
    with pytest.raises(BindingError) as refused:
        read(tmp_path, text)
    assert where in refused.value.label.en
    assert refused.value.label.en.startswith("bm.toml:")
