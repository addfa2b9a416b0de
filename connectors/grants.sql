-- in_force --
-- Counter and grants of one snapshot; the counter stands there where there is no grant.
select c.counter, g.grant_id, g.kind, g.unit, g.person, g.incident, g.owner, g.fields, g.lookups, g.purpose, g.basis,
    g.masked, g.division, g.own_cause, g.documents, g.page, g.cost, g.rate, g.valid_from, g.valid_to,
    case g.person when '' then '' else coalesce(s.issuer, '') end as issuer
from grant_change c
left join access_grant g on g.state = 'IN_FORCE' and g.valid_to > $1
-- Who opened it in person: a subject is one person's among its issuer's alone.
left join grant_step s on s.grant_id = g.grant_id and s.version = 1;

-- counter --
select counter from grant_change;

-- find --
select * from access_grant where grant_id = $1;

-- lock --
select * from access_grant where grant_id = $1 for update;

-- enter --
insert into access_grant select * from jsonb_populate_record(null::access_grant, $1::jsonb)
on conflict (grant_id) do nothing
returning grant_id;

-- change --
update access_grant g set (
    version, state, fields, lookups, conditional, masked, division, own_cause, mode, documents, page, cost, rate, receiver,
    purpose, basis, scene, valid_from, valid_to, reviewed_at, decided_at, provided_at, ended_at, told, settled, missing,
    refusal, dispute, settlement, ending, review, due_step, due_unit, due_at, provisional, late, changed_at) = (
    r.version, r.state, r.fields, r.lookups, r.conditional, r.masked, r.division, r.own_cause, r.mode, r.documents, r.page,
    r.cost, r.rate, r.receiver, r.purpose, r.basis, r.scene, r.valid_from, r.valid_to, r.reviewed_at, r.decided_at,
    r.provided_at, r.ended_at, r.told, r.settled, r.missing, r.refusal, r.dispute, r.settlement, r.ending, r.review, r.due_step,
    r.due_unit, r.due_at, r.provisional, r.late, r.changed_at)
from jsonb_populate_record(null::access_grant, $1::jsonb) r
where g.grant_id = r.grant_id;

-- step --
insert into grant_step (grant_id, version, step, state, at, unit, person, issuer, role, reason, due_at, late, digest)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- people --
-- Who has acted for the unit that applied: in this application, or in any that has not ended.
select distinct s.issuer, s.person
from grant_step s
join access_grant g using (grant_id)
where s.unit = $2 and (
    g.grant_id = $1 or g.state in ('APPLIED', 'INCOMPLETE', 'REVIEWED', 'AGREED', 'DISPUTED')
    or (g.state = 'IN_FORCE' and g.valid_to > $3));

-- unreviewed --
-- Emergencies whose review is overdue at $3: of the unit, or of the person anywhere.
select g.grant_id, g.person, s.issuer, g.due_at
from access_grant g
join grant_step s on s.grant_id = g.grant_id and s.version = 1
where g.kind = 'BREAK_GLASS' and g.review = '' and g.due_at <= $3 and (g.unit = $1 or g.person = $2)
order by g.due_at, g.grant_id;

-- said --
select digest from grant_step where grant_id = $1 and version = $2;

-- judged --
select digest from grant_step where grant_id = $1 and step = 'JUDGE';

-- over --
-- What has run out and nobody has noted; who notes it now takes it, another passes it by.
select * from access_grant where state in ('AGREED', 'IN_FORCE') and valid_to <= $1
order by grant_id limit 100 for update skip locked;

-- held --
-- The receiver that the end of this grant has suspended, in this transaction (0018-granted.sql).
select receiver from receiver
where receiver = $1 and suspended_at is not null and suspended_because like '%: ' || $2;
