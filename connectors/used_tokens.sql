-- once --
insert into used_token (issuer, number, holder, expires) values ($1, $2, $3, $4)
on conflict do nothing
returning holder;

-- hold --
-- The statement's own row is not seen by its select, so it is given beside it.
with new as (
    insert into used_token (issuer, number, holder, expires) values ($1, $2, $3, $4)
    on conflict do nothing
    returning holder)
select holder from new
union all
select holder from used_token where issuer = $1 and number = $2;

-- sweep --
delete from used_token where ctid = any (array(
    select ctid from used_token where expires < $1 limit 10000));
