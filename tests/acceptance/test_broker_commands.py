"""The broker as the command line shows it: up, status, down, clean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.acceptance.conftest import Zhitong

from zhitong.infra.broker import Broker
from zhitong.infra.broker_apache import Apache
from zhitong.infra.broker_tansu import find_tansu

pytestmark = pytest.mark.integration


def test_up_starts_it_status_shows_it_and_down_stops_it(
    zhitong: Zhitong, kafka_program: Apache
) -> None:
    cache = str(kafka_program.jars[0].parents[1])
    code, said = zhitong.run("up", ZHITONG_CACHE=cache)
    assert code == 0, said
    (address,) = re.findall(
        r"broker: Apache Kafka, (127\.0\.0\.1:\d+)$", said, re.MULTILINE
    )

    _, again = zhitong.run("up", ZHITONG_CACHE=cache)
    assert f"Apache Kafka, {address}\n" in again
    _, running = zhitong.run("status")
    assert f"Broker: Apache Kafka, {address}, running\n" in running
    _, down = zhitong.run("down")
    assert "Stopped: Apache Kafka, " in down
    _, stopped = zhitong.run("status")
    assert f"Broker: Apache Kafka, {address}, stopped\n" in stopped
    assert Broker(zhitong.state).status() == "stopped"


def test_without_kafka_the_city_is_up_and_says_what_lacks(
    zhitong: Zhitong, tmp_path: Path
) -> None:
    nowhere = {"ZHITONG_CACHE": str(tmp_path), "ZHITONG_MAVEN": "http://127.0.0.1:9"}

    code, said = zhitong.run("up", **nowhere)

    assert code == 0, said
    if find_tansu():
        assert "broker: Tansu, 127.0.0.1:" in said
        assert "it keeps nothing" in said
    else:
        assert "没有消息代理，决定登记后待发 no broker, decisions will wait:" in said
        assert "run make broker" in said
    assert "Next: zhitong serve" in said


def test_clean_leaves_none_running(zhitong: Zhitong) -> None:
    code, said = zhitong.run("clean")

    assert (code, zhitong.state.exists()) == (0, False), said
    assert Broker(zhitong.state).status() == "stopped"
