-- turn --
-- One step at a time of what is about one decision.
select pg_advisory_xact_lock(7044, hashtext($1));

-- decision --
select version, change, subject_code, recorded_by, act_type, party_kind, penalty_kinds, procedure, decided_on
from decision where decision_id = $1;

-- stands --
select * from publication where decision_id = $1 and channel = $2;

-- last --
select step, version, issuer, person, reason, withheld, reference from publication_step
where decision_id = $1 and channel = $2 order by number desc limit 1;

-- step --
insert into publication_step (decision_id, channel, number, step, version, at, unit, issuer, person, role, reason, withheld,
    reference)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- stand --
insert into publication (decision_id, channel, version, stage, steps, at, withheld, issuer, collector, reason, shown, shown_at,
    first_at, down_on, reference, site)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
on conflict (decision_id, channel) do update set version = excluded.version, stage = excluded.stage, steps = excluded.steps, at = excluded.at,
    withheld = excluded.withheld, issuer = excluded.issuer, collector = excluded.collector, reason = excluded.reason,
    shown = excluded.shown, shown_at = excluded.shown_at, first_at = excluded.first_at, down_on = excluded.down_on,
    reference = excluded.reference, site = excluded.site;
