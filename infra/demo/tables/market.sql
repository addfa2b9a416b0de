-- 市市场监督管理局 Administration for Market Regulation: tables as the department keeps them.

CREATE SCHEMA scjg;

COMMENT ON SCHEMA scjg IS '市市场监督管理局';

CREATE TABLE scjg.xdr (
    xdr_id     bigint NOT NULL,
    xdr_shxydm varchar(20),
    xdr_zch    varchar(20),
    xdr_mc     varchar(200) NOT NULL,
    xdr_cym    text,
    xdr_lx     char(1),
    hydm       varchar(5),
    xzqh       char(6),
    clrq       date,
    djzt       char(1),
    fddbr      varchar(50),
    lxdh       varchar(20),
    zs         varchar(200),
    zjhm       varchar(18)
);

COMMENT ON TABLE scjg.xdr IS '行政相对人（登记库）';
COMMENT ON COLUMN scjg.xdr.xdr_id IS '登记库内编号';
COMMENT ON COLUMN scjg.xdr.xdr_shxydm IS '统一社会信用代码';
COMMENT ON COLUMN scjg.xdr.xdr_zch IS '工商注册号（旧）';
COMMENT ON COLUMN scjg.xdr.xdr_mc IS '名称';
COMMENT ON COLUMN scjg.xdr.xdr_cym IS '曾用名称（；分隔）';
COMMENT ON COLUMN scjg.xdr.xdr_lx IS '类型：1法人及非法人组织 2个体工商户 3自然人';
COMMENT ON COLUMN scjg.xdr.hydm IS '行业代码 GB/T 4754';
COMMENT ON COLUMN scjg.xdr.xzqh IS '行政区划';
COMMENT ON COLUMN scjg.xdr.clrq IS '成立日期';
COMMENT ON COLUMN scjg.xdr.djzt IS '登记状态：1存续 2吊销 3注销 4歇业 5迁出';
COMMENT ON COLUMN scjg.xdr.fddbr IS '法定代表人（负责人、经营者）';
COMMENT ON COLUMN scjg.xdr.lxdh IS '联系电话';
COMMENT ON COLUMN scjg.xdr.zs IS '住所';
COMMENT ON COLUMN scjg.xdr.zjhm IS '证件号码（自然人、经营者）';

CREATE TABLE scjg.xkz (
    xk_id      bigint NOT NULL,
    xkzbh      varchar(40),
    xkzs       varchar(100),
    xkwsh      varchar(60),
    xklb       char(2),
    xknr       text,
    xdr_shxydm varchar(20),
    xdr_mc     varchar(200),
    xkjgdm     varchar(18),
    xkjg       varchar(200),
    jdrq       varchar(10),
    yxqz       varchar(10),
    yxqzi      varchar(10),
    zt         char(1)
);

COMMENT ON TABLE scjg.xkz IS '行政许可';
COMMENT ON COLUMN scjg.xkz.xk_id IS '许可ID';
COMMENT ON COLUMN scjg.xkz.xkzbh IS '许可证编号';
COMMENT ON COLUMN scjg.xkz.xkzs IS '许可证书名称';
COMMENT ON COLUMN scjg.xkz.xkwsh IS '许可决定文书号';
COMMENT ON COLUMN scjg.xkz.xklb IS '许可类别：01普通 02特许 03认可 04核准 05登记 06其他';
COMMENT ON COLUMN scjg.xkz.xknr IS '许可内容';
COMMENT ON COLUMN scjg.xkz.xdr_shxydm IS '相对人统一社会信用代码';
COMMENT ON COLUMN scjg.xkz.xdr_mc IS '相对人名称';
COMMENT ON COLUMN scjg.xkz.xkjgdm IS '许可机关代码';
COMMENT ON COLUMN scjg.xkz.xkjg IS '许可机关';
COMMENT ON COLUMN scjg.xkz.jdrq IS '许可决定日期 YYYY/MM/DD';
COMMENT ON COLUMN scjg.xkz.yxqz IS '有效期自 YYYY/MM/DD';
COMMENT ON COLUMN scjg.xkz.yxqzi IS '有效期至 YYYY/MM/DD，2099/12/31 为长期';
COMMENT ON COLUMN scjg.xkz.zt IS '当前状态：1有效 2暂停 3注销 4撤销 5过期';

