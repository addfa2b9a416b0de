-- find --
select document from trusted_document
where digest = $1 and kind in ('', $2) and unit in ('', $3) and client in ('', $4) limit 1;

-- list --
select digest, kind, unit, client, title, added_by, added_at, octet_length(document) as size
from trusted_document order by added_at, digest, kind, unit, client;

-- add --
insert into trusted_document (digest, kind, unit, client, document, title, added_by)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing returning concat_ws('/', digest, kind, unit, client) as target;

-- remove --
delete from trusted_document where digest = $1 returning concat_ws('/', digest, kind, unit, client) as target;
