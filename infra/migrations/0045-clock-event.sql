-- The stream of clocks (docs/clocks.md): how each stands, told when that changes, also by the passing of a day.
-- What was told last stands beside the clock; what is to be told next follows from it and from today.
alter table clock
    add column untold boolean not null default true,
    add column turns_on date,
    add column told text;
comment on column clock.untold is 'something of it has changed and is not told yet';
comment on column clock.turns_on is 'the day on which it will stand otherwise by itself: due soon, or late; null: none';
comment on column clock.told is 'how it was told to stand, in the words of rules/clock_events.py; null: never';
create index clock_untold on clock (clock_id) where untold;
create index clock_turns on clock (turns_on) where turns_on is not null;

create table clock_event (
    seq         bigint generated always as identity primary key,
    clock_id    text not null,
    decision_id text not null,
    duty        text not null,
    version     integer not null,
    unit        text not null,
    what        text not null,
    state       text not null,
    started_on  date not null,
    near_on     date not null,
    due_on      date not null,
    ended_on    date,
    ended_at    timestamptz,
    ended_by    text,
    at          timestamptz not null default clock_timestamp()
);
comment on table clock_event is 'what is to be told of clocks: gone once the broker has it';
comment on column clock_event.seq is 'the revision too: of one clock the higher is the later, also where it went and came back';

-- A clock that goes, as with its duty, is told to be gone.
create function clock_gone() returns trigger language plpgsql as $$
begin
    insert into clock_event (clock_id, decision_id, duty, version, unit, what, state, started_on, near_on,
        due_on, ended_on, ended_at, ended_by)
    select g.clock_id, g.decision_id, g.duty, g.version, g.unit, 'GONE', 'GONE', g.started_on, g.near_on,
        g.due_on, g.ended_on, g.ended_at, g.ended_by
    from gone g where g.told is not null;
    return null;
end $$;
create trigger clock_is_gone after delete on clock referencing old table as gone
    for each statement execute function clock_gone();

alter table clock_rules add column told_on date;
comment on column clock_rules.told_on is 'the latest day by which clocks were told: a wall clock set back untells nothing';
