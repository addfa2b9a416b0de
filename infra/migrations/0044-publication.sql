-- Publication 公示 by people: collected, handed on, reviewed, released (docs/publicity.md).
create table publication_step (
    decision_id text not null references decision,
    channel     text not null,
    number      integer not null,
    step        text not null,
    version     integer not null,
    at          timestamptz not null,
    unit        text not null,
    issuer      text not null,
    person      text not null,
    role        text not null,
    reason      text not null,
    withheld    text[] not null,
    reference   text not null,
    primary key (decision_id, channel, number)
);
comment on table publication_step is '公示流程 each step somebody took; none is ever changed';
comment on column publication_step.number is 'from 1 on, of this decision in this channel';
comment on column publication_step.version is 'of the decision, which the step is about';
comment on column publication_step.withheld is 'fields that are not to be shown: with COLLECT';

create table publication (
    decision_id text not null references decision,
    channel     text not null,
    version     integer not null,
    stage       text not null,
    steps       integer not null,
    at          timestamptz not null,
    withheld    text[] not null,
    issuer      text not null,
    collector   text not null,
    reason      text not null,
    shown       integer,
    shown_at    timestamptz,
    first_at    timestamptz,
    down_on     date,
    reference   text not null,
    site        boolean not null,
    primary key (decision_id, channel)
);
comment on table publication is 'how a decision''s publication stands after its last step';
comment on column publication.shown is 'the version that was released; null: nothing is shown';
comment on column publication.down_on is 'the last day it may be shown; null: no end is set';
comment on column publication.site is 'the platform shows it itself; people report what others show';
comment on column publication.at is 'of the last step';
create index publication_order on publication (at, (decision_id || ':' || channel));
create index publication_named on publication ((decision_id || ':' || channel));

-- A step may end a clock, as a receipt may.
create trigger publication_step_touches after insert on publication_step
    referencing new table as added for each statement execute function touch_clocks();

-- Duties that no receiver has to do with: a channel is to show it.
alter table clock_duty alter column receiver drop not null;

-- What is said is what the decision says now: a version that does not stand any more is shown nowhere,
-- and what is over ends with its last day, without anybody's doing.
create view publication_entry as
select p.decision_id || ':' || p.channel as publication_id, p.channel, p.decision_id, p.version, p.stage, s.standing,
    p.at, p.shown, p.shown_at, p.first_at, s.down_on, p.reference, p.withheld, p.reason,
    d.version as decision_version, d.change, d.subject_code, d.subject_name, d.act_type, d.document_no, d.decided_on,
    d.division, d.matter_code, d.party_kind, d.recorded_by, d.case_source,
    case when s.standing in ('WITHDRAWN', 'CORRECTING') then d.reason end as undone_because,
    case when w.whole and 'documentTitle' <> all(p.withheld) then d.document_title end as document_title,
    case when w.whole and 'title' <> all(p.withheld) then d.title end as title,
    case when w.whole then d.legal_basis end as legal_basis,
    case when w.whole and 'result' <> all(p.withheld) then d.content end as content,
    case when w.whole and 'counterpartyName' <> all(p.withheld) then d.party_name end as party_name,
    case when w.whole and 'counterpartyCode' <> all(p.withheld) then d.party_code end as party_code,
    case when w.whole then d.procedure end as procedure,
    case when w.whole then d.penalty_kinds end as penalty_kinds,
    case when w.whole and 'violationType' <> all(p.withheld) then d.violation_type end as violation_type,
    case when w.whole and 'fine' <> all(p.withheld) then d.fine end as fine,
    case when w.whole and 'confiscated' <> all(p.withheld) then d.confiscated end as confiscated,
    case when w.whole then d.licence_kind end as licence_kind,
    case when w.whole and 'certificateName' <> all(p.withheld) then d.certificate_name end as certificate_name,
    case when w.whole then d.valid_from end as valid_from,
    case when w.whole then d.valid_to end as valid_to
from publication p
    join decision d using (decision_id)
    cross join lateral (
        -- A party's repair ends it as well, at the end of the day it was told.
        select least(p.down_on, (select (min(i.at) at time zone 'Asia/Shanghai')::date from inbound_effect i
            where i.decision_id = p.decision_id and i.change = 'REPAIRED')) as down_on) e
    cross join lateral (
        select e.down_on < (now() at time zone 'Asia/Shanghai')::date as over) o
    cross join lateral (
        select e.down_on, case
            when p.shown is null then 'NOT_SHOWN'
            when o.over then case when p.site then 'TAKEN_DOWN' else 'TO_TAKE_DOWN' end
            when d.version = p.shown then 'PUBLISHED'
            when not p.site then 'TO_WITHDRAW'
            when d.change = 'WITHDRAWN' then 'WITHDRAWN'
            else 'CORRECTING' end as standing) s
    cross join lateral (select p.site and s.standing = 'PUBLISHED' as whole) w;

-- By its number anybody looks for what was published: not through all of the ledger.
create index decision_document_no on decision (document_no);
create index inbound_effect_repaired on inbound_effect (decision_id) where change = 'REPAIRED';
