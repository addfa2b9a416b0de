-- passed --
-- What happened and is nobody else's to know.
update inbound_effect e set taken_at = clock_timestamp() where e.taken_at is null and e.change <> all($1::text[]);

-- due --
-- What happened and nobody was told of yet, the oldest first.
select e.effect_id, e.change, e.decision_id from inbound_effect e
where e.taken_at is null order by e.at, e.effect_id limit $1;

-- lock --
-- The case's, as the writer of its versions takes it: none is entered between, and nobody
-- parks or releases its key meanwhile.
select pg_advisory_xact_lock(d.case_hash) from decision d where d.decision_id = $1;

-- take --
-- Of several who look one takes it: the others wait here, and find it taken. With what is
-- told of it, and who ever had the decision but who told us.
with taken as (
    update inbound_effect e set taken_at = clock_timestamp(), event_id = $2::text
    where e.effect_id = $1::uuid and e.taken_at is null
    returning e.change, e.decision_id, e.sender, e.kind, e.subject, e.version, e.at)
select t.change, t.at, x.version, x.case_hash,
    array(select r.receiver from (
        select o.receiver from outbox o where o.decision_id = t.decision_id
        union select s.receiver from outbox_sent s where s.decision_id = t.decision_id) r
        where r.receiver <> t.sender order by 1) as receivers,
    array(select s.receiver from outbox_sent s where s.decision_id = t.decision_id and s.seq = 0) as history,
    h.sender || '/' || h.kind || '/' || h.subject as "noticeId", h.kind, h.status, h.subject as number,
    h.version as notice_version, h.sender, h.listing_no as "listingNo", h.decision_id as "decisionId",
    h.party_code as "counterpartyCode", h.party_name as "counterpartyName", h.decided_by as "decidedBy",
    h.document_no as "documentNo", h.reason, h.basis, h.occurred_on as "occurredOn", h.until_on as "endsOn",
    h.changed_at as "changedAt"
from taken t join decision x on x.decision_id = t.decision_id
left join inbound_history h on h.sender = t.sender and h.kind = t.kind and h.subject = t.subject and h.version = t.version;

-- enter --
-- As a version's own events are entered, behind the lock.
insert into outbox (bucket, event_id, receiver, decision_id, version, change, topic, key, schema, payload,
    traceparent, parked)
select $1::smallint, e.event_id, e.receiver, $2::text, $3::integer, $4::text, e.topic, $5::text, e.schema, e.payload, '',
    exists (select from parked_key k where k.receiver = e.receiver and k.key = $5::text)
from unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[]) e (event_id, receiver, topic, schema, payload);

-- look --
select record_looks($1::text, $2::look_entry[], $3::text[]);

-- leave --
-- To whom no event says it somebody is to.
insert into work_item (kind, receiver, cause, decision_id, version, occasion)
select 'UNTOLD', r.receiver, $1::text, $2::text, $3::integer, $4::text from unnest($5::text[]) r (receiver)
on conflict do nothing;
