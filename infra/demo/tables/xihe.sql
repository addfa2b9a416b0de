-- 西河县行政执法综合管理系统 Case system of Xihe County: tables as the department keeps them.

CREATE SCHEMA xhx;

COMMENT ON SCHEMA xhx IS '西河县行政执法综合管理系统';

CREATE TABLE xhx.aj_xx (
    aj_id    varchar(20) NOT NULL,
    aj_bh    varchar(40),
    aj_mc    varchar(300),
    xw_dm    char(2),
    zt_dm    char(2),
    ly_dm    char(2),
    zfjg_dm  varchar(18),
    zfjg_mc  varchar(200),
    qzsx_bm  varchar(32),
    xdr_lx   char(2),
    xdr_mc   varchar(200),
    xdr_dm   varchar(20),
    xdr_zjhm varchar(18),
    xdr_dh   varchar(20),
    aj_dd    varchar(200),
    la_rq    date,
    jd_rq    date,
    ja_rq    date,
    jdws_h   varchar(60),
    wf_ss    text,
    cf_yj    text,
    cf_jg    text,
    fk_fen   bigint,
    gd_rq    date
);

COMMENT ON TABLE xhx.aj_xx IS '案件信息';
COMMENT ON COLUMN xhx.aj_xx.aj_id IS '案件标识';
COMMENT ON COLUMN xhx.aj_xx.aj_bh IS '案件编号';
COMMENT ON COLUMN xhx.aj_xx.aj_mc IS '案件名称';
COMMENT ON COLUMN xhx.aj_xx.xw_dm IS '行为代码：01许可 02处罚 03强制 04征收 05征用 06给付 07确认 08裁决 09检查';
COMMENT ON COLUMN xhx.aj_xx.zt_dm IS '状态代码：01立案 02调查 03审核 04决定 05结案 08销案 09移送';
COMMENT ON COLUMN xhx.aj_xx.ly_dm IS '来源代码：01检查 02举报 03交办 04移送 05监测 09其他';
COMMENT ON COLUMN xhx.aj_xx.zfjg_dm IS '执法机关代码';
COMMENT ON COLUMN xhx.aj_xx.zfjg_mc IS '执法机关名称';
COMMENT ON COLUMN xhx.aj_xx.qzsx_bm IS '权责事项编码';
COMMENT ON COLUMN xhx.aj_xx.xdr_lx IS '相对人类型：10法人 20个体 30自然人';
COMMENT ON COLUMN xhx.aj_xx.xdr_mc IS '相对人名称';
COMMENT ON COLUMN xhx.aj_xx.xdr_dm IS '相对人代码';
COMMENT ON COLUMN xhx.aj_xx.xdr_zjhm IS '相对人证件号码';
COMMENT ON COLUMN xhx.aj_xx.xdr_dh IS '相对人电话';
COMMENT ON COLUMN xhx.aj_xx.aj_dd IS '案发地点';
COMMENT ON COLUMN xhx.aj_xx.la_rq IS '立案日期';
COMMENT ON COLUMN xhx.aj_xx.jd_rq IS '决定日期';
COMMENT ON COLUMN xhx.aj_xx.ja_rq IS '结案日期';
COMMENT ON COLUMN xhx.aj_xx.jdws_h IS '决定文书号';
COMMENT ON COLUMN xhx.aj_xx.wf_ss IS '违法事实';
COMMENT ON COLUMN xhx.aj_xx.cf_yj IS '处罚依据';
COMMENT ON COLUMN xhx.aj_xx.cf_jg IS '处罚结果';
COMMENT ON COLUMN xhx.aj_xx.fk_fen IS '罚款金额（分）';
COMMENT ON COLUMN xhx.aj_xx.gd_rq IS '归档日期';

CREATE TABLE xhx.aj_ry (
    aj_id varchar(20) NOT NULL,
    px    smallint NOT NULL,
    zfzh  varchar(24)
);

COMMENT ON TABLE xhx.aj_ry IS '案件人员关联';
COMMENT ON COLUMN xhx.aj_ry.aj_id IS '案件标识';
COMMENT ON COLUMN xhx.aj_ry.px IS '排序';
COMMENT ON COLUMN xhx.aj_ry.zfzh IS '执法证号';

-- indexes, built after the load --

ALTER TABLE xhx.aj_xx ADD PRIMARY KEY (aj_id);
ALTER TABLE xhx.aj_ry ADD PRIMARY KEY (aj_id, px);

CREATE INDEX ON xhx.aj_xx (xdr_dm);
CREATE INDEX ON xhx.aj_xx (la_rq);
CREATE INDEX ON xhx.aj_xx (aj_bh);
CREATE INDEX ON xhx.aj_xx (zfjg_dm, la_rq);
CREATE INDEX ON xhx.aj_xx (qzsx_bm);
CREATE INDEX ON xhx.aj_ry (zfzh, aj_id);
