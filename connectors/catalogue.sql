-- columns --
-- The columns of the tables a binding reads: table as written, column, type.
select t.name, a.attname, format_type(a.atttypid, null) as family
from unnest($1::text[], $2::text[]) t(name, quoted)
join pg_attribute a on a.attrelid = to_regclass(t.quoted)
where a.attnum > 0 and not a.attisdropped;

-- sorts_by_code_point --
-- Whether this database's own text order is that of code points, as Python's is.
select coalesce(to_jsonb(d)->>'datlocprovider', 'c') = 'b'
    or d.datcollate in ('C', 'POSIX', 'C.UTF-8', 'C.utf8')
from pg_database d where d.datname = current_database();
