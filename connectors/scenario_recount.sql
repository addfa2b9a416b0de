-- Counted by hand: nothing here is made of the rules' own words. $1 is the first day after all that is looked at, in
-- China; $2 the working days from 2023 on.

-- late --
-- Each duty that was or is late, and how many there are of each state ($1 as of then).
with w as (
    select day, n from unnest($2::date[]) with ordinality t (day, n)),
s as (
    select d::date as start, count(w.day) over (order by d) as r
    from generate_series(date '2023-01-01', $1::date, interval '1 day') d left join w on w.day = d::date),
term as materialized (
    select s.start, w3.day as d3, w7.day as d7, w20.day as d20
    from s join w w3 on w3.n = s.r + 3 join w w7 on w7.n = s.r + 7 join w w20 on w20.n = s.r + 20),
v as materialized (
    select decision_id, version, change, at, (at at time zone 'Asia/Shanghai')::date as day from decision_version),
gone as materialized (
    select decision_id, day from v where change = 'WITHDRAWN' and day < $1::date),
held as materialized (
    select o.decision_id, o.version, (p.at at time zone 'Asia/Shanghai')::date as day, p.at
    from outbox_sent o join receipt p on p.event_id = o.event_id and p.receiver = o.receiver
    where o.receiver = 'credit' and p.answer = 'HELD' and (p.at at time zone 'Asia/Shanghai')::date < $1::date),
site as materialized (
    select decision_id, min(at) filter (where step = 'RELEASE') as at,
        (array_agg(step order by number desc) filter (where step in ('RELEASE', 'PULL')))[1] as shown,
        (array_agg(step order by number desc))[1] as last, max(at) as last_at
    from publication_step where channel = 'own-site' group by decision_id),
ends as (
    -- A licence or penalty is with the credit system in seven working days.
    select d.decision_id, 'credit-published' as duty, 1 as version, d.subject_code as unit, t.d7 as due,
        (select min(h.day) from held h where h.decision_id = d.decision_id) as done,
        (select min(g.day) from gone g where g.decision_id = d.decision_id) as lapsed
    from decision d join term t on t.start = d.decided_on where d.act_type in ('PENALTY', 'LICENCE')
    union all
    -- A penalty changed or withdrawn is so there in three.
    select v.decision_id, 'credit-withdrawn', v.version, d.subject_code,
        t.d3,
        (select min(h.day) from held h where h.decision_id = v.decision_id and h.version >= v.version), null
    from v join decision d using (decision_id) join term t on t.start = v.day
    where d.act_type = 'PENALTY' and v.version > 1 and v.day < $1::date
    union all
    -- A penalty is on the bureau's own site in seven working days, what else it decides in twenty.
    select d.decision_id, case when d.act_type = 'PENALTY' then 'own-site-penalty-published' else 'own-site-published' end,
        1, d.subject_code, case when d.act_type = 'PENALTY' then t.d7 else t.d20 end,
        (select (p.at at time zone 'Asia/Shanghai')::date from site p where p.decision_id = d.decision_id and p.shown = 'RELEASE'),
        least((select min(g.day) from gone g where g.decision_id = d.decision_id),
            (select (p.last_at at time zone 'Asia/Shanghai')::date from site p
                where p.decision_id = d.decision_id and p.last = 'DECLINE'))
    from decision d join term t on t.start = d.decided_on),
stands as (
    select decision_id, duty, version, unit, due, case
        when done is null and lapsed is null then case when due < $1::date then 'LATE' else 'OPEN' end
        when done is not null and done <= coalesce(lapsed, done) then case when done > due then 'DONE_LATE' else 'DONE' end
        else case when lapsed > due then 'LAPSED_LATE' else 'LAPSED' end end as state
    from ends)
select * from stands;

-- shown --
-- By unit and channel: what was to be shown, was, in time or late, or is kept back, and how it stands.
with w as (
    select day, n from unnest($2::date[]) with ordinality t (day, n)),
s as (
    select d::date as start, count(w.day) over (order by d) as r
    from generate_series(date '2023-01-01', $1::date, interval '1 day') d left join w on w.day = d::date),
term as materialized (
    select s.start, w7.day as d7, w20.day as d20
    from s join w w7 on w7.n = s.r + 7 join w w20 on w20.n = s.r + 20),
d as materialized (
    select o.*, v.head, v.undone, o.party_kind = 'NATURAL_PERSON' as natural,
        o.penalty_kinds <> '{}' and o.penalty_kinds <@ '{WARNING}' as only_warned,
        o.act_type = 'PENALTY' and o.decided_on >= date '2026-04-01'
            and not o.penalty_kinds && '{LICENCE_REVOKED,BUSINESS_RESTRICTED,OCCUPATION_RESTRICTED}'
            and (o.penalty_kinds <@ '{WARNING,CRITICISM}' or o.procedure = 'SIMPLE') as minor,
        o.act_type = 'PENALTY' and o.decided_on >= date '2026-04-01'
            and o.penalty_kinds && '{LICENCE_REVOKED,BUSINESS_RESTRICTED,OCCUPATION_RESTRICTED}'
            or o.decided_on < date '2023-05-01' and o.penalty_kinds && '{LICENCE_REVOKED,CLOSURE_ORDERED}' as serious
    from decision o join (select decision_id, max(version) as head, bool_or(change = 'WITHDRAWN') as undone
        from decision_version where (at at time zone 'Asia/Shanghai')::date < $1::date group by decision_id) v using (decision_id)),
