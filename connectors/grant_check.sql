-- grants --
-- Each grant as it stands, its steps, and what deeds say of it.
select row_to_json(g)::text,
    array(select row_to_json(s)::text from grant_step s where s.grant_id = g.grant_id order by s.version),
    array(select d.body from deed d where d.kind = 'GRANT' and d.target = g.grant_id)
from access_grant g;

-- gone --
-- What deeds speak of and is not there.
select distinct d.target from deed d
where d.kind = 'GRANT' and not exists (select from access_grant g where g.grant_id = d.target) order by 1;
