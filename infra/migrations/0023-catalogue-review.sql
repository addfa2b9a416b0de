-- What the data authority says of a version of the catalogue; what was measured of each
-- resource's quality; what the city's exchange platform says of an application. Only ever
-- added to: the last entry is the one that stands.
create table catalogue_review (
    review  bigint generated always as identity primary key,
    version bigint not null references catalogue_version,
    status  smallint not null check (status in (2, 4, 5)),
    reason  text not null check (status = 5 or reason <> ''),
    at      timestamptz not null default clock_timestamp(),
    who     text not null,
    unit    text not null
);
comment on table catalogue_review is 'a version without an entry waits (1)';
comment on column catalogue_review.status is '2 returned, 4 revoked, 5 passed';
create index catalogue_review_version on catalogue_review (version, review desc);

create table catalogue_quality (
    measurement bigint generated always as identity primary key,
    resource    text not null,
    at          timestamptz not null,
    measured    boolean not null,
    body        bytea not null,
    who         text not null
);
comment on column catalogue_quality.resource is 'type@source';
comment on column catalogue_quality.measured is 'false: its source did not answer, body says why';
comment on column catalogue_quality.body is 'JSON; its SHA-256 stands in the deed';
create index catalogue_quality_resource on catalogue_quality (resource, measured, measurement desc);

create table grant_reply (
    reply       bigint generated always as identity primary key,
    grant_id    text not null references access_grant,
    external_id text not null,
    status      smallint not null check (status in (0, 1, 2, 3, 4, 5, 8)),
    opinion     text not null,
    taken_at    timestamptz not null default clock_timestamp(),
    who         text not null
);
comment on column grant_reply.status is 'as of catalogue_reply';
create index grant_reply_grant on grant_reply (grant_id, reply desc);
