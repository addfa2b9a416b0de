-- places --
-- The tables that events may change.
select place from place;

-- lain --
-- Of these arrivals, those that are read once more: the same event where it lay before.
select a.ordinal, i.answer
from unnest($1::text[], $2::integer[], $3::bigint[], $4::text[])
    with ordinality a(topic, partition, koffset, event_id, ordinal)
join arrived using (topic, partition, koffset, event_id) join inbox i using (event_id);

-- queue --
-- Locks the decisions of a batch, in one order for all who take, and says how far each
-- has come. The update that changes nothing is what locks rows that are there already.
insert into seen as s (decision_id)
select d from unnest($1::text[]) d order by d
on conflict (decision_id) do update set version = s.version
returning decision_id, version, place;

-- known --
-- Of these events, those that came before; behind the lock, so that nobody adds one now.
select event_id, answer from inbox where event_id = any($1::text[]);

-- waiting --
select event_id, decision_id, version, change, place, row::text as row, reasons
from waiting where decision_id = any($1::text[]) order by decision_id, version;

-- misfits --
-- Which rows do not fit their tables, by their place in the list.
select m.ordinal, misfit(m.place, m.row) as why
from rows from (jsonb_to_recordset($1::jsonb) as (place text, "row" jsonb)) with ordinality m(place, "row", ordinal)
where misfit(m.place, m.row) is not null;

-- effect --
select effect(e.place, e.rows) from jsonb_to_recordset($1::jsonb) e(place text, rows jsonb);

-- displace --
select displace(e.place, array(select jsonb_array_elements_text(e.decisions)))
from jsonb_to_recordset($1::jsonb) e(place text, decisions jsonb);

-- arrive --
insert into inbox (event_id, decision_id, version, change, place, payload_hash,
    topic, partition, koffset, key, traceparent, statement, signature, answer, reasons)
select a.event_id, a.decision_id, a.version, a.change, a.place, a.payload_hash,
    a.topic, a.partition, a.koffset, a.key, a.traceparent, a.statement, a.signature, a.answer,
    array(select jsonb_array_elements_text(a.reasons))
from jsonb_to_recordset($1::jsonb) a(event_id text, decision_id text, version integer, change text,
    place text, payload_hash text, topic text, partition integer, koffset bigint, key text,
    traceparent text, statement text, signature text, answer text, reasons jsonb);

-- annotate --
-- What happened to decisions, each once; whoever has no row of the decision keeps it too.
insert into annotation (event_id, decision_id, version, happened, cause, expected, sender, number, listing_no,
    document_no, decided_by, occurred_on, ends_on, withheld)
select a.event_id, a.decision_id, a.version, a.happened, a.cause, a.expected, a.sender, a.number, a.listing_no,
    a.document_no, a.decided_by, a.occurred_on, a.ends_on, a.withheld
from jsonb_populate_recordset(null::annotation, $1::jsonb) a
on conflict do nothing;

-- lie --
-- Where each event lay, also what came before.
insert into arrived (topic, partition, koffset, event_id)
select * from unnest($1::text[], $2::integer[], $3::bigint[], $4::text[])
on conflict do nothing;

-- wait --
insert into waiting (event_id, decision_id, version, change, place, row, reasons)
select w.event_id, w.decision_id, w.version, w.change, w.place, w.row,
    array(select jsonb_array_elements_text(w.reasons))
from jsonb_to_recordset($1::jsonb) w(event_id text, decision_id text, version integer, change text,
    place text, "row" jsonb, reasons jsonb);

-- release --
-- What waited and no longer does: its answer, and the receipt that said it waits is void.
with settled as (
    select * from jsonb_to_recordset($1::jsonb) r(event_id text, answer text, reasons jsonb)
), answered as (
    update inbox i set answer = r.answer, answered_at = clock_timestamp(),
        reasons = array(select jsonb_array_elements_text(r.reasons))
    from settled r where i.event_id = r.event_id
), void as (
    delete from receipt_due d using settled r where d.event_id = r.event_id
)
delete from waiting w using settled r where w.event_id = r.event_id;

-- seen --
update seen s set version = r.version, place = coalesce(r.place, s.place)
from jsonb_to_recordset($1::jsonb) r(decision_id text, version integer, place text)
where s.decision_id = r.decision_id;

-- fall_due --
-- Receipts of these events: the answers that stand, each due at most once.
insert into receipt_due (event_id, answer)
select i.event_id, i.answer
from unnest($1::text[]) with ordinality e(event_id, ordinal) join inbox i using (event_id)
order by e.ordinal
on conflict (event_id, answer) do nothing;

-- lend --
-- The oldest receipts nobody sends at present, for $2 seconds.
with picked as (
    select event_id, answer from receipt_due where lent_until < clock_timestamp()
    order by due_at limit $1 for update skip locked
)
update receipt_due d set lent_until = clock_timestamp() + $2 * interval '1 second'
from picked p join inbox i on i.event_id = p.event_id and i.answer = p.answer
where d.event_id = p.event_id and d.answer = p.answer
returning d.event_id, d.answer, d.due_at, i.answered_at, i.payload_hash, i.reasons, i.key, i.traceparent;

-- answered --
delete from receipt_due d using unnest($1::text[], $2::text[]) s(event_id, answer)
where d.event_id = s.event_id and d.answer = s.answer;

-- set_aside --
insert into undecodable (topic, partition, koffset, digest, value, why)
select * from unnest($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::bytea[], $6::text[])
on conflict do nothing;
