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
