-- columns --
-- The columns of the tables a binding reads: table as written, column, type, readable.
select t.name, a.attname, format_type(a.atttypid, null) as family,
    has_column_privilege(a.attrelid, a.attnum, 'select') as readable
from unnest($1::text[], $2::text[]) t(name, quoted)
join pg_attribute a on a.attrelid = to_regclass(t.quoted)
where a.attnum > 0 and not a.attisdropped;

-- unique_indexes --
-- The columns of each unique index of those tables that holds for all rows at once.
select t.name, array_agg(a.attname::text) as columns
from unnest($1::text[], $2::text[]) t(name, quoted)
join pg_index i on i.indrelid = to_regclass(t.quoted)
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey[:i.indnkeyatts - 1])
where i.indisunique and i.indimmediate and i.indisvalid
    and i.indpred is null and i.indexprs is null
group by t.name, i.indexrelid;

-- sorts_by_code_point --
-- Whether this database's own text order is that of code points, as Python's is.
select coalesce(to_jsonb(d)->>'datlocprovider', 'c') = 'b'
    or d.datcollate in ('C', 'POSIX', 'C.UTF-8', 'C.utf8')
from pg_database d where d.datname = current_database();

-- size --
-- What a table is, and how many rows it has by the server's own statistics; -1: never counted.
select c.relkind::text as kind, c.reltuples::float8 as rows from pg_class c where c.oid = to_regclass($1);
