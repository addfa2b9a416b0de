"""Topics made once, a broker that was given, and the one that keeps nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from zhitong.exceptions import (
    BrokerUnavailableError,
    SettingsError,
    TopicMissingError,
)
from zhitong.infra.broker import Broker, bootstrap
from zhitong.infra.broker_start import (
    ELSEWHERE,
    FORGETFUL,
    Started,
    start_broker,
    topics,
)
from zhitong.infra.broker_tansu import Tansu, find_tansu
from zhitong.infra.embedded import clean
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.settings import Settings
from zhitong.streams.access_lists import Applied, apply_grants, set_users
from zhitong.streams.grants import grants
from zhitong.streams.kafka_client import Access
from zhitong.streams.topics import ensure_topics, partitions

pytestmark = pytest.mark.integration

OURS = {
    "zhitong.anze.provincial.v1": 12,
    "zhitong.anze.credit.v1": 12,
    "zhitong.anze.receipts.v1": 12,
    "zhitong.anze.recon.provincial.v1": 1,
    "zhitong.anze.recon.credit.v1": 1,
    "zhitong.anze.clocks.v1": 12,
    "zhitong.anze.inbound.credit.v1": 6,
    "zhitong.anze.inbound.receipts.credit.v1": 1,
    "zhitong.anze.inbound.provincial.v1": 6,
    "zhitong.anze.inbound.receipts.provincial.v1": 1,
}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    clean(tmp_path / "state")


@pytest.fixture
def tansu() -> Tansu:
    found = find_tansu()
    if found is None:
        assert not os.environ.get("CI"), "make setup installs it in CI"
        pytest.skip("no Tansu: pip install -r requirements/tansu.txt")
    return found


def given(broker: Access) -> Settings:
    """Give the settings of a broker that is somebody's own, for the tenant "given"."""
    return Settings(
        tenant="given",
        kafka=broker.address,
        kafka_security=broker.protocol,
        kafka_users="users",
        kafka_ca=broker.authorities,
    )


def lines(tenant: str) -> tuple[str, ...]:
    """Write the tenant's grants as the broker's access lists have them."""
    config = read_receivers(tenant=tenant)
    return tuple(
        sorted(
            f"ALLOW User:{each.user}@* {each.operation} {each.kind} {each.name}"
            for each in grants(config)
        )
    )


def described(address: Access, topic: str) -> dict[str, str]:
    """Read how *topic* is configured."""
    admin = KafkaAdminClient(**address.configs)
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        (found,) = admin.describe_configs([resource], config_filter="all")[
            "topic"
        ].values()
        return {name: entry["value"] for name, entry in found.items()}
    finally:
        admin.close()


def test_a_missing_topic_is_made_and_one_that_is_there_stays(broker: Access) -> None:
    assert ensure_topics(broker, {"topics.one": 3}, timedelta(days=2)) == (
        "topics.one",
    )
    assert ensure_topics(broker, {"topics.one": 3, "topics.two": 1}) == ("topics.two",)
    assert ensure_topics(broker, {"topics.one": 3, "topics.two": 1}) == ()
    assert ensure_topics(broker, {}) == ()

    assert (partitions(broker, "topics.one"), partitions(broker, "topics.two")) == (
        3,
        1,
    )
    one, two = described(broker, "topics.one"), described(broker, "topics.two")
    assert one["message.timestamp.type"] == "LogAppendTime"
    assert (one["retention.ms"], two["retention.ms"]) == ("172800000", "7776000000")


def test_another_number_of_partitions_is_refused_and_nothing_changed(
    broker: Access,
) -> None:
    ensure_topics(broker, {"topics.six": 6})

    with pytest.raises(SettingsError) as refused:
        ensure_topics(broker, {"topics.six": 12})

    assert refused.value.label.en == (
        "the topic topics.six has 6 partitions and not 12: the order within a case "
        "depends on their number, so it is not changed; use a new topic"
    )
    assert partitions(broker, "topics.six") == 6


def test_a_topic_that_is_not_there_is_named(broker: Access) -> None:
    with pytest.raises(TopicMissingError) as missing:
        partitions(broker, "topics.none")
    assert missing.value.details == {"topic": "topics.none"}


