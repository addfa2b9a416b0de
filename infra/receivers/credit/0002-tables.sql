-- The credit system's own tables, in the columns of the 双公示 standard (2018/2019):
-- what streams/schemas/credit.*.json says, in PostgreSQL's types. A withdrawal is a state.
insert into place (place, title_zh, title_en) values
    ('cf_fr', '行政处罚信息（法人及非法人组织、个体工商户）', 'Penalties of legal persons and individual businesses'),
    ('cf_zrr', '行政处罚信息（自然人）', 'Penalties of natural persons'),
    ('xk_fr', '行政许可信息（法人及非法人组织、个体工商户）', 'Licences of legal persons and individual businesses'),
    ('xk_zrr', '行政许可信息（自然人）', 'Licences of natural persons');

create table cf_fr (
    decision_id  text primary key,
    version      integer not null,
    state        text not null,
    event_id     text not null,
    cf_xdr_mc    varchar(200),
    cf_xdr_lb    text,
    cf_xdr_shxym varchar(18),
    cf_xdr_gszc  varchar(50),
    cf_xdr_zzjg  varchar(9),
    cf_xdr_swdj  varchar(32),
    cf_xdr_sydw  varchar(120),
    cf_xdr_shzz  varchar(50),
    cf_frdb      varchar(50),
    cf_fr_zjlx   text,
    cf_fr_zjhm   varchar(64),
    cf_wsh       varchar(128),
    cf_wfxw      text,
    cf_sy        text,
    cf_yj        text,
    cf_cflb      varchar(36),
    cf_nr        text,
    cf_nr_fk     numeric(18,6),
    cf_nr_wfff   numeric(18,6),
    cf_nr_zkdx   varchar(200),
    cf_jdrq      date,
    cf_yxq       date,
    cf_gsjzq     date,
    cf_cfjg      varchar(200),
    cf_cfjgdm    varchar(18),
    cf_sjly      varchar(200),
    cf_sjlydm    varchar(18),
    cf_zt        text,
    bz           text
);
comment on table cf_fr is '行政处罚信息（法人及非法人组织、个体工商户） Penalties of legal persons and individual businesses';
comment on column cf_fr.cf_fr_zjhm is
    '受限 restricted: 法定代表人证件号码 representative''s ID number，以本单位私钥解封 opened with our own key';

create table cf_zrr (
    decision_id text primary key,
    version     integer not null,
    state       text not null,
    event_id    text not null,
    cf_xdr_mc   varchar(200),
    cf_xdr_zjlx text,
    cf_xdr_zjhm varchar(64),
    cf_wsh      varchar(128),
    cf_wfxw     text,
    cf_sy       text,
    cf_yj       text,
    cf_cflb     varchar(36),
    cf_nr       text,
    cf_nr_fk    numeric(18,6),
    cf_nr_wfff  numeric(18,6),
    cf_nr_zkdx  varchar(200),
    cf_jdrq     date,
    cf_yxq      date,
    cf_gsjzq    date,
    cf_cfjg     varchar(200),
    cf_cfjgdm   varchar(18),
    cf_sjly     varchar(200),
    cf_sjlydm   varchar(18),
    cf_zt       text,
    bz          text
);
comment on table cf_zrr is '行政处罚信息（自然人） Penalties of natural persons';
comment on column cf_zrr.cf_xdr_zjhm is
    '受限 restricted: 自然人证件号码 natural person''s ID number，以本单位私钥解封 opened with our own key';

create table xk_fr (
    decision_id  text primary key,
    version      integer not null,
    state        text not null,
    event_id     text not null,
    xk_xdr_mc    varchar(200),
    xk_xdr_lb    text,
    xk_xdr_shxym varchar(18),
    xk_xdr_gszc  varchar(50),
    xk_xdr_zzjg  varchar(9),
    xk_xdr_swdj  varchar(32),
    xk_xdr_sydw  varchar(120),
    xk_xdr_shzz  varchar(50),
    xk_frdb      varchar(50),
    xk_fr_zjlx   text,
    xk_fr_zjhm   varchar(64),
    xk_xkws      varchar(200),
    xk_wsh       varchar(128),
    xk_xklb      text,
    xk_xkzs      varchar(200),
    xk_xkbh      varchar(128),
    xk_nr        text,
    xk_jdrq      date,
    xk_yxqz      date,
    xk_yxqzi     date,
    xk_xkjg      varchar(200),
    xk_xkjgdm    varchar(18),
    xk_zt        text,
    xk_lydw      varchar(200),
    xk_lydwdm    varchar(18),
    bz           text
);
comment on table xk_fr is '行政许可信息（法人及非法人组织、个体工商户） Licences of legal persons and individual businesses';
comment on column xk_fr.xk_fr_zjhm is
    '受限 restricted: 法定代表人证件号码 representative''s ID number，以本单位私钥解封 opened with our own key';

create table xk_zrr (
    decision_id text primary key,
    version     integer not null,
    state       text not null,
    event_id    text not null,
    xk_xdr_mc   varchar(200),
    xk_xdr_lb   text,
    xk_xdr_zjlx text,
    xk_xdr_zjhm varchar(64),
    xk_xkws     varchar(200),
    xk_wsh      varchar(128),
    xk_xklb     text,
    xk_xkzs     varchar(200),
    xk_xkbh     varchar(128),
    xk_nr       text,
    xk_jdrq     date,
    xk_yxqz     date,
    xk_yxqzi    date,
    xk_xkjg     varchar(200),
    xk_xkjgdm   varchar(18),
    xk_zt       text,
    xk_lydw     varchar(200),
    xk_lydwdm   varchar(18),
    bz          text
);
comment on table xk_zrr is '行政许可信息（自然人） Licences of natural persons';
comment on column xk_zrr.xk_xdr_zjhm is
    '受限 restricted: 自然人证件号码 natural person''s ID number，以本单位私钥解封 opened with our own key';
