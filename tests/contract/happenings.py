"""What happens to decisions, put where it is told from, and who tells it."""

from __future__ import annotations

from pathlib import Path

import asyncpg
from entries import AT, SEALING
from ledger_rows import run

from zhitong.connectors.annotations import PlatformAnnotations
from zhitong.infra.deciding import receivers_annotations
from zhitong.infra.policy_file import read_policy
from zhitong.infra.receivers_file import read_receivers
from zhitong.resolvers.annotating import Annotating
from zhitong.resolvers.read import Reader
from zhitong.schema.entities import ENTITIES
from zhitong.streams.envelopes import ReceiverEnvelopes
from zhitong.streams.keys import ReceiverKeys
from zhitong.streams.receivers import Receivers

POLICY = read_policy(Path("infra/rules/policy.toml"), ENTITIES)
HAPPENED = """with message as (
    insert into inbound_message (message_id, sender, topic, kpartition, koffset, hash,
        raw)
    values (gen_random_uuid(), $3::text, 't', 0, 0, sha256(''), '')
    returning message_id),
history as (
    insert into inbound_history (sender, kind, subject, version, status, listing_no,
        decision_id, party_name, document_no, reason, occurred_on, data, message_id)
    select $3::text, 'REPAIR', $1::text || $2::text, 1, 'GRANTED', 'SX-31',
        $2::text, '安泽市某某化工有限公司', '安信修〔2026〕7号', '已履行义务',
        '2026-11-22', '{}', message_id from message)
insert into inbound_effect (effect_id, change, decision_id, sender, kind, subject,
    version, message_id)
select gen_random_uuid(), $1::text, $2::text, $3::text, 'REPAIR',
    $1::text || $2::text, 1, message_id from message"""
"""$1 happened to the decision $2, as $3 has told us."""


async def happen(url: str, what: str, decision: object, sender: str = "third") -> None:
    """Have it happen, as far as we were told."""
    await run(url, HAPPENED, what, str(decision), sender)


def annotating(config: Receivers | None = None) -> Annotating:
    """Give what makes the events, by the shipped policy, of *config* or the shipped."""
    config = config or read_receivers()
    key = ReceiverKeys.generate("credit").public
    keys = {one.name: key for one in config.receivers}
    envelopes = ReceiverEnvelopes(config, keys, lambda: AT)
    return receivers_annotations(Reader(dict, POLICY), envelopes, dict)


def due(pool: asyncpg.Pool[asyncpg.Record]) -> PlatformAnnotations:
    """Give what is to be told."""
    return PlatformAnnotations(pool=pool, sealing=SEALING, tenant="anze")
