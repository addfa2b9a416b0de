-- Trusted documents 可信查询: read before they are asked, asked by their SHA-256.
-- One row for each audience; an empty word is anybody. The rows of one database are one
-- tenant's (ADR 0012). Who added and removed them is in operator_action, with the reason.
create table trusted_document (
    digest   text not null check (digest ~ '^[0-9a-f]{64}$'),
    kind     text not null,
    unit     text not null,
    client   text not null,
    document text not null,
    title    text not null,
    added_by text not null,
    added_at timestamptz not null default clock_timestamp(),
    primary key (digest, kind, unit, client)
);
