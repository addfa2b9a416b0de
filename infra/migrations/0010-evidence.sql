-- The proof 存证: what was written is a leaf of one tree, whose head is signed each second
-- and countersigned by a witness outside the operator (RFC 6962; docs/adr/0015).
--
-- A leaf waits in *unsealed*, written in the transaction of what it proves: a queue, never
-- a cursor, which would pass over what commits late. One sealer numbers what waits.

-- One row: which log this is. Its digest is for life; another begins another log.
create table evidence_log (
    origin text not null,
    hash   text not null check (hash in ('sha256', 'sm3')),
    since  timestamptz not null default clock_timestamp(),
    lone   boolean primary key default true check (lone)
);

create table unsealed (
    kind text not null check (kind in ('LOOK', 'DECISION', 'DEED')),
    id   text not null,
    leaf bytea not null check (octet_length(leaf) = 32),
    at   timestamptz not null default clock_timestamp(),
    primary key (kind, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
create index unsealed_at on unsealed (at);

create table sealed_leaf (
    number bigint primary key check (number >= 0),
    kind   text not null,
    id     text not null,
    leaf   bytea not null,
    unique (kind, id)
);

-- Roots of complete subtrees of 256, 65,536 … leaves, from which any proof is read in one
-- statement of few short ranges; what can be computed again, and is, where it is spoilt.
create table tree_node (
    level  smallint not null check (level > 0),
    place  bigint not null check (place >= 0),
    digest bytea not null check (octet_length(digest) = 32),
    primary key (level, place)
);
comment on table tree_node is 'level n: the root over leaves [place * 256^n, (place + 1) * 256^n)';

-- What was queued under a name that is sealed with another leaf: set aside and said.
create table unsealable (
    kind  text not null,
    id    text not null,
    leaf  bytea not null,
    at    timestamptz not null,
    found timestamptz not null default clock_timestamp(),
    primary key (kind, id, leaf)
);

-- A head of the size of the one before it says that the sealer lives.
create table head (
    origin text not null,
    size   bigint not null,
    at     timestamptz not null,
    note   bytea not null,
    oldest timestamptz,
    primary key (origin, size, at)
);
create index head_at on head (at);
comment on column head.note is 'the bytes that are signed: zhitong.evidence.Head.note';
comment on column head.oldest is 'since when the oldest leaf waited that this head is the first to cover; null: it covers none anew';

-- Several for one head while keys change 密钥轮换.
create table head_signature (
    origin    text not null,
    size      bigint not null,
    at        timestamptz not null,
    key_id    text not null,
    algorithm text not null,
    value     bytea not null,
    primary key (origin, size, at, key_id),
    foreign key (origin, size, at) references head
);

create table head_countersignature (
    origin    text not null,
    size      bigint not null,
    at        timestamptz not null,
    key_id    text not null,
    algorithm text not null,
    seen      timestamptz not null,
    value     bytea not null,
    primary key (origin, size, at, key_id),
    foreign key (origin, size, at) references head
);

create table evidence_key (
    key_id    text primary key,
    purpose   text not null check (purpose in ('head', 'receipt', 'spool', 'witness')),
    algorithm text not null,
    spki      bytea not null,
    since     timestamptz not null default clock_timestamp(),
    retired   timestamptz
);
comment on column evidence_key.spki is 'the public key, DER; key_id is the beginning of its SHA-256';
comment on column evidence_key.retired is 'signs no more from then on; may lie ahead, while two keys sign';

-- A key's successor, named and signed by the key before it: zhitong.evidence.KeyNote.
create table key_note (
    key_id    text primary key references evidence_key,
    signed_by text not null references evidence_key (key_id),
    algorithm text not null,
    note      bytea not null,
    value     bytea not null
);

-- Whatever wrote the row: its leaf waits from the same commit on.
create function queue_decision() returns trigger language plpgsql as $$
begin
    insert into unsealed (kind, id, leaf)
    select 'DECISION', decision_id || '/' || version, leaf from fresh;
    return null;
end $$;
create trigger audit_leaf_queue after insert on audit_leaf
    referencing new table as fresh for each statement execute function queue_decision();

drop index audit_leaf_unsealed;
alter table audit_leaf drop column sealed;
insert into unsealed (kind, id, leaf)
select 'DECISION', decision_id || '/' || version, leaf from audit_leaf;
