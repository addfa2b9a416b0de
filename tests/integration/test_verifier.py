"""A program of another make, on another client, agrees with what is stated, or not."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from entries import prepare
from kafka import TopicPartition
from reconciled import RECEIVER, Way

from zhitong.connectors.key_forms import PUBLIC, pem
from zhitong.connectors.reconciliation import Reconciliations
from zhitong.infra.receivers_file import read_receivers
from zhitong.infra.stating import state
from zhitong.streams.kafka_client import Access
from zhitong.streams.kafka_producer import KafkaSender
from zhitong.streams.receivers import Receivers
from zhitong.streams.topics import administering, ensure_topics

pytestmark = pytest.mark.integration
SCRIPT = Path(__file__).parents[2] / "bench" / "verify_topic.py"


@pytest.fixture
def verifier() -> None:
    """Skip without the other client, except in CI."""
    if importlib.util.find_spec("confluent_kafka") is None:
        assert not os.environ.get("CI"), "confluent-kafka is not installed"
        pytest.skip("confluent-kafka is not installed: make setup")


def verified(on: Way, config: Receivers, keys: Path) -> tuple[int, str]:
    """Run the program; give its exit code and what it printed."""
    password = keys / "password"
    password.write_text(on.broker.password, "utf-8")
    done = subprocess.run(  # noqa: S603 - our own program
        [
            *(sys.executable, str(SCRIPT), "--bootstrap", on.broker.address),
            *("--protocol", on.broker.protocol, "--user", on.broker.user),
            *("--password-file", str(password), "--group", f"g.{uuid.uuid4().hex}"),
            *("--topic", on.topic, "--statements", config.recon(RECEIVER)),
            *("--key", str(keys / "platform.pem")),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.usefixtures("verifier")
async def test_it_agrees_and_with_a_record_deleted_or_another_key_it_does_not(
    broker: Access, database: str, tmp_path: Path
) -> None:
    config = read_receivers(tenant=f"t{uuid.uuid4().hex[:12]}")
    await asyncio.to_thread(ensure_topics, broker, config.topics)
    await prepare(database)
    topic = config.kafka[RECEIVER].topic
    on = Way(url=database, broker=broker, topic=topic)
    made = await on.record(8)
    await on.send()
    # What a crash doubles and what a stranger writes is stated too.
    await asyncio.to_thread(on.put, made[0].partition, made[0].payload, b"a stranger")
    await on.reconcile()
    book, sender = Reconciliations(on.url), KafkaSender(lambda: broker, 10.0)
    since = datetime.now(UTC) - timedelta(days=1)
    await state(book, sender, config, tmp_path, since, whole=False)
    sender.close()
    await book.close()
    (row,) = await on.sql("select spki from evidence_key where purpose = 'receipt'")
    (tmp_path / "platform.pem").write_text(pem(PUBLIC, row["spki"]), "utf-8")

    code, said = await asyncio.to_thread(verified, on, config, tmp_path)
    assert (code, "不符 differences 0" in said) == (0, True), said
    assert "记录 records 9" in said

    def delete() -> None:
        with administering(broker) as admin:
            place = TopicPartition(on.topic, made[1].partition)
            admin.delete_records({place: 1})

    await asyncio.to_thread(delete)
    code, said = await asyncio.to_thread(verified, on, config, tmp_path)
    assert (code, "不符 differences 1" in said) == (1, True), said
    assert f"{on.topic}[{made[1].partition}]@" in said
