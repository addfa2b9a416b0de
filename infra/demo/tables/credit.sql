-- 市发展和改革委员会（市信用办） Credit Office of the Development and Reform Commission: tables as the department keeps them.

CREATE SCHEMA xyb;

COMMENT ON SCHEMA xyb IS '市发展和改革委员会（市信用办）';

CREATE TABLE xyb.sxmd (
    id     bigint NOT NULL,
    lrbh   varchar(30),
    mdlb   char(1),
    ly     varchar(50),
    xdr_dm varchar(20),
    xdr_mc varchar(200),
    rdjg   varchar(200),
    rdjgdm varchar(18),
    lrsy   text,
    lryj   text,
    lrwh   varchar(60),
    lrrq   varchar(10),
    yycrq  varchar(10),
    ycrq   varchar(10),
    lrzt   varchar(10)
);

COMMENT ON TABLE xyb.sxmd IS '失信名单列入记录';
COMMENT ON COLUMN xyb.sxmd.id IS '主键';
COMMENT ON COLUMN xyb.sxmd.lrbh IS '列入编号';
COMMENT ON COLUMN xyb.sxmd.mdlb IS '名单类别：A严重失信 B经营异常 C失信被执行人 D重点关注';
COMMENT ON COLUMN xyb.sxmd.ly IS '领域';
COMMENT ON COLUMN xyb.sxmd.xdr_dm IS '主体统一社会信用代码';
COMMENT ON COLUMN xyb.sxmd.xdr_mc IS '主体名称';
COMMENT ON COLUMN xyb.sxmd.rdjg IS '列入决定机关';
COMMENT ON COLUMN xyb.sxmd.rdjgdm IS '列入决定机关代码';
COMMENT ON COLUMN xyb.sxmd.lrsy IS '列入事由';
COMMENT ON COLUMN xyb.sxmd.lryj IS '列入依据';
COMMENT ON COLUMN xyb.sxmd.lrwh IS '列入决定文书号';
COMMENT ON COLUMN xyb.sxmd.lrrq IS '列入日期 YYYY-MM-DD';
COMMENT ON COLUMN xyb.sxmd.yycrq IS '应移出日期 YYYY-MM-DD';
COMMENT ON COLUMN xyb.sxmd.ycrq IS '实际移出日期 YYYY-MM-DD';
COMMENT ON COLUMN xyb.sxmd.lrzt IS '列入状态：在列/列入中/尚未移出/已移出/异议中';

CREATE TABLE xyb.xyxf (
    id     bigint NOT NULL,
    sqbh   varchar(30),
    lrbh   varchar(30),
    sqlb   char(1),
    xdr_dm varchar(20),
    sqsj   timestamp,
    slsj   timestamp,
    jdsj   timestamp,
    blzt   char(1),
    jbr    varchar(50),
    jbrdh  varchar(20)
);

COMMENT ON TABLE xyb.xyxf IS '信用修复与异议申请';
COMMENT ON COLUMN xyb.xyxf.id IS '主键';
COMMENT ON COLUMN xyb.xyxf.sqbh IS '申请编号';
COMMENT ON COLUMN xyb.xyxf.lrbh IS '列入编号';
COMMENT ON COLUMN xyb.xyxf.sqlb IS '申请类别：1修复 2异议';
COMMENT ON COLUMN xyb.xyxf.xdr_dm IS '申请主体统一社会信用代码';
COMMENT ON COLUMN xyb.xyxf.sqsj IS '申请时间';
COMMENT ON COLUMN xyb.xyxf.slsj IS '受理时间';
COMMENT ON COLUMN xyb.xyxf.jdsj IS '决定时间';
COMMENT ON COLUMN xyb.xyxf.blzt IS '办理状态：0已申请 1已受理 2准予 3不予 4撤回';
COMMENT ON COLUMN xyb.xyxf.jbr IS '经办人';
COMMENT ON COLUMN xyb.xyxf.jbrdh IS '经办人电话';

-- indexes, built after the load --

ALTER TABLE xyb.sxmd ADD PRIMARY KEY (id);
ALTER TABLE xyb.xyxf ADD PRIMARY KEY (id);

CREATE INDEX ON xyb.sxmd (xdr_dm);
CREATE INDEX ON xyb.sxmd (lrbh);
CREATE INDEX ON xyb.sxmd (lrrq);
CREATE INDEX ON xyb.sxmd (mdlb, lrzt);
CREATE INDEX ON xyb.xyxf (lrbh);
CREATE INDEX ON xyb.xyxf (xdr_dm);
CREATE INDEX ON xyb.xyxf (sqsj);
