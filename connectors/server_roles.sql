-- known --
select exists (select from pg_roles where rolname = $1);

-- make --
-- What gives the role *$1* the password *$2*; statements of this kind take no parameters.
select format('%s role %I login password %L', case when $3 then 'alter' else 'create' end, $1::text, $2::text);

-- own --
-- What makes *$1* the owner of the database and of all that is in it.
select format('alter database %I owner to %I', current_database(), $1::text)
union all
select format('alter %s %s owner to %I', case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass, $1::text)
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
union all
select format('alter function %s owner to %I', p.oid::regprocedure, $1::text)
from pg_proc p where p.pronamespace = 'public'::regnamespace
union all
select format('alter type %s owner to %I', t.oid::regtype, $1::text)
from pg_type t join pg_class c on c.oid = t.typrelid
where t.typnamespace = 'public'::regnamespace and c.relkind = 'c';

-- excess --
-- Whether this account could change what is on record.
select has_table_privilege('access_entry', 'update') or has_table_privilege('deed', 'update')
    or has_table_privilege('audit_leaf', 'update');
