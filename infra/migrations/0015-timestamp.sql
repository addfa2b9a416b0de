-- Heads with a timestamp 时间戳 of an authority outside (RFC 3161), which is optional: one
-- covers all heads before it, whose digests are under it.
create table head_timestamp (
    origin   text not null,
    size     bigint not null,
    at       timestamptz not null,
    stamped  timestamptz not null,
    response bytea not null,
    primary key (origin, size, at),
    foreign key (origin, size, at) references head
);
comment on column head_timestamp.response is 'TimeStampResp, DER, as openssl ts reads it: over SHA-256 of head.note';
comment on column head_timestamp.stamped is 'the authority''s own time, as the response has it';
