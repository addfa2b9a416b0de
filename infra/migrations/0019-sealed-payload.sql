-- What a receiver was sent about a natural person is kept sealed under that person's key,
-- as the ID numbers are: an erasure takes it along. Until it has left it must be open; its
-- sealed form waits beside it, made where the keys are, which is not where it is sent from.
create table sealed_payload (
    event_id text not null,
    receiver text not null,
    key_id   uuid not null references person_key,
    sealed   bytea not null,
    primary key (event_id, receiver)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);

-- The payload's digest is what receipts are compared with, whoever can read the payload.
alter table outbox_sent add column key_id uuid, add column payload_hash bytea;
comment on column outbox_sent.key_id is 'under whose key the payload is sealed; null: it is open';
comment on column outbox_sent.payload_hash is 'SHA-256 of the bytes that were sent; null: sent before there was this column, or before the platform';
create index outbox_sent_key on outbox_sent (key_id) where key_id is not null;
