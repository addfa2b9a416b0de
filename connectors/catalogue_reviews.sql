-- stand --
-- Every version with the last word on it, the newest first; not what is in them.
select v.version, v.digest, coalesce(r.status, 1) as status, coalesce(r.reason, '') as reason, r.at,
    exists (select from catalogue_review p where p.version = v.version and p.status = 5) as passed
from catalogue_version v
left join lateral (
    select status, reason, at from catalogue_review where version = v.version order by review desc limit 1) r on true
order by v.version desc;

-- content --
select body from catalogue_version where version = $1;

-- write --
insert into catalogue_review (version, status, reason, who, unit) values ($1, $2, $3, $4, $5);
