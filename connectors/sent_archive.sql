-- months --
-- The months of the sent log, by their partitions' names, the oldest first.
select c.relname as name, to_date(right(c.relname, 7), 'YYYY_MM') as month
from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'outbox_sent'::regclass and c.relname ~ '^outbox_sent_[0-9]{4}_[0-9]{2}$' order by month;

-- held --
-- How many of a month's events still have their bytes here.
select count(*) as events from outbox_sent where tableoid = $1::text::regclass and payload <> '';

-- events --
select seq, event_id, receiver, decision_id, version, change, topic, key, schema, traceparent, created_at, sent_at,
    kpartition, koffset, key_id, coalesce(payload_hash, sha256(payload)) as payload_hash, payload
from outbox_sent where tableoid = $1::text::regclass and payload <> '' order by seq, receiver;

-- head --
-- The newest that a witness has given its word for.
select h.note from head h join head_countersignature c using (origin, size, at) order by h.size desc, h.at desc limit 1;

-- tenant --
select name from tenant;

-- hold --
select hold_sent_month($1);

-- slim --
select slim_sent_month($1);

-- deeds --
-- What deeds say of a file.
select body from deed where kind = 'ARCHIVE' and action = 'archive-sent' and target = $1::text;
