-- An event that no broker ever takes, given up by an operator: its bytes stay here, and a
-- notice goes to the receiver in its place. Sealed, where they are about a person.
create table skipped_event (
    event_id     text not null,
    receiver     text not null references receiver,
    decision_id  text not null,
    version      integer not null,
    key_id       uuid references person_key,
    payload      bytea not null,
    payload_hash bytea not null check (octet_length(payload_hash) = 32),
    reason       text not null,
    at           timestamptz not null default clock_timestamp(),
    primary key (event_id, receiver)
);
create index skipped_event_key on skipped_event (key_id) where key_id is not null;
comment on column skipped_event.key_id is 'under whose key the payload is sealed; null: it is open';
comment on column outbox_sent.payload is
    'null: the receiver had it before the platform began; empty: archived (zhitong sent retain)';
comment on column skipped_event.reason is 'why no broker took it';

-- Only the dead letter that its key waits behind; under the case's lock, as parking is.
create function skip_event(of_receiver text, event text, notice bytea) returns text language plpgsql as $$
declare
    e outbox;
    k parked_key;
begin
    select o.* into e from outbox o where o.event_id = event and o.receiver = of_receiver;
    if e.seq is null then
        return null;
    end if;
    perform lock_key(e.key);
    select p.* into k from parked_key p
    where p.receiver = of_receiver and p.key = e.key and p.first_event = event for update;
    if k.key is null then
        return null;
    end if;
    with closed as (
        delete from sealed_payload p where p.event_id = event and p.receiver = of_receiver
        returning p.key_id, p.sealed)
    insert into skipped_event (event_id, receiver, decision_id, version, key_id, payload, payload_hash, reason)
    select e.event_id, e.receiver, e.decision_id, e.version, c.key_id, coalesce(c.sealed, e.payload),
        sha256(e.payload), k.reason
    from (values (1)) one left join closed c on true;
    insert into notice (event_id, receiver, payload_hash, why)
        values (event, of_receiver, sha256(skip_event.notice), 'UNSENDABLE') on conflict do nothing;
    update outbox o set payload = skip_event.notice where o.seq = e.seq;
    perform release_key(of_receiver, k.key);
    return k.key;
end $$;

-- Months of the sent log past their time: what was sent to whom is known for ever, its
-- bytes are not kept here for ever. As whoever asks, so that the owner alone can.
create function hold_sent_month(name text) returns void language plpgsql set lock_timeout = '10s' as $$
begin
    execute format('lock table %I in share mode', name);
end $$;

-- A copy without the bytes takes the month's place: made beside it, and exchanged in a
-- moment, for everybody waits behind that.
create function slim_sent_month(name text) returns void language plpgsql set lock_timeout = '1s' as $$
declare
    slim    text := name || '_slim';
    first   date := to_date(right(name, 7), 'YYYY_MM');
    since   timestamptz := first::timestamp at time zone 'Asia/Shanghai';
    before  timestamptz := (first + interval '1 month')::timestamp at time zone 'Asia/Shanghai';
    columns text;
begin
    select string_agg(case attname
        when 'payload' then 'case when payload is not null then ''''::bytea end'
        when 'payload_hash' then 'coalesce(payload_hash, sha256(payload))'
        else quote_ident(attname) end, ', ' order by attnum) into columns
    from pg_attribute where attrelid = name::regclass and attnum > 0 and not attisdropped;
    execute format('create table %I (like outbox_sent including all)', slim);
    execute format('insert into %I select %s from %I', slim, columns, name);
    -- It is held already: attaching need not read it all.
    execute format('alter table %I add constraint of_its_month check (sent_at >= %L and sent_at < %L)',
        slim, since, before);
    execute format('alter table outbox_sent detach partition %I', name);
    execute format('alter table outbox_sent attach partition %I for values from (%L) to (%L)', slim, since, before);
    execute format('alter table %I drop constraint of_its_month', slim);
    execute format('drop table %I', name);
    execute format('alter table %I rename to %I', slim, name);
end $$;
