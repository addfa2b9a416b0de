-- Clocks 时钟 as they stand (docs/clocks.md): what `rules/clocks.py` computes of each decision,
-- stored for whoever asks a hundred times what changes once. How one stands today is asked, not kept.
create table clock_touched (
    touch_id    bigint generated always as identity primary key,
    decision_id text not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
comment on table clock_touched is 'decisions whose clocks are to be computed anew; a row for each thing that happened';

-- Only added to: who records a decision never waits for who computes.
create function touch_clocks() returns trigger language plpgsql as $$
begin
    insert into clock_touched (decision_id) select decision_id from added;
    return null;
end $$;
create trigger decision_version_touches after insert on decision_version
    referencing new table as added for each statement execute function touch_clocks();
insert into clock_touched (decision_id) select decision_id from decision;

create table clock_rules (
    one        boolean primary key default true check (one),
    duties     text not null,
    calendar   text not null,
    adopted_at timestamptz not null default clock_timestamp()
);
comment on table clock_rules is 'digests of the rules that the stored clocks were computed by';

create table clock_duty (
    duty     text primary key,
    title_zh text not null,
    title_en text not null,
    receiver text not null,
    figure   text not null
);

-- A million clocks begin on a few hundred days: what their last days rest on stands here once.
create table due_day (
    duty       text not null,
    started_on date not null,
    due_on     date not null,
    near_on    date not null,
    rule       text not null,
    source     text not null,
    calendars  text[] not null,
    notes      text[] not null,
    primary key (duty, started_on)
);
comment on column due_day.near_on is 'the first day on which it is due soon';
comment on column due_day.rule is 'version of a figure';
comment on column due_day.calendars is 'documents about working days that it rests on';

create table due_day_moved (
    duty       text not null,
    started_on date not null,
    moved_at   timestamptz not null default clock_timestamp(),
    before_on  date not null,
    after_on   date not null,
    zh         text not null,
    en         text not null,
    open       bigint not null,
    every      bigint not null,
    primary key (duty, started_on, moved_at)
);
comment on table due_day_moved is 'what another calendar or figure moved, and why';
comment on column due_day_moved.open is 'of how many clocks that were open then';

create table clock (
    clock_id    text primary key generated always as (decision_id || ':' || duty || ':' || version::text) stored,
    decision_id text not null,
    duty        text not null,
    version     integer not null,
    unit        text not null,
    started_on  date not null,
    due_on      date not null,
    near_on     date not null,
    ended_on    date,
    ended_at    timestamptz,
    ended_by    text,
    lapsed      boolean not null default false,
    check ((ended_on is null) = (ended_by is null))
);
comment on table clock is 'one duty about one version of a decision';
comment on column clock.ended_at is 'null where no more than the day is known';
comment on column clock.lapsed is 'nothing was left to do';
create index clock_decision on clock (decision_id);
create index clock_due on clock (due_on, clock_id);
create index clock_unit_due on clock (unit, due_on, clock_id);
create index clock_unit_open on clock (unit, due_on, clock_id) where ended_on is null;

create view decision_facts as
select d.decision_id, d.subject_code, d.act_type, d.party_kind, d.document_no, d.decided_on,
    d.origin = 'HISTORY' as before_platform, v.versions, v.changes, v.moments
from decision d cross join lateral (
    select array_agg(o.version order by o.version) as versions, array_agg(o.change order by o.version) as changes,
        array_agg(o.at order by o.version) as moments
    from decision_version o where o.decision_id = d.decision_id) v;

create view clock_entry as
select c.clock_id, c.duty, k.title_zh, k.title_en, k.receiver,
    case
        when c.ended_on is null then case
            when c.due_on < (now() at time zone 'Asia/Shanghai')::date then 'LATE'
            when c.near_on <= (now() at time zone 'Asia/Shanghai')::date then 'SOON'
            else 'RUNNING' end
        when c.lapsed then case when c.ended_on > c.due_on then 'LAPSED_LATE' else 'LAPSED' end
        else case when c.ended_on > c.due_on then 'DONE_LATE' else 'DONE' end
    end as state,
    c.ended_on is null as open, c.decision_id, c.version, c.unit, c.started_on, c.due_on, c.near_on,
    case when 'PROVISIONAL' = any(d.notes) then 'PROVISIONAL' else 'KNOWN' end as due_certainty,
    d.rule, d.source, d.calendars, m.before_on, m.moved_at, m.zh as moved_zh, m.en as moved_en,
    c.ended_on, c.ended_at, c.ended_by,
    (select o.recorded_by from decision o where o.decision_id = c.decision_id) as recorded_by,
    (select o.case_source from decision o where o.decision_id = c.decision_id) as case_source
from clock c
    left join clock_duty k on k.duty = c.duty
    left join due_day d on d.duty = c.duty and d.started_on = c.started_on
    left join lateral (select * from due_day_moved x where x.duty = c.duty and x.started_on = c.started_on
        order by x.moved_at desc limit 1) m on true;
