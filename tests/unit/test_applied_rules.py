"""What a decision was weighed by: each rule with its version, text and result."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from entries import decision, of_person

from zhitong.connectors.weighed import Weighed
from zhitong.decisions import Change, Decision, Finding, Severity
from zhitong.exceptions import TenantError
from zhitong.infra.calendar_file import read_calendar
from zhitong.infra.checks_file import read_checks
from zhitong.infra.cli import main
from zhitong.infra.figures_file import read_figures
from zhitong.infra.publicity_file import read_publicity
from zhitong.infra.rules_commands import explained
from zhitong.infra.settings import Settings
from zhitong.rules.applied_rules import (
    CONFIDENCE,
    NOTES,
    applied_checks,
    applied_figures,
)
from zhitong.rules.figures import Confidence
from zhitong.rules.publicity import classes
from zhitong.rules.terms import Note
from zhitong.types import Label

SHIPPED = Settings()
CHECKS = read_checks(SHIPPED.checks)
FIGURES = read_figures(SHIPPED.figures)
CALENDAR = read_calendar(SHIPPED.calendar)


def found(check: str, severity: Severity = Severity.BREACH) -> Finding:
    return Finding(
        check=check,
        severity=severity,
        detail=Label("少一人", "one is missing"),
        source="行政处罚法（2021修订）第42条",
    )


def weighed(said: Decision, *findings: Finding, change: Change) -> Weighed:
    return Weighed(
        id=said.id,
        version=1,
        change=change,
        at=datetime(2026, 11, 22, tzinfo=UTC),
        decision=said,
        findings=findings,
    )


def test_the_figures_of_a_penalty_are_those_of_its_day_kind_and_party() -> None:
    every = {
        one.name: [result.en for result in one.results]
        for one in applied_figures(FIGURES.values(), decision(), CALENDAR)
    }
    # Friday 20 November 2026: seven working days end on Tuesday 1 December.
    assert {name: said[1] for name, said in every.items()} == {
        "penalty-decided/2021-07-15": "runs from the filing of the case",
        "penalty-served/2021-07-15": "the last day is 2026-12-01",
        "fine-paid/2021-07-15": "runs from the service",
        "hearing-requested/2021-07-15": (
            "runs from the notice of the right to a hearing"
        ),
        "evidence-dealt-with/2021-07-15": "runs from the keeping of evidence",
        "crime-transfer-decided/2020-08-07": "runs from the proposal to transfer it",
        "reconsideration-requested/2024-01-01": "runs from the party's knowing of it",
        "published-own-site-penalty/2019-10-09": "the last day is 2026-12-01",
        "published-credit-china/2018-07-25": "the last day is 2026-12-01",
        "withdrawn-own-site/2021-07-15": "runs from its being undone",
        "withdrawn-credit-china/2021-07-15": "runs from its being undone",
        "shown-own-site/2019-10-09": "runs from the publication",
        # Twenty working days end on Friday 18 December.
        "published-provincial/2026-02-01": "the last day is 2026-12-01",
        "withdrawn-provincial/2021-07-15": "runs from its being undone",
        "published-enterprise-system/2024-05-01": "the last day is 2026-12-18",
        "withdrawn-enterprise-system/2021-07-15": "runs from its being undone",
        "shown-enterprise-system/2021-09-01": "runs from the publication",
    }
    assert every["penalty-served/2021-07-15"][0] == "7 working days"


def test_a_persons_penalty_is_shown_for_a_year() -> None:
    names = {
        one.name.partition("/")[0]
        for one in applied_figures(FIGURES.values(), of_person(), CALENDAR)
    }
    assert "shown-own-site-person" in names
    assert "shown-own-site" not in names


def test_of_a_day_before_a_rule_there_is_none() -> None:
    old = decision(decided_on=date(2018, 7, 24))
    every = applied_figures(FIGURES.values(), old, CALENDAR)
    # Of 2014; all others are of the next day or later.
    since2014 = "published-enterprise-system/2014-10-01"
    assert [one.name for one in every] == [since2014]
    # On the next day the first of them began.
    first = decision(decided_on=date(2018, 7, 25))
    every = applied_figures(FIGURES.values(), first, CALENDAR)
    assert [one.name for one in every] == [
        "published-credit-china/2018-07-25",
        since2014,
    ]


def test_of_the_figures_by_class_those_of_the_penaltys_own_are_named() -> None:
    channels = read_publicity(SHIPPED.publicity, FIGURES, ("credit", "provincial"))
    said = decision()
    found = classes(channels, said)
    assert found == {"credit-china": "general"}
    names = {
        one.name
        for one in applied_figures(FIGURES.values(), said, CALENDAR, found)
        if "-credit-china-" in one.name
    }
    assert names == {
        "shown-credit-china-general/2026-04-01",
        "repairable-credit-china-general/2019-07-01",
    }


def test_a_date_in_the_year_that_nobody_published_says_so() -> None:
    late = decision(decided_on=date(2026, 12, 30))
    (served,) = (
        one
        for one in applied_figures(FIGURES.values(), late, CALENDAR)
        if one.name.startswith("penalty-served")
    )
    assert NOTES[Note.PROVISIONAL] in served.results
    assert any("预计" in result.zh for result in served.results)


def test_a_check_says_what_it_found_or_that_it_found_nothing() -> None:
    findings = [
        found("penalty-two-officers"),
        found("penalty-two-officers", Severity.UNVERIFIED),
        found("once-there-was"),
    ]
    every = {
        one.name: one for one in applied_checks(CHECKS.checks, decision(), findings)
    }
    two = every["penalty-two-officers"]
    assert [result.en for result in two.results] == [
        "BREACH one is missing",
        "UNVERIFIED one is missing",
    ]
    assert (str(two.since), two.until) == ("2021-07-15", None)
    assert two.confidence.en == "the text was read"
    known = every["subject-known"]
    assert known.results[0].en == "nothing was found when it was registered"
    assert known.confidence.en == "configured rule, no text was read"
    assert every["once-there-was"].title.en == "no longer in the file"
    # Of another time, another kind, another procedure.
    assert not every.keys() & {
        "penalty-two-officers-before-2021",
        "subject-qualified",
        "simple-one-officer",
    }


def test_a_withdrawal_was_weighed_by_its_signature_alone() -> None:
    lines = list(
        explained(
            weighed(decision(), change=Change.WITHDRAWN), CHECKS, FIGURES, CALENDAR
        )
    )
    assert any(line.startswith("  signature-holds ") for line in lines)
    assert not any(line.startswith("  subject-known ") for line in lines)


def test_what_is_explained_names_rule_text_and_result_and_nobody() -> None:
    said = of_person()
    told = weighed(said, found("penalty-two-officers"), change=Change.RECORDED)
    text = "\n".join(explained(told, CHECKS, FIGURES, CALENDAR))
    assert f"决定 decision {said.id}  第 1 版 version 1  RECORDED" in text
    assert "依据 行政处罚法（2021修订）第42条（原文已读 the text was read）" in text
    assert "→ BREACH 少一人 / BREACH one is missing" in text
    assert "李四" not in text
    assert "11010519491231002X" not in text


def test_two_tenants_are_told_different_days_by_different_figures(
    tmp_path: Path,
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        """
tenant = "anze"
[[figures]]
name = "published-credit-china"
[[figures.versions]]
from = 2026-11-01
working_days = 3
source = "configured rule：本市三个工作日"
confidence = "CHOSEN"
""",
        encoding="utf-8",
    )
    told = weighed(decision(), change=Change.RECORDED)
    theirs = read_figures(SHIPPED.figures, path)
    texts = [
        "\n".join(explained(told, CHECKS, figures, CALENDAR)).partition(
            "  published-cr"
        )
        for figures in (FIGURES, theirs)
    ]
    every, own = (after for _, _, after in texts)
    assert every.startswith("edit-china/2018-07-25  2018-07-25 —\n")
    assert own.startswith("edit-china/2026-11-01@anze  2026-11-01 —\n")
    # From Friday 20 November seven end on Tuesday 1 December, three on Wednesday 25.
    assert "the last day is 2026-12-01" in every.partition("  withdrawn-own")[0]
    assert "the last day is 2026-11-25" in own.partition("  withdrawn-own")[0]
    assert "本市自定" in own.partition("  withdrawn-own")[0]


def test_every_note_and_every_confidence_has_its_words() -> None:
    assert NOTES.keys() == set(Note)
    assert CONFIDENCE.keys() == set(Confidence)


def test_the_files_are_checked_by_a_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rules", "check"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert f"数额 figures {len(FIGURES)}  " in out
    assert "工作日 working days 2019—2026\n  2027 暂定 provisional\n" in out


def test_a_file_of_another_tenant_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    path.write_text('tenant = "binhai"\n', encoding="utf-8")
    monkeypatch.setenv("ZHITONG_OWN_FIGURES", str(path))
    with pytest.raises(SystemExit) as ended:
        main(["rules", "check"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(TenantError.code)
