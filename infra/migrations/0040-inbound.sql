-- Inbound 来函: what the credit system and the provincial platform send us (docs/inbound.md).
-- Messages, verdicts and history are only ever added to.
create table inbound_message (
    message_id   uuid primary key,
    sender       text not null,
    event_id     text,
    type         text,
    subject      text,
    version      bigint,
    topic        text not null,
    kpartition   integer not null,
    koffset      bigint not null,
    hash         bytea not null check (octet_length(hash) = 32),
    raw          bytea not null,
    received_at  timestamptz not null default clock_timestamp()
);
create index inbound_message_received on inbound_message (received_at, message_id);
comment on table inbound_message is 'every message, at its place on its topic, as it came; its id is made of place and bytes';
comment on column inbound_message.event_id is 'null: no registered key of the sender has signed it';
comment on column inbound_message.hash is 'SHA-256 of all that came';
comment on column inbound_message.raw is 'as it came; of what was too large to be read its beginning';

-- Whose an event id is: the first message of it that its sender has signed.
create table inbound_event (
    sender     text not null,
    event_id   text not null,
    message_id uuid not null references inbound_message,
    said       bytea not null,
    digest     bytea not null generated always as (sha256(said)) stored,
    primary key (sender, event_id)
);
create index inbound_event_message on inbound_event (message_id);
comment on column inbound_event.said is 'the very bytes that are signed: of a released message they are known only then';
comment on column inbound_event.digest is 'SHA-256 of them: no two signatures of them are alike';

create table inbound_verdict (
    verdict_id uuid primary key,
    message_id uuid not null references inbound_message,
    verdict    text not null check (verdict in ('ACCEPTED', 'DUPLICATE', 'STALE', 'WAITING', 'QUARANTINED', 'GIVEN_UP')),
    reasons    text[] not null,
    at         timestamptz not null default clock_timestamp()
);
create index inbound_verdict_message on inbound_verdict (message_id, at);

-- What waits for its predecessor or is in quarantine, now.
create table inbound_held (
    message_id    uuid primary key references inbound_message,
    verdict       text not null check (verdict in ('WAITING', 'QUARANTINED')),
    reasons       text[] not null,
    sender        text not null,
    needs_kind    text,
    needs_subject text,
    since         timestamptz not null default clock_timestamp(),
    check ((verdict = 'WAITING') = (needs_subject is not null))
);
create index inbound_held_needs on inbound_held (sender, needs_kind, needs_subject) where verdict = 'WAITING';

-- Verdicts that their senders are not told yet.
create table inbound_receipt (
    verdict_id uuid primary key references inbound_verdict,
    due_at     timestamptz not null default clock_timestamp(),
    lent_until timestamptz not null default '-infinity'
);
create index inbound_receipt_due on inbound_receipt (due_at);

-- Each thing as it was told last, and as it was told before.
create table inbound_state (
    sender      text not null,
    kind        text not null,
    subject     text not null,
    version     bigint not null,
    status      text not null,
    listing_no  text,
    decision_id text,
    agency_code text,
    document    text,
    party_code  text,
    party_name  text,
    decided_by  text,
    document_no text,
    reason      text,
    basis       text,
    occurred_on date,
    until_on    date,
    data        jsonb not null,
    message_id  uuid not null references inbound_message,
    changed_at  timestamptz not null default clock_timestamp(),
    primary key (sender, kind, subject)
);
create index inbound_state_other on inbound_state (kind, subject);
create index inbound_state_decision on inbound_state (decision_id) where decision_id is not null;
create index inbound_state_agency on inbound_state (agency_code) where agency_code is not null;
create index inbound_state_party on inbound_state (party_code) where party_code is not null;
create index inbound_state_listing on inbound_state (listing_no) where listing_no is not null;
create index inbound_state_changed on inbound_state (changed_at);

create table inbound_history (
    like inbound_state including defaults including comments,
    primary key (sender, kind, subject, version)
);

-- What past receivers of a decision are to learn; whoever sends that takes it from here.
create table inbound_effect (
    effect_id   uuid primary key,
    change      text not null,
    decision_id text not null,
    sender      text not null,
    kind        text not null,
    subject     text not null,
    version     bigint not null,
    message_id  uuid not null references inbound_message,
    at          timestamptz not null default clock_timestamp(),
    taken_at    timestamptz
);
create index inbound_effect_due on inbound_effect (at) where taken_at is null;
create unique index inbound_effect_once on inbound_effect (sender, kind, subject, version);

-- As it is asked for in the graph.
create index inbound_state_named on inbound_state ((sender || '/' || kind || '/' || subject));
create index inbound_state_order on inbound_state (changed_at, (sender || '/' || kind || '/' || subject));
create view credit_notice as
select s.sender || '/' || s.kind || '/' || s.subject as notice_id, s.sender, s.kind, s.subject as number, s.version,
    s.status, s.listing_no, s.decision_id, s.party_code, s.party_name, s.decided_by, s.document_no, s.reason, s.basis,
    s.occurred_on, s.until_on, s.changed_at
from inbound_state s where s.kind in ('LISTING', 'REPAIR', 'OBJECTION');
create view supervision_notice as
select s.sender || '/' || s.kind || '/' || s.subject as notice_id, s.sender, s.subject as number, s.version, s.document,
    s.agency_code, s.decision_id, s.document_no, s.decided_by, s.reason, s.basis, s.occurred_on, s.until_on, s.changed_at
from inbound_state s where s.kind = 'SUPERVISION';
