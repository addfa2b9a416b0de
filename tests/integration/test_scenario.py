"""``zhitong scenario year``, small: it agrees, and what was spoilt is named."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest

from zhitong.connectors.scenario_recount import Recount
from zhitong.exceptions import SettingsError
from zhitong.infra import scenario
from zhitong.infra.scenario_stage import Stage
from zhitong.infra.settings import Settings

pytestmark = pytest.mark.integration
GIVEN = argparse.Namespace(decisions=120, seed=None)


async def run(settings: Settings) -> bool:
    return await asyncio.to_thread(scenario.year, settings, GIVEN)


async def test_a_year_is_played_and_every_count_agrees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(Settings(state=tmp_path / "state"))
    report = json.loads((tmp_path / "scenario.json").read_text("utf-8"))
    assert report["differences"] == []
    assert report["compared"] > 400
    assert {one["state"] for one in report["late"]} >= {"LATE", "DONE_LATE"}
    assert all(one["documentNo"] and one["due"] for one in report["late"])
    said = capsys.readouterr().out
    assert "全部一致 all of it agrees：0" in said
    assert not (tmp_path / "scenario").exists()


async def test_what_is_spoilt_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settled, spoilt = scenario._settled, dict[str, str]()

    async def spoil(recount: Recount, made: Stage) -> None:
        await settled(recount, made)
        spoilt.update(await _spoil(made.urls))

    monkeypatch.setattr(scenario, "_settled", spoil)
    assert not await run(Settings(state=tmp_path / "state"))
    report = json.loads((tmp_path / "scenario.json").read_text("utf-8"))
    found = "\n".join(report["differences"])
    for what, decision in spoilt.items():
        assert decision in found, what
    # A moment that no receipt says: both duty and rates are otherwise.
    assert "credit-china" in found
    assert "不一致 differences" in capsys.readouterr().out


async def _spoil(urls: Mapping[str, str]) -> Mapping[str, str]:
    platform = await asyncpg.connect(urls["platform"])
    credit = await asyncpg.connect(urls["at-credit"])
    try:
        clock = await platform.fetchval(
            "update clock set due_on = due_on + 1 where clock_id = (select clock_id"
            " from clock where duty = 'own-site-published' order by 1 limit 1)"
            " returning decision_id"
        )
        shown = await platform.fetchval(
            "update publication set shown = null where channel = 'own-site'"
            " and decision_id = (select p.decision_id from publication p"
            " join decision d using (decision_id) where p.channel = 'own-site'"
            " and p.shown = d.version and d.change <> 'WITHDRAWN'"
            " and p.down_on > '2027-06-01' order by 1 limit 1) returning decision_id"
        )
        held = await credit.fetchval(
            "delete from xk_fr where decision_id = (select decision_id from xk_fr"
            " order by 1 limit 1) returning decision_id"
        )
        # One that came in time is said to be held a year later, in the sent log alone.
        await platform.execute(
            "update outbox_sent set receiver = 'provincial' where seq = (select o.seq"
            " from outbox_sent o join decision d using (decision_id)"
            " where o.receiver = 'credit' and d.act_type = 'LICENCE'"
            " and o.version = 1 and d.version = 1 order by 1 limit 1)"
        )
        return {"clock": clock, "publication": shown, "row": held}
    finally:
        await platform.close()
        await credit.close()


async def test_it_touches_no_database_that_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHITONG_DATABASE_PLATFORM", "postgresql://nowhere/platform")
    with pytest.raises(SettingsError, match="ZHITONG_DATABASE_PLATFORM"):
        await run(Settings(state=tmp_path / "state"))
