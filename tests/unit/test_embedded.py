"""What embedded servers decide without starting one."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhitong.exceptions import EmbeddedError
from zhitong.infra.embedded import Cluster, clean, databases, variable
from zhitong.infra.postgres_server import passing
from zhitong.infra.server_log import advise, failure, last_lines


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("justice", "ZHITONG_DATABASE_JUSTICE", id="one-word"),
        pytest.param("county-a", "ZHITONG_DATABASE_COUNTY_A", id="hyphen"),
    ],
)
def test_a_name_has_an_environment_variable(name: str, expected: str) -> None:
    assert variable(name) == expected


def test_given_addresses_start_nothing(tmp_path: Path) -> None:
    environ = {
        "ZHITONG_DATABASE_JUSTICE": "postgresql://a@db/one",
        "ZHITONG_DATABASE_COUNTY_A": "postgresql://a@db/two",
    }

    addresses = databases(["county-a", "justice"], environ, tmp_path / "state")

    assert list(addresses.items()) == [
        ("county-a", "postgresql://a@db/two"),
        ("justice", "postgresql://a@db/one"),
    ]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("name", ["", ".template", "../justice", "Justice", "司法局"])
def test_a_name_that_is_no_folder_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError) as refused:
        Cluster(tmp_path / "state", [name])

    assert refused.value.label.en == (
        f"a database's name has small letters, digits, _ and - only, not {name!r}"
    )
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("tail", "advice"),
    [
        pytest.param(
            'FATAL:  could not write file "pg_wal/xlog": No space left on device',
            "the disk is full: free some space, start again",
            id="disk-full",
        ),
        pytest.param(
            "FATAL:  database files are incompatible with server",
            "the data is of another PostgreSQL version: make clean-demo, "
            "then start anew",
            id="other-version",
        ),
        pytest.param(
            "FATAL:  something new",
            "read the log; if the data may go, run make clean-demo and start anew",
            id="unknown",
        ),
    ],
)
def test_the_log_s_end_decides_the_advice(tail: str, advice: str) -> None:
    assert advise(tail).en == advice


def test_a_failed_start_shows_the_log_and_what_to_do() -> None:
    error = failure("justice", Path("log/justice.log"), "FATAL:  something new")

    assert error.code == "EMBEDDED"
    assert error.label.zh == (
        "justice 无法启动：请查看日志；若数据可以丢弃，执行 make clean-demo 后重新启动"
        "（日志：log/justice.log）\nFATAL:  something new\n"
    )


def test_only_the_last_twelve_lines_are_kept() -> None:
    text = "\n".join(str(line) for line in range(1, 101))

    assert last_lines(text).splitlines() == [str(line) for line in range(89, 101)]


@pytest.mark.parametrize(
    ("message", "again"),
    [
        ("could not bind IPv4 address: Address already in use", True),
        ("pre-existing shared memory block (key 1, ID 2) is still in use", True),
        ("database files are incompatible with server", False),
    ],
)
def test_a_start_is_repeated_only_where_that_helps(
    message: str, *, again: bool
) -> None:
    assert passing(message) is again


def test_clean_of_a_missing_folder_does_nothing(tmp_path: Path) -> None:
    clean(tmp_path / "state")

    assert list(tmp_path.iterdir()) == []


def test_clean_refuses_a_folder_we_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    with pytest.raises(EmbeddedError, match="no state folder to remove"):
        clean(tmp_path)

    assert (tmp_path / "work").exists()


def test_clean_removes_no_folder_with_anything_of_somebody_else_s(
    tmp_path: Path,
) -> None:
    (tmp_path / "state" / "postgres").mkdir(parents=True)
    thesis = tmp_path / "state" / "thesis.txt"
    thesis.write_text("years of work")
    with pytest.raises(EmbeddedError, match=r"thesis\.txt in .* nothing was removed"):
        clean(tmp_path / "state")
    assert (tmp_path / "state" / "postgres").exists()
    thesis.unlink()
    clean(tmp_path / "state")
    assert not (tmp_path / "state").exists()
