-- How long it is known where each event lay: by rule (docs/reconciliation.md). What came
-- is in the inbox for ever.
alter table arrived add column at timestamptz not null default now();
create index arrived_at on arrived using brin (at);
create index stated_came on stated (came_at);
