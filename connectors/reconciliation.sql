-- alone --
-- Whether nobody else reconciles; then nobody does until it is released, or this session is lost.
select pg_try_advisory_lock(7030, 1);

-- wait --
select pg_advisory_lock(7030, 1);

-- release --
select pg_advisory_unlock(7030, 1);

-- last --
-- Since when nothing was left out, and when all was looked at.
select max(began_at) as began_at, max(began_at) filter (where whole) as whole_at from reconciliation_run;

-- reached --
select kpartition, max(to_offset) as reached from reconciliation
where topic = $1 and void_at is null group by kpartition;

-- logged --
-- What the sent log says lies at a place. Its own digest is what is compared.
select event_id, decision_id, version, coalesce(payload_hash, sha256(payload)) as digest, kpartition, koffset, sent_at
from outbox_sent
where topic = $1 and kpartition = $2 and koffset >= $3 and koffset < $4
order by koffset;

-- elsewhere --
-- Events of a receiver wherever they are: waiting, or sent to another place; and what was
-- sent in place of one whose bytes cannot leave.
select event_id, decision_id, version, coalesce(payload_hash, sha256(payload)) as digest, kpartition, koffset, sent_at,
    false as waits
from outbox_sent where receiver = $1 and event_id = any($2::text[])
union all
select event_id, decision_id, version, sha256(payload), null, null, null, true
from outbox where receiver = $1 and event_id = any($2::text[])
union all
select event_id, '', 0, payload_hash, null, null, null, false
from notice where receiver = $1 and event_id = any($2::text[]);

-- versions --
select v.decision_id, v.version
from unnest($1::text[], $2::integer[]) a (decision_id, version) join decision_version v using (decision_id, version);

-- registered --
-- The digest that the register has of what was to leave: its row is a leaf of the log.
select split_part(record_id, '/', 1) as event_id, convert_from(body, 'UTF8')::jsonb #>> '{answer,digest}' as digest
from access_entry where record_id = any($1::text[]);

-- gone --
-- Sent so lately that the topic must have it, and beyond what the topic has.
select event_id, decision_id, version, kpartition, koffset
from outbox_sent
where topic = $1 and kpartition = $2 and (koffset < $3 or koffset >= $4 and sent_at < $6) and sent_at > $5
order by koffset limit $7;

-- recounted --
-- Windows whose place has another number of rows of the sent log than when it was closed.
select r.kpartition, r.from_offset, r.to_offset
from reconciliation r
where r.topic = $1 and r.void_at is null and r.logged <> (
    select count(*) from outbox_sent s
    where s.topic = r.topic and s.kpartition = r.kpartition and s.koffset >= r.from_offset and s.koffset < r.to_offset)
union
-- And those with what is wrong and may have been put right.
select r.kpartition, r.from_offset, r.to_offset
from reconciliation r join reconciliation_difference d on d.topic = r.topic and d.kpartition = r.kpartition
    and d.koffset >= r.from_offset and d.koffset < r.to_offset
where r.topic = $1 and r.void_at is null and d.resolved_at is null and d.kind = any($2::text[])
order by 1, 2 limit $3;

-- windows --
-- Those of a partition, from a place on.
select from_offset, to_offset from reconciliation
where topic = $1 and kpartition = $2 and void_at is null and to_offset > $3 order by from_offset;

-- voided --
update reconciliation set void_at = clock_timestamp()
where topic = $1 and kpartition = $2 and void_at is null;

-- keep --
-- A window closed, or looked at again. Where there is more by now it is stated anew; that
-- there is less is a difference and never what is stated.
insert into reconciliation as r (statement_id, receiver, topic, kpartition, from_offset, to_offset, records, doubles,
    logged, foreign_offsets, root, parts)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (topic, kpartition, from_offset) where void_at is null do update set
    logged = excluded.logged, checked_at = clock_timestamp(),
    (statement_id, records, doubles, foreign_offsets, root, parts, asked_at, answer) = (
        select * from (values
            (excluded.statement_id, excluded.records, excluded.doubles, excluded.foreign_offsets, excluded.root,
                excluded.parts, null::timestamptz, ''),
            (r.statement_id, r.records, r.doubles, r.foreign_offsets, r.root, r.parts, r.asked_at, r.answer)
        ) v offset (case when excluded.records > r.records then 0 else 1 end) limit 1);

