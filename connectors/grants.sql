-- in_force --
-- Counter and grants of one snapshot; the counter stands there where there is no grant.
select c.counter, g.grant_id, g.kind, g.unit, g.person, g.incident, g.owner, g.fields, g.lookups, g.purpose, g.basis,
    g.masked, g.division, g.own_cause, g.documents, g.page, g.cost, g.rate, g.valid_from, g.valid_to
from grant_change c
left join access_grant g on g.state = 'IN_FORCE' and g.valid_to > $1;

-- counter --
select counter from grant_change;
