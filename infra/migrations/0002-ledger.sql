-- The ledger of decisions 决定台账, the outbox, the sent log, receipts.

create table decision (
    decision_id     text primary key,
    local_id        text not null,
    act_type        text not null,
    subject_code    text not null,
    subject_name    text,
    case_source     text,
    case_no         text,
    case_key        text not null,
    case_hash       bigint not null,
    inspection_no   text,
    matter_code     text,
    document_no     text not null,
    document_key    text not null,
    document_title  text,
    decided_on      date not null,
    division        text,
    title           text,
    facts           text,
    legal_basis     text,
    content         text,
    party_key       text not null,
    party_kind      text not null,
    party_name      text not null,
    party_code      text,
    registration_no text,
    representative  text,
    officers        text[] not null,
    review_no       text,
    reviewed_on     date,
    review_opinion  text,
    collective      boolean,
    procedure       text,
    penalty_kinds   text[] not null,
    violation_type  text,
    fine            bigint,
    confiscated     bigint,
    licence_affected text,
    publicity_to    date,
    licence_kind    text,
    certificate_name text,
    certificate_no  text,
    valid_from      date,
    valid_to        date,
    version         integer not null,
    change          text not null,
    reason          text not null,
    content_hash    text not null,
    origin          text not null default 'PLATFORM',
    recorded_by     text not null,
    recorded_at     timestamptz not null,
    changed_at      timestamptz not null
);
-- A withdrawn decision gives its number free: who withdrew it may record another.
create unique index decision_namesake on decision (subject_code, document_key, party_key)
    where change <> 'WITHDRAWN';
comment on table decision is '决定台账：每件决定的现行版本 the present version of every decision';
comment on column decision.case_hash is
    'first 8 bytes of SHA-256 over case_key, signed: number of the case''s advisory lock; modulo 64 its bucket';
comment on column decision.document_key is 'document number without brackets, blanks and styles';
comment on column decision.party_key is
    'credit code, or a keyed digest of the ID number, or the name without blanks';
comment on column decision.origin is 'PLATFORM, or HISTORY: decided and delivered before the platform began';
comment on column decision.fine is 'fen';
comment on column decision.confiscated is 'fen';
create index decision_recorded_at on decision (recorded_at desc, decision_id);
create index decision_changed_at on decision (changed_at desc, decision_id);
create index decision_decided_on on decision (decided_on desc, decision_id);
create index decision_case_no on decision (case_no);
create index decision_party_code on decision (party_code);
create index decision_subject on decision (subject_code, decided_on desc);
create index decision_matter on decision (matter_code);

-- Every version whole, so that what was said can be proved; ID numbers sealed apart.
create table decision_version (
    decision_id  text not null references decision,
    version      integer not null,
    change       text not null,
    content      bytea not null,
    content_hash text not null,
    reason       text not null,
    basis        text not null,
    unit         text not null,
    who          text not null,
    at           timestamptz not null,
    primary key (decision_id, version)
);
comment on column decision_version.content is 'canonical JSON without ID numbers';

-- One living key per person: a lawful erasure destroys it, and the proofs stand.
create table person_key (
    key_id       uuid primary key default gen_random_uuid(),
    person       bytea not null,
    wrapped      bytea,
    made_at      timestamptz not null default clock_timestamp(),
    destroyed_at timestamptz
);
create unique index person_key_living on person_key (person) where wrapped is not null;
comment on column person_key.person is 'keyed digest of the ID number';
comment on column person_key.wrapped is 'the key, sealed under the master key; null: destroyed';

-- The ID numbers of each version: two persons of one decision are erased apart.
create table sealed_number (
    decision_id text not null,
    version     integer not null,
    field       text not null,
    key_id      uuid not null references person_key,
    sealed      bytea not null,
    primary key (decision_id, version, field)
);
create index sealed_number_key on sealed_number (key_id);
comment on column sealed_number.field is 'party or representative';

create table finding (
    finding_id  text primary key,
    decision_id text not null references decision,
    version     integer not null,
    check_name  text not null,
    severity    text not null,
    zh          text not null,
    en          text not null,
    source      text not null,
    found_at    timestamptz not null
);
create index finding_decision on finding (decision_id);
create index finding_found_at on finding (found_at desc, finding_id);

-- Leaves of the audit log; a sealer takes the unsealed ones and builds the tree.
create table audit_leaf (
    decision_id text not null,
    version     integer not null,
    body        bytea not null,
    leaf        bytea not null,
    at          timestamptz not null,
    sealed      boolean not null default false,
    primary key (decision_id, version)
);
create index audit_leaf_unsealed on audit_leaf (at) where not sealed;
comment on column audit_leaf.leaf is 'SHA-256(0x00 || body); body names the leaf of the version before';

-- What was decided before the platform began is loaded once: which load stands there.
create table history_load (
    stamp     text primary key,
    decisions bigint not null,
    left_out  bigint not null,
    at        timestamptz not null default clock_timestamp()
);
comment on column history_load.left_out is 'entered twice, or registered already';