-- unstated --
-- Windows to be stated: those that are new, or $1: all whose topic still has them.
select statement_id, receiver, topic, kpartition, from_offset, to_offset, records, foreign_offsets, root, parts
from reconciliation
where void_at is null and receiver = any($1::text[]) and (asked_at is null or $2 and closed_at > $3)
order by topic, kpartition, from_offset limit $4;

-- stated --
update reconciliation r set signed = s.signed, asked_at = clock_timestamp(), answer = ''
from unnest($1::uuid[], $2::text[]) s (statement_id, signed) where r.statement_id = s.statement_id;

-- root --
select root from reconciliation where statement_id = $1 and receiver = $2 and void_at is null;

-- answered --
update reconciliation set answer = $2, answered_at = $3, answer_signed = $4
where statement_id = $1 and receiver = $5 and void_at is null;

-- unheld --
-- What was sent to a place and the receiver does not name, of what it has seen.
select event_id, receiver, decision_id, version, topic, kpartition, koffset from outbox_sent
where topic = $1 and kpartition = $2 and koffset >= $3 and koffset < $4 and event_id <> all($5::text[])
order by koffset;

-- told --
-- What a receiver was said to lack, or to have beyond what was sent, of a place.
select kind, receiver, event_id, decision_id, version, topic, kpartition, koffset
from reconciliation_difference
where topic = $1 and kpartition = $2 and koffset >= $3 and koffset < $4 and resolved_at is null
    and kind in ('INBOX_MISSING', 'INBOX_FOREIGN');

-- silent --
select distinct receiver from reconciliation
where void_at is null and answer in ('', 'BEHIND') and asked_at < $1;

-- unsent --
-- What the register says leaves, and neither waits nor was sent. $2: those to look at again.
with said as (
    select split_part(record_id, '/', 1) as event_id, split_part(record_id, '/', 2) as receiver, record_id, at, body
    from access_entry where at >= $1 and position('/' in record_id) = 37
    union all
    select split_part(record_id, '/', 1), split_part(record_id, '/', 2), record_id, at, body
    from access_entry where at < $1 and record_id = any($2::text[])),
absent as (
    select s.* from said s
    where not exists (select from outbox o where o.event_id = s.event_id and o.receiver = s.receiver)
        and not exists (select from outbox_sent t where t.event_id = s.event_id and t.receiver = s.receiver))
select a.event_id, a.receiver, a.at,
    exists (select from receipt p where p.event_id = a.event_id and p.receiver = a.receiver) as answered
from absent a
where convert_from(a.body, 'UTF8')::jsonb #>> '{answer,digest}' is not null
order by a.at limit $3;

-- unsealed_or_gone --
-- Leaves of what leaves, whose row is gone: the sealed log still names the event.
select split_part(l.id, '/', 1) as event_id, split_part(l.id, '/', 2) as receiver,
    exists (select from receipt p where p.event_id || '/' || p.receiver = l.id) as answered
from sealed_leaf l
where l.kind = 'LOOK' and position('/' in l.id) = 37
    and not exists (select from outbox o where o.event_id || '/' || o.receiver = l.id)
    and not exists (select from outbox_sent t where t.event_id || '/' || t.receiver = l.id)
    and not exists (select from access_entry e where e.record_id = l.id)
order by l.number limit $1;

-- at --
-- Versions entered at these moments: whose events those are that only the register names.
select decision_id, version, change, at from decision_version where at = any($1::timestamptz[]);

