-- applications --
select * from access_grant where kind = 'SHARING' order by grant_id collate "C";

-- replies --
select distinct on (grant_id) grant_id, external_id, status, opinion from grant_reply order by grant_id, reply desc;

-- reply --
insert into grant_reply (grant_id, external_id, status, opinion, who) values ($1, $2, $3, $4, $5);
