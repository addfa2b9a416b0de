-- Who took a step, as tokens tell people apart: a subject is one person's among its issuer's alone.
alter table grant_step add column issuer text not null default '';
comment on column grant_step.issuer is 'who issued the token of person; empty: a step from before this was noted';
-- Who has acted for a unit: they decide nothing that it applies for.
create index grant_step_unit on grant_step (unit);