-- unfounded --
select e.event_id, e.receiver, e.decision_id, e.version, null::text as topic, null::integer as kpartition, null::bigint as koffset
from outbox e
where not exists (select from decision_version v where v.decision_id = e.decision_id and v.version = e.version)
union all
select s.event_id, s.receiver, s.decision_id, s.version, s.topic, s.kpartition, s.koffset
from outbox_sent s
where s.sent_at >= $1 and s.koffset is not null
    and not exists (select from decision_version v where v.decision_id = s.decision_id and v.version = s.version)
limit $2;

-- altered --
-- Bytes that are not those of their digest, or not those that the register names.
with own as (
    select s.event_id, s.receiver, s.decision_id, s.version, s.topic, s.kpartition, s.koffset, s.created_at,
        coalesce(s.payload_hash, sha256(s.payload)) as digest,
        -- Empty: its bytes were archived, its digest stays.
        s.payload_hash is not null and s.key_id is null and s.payload <> ''
            and sha256(s.payload) <> s.payload_hash as spoilt,
        false as waits
    from outbox_sent s where (s.sent_at >= $1 or s.event_id = any($2::text[])) and s.koffset is not null
    union all
    select o.event_id, o.receiver, o.decision_id, o.version, null, null, null, o.created_at, sha256(o.payload), false, true
    from outbox o where o.created_at >= $1 or o.event_id = any($2::text[]))
select o.event_id, o.receiver, o.decision_id, o.version, o.topic, o.kpartition, o.koffset, o.waits
from own o left join access_entry e on e.record_id = o.event_id || '/' || o.receiver
where o.spoilt or encode(o.digest, 'hex') <> (convert_from(e.body, 'UTF8')::jsonb #>> '{answer,digest}')
    and not exists (select from notice n
        where n.event_id = o.event_id and n.receiver = o.receiver and n.payload_hash = o.digest)
limit $3;

-- unanswered --
-- Sent before $3 and without a receipt that is final, of each receiver of $1 by its own
-- clock: of those that came due since $2, and of the events $4.
with due as (
    select * from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) d (receiver, since, before)),
sent as (
    select s.event_id, s.receiver, s.decision_id, s.version, s.topic, s.kpartition, s.koffset, s.sent_at
    from due d join outbox_sent s on s.receiver = d.receiver and s.sent_at >= d.since and s.sent_at < d.before
    union all
    -- Those that the first half has are not given twice: to find that out would sort them all.
    select s.event_id, s.receiver, s.decision_id, s.version, s.topic, s.kpartition, s.koffset, s.sent_at
    from due d join outbox_sent s on s.receiver = d.receiver and s.event_id = any($4::text[])
        and s.sent_at < least(d.since, d.before))
select s.event_id, s.receiver, s.decision_id, s.version, s.topic, s.kpartition, s.koffset
from sent s
where s.koffset is not null and not exists (select from receipt p
    where p.event_id = s.event_id and p.receiver = s.receiver and p.answer in ('HELD', 'REJECTED'))
order by s.sent_at limit $5;

-- open --
select kind, receiver, event_id, decision_id, version, topic, kpartition, koffset, found_at
from reconciliation_difference where resolved_at is null order by found_at, difference_id limit $1;

-- tell --
-- What is found again is open again, and known since it was first found.
insert into reconciliation_difference as d (difference_id, kind, receiver, event_id, decision_id, version, topic, kpartition, koffset)
select distinct on (1) * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::integer[], $9::bigint[])
on conflict (difference_id) do update set seen_at = clock_timestamp(), resolved_at = null,
    found_at = case when d.resolved_at is null then d.found_at else clock_timestamp() end
returning difference_id;

-- resolve --
update reconciliation_difference set resolved_at = clock_timestamp()
where difference_id = any($1::uuid[]) and resolved_at is null;

-- ran --
insert into reconciliation_run (whole, since, began_at, records, windows, differences)
values ($1, $2, $3, $4, $5, (select count(*) from reconciliation_difference where resolved_at is null));
