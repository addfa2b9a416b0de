-- keep --
insert into complainant (pseudonym, wrapped, sealed) values ($1, $2, $3);

-- unmask --
-- One statement: what is read is on record, or nothing is read.
with asked as (
    select $1::text as pseudonym, c.wrapped, c.sealed,
        case when c.pseudonym is null then 'UNKNOWN' when c.sealed is null then 'GONE' else 'GIVEN' end as outcome
    from (select) one left join complainant c on c.pseudonym = $1::text
), noted as (
    insert into unmasking (pseudonym, outcome, who, why, approval)
    select pseudonym, outcome, $2, $3, $4 from asked
    returning pseudonym
)
select a.wrapped, a.sealed from asked a join noted using (pseudonym);

-- erase --
-- The pseudonym stays, so that files which bear it still make sense; the person is gone.
with erased as (
    update complainant set wrapped = null, sealed = null, erased_at = clock_timestamp()
    where pseudonym = $1 and sealed is not null returning pseudonym
)
insert into unmasking (pseudonym, outcome, who, why, approval)
select pseudonym, 'ERASED', $2, $3, $4 from erased returning pseudonym;
