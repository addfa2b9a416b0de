-- alone --
-- One batch is written at a time, whoever writes it: numbers follow one another.
select pg_advisory_xact_lock(7010, hashtext($1));

-- columns --
-- What the tables are made of, as we may see it; and which columns take a list as it is.
select c.relname::text as "table", a.attname::text as "column",
    t.typcategory = 'A' or t.typname in ('json', 'jsonb') as many
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'f');
