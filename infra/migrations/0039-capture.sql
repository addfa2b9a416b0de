-- Decisions captured from departments that cannot call us 采集: how far each source is, what
-- was seen of each row, and which rows wait for somebody.

create table capture_source (
    source     text primary key,
    mark       text not null default '',
    looked_at  timestamptz,
    sweep_at   timestamptz,
    phase      text not null default '' check (phase in ('', 'rows', 'gone')),
    place      text,
    swept_at   timestamptz,
    there      bigint not null default 0,
    mapping    text not null default '',
    adopting   boolean not null default false,
    changed    bigint not null default 0,
    unasked    boolean not null default false
);
comment on table capture_source is '采集的进度 how far the capture of a source is';
comment on column capture_source.mark is 'where the next look by version begins, as the source writes it';
comment on column capture_source.looked_at is 'when the last whole look or sweep began: what was committed before has been seen';
comment on column capture_source.sweep_at is 'when the sweep under way began, or the last one did';
comment on column capture_source.place is 'the last key that the sweep under way is done with';
comment on column capture_source.there is 'decisions in the table, as the sweep under way began';
comment on column capture_source.mapping is 'digest of what the binding said of its decisions: by another, every row would look changed';
comment on column capture_source.adopting is 'until the sweep ends, what differs is taken as it is and corrects nothing';
comment on column capture_source.changed is 'decisions corrected or withdrawn since the sweep began, while no more of them wait than may be';
comment on column capture_source.unasked is 'until the sweep ends, any number is corrected: somebody has said that the binding corrects them';

create table captured (
    source      text not null,
    key         text not null,
    local_id    text not null,
    decision_id text,
    fingerprint bytea not null,
    agrees      boolean not null default true,
    row_version double precision,
    version     integer,
    seen_at     timestamptz not null default clock_timestamp(),
    primary key (source, key)
);
create index captured_decision on captured (decision_id) where decision_id is not null;
comment on table captured is '见过的行 what was seen of each row and is in the ledger';
comment on column captured.fingerprint is 'keyed digest of all that is registered of the row: no ID number can be guessed by it';
comment on column captured.decision_id is 'null: it was void before it was ever registered';
comment on column captured.row_version is 'as it was when the row was seen: seconds, or what is counted; a moment to come as that moment';
comment on column captured.version is 'the decision''s own, as it stood then: a later one that somebody else made is not undone by the row';
comment on column captured.agrees is 'false: history from before the platform says otherwise, and receivers had that';

create table capture_item (
    source      text not null,
    key         text not null,
    code        text not null,
    zh          text not null,
    en          text not null,
    fingerprint bytea not null default '',
    decision_id text,
    settled     text not null default '' check (settled in ('', 'correction', 'another')),
    attempts    integer not null default 1,
    since       timestamptz not null default clock_timestamp(),
    tried_at    timestamptz not null default clock_timestamp(),
    primary key (source, key)
);
comment on table capture_item is '待处理的行 rows that could not be entered, or are not as they were';
comment on column capture_item.settled is 'what somebody has said that the row is';