channels (channel) as (values ('own-site'), ('provincial'), ('credit-china'), ('enterprise-system')),
told as materialized (
    -- What receivers hold, and when; a withdrawal that is held shows nothing.
    select o.decision_id, case o.receiver when 'credit' then 'credit-china' else o.receiver end as channel,
        min(p.at) filter (where o.change <> 'WITHDRAWN') as first,
        min(o.version) filter (where o.change <> 'WITHDRAWN') as low,
        max(o.version) filter (where o.change <> 'WITHDRAWN') as high,
        max(o.version) as reached, bool_or(o.change = 'WITHDRAWN') as back
    from outbox_sent o join receipt p on p.event_id = o.event_id and p.receiver = o.receiver
    where p.answer = 'HELD' and (p.at at time zone 'Asia/Shanghai')::date < $1::date
    group by o.decision_id, o.receiver),
refused as materialized (
    select distinct o.decision_id, case o.receiver when 'credit' then 'credit-china' else o.receiver end as channel
    from outbox_sent o join receipt p on p.event_id = o.event_id and p.receiver = o.receiver
    where p.answer = 'REJECTED' and p.at <= ($1::date)::timestamp at time zone 'Asia/Shanghai'),
stepped as materialized (
    select decision_id, channel, min(at) filter (where step = 'RELEASE') as first,
        min(version) filter (where step = 'RELEASE') as low, max(version) filter (where step = 'RELEASE') as high,
        max(version) filter (where step = 'WITHDRAW') as back, bool_or(step = 'TAKE_DOWN') as down,
        (array_agg(step order by number desc) filter (where step in ('RELEASE', 'PULL')))[1] = 'PULL' as pulled
    from publication_step group by decision_id, channel),
each as (
    select d.decision_id, d.subject_code as unit, c.channel, d.head, d.undone,
        case c.channel
            when 'own-site' then case when d.act_type = 'PENALTY' then t.d7 else t.d20 end
            when 'provincial' then case when d.decided_on >= date '2026-02-01' then t.d7 end
            when 'credit-china' then case when d.act_type in ('PENALTY', 'LICENCE') and not coalesce(d.minor, false) then t.d7 end
            else case when d.act_type in ('PENALTY', 'LICENCE') and not d.natural and not d.only_warned then t.d20 end
        end as due,
        coalesce(h.first, case when not p.pulled then p.first end) as first,
        coalesce(h.low, p.low) as low, coalesce(h.high, p.high) as high,
        coalesce(h.reached, greatest(p.high, p.back)) as reached,
        case when h.decision_id is not null then h.back
            when c.channel = 'own-site' then d.head > p.high else coalesce(p.back > p.high, false) end as back,
        coalesce(p.down, false) as down, r.decision_id is not null as refused,
        case c.channel
            when 'own-site' then (p.first at time zone 'Asia/Shanghai')::date
                + case when d.natural then interval '1 year' else interval '2 years' end
            when 'enterprise-system' then case when d.act_type = 'PENALTY'
                then (p.first at time zone 'Asia/Shanghai')::date + interval '3 years' end
            when 'credit-china' then case when d.act_type = 'PENALTY' then d.decided_on + case
                when d.minor then interval '3 months' when d.serious then interval '3 years'
                when d.decided_on < date '2023-05-01' or d.decided_on >= date '2026-04-01' then interval '1 year'
                else interval '3 years' end end
        end::date as ends
    from d cross join channels c join term t on t.start = d.decided_on
        left join told h on h.decision_id = d.decision_id and h.channel = c.channel
        left join stepped p on p.decision_id = d.decision_id and p.channel = c.channel
        left join refused r on r.decision_id = d.decision_id and r.channel = c.channel),
stands as (
    select *, (first at time zone 'Asia/Shanghai')::date as day, case
        when first is null then case
            when due is null or undone then 'NOT_SHOWN' when due < $1::date then 'LATE' else 'NOT_YET' end
        when down then 'TAKEN_DOWN'
        when channel <> 'own-site' and head > reached then 'TO_WITHDRAW'
        when back then 'WITHDRAWN'
        when ends < $1::date then case when channel = 'own-site' then 'TAKEN_DOWN' else 'TO_TAKE_DOWN' end
        when high > low then 'CORRECTED' else 'PUBLISHED' end as state
    from each)
select unit, channel,
    count(*) filter (where due is not null and first is not null) as reported,
    count(*) filter (where due is not null and day > due) as late,
    count(*) filter (where due is not null and first is not null and not refused) as compliant,
    count(*) filter (where due is not null and first is null and not undone and due < $1::date) as concealed,
    (select jsonb_object_agg(x.state, x.many) from (
        select i.state, count(*) as many from stands i
        where i.unit = stands.unit and i.channel = stands.channel group by i.state) x)::text as states
from stands group by unit, channel order by unit, channel;

-- answers --
-- What each receiver answered, as its receipts came to the platform.
select o.receiver, o.change, p.answer, count(*)::int as many
from outbox_sent o join receipt p on p.event_id = o.event_id and p.receiver = o.receiver
group by 1, 2, 3 order by 1, 2, 3;

-- settled --
select (select count(*) from outbox) as waiting,
    (select count(*) from clock_touched) + (select count(*) from clock where untold) + (select count(*) from clock_event)
        as touched,
    (select count(*) from outbox_sent) as sent,
    (select count(*) from receipt where answer in ('HELD', 'REJECTED')) as answered;

-- clocks --
-- How each clock stands today, by the view that everybody is shown.
select clock_id, state, due_on, ended_on from clock_entry;

-- public --
-- Which decisions the bureau's own site shows as of that day, and in which version.
select decision_id, shown from publication p join decision d using (decision_id)
where p.channel = 'own-site' and p.shown = d.version and d.change <> 'WITHDRAWN' and (p.down_on is null or p.down_on >= $1);