CREATE TABLE scjg.aj (
    aj_id    bigint NOT NULL,
    ajbh     varchar(40),
    ay       varchar(300),
    xwlx     char(2),
    ajzt     char(2),
    ajly     char(1),
    zfzt_dm  varchar(18),
    zfzt_mc  varchar(200),
    sxbm     varchar(32),
    xzqh     char(6),
    dsr_dm   varchar(20),
    dsr_mc   varchar(200),
    dsr_lx   char(1),
    dsr_zjhm varchar(18),
    dsr_dh   varchar(20),
    fadd     varchar(200),
    lasj     timestamptz,
    jdrq     date,
    jasj     timestamp,
    jdswh    varchar(60),
    wfss     text,
    cfyj     text,
    cfnr     text,
    fkje     numeric(16,2),
    zfryzh   varchar(100),
    gdrq     date
);

COMMENT ON TABLE scjg.aj IS '案件';
COMMENT ON COLUMN scjg.aj.aj_id IS '案件ID';
COMMENT ON COLUMN scjg.aj.ajbh IS '案件编号';
COMMENT ON COLUMN scjg.aj.ay IS '案由';
COMMENT ON COLUMN scjg.aj.xwlx IS '执法行为：CF处罚 QZ强制 XK许可 QR确认 JC检查 ZS征收 CJ裁决';
COMMENT ON COLUMN scjg.aj.ajzt IS '案件状态：10立案 20调查 30审核 40决定 50结案 80撤销 90移送';
COMMENT ON COLUMN scjg.aj.ajly IS '案件来源：1检查 2投诉举报 3交办 4移送 5监测 9其他';
COMMENT ON COLUMN scjg.aj.zfzt_dm IS '执法主体代码';
COMMENT ON COLUMN scjg.aj.zfzt_mc IS '执法主体名称';
COMMENT ON COLUMN scjg.aj.sxbm IS '权责事项编码';
COMMENT ON COLUMN scjg.aj.xzqh IS '案发地行政区划';
COMMENT ON COLUMN scjg.aj.dsr_dm IS '当事人代码';
COMMENT ON COLUMN scjg.aj.dsr_mc IS '当事人名称';
COMMENT ON COLUMN scjg.aj.dsr_lx IS '当事人类型：1法人及非法人组织 2个体工商户 3自然人';
COMMENT ON COLUMN scjg.aj.dsr_zjhm IS '当事人证件号码';
COMMENT ON COLUMN scjg.aj.dsr_dh IS '当事人电话';
COMMENT ON COLUMN scjg.aj.fadd IS '案发地点';
COMMENT ON COLUMN scjg.aj.lasj IS '立案时间';
COMMENT ON COLUMN scjg.aj.jdrq IS '处罚决定日期';
COMMENT ON COLUMN scjg.aj.jasj IS '结案时间';
COMMENT ON COLUMN scjg.aj.jdswh IS '决定书文号';
COMMENT ON COLUMN scjg.aj.wfss IS '违法事实';
COMMENT ON COLUMN scjg.aj.cfyj IS '处罚依据';
COMMENT ON COLUMN scjg.aj.cfnr IS '处罚内容';
COMMENT ON COLUMN scjg.aj.fkje IS '罚款金额（元）';
COMMENT ON COLUMN scjg.aj.zfryzh IS '办案人员执法证号（,分隔）';
COMMENT ON COLUMN scjg.aj.gdrq IS '归档日期';

-- indexes, built after the load --

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

ALTER TABLE scjg.xdr ADD PRIMARY KEY (xdr_id);
ALTER TABLE scjg.xkz ADD PRIMARY KEY (xk_id);
ALTER TABLE scjg.aj ADD PRIMARY KEY (aj_id);

CREATE INDEX ON scjg.xdr (xdr_shxydm);
CREATE INDEX ON scjg.xdr (xdr_zch);
CREATE INDEX ON scjg.xdr (clrq);
CREATE INDEX ON scjg.xdr (xzqh);
CREATE INDEX ON scjg.xdr USING gin (xdr_mc public.gin_trgm_ops);
CREATE INDEX ON scjg.xkz (xdr_shxydm);
CREATE INDEX ON scjg.xkz (xkzbh);
CREATE INDEX ON scjg.xkz (xkjgdm);
CREATE INDEX ON scjg.xkz (jdrq);
CREATE INDEX ON scjg.aj (dsr_dm);
CREATE INDEX ON scjg.aj (lasj);
CREATE INDEX ON scjg.aj (ajbh);
CREATE INDEX ON scjg.aj (zfzt_dm, lasj);
CREATE INDEX ON scjg.aj (sxbm);
CREATE INDEX ON scjg.aj USING gin (dsr_mc public.gin_trgm_ops);
-- Written as a binding's split reads the cell, or it would not be used.
CREATE INDEX ON scjg.aj USING gin (
    array_remove(regexp_split_to_array(zfryzh,
        '[\s\u3000\u00a0]*[,][\s\u3000\u00a0]*|^[\s\u3000\u00a0]+|[\s\u3000\u00a0]+$'), '')
);
