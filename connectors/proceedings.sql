-- lock --
select pg_advisory_xact_lock(43, hashtext($1 || ' ' || $2))

-- latest --
select version, case_no, opened_on, closed_on, outcome, recorded_by
from proceeding where kind = $1 and number = $2
order by version desc limit 1

-- enter --
insert into proceeding (kind, number, version, case_no, opened_on, closed_on, outcome, recorded_by, recorded_unit, who)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
