-- What a receiver keeps beside the tables its format asks for: what arrived, what waits,
-- what is still to be answered.

-- The receiver's own tables that events may change; the next file names them.
create table place (
    place    text primary key,
    title_zh text not null,
    title_en text not null
);

create table inbox (
    event_id     text primary key,
    decision_id  text not null,
    version      integer not null,
    change       text not null,
    place        text not null,
    payload_hash text not null,
    topic        text not null,
    partition    integer not null,
    koffset      bigint not null,
    key          text not null,
    traceparent  text not null,
    received_at  timestamptz not null default clock_timestamp(),
    answer       text not null,
    answered_at  timestamptz not null default clock_timestamp(),
    reasons      text[] not null
);
comment on table inbox is '收件箱：到达的每个事件，各记一次 every event that arrived, once';
create index inbox_decision on inbox (decision_id, version);
create index inbox_received_at on inbox (received_at desc);

-- How far each decision has come; its row is the lock that takers of a decision queue at.
create table seen (
    decision_id text primary key,
    version     integer not null default 0,
    place       text references place
) with (fillfactor = 70);
comment on column seen.version is 'the last version taken or rejected, 0: none';
comment on column seen.place is 'where the decision''s row lies, null: nowhere';

-- Events whose predecessor is missing, with the row they would have written.
create table waiting (
    event_id    text primary key references inbox,
    decision_id text not null,
    version     integer not null,
    change      text not null,
    place       text not null,
    row         jsonb not null,
    reasons     text[] not null
);
create index waiting_decision on waiting (decision_id);
comment on column waiting.row is '受限 restricted: may hold ID numbers, as the tables do';

create table receipt_due (
    event_id   text not null references inbox,
    answer     text not null,
    due_at     timestamptz not null default clock_timestamp(),
    lent_until timestamptz not null default '-infinity',
    primary key (event_id, answer)
);
create index receipt_due_due_at on receipt_due (due_at);
comment on column receipt_due.lent_until is
    'one consumer sends it; after this time another may, for the first has died';

-- Bytes on the topic that are no event of ours: kept whole, for whoever looks into it.
create table undecodable (
    topic     text not null,
    partition integer not null,
    koffset   bigint not null,
    digest    text not null,
    value     bytea not null,
    why       text not null,
    at        timestamptz not null default clock_timestamp(),
    primary key (topic, partition, koffset, digest)
);

-- Says why a row does not fit its table, null: it fits. So that one such row is
-- rejected by itself and does not end the transaction of all that came with it.
create function misfit(place text, "row" jsonb) returns text language plpgsql as $$
begin
    execute format('select jsonb_populate_record(null::%I, $1)', place) using "row";
    return null;
exception when data_exception then
    return sqlstate;
end $$;

-- Writes rows, each a decision's whole present state; an older one changes nothing.
create function effect(place text, rows jsonb) returns void language plpgsql as $$
declare
    changes text;
begin
    select string_agg(format('%1$I = excluded.%1$I', attname), ', ') into changes
    from pg_attribute where attrelid = effect.place::regclass and attnum > 0
        and not attisdropped and attname <> 'decision_id';
    execute format('insert into %1$I as held select r.* from jsonb_populate_recordset(null::%1$I, $1) r '
        'on conflict (decision_id) do update set %2$s where held.version < excluded.version',
        place, changes) using rows;
end $$;

-- A correction may move a decision to another table: it must not stay in both.
create function displace(place text, decisions text[]) returns void language plpgsql as $$
begin
    execute format('delete from %I where decision_id = any($1)', place) using decisions;
end $$;

-- The row that a decision has here, wherever it lies; null: none.
create function held(decision text) returns jsonb language plpgsql stable as $$
declare
    place text := (select s.place from seen s where s.decision_id = decision);
    found jsonb;
begin
    if place is not null then
        execute format('select to_jsonb(r) from %I r where r.decision_id = $1', place) into found using decision;
    end if;
    return found;
end $$;
