-- months --
-- The months of the register, by their partitions' names, the oldest first.
select c.relname as name, to_date(right(c.relname, 7), 'YYYY_MM') as month
from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'access_entry'::regclass and c.relname ~ '^access_entry_[0-9]{4}_[0-9]{2}$' order by month;

-- held --
-- What a month holds: its looks, whether protected ones, and those under no witnessed head.
select count(*) as records, coalesce(bool_or(e.protected), false) as protected,
    count(*) filter (where s.number is null or s.number >= (select coalesce(max(size), 0) from head_countersignature))
        as unproved
from access_entry e left join sealed_leaf s on s.kind = 'LOOK' and s.id = e.record_id
where e.tableoid = $1::text::regclass;

-- records --
-- With the leaf that was sealed: what was changed since is found out when it is read back.
select s.number, e.record_id, s.leaf, e.body, (
    select coalesce(json_agg(f order by f.finding_id), '[]')::text from access_finding f
    where f.record_id = e.record_id) as findings
from access_entry e join sealed_leaf s on s.kind = 'LOOK' and s.id = e.record_id
where e.tableoid = $1::text::regclass order by s.number;

-- head --
select h.size, h.note, (select json_agg(json_build_object('key_id', s.key_id, 'algorithm', s.algorithm,
    'value', encode(s.value, 'base64'))) from head_signature s
    where s.origin = h.origin and s.size = h.size and s.at = h.at)::text as signatures
from head h join head_countersignature c using (origin, size, at) order by h.size desc, h.at desc limit 1;

-- numbers --
-- Ranges of the month's leaves, in which no other look has its leaf.
with mine as (
    select s.number from access_entry e join sealed_leaf s on s.kind = 'LOOK' and s.id = e.record_id
    where e.tableoid = $1::text::regclass
), placed as (
    select s.number, m.number is not null as ours, row_number() over (order by s.number) as place
    from sealed_leaf s left join mine m using (number)
    where s.kind = 'LOOK' and s.number between (select min(number) from mine) and (select max(number) from mine)
), runs as (
    select number, place - row_number() over (order by number) as run from placed where ours
)
select min(number) as first, max(number) as last from runs group by run order by 1;

-- findings --
delete from access_finding f using access_entry e
where e.tableoid = $1::text::regclass and f.record_id = e.record_id;

-- hold --
select hold_access_month($1);

-- remove --
select remove_access_month($1);
