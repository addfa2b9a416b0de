-- write --
insert into catalogue_quality (resource, at, measured, body, who) values ($1, $2, $3, $4, $5);

-- last --
-- Of each resource the last measurement, and the last attempt that came to nothing.
select distinct on (resource, measured) resource, measured, body from catalogue_quality
order by resource, measured, measurement desc;
