-- turn --
-- One at a time, whoever enters: a version is told from the one before it.
select pg_advisory_xact_lock(hashtext('zhitong catalogue'));

-- latest --
select version, digest, body from catalogue_version order by version desc limit 1;

-- enter --
insert into catalogue_version (digest, body, resources, changes) values ($1, $2, $3, $4) returning version;

-- versions --
select v.version, v.digest, v.made_at, v.resources, v.changes, coalesce(r.status, 1) as status,
    coalesce(r.reason, '') as reason, r.at
from catalogue_version v
left join lateral (
    select status, reason, at from catalogue_review where version = v.version order by review desc limit 1) r on true
where ($2::bigint is null or v.version < $2) and (not $3::boolean or r.status = 5)
order by v.version desc limit $1;

-- export --
insert into catalogue_export (version, who) values ($1, $2);

-- exported --
select v.version, v.digest, v.body from catalogue_export e join catalogue_version v using (version)
order by e.export desc limit 1;

-- replies --
select distinct on (r.resource) r.resource, r.external_id, r.status, r.opinion, r.taken_at, v.digest
from catalogue_reply r join catalogue_version v using (version) order by r.resource, r.reply desc;

-- reply --
insert into catalogue_reply (version, resource, external_id, status, opinion, who) values ($1, $2, $3, $4, $5, $6);
