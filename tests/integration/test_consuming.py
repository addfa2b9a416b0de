"""What a receiver's process does before it consumes, and what ends it at once."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from receiver_files import changed

from zhitong.exceptions import ReceiverError, SettingsError
from zhitong.infra.consuming import NAMES, _configured, _inbox, _keys, database_name
from zhitong.infra.embedded import variable
from zhitong.infra.receiver_keys import private_path, public_keys
from zhitong.infra.settings import Settings


def test_every_receiver_we_have_a_consumer_of_is_configured() -> None:
    found = [_configured(Settings(), name) for name in NAMES]
    assert [each.channel.place for each in found] == [
        "zhitong.anze.provincial.v1",
        "zhitong.anze.credit.v1",
    ]


def test_a_receiver_that_is_not_configured_is_refused_by_name(tmp_path: Path) -> None:
    folder = changed(tmp_path, "credit", 'name = "credit"', 'name = "tax"')
    with pytest.raises(SettingsError, match="has no receiver credit, but provincial"):
        _configured(Settings(receivers=folder), "credit")


def test_keys_are_made_once_and_the_public_half_is_for_the_platform(
    tmp_path: Path,
) -> None:
    settings = Settings(state=tmp_path)
    first, again = _keys(settings, "credit"), _keys(settings, "credit")
    assert first.signing[0].thumbprint() == again.signing[0].thumbprint()
    public = public_keys(tmp_path, ["credit"])["credit"]
    assert public.signing[0].thumbprint() == first.signing[0].thumbprint()
    assert not public.sealing[0].is_private


def test_no_keys_are_made_beside_a_public_one_whose_private_half_is_missing(
    tmp_path: Path,
) -> None:
    settings = Settings(state=tmp_path)
    _keys(settings, "credit")
    private_path(tmp_path, "credit").unlink()
    given = public_keys(tmp_path, ["credit"])["credit"].signing[0].thumbprint()
    with pytest.raises(ReceiverError, match=r"There is no private key .*credit"):
        _keys(settings, "credit")
    public = public_keys(tmp_path, ["credit"])["credit"]
    assert public.signing[0].thumbprint() == given
    assert not private_path(tmp_path, "credit").exists()


def test_no_keys_are_made_where_the_platform_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "subject.key").write_bytes(b"k" * 32)
    with pytest.raises(ReceiverError, match=r"There is no private key .*credit"):
        _keys(Settings(state=tmp_path), "credit")
    assert [path.name for path in tmp_path.iterdir()] == ["subject.key"]


async def test_a_database_whose_migrations_were_changed_is_not_waited_for(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(database_name("credit")), database)
    settings = Settings(state=tmp_path)
    inbox = await _inbox(settings, _configured(settings, "credit"))
    assert inbox.places == {"cf_fr", "cf_zrr", "xk_fr", "xk_zrr"}
    # Once more on the same database: nothing is made twice.
    inbox.pool.terminate()
    inbox = await _inbox(settings, _configured(settings, "credit"))
    inbox.pool.terminate()
    connection = await asyncpg.connect(database)
    await connection.execute("update migration set digest = 'another'")
    await connection.close()
    with pytest.raises(SettingsError, match="was changed after it was applied"):
        await _inbox(settings, _configured(settings, "credit"))
