-- A bureau's own signature on its decision 决定签名: what it says, and the keys it is
-- checked by (docs/signing.md). A decision is registered with or without one.

alter table evidence_key drop constraint evidence_key_purpose_check;
alter table evidence_key add column unit text not null default '';
alter table evidence_key add constraint evidence_key_purpose_check
    check (purpose in ('head', 'receipt', 'spool', 'witness', 'bureau') and (purpose = 'bureau') = (unit <> ''));
comment on column evidence_key.unit is 'whose key it is, of a bureau that signs its decisions: its credit code';

-- Each column repeats what the leaf's body has.
create table decision_signature (
    signature_id text primary key generated always as (decision_id || '/' || version) stored,
    decision_id  text not null,
    version      integer not null,
    state        text not null,
    key_id       text not null,
    algorithm    text not null,
    signed_at    timestamptz,
    statement    text not null,
    salt         text not null,
    numbers      jsonb not null,
    differs      text[] not null,
    recorded_by  text not null,
    recorded_at  timestamptz not null
);
create index decision_signature_decision on decision_signature (decision_id);
create index decision_signature_recorded_at on decision_signature (recorded_at desc, signature_id);
comment on column decision_signature.salt is 'in the signed content, so that it cannot be guessed from its digest';
comment on column decision_signature.numbers is 'keyed digests that stand in the signed content for ID numbers';

-- The keys of these digests: gone with their person's key, as the numbers are.
create table sealed_opening (
    decision_id text not null,
    version     integer not null,
    field       text not null,
    key_id      uuid not null references person_key,
    sealed      bytea not null,
    primary key (decision_id, version, field)
);
create index sealed_opening_key on sealed_opening (key_id);
