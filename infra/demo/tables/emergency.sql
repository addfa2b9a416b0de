-- 市应急管理局 Emergency Management Bureau: tables as the department keeps them.

CREATE SCHEMA yjj;

COMMENT ON SCHEMA yjj IS '市应急管理局';

CREATE TABLE yjj.aj_jbxx (
    ajid       varchar(32) NOT NULL,
    ajbh       varchar(40),
    ajmc       varchar(300),
    xwlb       char(1),
    ajzt       char(1),
    ajly       char(2),
    cbjg_dm    varchar(18),
    cbjg_mc    varchar(200),
    sxbm       varchar(32),
    xzqh       char(6),
    dsrlx      varchar(10),
    dsrmc      varchar(200),
    dsr_shxydm varchar(20),
    dsr_zjhm   varchar(18),
    dsr_lxdh   varchar(20),
    fadd       varchar(200),
    larq       varchar(8),
    jdrq       varchar(20),
    jarq       varchar(8),
    jdswh      varchar(60),
    wfss       text,
    cfyj       text,
    cfjd       text,
    fkje       numeric(18,6),
    gdrq       varchar(8)
);

COMMENT ON TABLE yjj.aj_jbxx IS '案件基本信息';
COMMENT ON COLUMN yjj.aj_jbxx.ajid IS '案件ID';
COMMENT ON COLUMN yjj.aj_jbxx.ajbh IS '案件编号';
COMMENT ON COLUMN yjj.aj_jbxx.ajmc IS '案件名称';
COMMENT ON COLUMN yjj.aj_jbxx.xwlb IS '行为类别：1处罚 2强制 3许可 4检查 5确认';
COMMENT ON COLUMN yjj.aj_jbxx.ajzt IS '案件状态：1立案 2调查 3审核 4决定 5结案 6撤销 7移送';
COMMENT ON COLUMN yjj.aj_jbxx.ajly IS '案件来源：01检查 02举报 03交办 04移送 05监测 99其他';
COMMENT ON COLUMN yjj.aj_jbxx.cbjg_dm IS '承办机关代码';
COMMENT ON COLUMN yjj.aj_jbxx.cbjg_mc IS '承办机关名称';
COMMENT ON COLUMN yjj.aj_jbxx.sxbm IS '权责事项编码';
COMMENT ON COLUMN yjj.aj_jbxx.xzqh IS '案发地行政区划';
COMMENT ON COLUMN yjj.aj_jbxx.dsrlx IS '当事人类型：法人/非法人组织/个体/自然人';
COMMENT ON COLUMN yjj.aj_jbxx.dsrmc IS '当事人名称';
COMMENT ON COLUMN yjj.aj_jbxx.dsr_shxydm IS '当事人统一社会信用代码';
COMMENT ON COLUMN yjj.aj_jbxx.dsr_zjhm IS '当事人证件号码';
COMMENT ON COLUMN yjj.aj_jbxx.dsr_lxdh IS '当事人联系电话';
COMMENT ON COLUMN yjj.aj_jbxx.fadd IS '案发地点';
COMMENT ON COLUMN yjj.aj_jbxx.larq IS '立案日期 YYYYMMDD';
COMMENT ON COLUMN yjj.aj_jbxx.jdrq IS '决定日期（照决定书，如2024年3月5日）';
COMMENT ON COLUMN yjj.aj_jbxx.jarq IS '结案日期 YYYYMMDD';
COMMENT ON COLUMN yjj.aj_jbxx.jdswh IS '决定书文号';
COMMENT ON COLUMN yjj.aj_jbxx.wfss IS '违法事实';
COMMENT ON COLUMN yjj.aj_jbxx.cfyj IS '处罚依据';
COMMENT ON COLUMN yjj.aj_jbxx.cfjd IS '处罚决定';
COMMENT ON COLUMN yjj.aj_jbxx.fkje IS '罚款金额（万元）';
COMMENT ON COLUMN yjj.aj_jbxx.gdrq IS '归档日期 YYYYMMDD';

CREATE TABLE yjj.aj_zfry (
    ajid varchar(32) NOT NULL,
    xh   smallint NOT NULL,
    zfzh varchar(24),
    xm   varchar(50)
);

COMMENT ON TABLE yjj.aj_zfry IS '案件执法人员';
COMMENT ON COLUMN yjj.aj_zfry.ajid IS '案件ID';
COMMENT ON COLUMN yjj.aj_zfry.xh IS '序号（1为主办）';
COMMENT ON COLUMN yjj.aj_zfry.zfzh IS '执法证号';
COMMENT ON COLUMN yjj.aj_zfry.xm IS '姓名';

CREATE TABLE yjj.jc_jl (
    jcid      bigint NOT NULL,
    jcbh      varchar(40),
    jcfs      char(1),
    jhbh      varchar(40),
    jcjg_dm   varchar(18),
    xzqh      char(6),
    dx_shxydm varchar(20),
    dx_mc     varchar(200),
    jcrq      date,
    jcjg      char(1),
    wtms      text,
    ajbh      varchar(40)
);