def test_a_broker_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zhitong.streams.topics._BOOTSTRAP_MS", 300)
    for act in (
        lambda: partitions(Access(address="127.0.0.1:9"), "topics.one"),
        lambda: ensure_topics(Access(address="127.0.0.1:9"), {"topics.one": 3}),
    ):
        with pytest.raises(BrokerUnavailableError) as away:
            act()
        assert away.value.retriable
        assert away.value.label.en.startswith(
            "the broker 127.0.0.1:9 does not answer (KafkaTimeoutError)"
        )


def test_a_broker_that_was_given_gets_the_topics_and_none_is_started(
    broker: Access, state: Path
) -> None:
    users = state.parent / "users"
    users.mkdir()
    settings = replace(given(broker), state=state, kafka_users=str(users))
    (users / "zhitong.admin").write_text(broker.password + "\n", "utf-8")

    started = start_broker(settings)

    assert (started.access, started.title, started.banner) == (broker, "Kafka", None)
    assert started.grants == Applied(lines("given"), (), ())
    assert not state.exists()
    assert {name: partitions(broker, name) for name in topics(settings)} == {
        "zhitong.given.provincial.v1": 12,
        "zhitong.given.credit.v1": 12,
        "zhitong.given.receipts.v1": 12,
        "zhitong.given.recon.provincial.v1": 1,
        "zhitong.given.recon.credit.v1": 1,
        "zhitong.given.clocks.v1": 12,
        "zhitong.given.inbound.credit.v1": 6,
        "zhitong.given.inbound.receipts.credit.v1": 1,
        "zhitong.given.inbound.provincial.v1": 6,
        "zhitong.given.inbound.receipts.provincial.v1": 1,
    }
    assert start_broker(settings).grants == Applied((), (), ())


def test_where_another_administers_the_broker_nothing_is_made(
    broker: Access, state: Path
) -> None:
    folder = state.parent / "theirs"
    folder.mkdir()
    tenant, relay = "elsewhere", "zhitong.elsewhere.relay"
    settings = replace(given(broker), tenant=tenant, kafka_users=str(folder))
    (folder / relay).write_text("its password", "utf-8")
    set_users(broker, tenant, {relay: "its password"})

    with pytest.raises(BrokerUnavailableError):
        start_broker(settings)

    config = read_receivers(tenant=tenant)
    ensure_topics(broker, config.topics)
    apply_grants(broker, config)
    started = once_granted(settings)
    assert (started.banner, started.grants) == (ELSEWHERE, None)
    assert started.access.user == relay


def once_granted(settings: Settings) -> Started:
    """Start when the node has read what its controller has answered."""
    ends = time.monotonic() + 60
    while True:
        try:
            return start_broker(settings)
        except (BrokerUnavailableError, TopicMissingError):
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


def test_a_broker_that_runs_is_used_whatever_could_be_started(
    kafka_factory: Callable[[str], Broker],
) -> None:
    server = kafka_factory("used")
    # Neither jars nor a repository to fetch them from.
    settings = Settings(
        state=server.home.parent, cache=server.home / "none", maven="http://127.0.0.1:9"
    )

    started = start_broker(settings)

    assert started == Started(
        server.start(), "Apache Kafka", None, Applied(lines("anze"), (), ())
    )
    assert bootstrap(settings) == started.access.address
    assert partitions(started.access, "zhitong.anze.credit.v1") == 12
    assert topics(settings) == OURS
    server.stop()


def test_tansu_stands_in_and_says_that_it_keeps_nothing(
    state: Path, tansu: Tansu
) -> None:
    server = Broker(state, tansu)
    address = server.start()
    settings = Settings(state=state)

    assert start_broker(settings) == Started(address, "Tansu", FORGETFUL)
    assert server.keeps is False
    producer = KafkaProducer(**address.configs, acks="all")
    sent = producer.send("zhitong.anze.credit.v1", b"decided", partition=5).get(60)  # type: ignore[no-untyped-call]
    producer.close()
    consumer = KafkaConsumer(
        "zhitong.anze.credit.v1",
        **address.configs,
        group_id="credit",
        auto_offset_reset="earliest",
        session_timeout_ms=6000,
        heartbeat_interval_ms=1000,
    )
    came = next(consumer)
    consumer.close()
    assert (came.partition, came.offset, came.value) == (5, sent.offset, b"decided")

    assert server.restart() == address
    with pytest.raises(TopicMissingError):
        partitions(address, "zhitong.anze.credit.v1")
    assert start_broker(replace(settings, kafka="")).banner == FORGETFUL
    assert partitions(address, "zhitong.anze.credit.v1") == 12
