-- name --
select pg_export_snapshot();

-- counts --
-- By stretches that the leaves can fill: a number may be of another world.
select p.place, l.kind, l.many
from generate_series(0, (select (count(*) - 1) / $1::bigint from sealed_leaf)) p (place)
cross join lateral (
    select kind, count(*) as many from sealed_leaf
    where number >= p.place * $1::bigint and number < (p.place + 1) * $1::bigint
    group by kind
) l
order by p.place, l.kind;

-- clock --
select timestamptz_send(statement_timestamp());

-- relations --
-- Where rows lie: each partition by itself, with its pages, in the order they were made;
-- those of partitions too, and of whatever else somebody has made one.
with recursive tree (oid) as (
    select to_regclass($1::text)::oid
    union all
    select i.inhrelid from tree t join pg_inherits i on i.inhparent = t.oid
)
select c.oid::regclass::text as name, pg_relation_size(c.oid) / current_setting('block_size')::bigint as pages
from tree join pg_class c using (oid)
where c.relkind <> 'p'
order by c.oid;

-- sealed --
select number, kind, id, leaf from sealed_leaf
where number >= $1::bigint and number < $2::bigint order by number;

-- access_entry --
-- Moments as they are sent: what stands there need not be one that a calendar has. Subjects
-- too: they are compared as one, and need not be of one length.
select r.record_id, timestamptz_send(r.at), r.kind, r.unit, r.person, r.party, r.purpose, r.cause,
    r.protected, array_send(r.subjects), r.body, r.leaf
from access_entry r where r.ctid >= $1::tid and r.ctid < $2::tid;

-- audit_leaf --
select r.decision_id || '/' || r.version, timestamptz_send(r.at), v.version, v.change, v.unit, v.who,
    timestamptz_send(v.at), v.content_hash, v.content, encode(before.leaf, 'hex'), v.basis, v.reason,
    r.body, r.leaf,
    (select json_object_agg(n.field, encode(k.person, 'hex')) from sealed_number n join person_key k using (key_id)
    where n.decision_id = r.decision_id and n.version = r.version)
from audit_leaf r
left join decision_version v on v.decision_id = r.decision_id and v.version = r.version
left join audit_leaf before on before.decision_id = r.decision_id and before.version = r.version - 1
where r.ctid >= $1::tid and r.ctid < $2::tid;

-- deed --
select r.deed_id, timestamptz_send(r.at), r.kind, r.who, r.unit, r.action, r.target, r.reason, r.body, r.leaf
from deed r where r.ctid >= $1::tid and r.ctid < $2::tid;

-- some --
-- The rows of some leaves alone, instead of those on some pages.
{id} in (
    select s.id from sealed_leaf s
    where s.kind = {kind} and s.number >= $1::bigint and s.number < $2::bigint
)

-- heads --
select h.origin, h.size, timestamptz_send(h.at), h.note,
    array(select row(s.key_id, s.algorithm, s.value) from head_signature s
        where s.origin = h.origin and s.size = h.size and s.at = h.at order by s.key_id),
    array(select row(c.key_id, c.algorithm, timestamptz_send(c.seen), c.value) from head_countersignature c
        where c.origin = h.origin and c.size = h.size and c.at = h.at order by c.key_id)
from head h where h.size > $1::bigint and h.size <= $2::bigint order by h.size, h.at, h.origin;

-- stamps --
select t.size, timestamptz_send(t.at), timestamptz_send(t.stamped), t.response, h.note from head_timestamp t
left join head h on h.origin = t.origin and h.size = t.size and h.at = t.at;

-- stamped --
select exists (select from head_timestamp);

-- nodes --
select level, place, digest from tree_node order by level, place;

-- keys --
select key_id, purpose, algorithm, spki, timestamptz_send(since), timestamptz_send(retired), unit from evidence_key
order by key_id;

-- queue --
select kind, id, leaf from unsealed;

-- late --
select kind, id from unsealed where at <= timestamptz '2000-01-01 00:00:00+00' + make_interval(secs => $1) order by at;

-- numbers --
select kind, id, number from sealed_leaf
where (kind, id) in (select * from unnest($1::text[], $2::text[]));
