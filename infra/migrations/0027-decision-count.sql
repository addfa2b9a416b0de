-- How many decisions there are, by what they are counted by: kept with every change of the
-- ledger, in its transaction, so that a count is never another than that of the rows.
--
-- Each change adds rows to decision_count_change and locks nothing: thousands of decisions of
-- one bureau and month would else wait for one row of counts. fold_decision_counts() takes the
-- changes into decision_count; whoever reads decision_tally sees both, before and after.
create table decision_count (
    subject_code text not null,
    act_type     text not null,
    change       text not null,
    division     text,
    recorded_by  text not null,
    decided_on   date not null,
    decisions    bigint not null,
    unique nulls not distinct (subject_code, act_type, change, division, recorded_by, decided_on)
);
comment on table decision_count is '决定计数 counts of decisions';
comment on column decision_count.decided_on is 'the first day of the month';

create table decision_count_change (
    like decision_count
);
comment on table decision_count_change is '尚未并入的计数变化 changes of counts that are not folded in yet';

create view decision_tally as
select * from decision_count union all select * from decision_count_change;

create function decision_counted() returns trigger
language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into decision_count_change
        select o.subject_code, o.act_type, o.change, o.division, o.recorded_by, date_trunc('month', o.decided_on)::date, -count(*)
        from was o group by 1, 2, 3, 4, 5, 6;
    end if;
    if tg_op <> 'DELETE' then
        insert into decision_count_change
        select n.subject_code, n.act_type, n.change, n.division, n.recorded_by, date_trunc('month', n.decided_on)::date, count(*)
        from is_now n group by 1, 2, 3, 4, 5, 6;
    end if;
    return null;
end $$;

create trigger decision_counted_insert after insert on decision
    referencing new table as is_now for each statement execute function decision_counted();
create trigger decision_counted_update after update on decision
    referencing old table as was new table as is_now for each statement execute function decision_counted();
create trigger decision_counted_delete after delete on decision
    referencing old table as was for each statement execute function decision_counted();

-- One statement: who counts meanwhile sees the changes or what has become of them.
create function fold_decision_counts() returns bigint
language sql as $$
    with taken as (
        delete from decision_count_change returning *
    ), added as (
        insert into decision_count as c
        select subject_code, act_type, change, division, recorded_by, decided_on, sum(decisions)
        from taken group by 1, 2, 3, 4, 5, 6
        on conflict (subject_code, act_type, change, division, recorded_by, decided_on)
        do update set decisions = c.decisions + excluded.decisions
    )
    select count(*) from taken
$$;

insert into decision_count
select subject_code, act_type, change, division, recorded_by, date_trunc('month', decided_on)::date, count(*)
from decision group by 1, 2, 3, 4, 5, 6;
