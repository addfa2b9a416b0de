-- Who is told that a duty is due soon or late, and whether that has arrived (docs/clocks.md).
create table clock_notice (
    notice_id   bigint generated always as identity primary key,
    address     text not null,
    clock_id    text not null,
    what        text not null,
    due_on      date not null,
    made_at     timestamptz not null default clock_timestamp(),
    message     uuid,
    next_at     timestamptz not null default clock_timestamp(),
    attempts    integer not null default 0,
    sent_at     timestamptz,
    given_up_at timestamptz,
    error       text not null default '',
    unique (address, clock_id, what, due_on)
);
comment on table clock_notice is 'one thing that one address is told, once: also where a calendar moves it to and fro';
comment on column clock_notice.message is 'the message it goes with: the same where it is sent again';
create index clock_notice_left on clock_notice (address, next_at) where sent_at is null;