COMMENT ON TABLE yjj.jc_jl IS '行政检查记录';
COMMENT ON COLUMN yjj.jc_jl.jcid IS '检查ID';
COMMENT ON COLUMN yjj.jc_jl.jcbh IS '检查编号';
COMMENT ON COLUMN yjj.jc_jl.jcfs IS '检查方式：1双随机 2重点 3专项 4日常 5举报核查';
COMMENT ON COLUMN yjj.jc_jl.jhbh IS '检查计划编号';
COMMENT ON COLUMN yjj.jc_jl.jcjg_dm IS '检查机关代码';
COMMENT ON COLUMN yjj.jc_jl.xzqh IS '检查地行政区划';
COMMENT ON COLUMN yjj.jc_jl.dx_shxydm IS '检查对象统一社会信用代码';
COMMENT ON COLUMN yjj.jc_jl.dx_mc IS '检查对象名称';
COMMENT ON COLUMN yjj.jc_jl.jcrq IS '检查日期';
COMMENT ON COLUMN yjj.jc_jl.jcjg IS '检查结果：0未发现问题 1当场改正 2限期改正 3立案 9查无下落';
COMMENT ON COLUMN yjj.jc_jl.wtms IS '发现的问题';
COMMENT ON COLUMN yjj.jc_jl.ajbh IS '关联案件编号';

CREATE TABLE yjj.jc_ry (
    jcid bigint NOT NULL,
    xh   smallint NOT NULL,
    zfzh varchar(24)
);

COMMENT ON TABLE yjj.jc_ry IS '检查人员';
COMMENT ON COLUMN yjj.jc_ry.jcid IS '检查ID';
COMMENT ON COLUMN yjj.jc_ry.xh IS '序号';
COMMENT ON COLUMN yjj.jc_ry.zfzh IS '执法证号';

CREATE TABLE yjj.xkzs (
    zsid      bigint NOT NULL,
    zsbh      varchar(40),
    zsmc      varchar(100),
    xkwsh     varchar(60),
    xklb      char(2),
    xkfw      text,
    dw_shxydm varchar(20),
    dw_mc     varchar(200),
    fzjg_dm   varchar(18),
    fzjg_mc   varchar(200),
    fzrq      date,
    yxqq      date,
    yxqz      date,
    zszt      varchar(10)
);

COMMENT ON TABLE yjj.xkzs IS '安全生产许可证书';
COMMENT ON COLUMN yjj.xkzs.zsid IS '证书ID';
COMMENT ON COLUMN yjj.xkzs.zsbh IS '证书编号';
COMMENT ON COLUMN yjj.xkzs.zsmc IS '证书名称';
COMMENT ON COLUMN yjj.xkzs.xkwsh IS '许可决定文号';
COMMENT ON COLUMN yjj.xkzs.xklb IS '许可类别：01普通 02特许 03认可 04核准 05登记 06其他';
COMMENT ON COLUMN yjj.xkzs.xkfw IS '许可范围';
COMMENT ON COLUMN yjj.xkzs.dw_shxydm IS '单位统一社会信用代码';
COMMENT ON COLUMN yjj.xkzs.dw_mc IS '单位名称';
COMMENT ON COLUMN yjj.xkzs.fzjg_dm IS '发证机关代码';
COMMENT ON COLUMN yjj.xkzs.fzjg_mc IS '发证机关';
COMMENT ON COLUMN yjj.xkzs.fzrq IS '发证日期';
COMMENT ON COLUMN yjj.xkzs.yxqq IS '有效期起';
COMMENT ON COLUMN yjj.xkzs.yxqz IS '有效期止';
COMMENT ON COLUMN yjj.xkzs.zszt IS '证书状态：有效/暂扣/注销/吊销/过期';

-- indexes, built after the load --

ALTER TABLE yjj.aj_jbxx ADD PRIMARY KEY (ajid);
ALTER TABLE yjj.aj_zfry ADD PRIMARY KEY (ajid, xh);
ALTER TABLE yjj.jc_jl ADD PRIMARY KEY (jcid);
ALTER TABLE yjj.jc_ry ADD PRIMARY KEY (jcid, xh);
ALTER TABLE yjj.xkzs ADD PRIMARY KEY (zsid);

CREATE INDEX ON yjj.aj_jbxx (dsr_shxydm);
CREATE INDEX ON yjj.aj_jbxx (larq);
CREATE INDEX ON yjj.aj_jbxx (ajbh);
CREATE INDEX ON yjj.aj_jbxx (cbjg_dm, larq);
CREATE INDEX ON yjj.aj_jbxx (sxbm);
CREATE INDEX ON yjj.aj_zfry (zfzh, ajid);
CREATE INDEX ON yjj.jc_jl (dx_shxydm);
CREATE INDEX ON yjj.jc_jl (jcrq);
CREATE INDEX ON yjj.jc_jl (ajbh);
CREATE INDEX ON yjj.jc_jl (jcbh);
CREATE INDEX ON yjj.jc_jl (jcjg_dm, jcrq);
CREATE INDEX ON yjj.jc_ry (zfzh, jcid);
CREATE INDEX ON yjj.xkzs (dw_shxydm);
CREATE INDEX ON yjj.xkzs (zsbh);
CREATE INDEX ON yjj.xkzs (fzjg_dm);
CREATE INDEX ON yjj.xkzs (fzrq);
