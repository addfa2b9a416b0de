-- lock --
-- One judges at a time: what waits, and what it waits for, are seen by one of them.
select pg_advisory_xact_lock(7040, 0);

-- places --
-- Of these messages, those that are here; behind the lock, so that nobody adds one now.
select message_id from inbound_message where message_id = any($1::uuid[]);

-- claims --
select sender, event_id, message_id, digest from inbound_event where event_id = any($1::text[]);

-- waiting --
-- What waits for one of these things; whoever's they are, for that is judged.
select h.message_id, h.needs_kind, h.needs_subject, h.sender, e.said
from rows from (unnest($1::text[], $2::text[])) n(kind, subject)
join inbound_held h on h.verdict = 'WAITING' and h.needs_kind = n.kind and h.needs_subject = n.subject
join inbound_message m using (message_id)
join inbound_event e using (message_id)
order by m.received_at, m.message_id;

-- states --
select s.sender, s.kind, s.subject, s.version, s.status, s.listing_no, s.decision_id, s.agency_code, s.document,
    s.party_code, s.party_name, s.decided_by, s.document_no, s.reason, s.basis, s.occurred_on::text as occurred_on, s.until_on::text as until_on,
    s.data::text as data
from (select distinct * from unnest($1::text[], $2::text[]) n(kind, subject)) n join inbound_state s using (kind, subject);

-- decisions --
select decision_id, party_code from decision where decision_id = any($1::text[]);

-- messages --
insert into inbound_message (message_id, sender, event_id, type, subject, version, topic, kpartition, koffset,
    hash, raw)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
    $8::integer[], $9::bigint[], $10::bytea[], $11::bytea[]);

-- claim --
insert into inbound_event (sender, event_id, message_id, said)
select * from unnest($1::text[], $2::text[], $3::uuid[], $4::bytea[]) on conflict do nothing;

-- verdicts --
-- Each is a receipt that is due.
with given as (
    insert into inbound_verdict (verdict_id, message_id, verdict, reasons)
    select v.verdict_id, v.message_id, v.verdict, array(select jsonb_array_elements_text(v.reasons))
    from rows from (jsonb_to_recordset($1::jsonb)
        as (verdict_id uuid, message_id uuid, verdict text, reasons jsonb)) with ordinality
        v(verdict_id, message_id, verdict, reasons, place)
    order by v.place
    returning verdict_id
)
insert into inbound_receipt (verdict_id) select verdict_id from given;

-- settle --
delete from inbound_held where message_id = any($1::uuid[]);

-- hold --
insert into inbound_held (message_id, verdict, reasons, sender, needs_kind, needs_subject)
select h.message_id, h.verdict, array(select jsonb_array_elements_text(h.reasons)), m.sender, h.needs_kind,
    h.needs_subject
from jsonb_to_recordset($1::jsonb) h(message_id uuid, verdict text, reasons jsonb, needs_kind text, needs_subject text)
join inbound_message m using (message_id);

-- change --
-- Every state that was, and the last of each thing as what stands.
with given as materialized (
    select r.*, g.message_id from jsonb_to_recordset($1::jsonb) g(message_id uuid, state jsonb),
        jsonb_to_record(g.state) r(sender text, kind text, subject text, version bigint, status text, listing_no text,
            decision_id text, agency_code text, document text, party_code text, party_name text, decided_by text,
            document_no text, reason text, basis text, occurred_on date, until_on date, data jsonb)
), kept as (
    insert into inbound_history (sender, kind, subject, version, status, listing_no, decision_id,
        agency_code, document, party_code, party_name, decided_by, document_no, reason, basis, occurred_on, until_on,
        data, message_id)
    select * from given
)
insert into inbound_state as s (sender, kind, subject, version, status, listing_no, decision_id,
    agency_code, document, party_code, party_name, decided_by, document_no, reason, basis, occurred_on, until_on,
    data, message_id)
select distinct on (sender, kind, subject) * from given order by sender, kind, subject, version desc
on conflict (sender, kind, subject) do update set version = excluded.version, status = excluded.status,
    listing_no = excluded.listing_no, decision_id = excluded.decision_id, agency_code = excluded.agency_code,
    document = excluded.document, party_code = excluded.party_code,
    party_name = excluded.party_name, decided_by = excluded.decided_by, document_no = excluded.document_no,
    reason = excluded.reason, basis = excluded.basis, occurred_on = excluded.occurred_on,
    until_on = excluded.until_on, data = excluded.data, message_id = excluded.message_id,
    changed_at = excluded.changed_at;

-- effect --
insert into inbound_effect (effect_id, change, decision_id, sender, kind, subject, version, message_id)
select * from jsonb_to_recordset($1::jsonb) e(effect_id uuid, change text, decision_id text, sender text, kind text,
    subject text, version bigint, message_id uuid);

-- lend --
-- The oldest receipts nobody sends at present, for $2 seconds.
with picked as (
    select verdict_id from inbound_receipt where lent_until < clock_timestamp()
    order by due_at limit $1 for update skip locked
)
update inbound_receipt r set lent_until = clock_timestamp() + $2 * interval '1 second'
from picked p join inbound_verdict v using (verdict_id) join inbound_message m using (message_id)
where r.verdict_id = p.verdict_id
returning v.verdict_id, v.message_id, m.sender,
    (select e.event_id from inbound_event e where e.message_id = m.message_id) as claimed, m.event_id, v.verdict, v.reasons, v.at, encode(m.hash, 'hex') as hash,
    m.topic, m.kpartition, m.koffset, r.due_at;

-- answered --
delete from inbound_receipt where verdict_id = any($1::uuid[]);

-- held --
select h.message_id::text as message_id, h.verdict, h.reasons, h.sender, h.needs_kind, h.needs_subject, h.since, m.event_id, m.type,
    m.subject, m.version, m.topic, m.kpartition, m.koffset, octet_length(m.raw) as bytes
from inbound_held h join inbound_message m using (message_id)
where $1 = '' or h.verdict = $1
order by h.since, h.message_id limit 1000;

-- quarantined --
-- A reason is a code, or a code and where.
select h.message_id from inbound_held h join inbound_message m using (message_id)
where h.verdict = 'QUARANTINED' and h.sender = $1
    and exists (select from unnest(h.reasons) r where split_part(r, ': ', 1) = $2)
order by m.received_at, m.message_id;

-- message --
select m.message_id::text as message_id, m.sender, m.event_id, m.type, m.subject, m.version, m.topic, m.kpartition, m.koffset,
    m.raw, m.received_at, h.verdict as held,
    (select coalesce(jsonb_agg(jsonb_build_object('verdict', v.verdict, 'reasons', v.reasons, 'at', v.at)
        order by v.at, v.verdict_id), '[]') from inbound_verdict v where v.message_id = m.message_id)::text as verdicts
from inbound_message m left join inbound_held h using (message_id) where m.message_id = $1::uuid;

-- counts --
select sender, verdict, count(*) as many from inbound_held group by sender, verdict;