-- --- receivers ---------------------------------------------------------------

create table receiver (
    receiver         text primary key,
    title_zh         text not null,
    title_en         text not null,
    topic            text not null,
    suspended_at     timestamptz,
    suspended_because text
);

-- What operators did to the streams: suspend, resume, release.
create table operator_action (
    action_id uuid primary key default gen_random_uuid(),
    at        timestamptz not null default clock_timestamp(),
    who       text not null,
    action    text not null,
    target    text not null,
    reason    text not null
);

-- --- what leaves -------------------------------------------------------------

create table outbox (
    seq         bigint generated always as identity primary key,
    bucket      smallint not null,
    event_id    text not null,
    receiver    text not null references receiver,
    decision_id text not null,
    version     integer not null,
    change      text not null,
    topic       text not null,
    key         text not null,
    schema      text not null,
    payload     bytea not null,
    traceparent text not null,
    created_at  timestamptz not null default clock_timestamp(),
    attempts    integer not null default 0,
    last_error  text,
    parked      boolean not null default false,
    unique (event_id, receiver)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
comment on column outbox.parked is
    'its key is in parked_key; both change under the case''s lock, which the writer holds too';
-- What is parked lies apart: however much it is, no look at what may leave passes it.
create index outbox_receiver on outbox (receiver, parked, seq);
-- The first of a key is looked up, never inferred from what was seen before.
create index outbox_key on outbox (receiver, key, seq);
create index outbox_decision on outbox (decision_id);
create index outbox_created_at on outbox (created_at);

create table outbox_sent (
    seq         bigint not null,
    bucket      smallint not null,
    event_id    text not null,
    receiver    text not null,
    decision_id text not null,
    version     integer not null,
    change      text not null,
    topic       text not null,
    key         text not null,
    schema      text not null,
    payload     bytea,
    traceparent text not null,
    created_at  timestamptz not null,
    attempts    integer not null,
    sent_at     timestamptz not null default clock_timestamp(),
    kpartition  integer,
    koffset     bigint
) partition by range (sent_at);
comment on column outbox_sent.payload is 'null: the receiver had it before the platform began';
create index outbox_sent_event on outbox_sent (event_id, receiver);
create index outbox_sent_decision on outbox_sent (decision_id);
create index outbox_sent_created_at on outbox_sent (created_at);
create index outbox_sent_receiver on outbox_sent (receiver, sent_at);

-- Makes the month of a day a partition; relays and loaders call it before they write.
create function outbox_sent_month(day date) returns void language plpgsql as $$
declare
    first date := date_trunc('month', day);
    name  text := 'outbox_sent_' || to_char(first, 'YYYY_MM');
begin
    if to_regclass(name) is null then
        perform pg_advisory_xact_lock(7002, 0);
        execute format('create table if not exists %I partition of outbox_sent for values from (%L) to (%L)',
            name, (first::timestamp at time zone 'Asia/Shanghai'),
            ((first + interval '1 month')::timestamp at time zone 'Asia/Shanghai'));
    end if;
end $$;

create table parked_key (
    receiver    text not null references receiver,
    key         text not null,
    first_event text not null,
    reason      text not null,
    parked_at   timestamptz not null default clock_timestamp(),
    primary key (receiver, key)
);
create table dead_letter (
    event_id  text not null,
    receiver  text not null,
    seq       bigint not null,
    reason    text not null,
    at        timestamptz not null default clock_timestamp(),
    primary key (event_id, receiver)
);

-- Parking and releasing take the case's lock, as the writer of its events does: whoever
-- comes second sees, in a statement of its own, all that the first has committed. So no
-- event of a key is parked with its key released, or the other way round.
create function lock_key(key text) returns void language sql as $$
    select pg_advisory_xact_lock(('x' || key)::bit(64)::bigint);
$$;

create function park_event(parked_seq bigint, because text) returns void language plpgsql as $$
declare
    e outbox;
begin
    select o.* into e from outbox o where o.seq = parked_seq;
    if e.seq is null then
        return;
    end if;
    perform lock_key(e.key);
    insert into dead_letter (event_id, receiver, seq, reason)
        values (e.event_id, e.receiver, e.seq, because) on conflict do nothing;
    insert into parked_key (receiver, key, first_event, reason)
        values (e.receiver, e.key, e.event_id, because) on conflict do nothing;
    update outbox o set parked = true where o.receiver = e.receiver and o.key = e.key and not o.parked;
end $$;

-- The dead letter is tried anew; it and what waits behind it go in their order.
create function release_key(of_receiver text, parked text) returns boolean language plpgsql as $$
declare
    k parked_key;
begin
    if not exists (select from parked_key p where p.receiver = of_receiver and p.key = parked) then
        return false;
    end if;
    perform lock_key(parked);
    delete from parked_key p where p.receiver = of_receiver and p.key = release_key.parked returning p.* into k;
    if k.key is null then
        return false;
    end if;
    delete from dead_letter d where d.receiver = k.receiver and d.event_id = k.first_event;
    update outbox o set parked = false, attempts = 0 where o.receiver = k.receiver and o.key = k.key;
    return true;
end $$;

-- The relays that live, for sharing the buckets.
create table relay (
    relay_id text primary key,
    beat_at  timestamptz not null,
    buckets  integer not null
);

-- --- what returns ------------------------------------------------------------

create table receipt (
    receipt_id   text primary key generated always as (event_id || ':' || receiver || ':' || answer) stored,
    delivery_id  text not null generated always as (event_id || ':' || receiver) stored,
    event_id     text not null,
    receiver     text not null,
    answer       text not null,
    at           timestamptz not null,
    payload_hash text not null,
    reasons      text[] not null,
    key_id       text not null,
    signed       text not null,
    filed_at     timestamptz not null default clock_timestamp(),
    unique (event_id, receiver, answer)
);
create index receipt_filed_at on receipt (filed_at desc);
create index receipt_delivery on receipt (delivery_id);
create index receipt_at on receipt (at desc, receipt_id);
create table stray_receipt (
    stray_id uuid primary key default gen_random_uuid(),
    receiver text not null,
    raw      bytea not null,
    why      text not null,
    at       timestamptz not null default clock_timestamp()
);

-- --- what the graph shows of it ------------------------------------------------

-- One table and no condition in each half: only then does a page in the order of
-- queued_at come from the indexes on created_at, however many were sent. A receiver's
-- final answer counts before its WAITING, whatever its clock said; then the latest.
create view delivery as
select e.event_id || ':' || e.receiver as delivery_id, e.event_id, e.receiver,
    e.decision_id, e.version, e.change, e.topic, e.created_at as queued_at,
    null::timestamptz as sent_at, null::integer as kpartition, null::bigint as koffset,
    null::timestamptz as answered_at, null::timestamptz as held_since, '{}'::text[] as reasons, e.attempts,
    case
        when exists (select from parked_key k where k.receiver = e.receiver and k.key = e.key) then 'PARKED'
        when exists (select from receiver r where r.receiver = e.receiver and r.suspended_at is not null) then 'SUSPENDED'
        else 'PENDING'
    end as status,
    (select d.recorded_by from decision d where d.decision_id = e.decision_id) as recorded_by,
    'CURRENT' as standing
from outbox e
union all
select s.event_id || ':' || s.receiver, s.event_id, s.receiver,
    s.decision_id, s.version, s.change, s.topic, s.created_at,
    s.sent_at, s.kpartition, s.koffset,
    (select p.at from receipt p where p.event_id = s.event_id and p.receiver = s.receiver
        order by p.answer = 'WAITING', p.at desc, p.answer = 'HELD' desc limit 1),
    (select case when p.answer = 'HELD' then p.at end
        from receipt p where p.event_id = s.event_id and p.receiver = s.receiver
        order by p.answer = 'WAITING', p.at desc, p.answer = 'HELD' desc limit 1),
    coalesce((select p.reasons from receipt p where p.event_id = s.event_id and p.receiver = s.receiver
        order by p.answer = 'WAITING', p.at desc, p.answer = 'HELD' desc limit 1), '{}'),
    s.attempts,
    coalesce((select p.answer from receipt p where p.event_id = s.event_id and p.receiver = s.receiver
        order by p.answer = 'WAITING', p.at desc, p.answer = 'HELD' desc limit 1),
        case when s.payload is null then 'BEFORE_PLATFORM' else 'SENT' end),
    (select d.recorded_by from decision d where d.decision_id = s.decision_id),
    case
        when exists (select from outbox_sent n join receipt p on p.event_id = n.event_id and p.receiver = n.receiver
            where n.decision_id = s.decision_id and n.receiver = s.receiver and n.version > s.version
                and p.answer = 'HELD') then 'SUPERSEDED'
        else 'CURRENT'
    end
from outbox_sent s;

create view finding_entry as
select f.*, (select d.recorded_by from decision d where d.decision_id = f.decision_id) as recorded_by
from finding f;

-- Waiting: to 10,000 exactly, 10,001 is "more": every look at this costs as much as it counts.
create view receiver_state as
select r.receiver, r.title_zh, r.title_en, r.topic,
    case when r.suspended_at is null then 'ACTIVE' else 'SUSPENDED' end as status, r.suspended_at, r.suspended_because,
    (select count(*) from (select from outbox e where e.receiver = r.receiver limit 10001) counted) as waiting,
    least(
        (select e.created_at from outbox e where e.receiver = r.receiver and not e.parked order by e.seq limit 1),
        (select e.created_at from outbox e where e.receiver = r.receiver and e.parked order by e.seq limit 1)
    ) as oldest_at,
    (select count(*) from parked_key k where k.receiver = r.receiver) as parked,
    (select max(sent_at) from outbox_sent s where s.receiver = r.receiver and s.koffset is not null) as last_sent_at,
    (select max(filed_at) from receipt p where p.receiver = r.receiver) as last_receipt_at,
    (select count(*) from relay l where l.beat_at > clock_timestamp() - interval '10 seconds') as relays
from receiver r;
