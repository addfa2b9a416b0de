"""Hold a receiver's topic against what the platform states of it: its own program.

    python bench/verify_topic.py --bootstrap HOST:PORT --topic TOPIC --key PUBLIC.pem
        --statements TOPIC [--group GROUP] [--user NAME --password-file FILE]
        [--protocol SASL_SSL --ca FILE] [--retention-days 90]

It knows nothing of our code and speaks to the broker by another client, librdkafka:
written from docs/reconciliation.md for whoever does not want to believe us. Reads the
statements, verifies their signatures, reads the topic, computes count and root of each
window anew. Exit code: 0 all agrees, 1 something does not, 2 it could not be read.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

SILENCE = 15.0
"""Seconds without a record that should come."""
Window = dict[str, Any]


def main() -> int:
    """Do what the command line says; give the exit code."""
    given = _arguments()
    consumer = Consumer(_configured(given))
    try:
        retention = timedelta(days=given.retention_days)
        keys = [_key(each) for each in given.key]
        windows, forged = stated(consumer, given.statements, keys)
        wrong = [*forged, *compared(consumer, given.topic, windows, retention)]
    except KafkaException as error:
        print(f"读不了 cannot be read: {error}")
        return 2
    finally:
        consumer.close()
    for each in wrong:
        print(f"不符 differs: {each}")
    records = sum(each["records"] for each in windows)
    print(
        f"声明 statements {len(windows)}，记录 records {records}，"
        f"不符 differences {len(wrong)}"
    )
    return 1 if wrong or not windows else 0


def stated(
    consumer: Consumer, topic: str, keys: Sequence[ec.EllipticCurvePublicKey]
) -> tuple[list[Window], list[str]]:
    """Give the newest statement of each window, and what is wrong with any."""
    found: dict[tuple[int, int], Window] = {}
    wrong: list[str] = []
    for place, value in _records(consumer, topic):
        try:
            jws = json.loads(value)["data"]["jws"]
            said = _verified(jws, keys)
        except (ValueError, KeyError, TypeError, InvalidSignature):
            wrong.append(f"{topic}{place}: 签名不成立 its signature does not hold")
            continue
        found[said["partition"], said["from"]] = said
    return list(found.values()), wrong


def compared(
    consumer: Consumer, topic: str, windows: Sequence[Window], retention: timedelta
) -> Iterator[str]:
    """Compute each window anew that the topic must still have; say which differ."""
    kept_since = datetime.now(UTC) - retention
    windows = [
        each for each in windows if datetime.fromisoformat(each["at"]) > kept_since
    ]
    there: dict[int, dict[int, bytes]] = {}
    for (partition, offset), value in _records(consumer, topic):
        there.setdefault(partition, {})[offset] = _id(value)
    for each in sorted(windows, key=lambda one: (one["partition"], one["from"])):
        held = there.get(each["partition"], {})
        ids = [
            held[offset]
            for offset in range(each["from"], each["to"])
            if offset in held and offset not in each["foreign"]
        ]
        place = f"{topic}[{each['partition']}]@{each['from']}-{each['to']}"
        if each["topic"] != topic:
            yield f"{place}: 声明的是别的主题 it is of another topic"
        elif len(ids) != each["records"]:
            yield f"{place}: 记录 records {len(ids)}，声明 stated {each['records']}"
        elif root(ids).hex() != each["root"]:
            yield f"{place}: 根不同 another root"


def root(ids: Sequence[bytes]) -> bytes:
    """Give the root of RFC 6962 over *ids*."""
    if not ids:
        return hashlib.sha256(b"").digest()
    if len(ids) == 1:
        return hashlib.sha256(b"\0" + ids[0]).digest()
    cut = 1 << ((len(ids) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + root(ids[:cut]) + root(ids[cut:])).digest()


def _id(value: bytes) -> bytes:
    try:
        return str(json.loads(value)["id"]).encode()
    except (ValueError, KeyError, TypeError):
        return b""


def _verified(jws: str, keys: Sequence[ec.EllipticCurvePublicKey]) -> Window:
    signed, _, signature = jws.rpartition(".")
    head, _, payload = signed.partition(".")
    if json.loads(_bytes(head))["alg"] != "ES256":
        raise ValueError(head)
    pair = _bytes(signature)
    der = encode_dss_signature(
        int.from_bytes(pair[:32], "big"), int.from_bytes(pair[32:], "big")
    )
    for key in keys:
        try:
            key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            continue
        said: Window = json.loads(_bytes(payload))
        return said
    raise InvalidSignature


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _key(path: Path) -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(path.read_bytes())
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError(path)
    return key


def _records(consumer: Consumer, topic: str) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Give all that a topic keeps now, as (partition, offset) and value."""
    known = consumer.list_topics(topic, timeout=10).topics[topic]
    if known.error is not None:
        raise KafkaException(known.error)
    for number in sorted(known.partitions):
        place = TopicPartition(topic, number)
        low, high = consumer.get_watermark_offsets(place, timeout=10)
        if low >= high:
            continue
        consumer.assign([TopicPartition(topic, number, low)])
        heard = time.monotonic()
        position = low
        while position < high:
            for message in consumer.consume(1_000, timeout=1.0):
                if message.error() is not None:
                    raise KafkaException(message.error())
                offset = message.offset()
                if offset is None:
                    continue
                heard, position = time.monotonic(), offset + 1
                if offset < high:
                    yield (number, offset), message.value() or b""
            if time.monotonic() - heard > SILENCE:
                break
        consumer.unassign()


def _configured(given: argparse.Namespace) -> dict[str, Any]:
    known: dict[str, Any] = {
        "bootstrap.servers": given.bootstrap,
        "group.id": given.group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "security.protocol": given.protocol,
    }
    if given.user:
        known |= {
            "sasl.mechanism": given.mechanism,
            "sasl.username": given.user,
            "sasl.password": given.password_file.read_text("utf-8").strip(),
        }
    if given.ca:
        known["ssl.ca.location"] = str(given.ca)
    return known


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--statements", required=True)
    parser.add_argument("--key", type=Path, action="append", required=True)
    parser.add_argument("--group", default="verify")
    parser.add_argument("--protocol", default="PLAINTEXT")
    parser.add_argument("--mechanism", default="SCRAM-SHA-512")
    parser.add_argument("--user", default="")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--ca", type=Path)
    parser.add_argument("--retention-days", type=float, default=90)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
