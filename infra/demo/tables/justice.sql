-- 市司法局 Bureau of Justice: tables as the department keeps them.

CREATE SCHEMA sfj;

COMMENT ON SCHEMA sfj IS '市司法局';

CREATE TABLE sfj.zfzt (
    ztdm   varchar(18) NOT NULL,
    ztmc   varchar(200) NOT NULL,
    ztlb   char(2),
    cjdm   char(1),
    xzqh   char(6),
    sjdm   varchar(18),
    qsdm   varchar(18),
    wtdm   varchar(18),
    zgqsrq date,
    zgzzrq date,
    ztzt   char(1),
    jddh   varchar(30)
);

COMMENT ON TABLE sfj.zfzt IS '执法主体';
COMMENT ON COLUMN sfj.zfzt.ztdm IS '主体代码（统一社会信用代码）';
COMMENT ON COLUMN sfj.zfzt.ztmc IS '主体名称';
COMMENT ON COLUMN sfj.zfzt.ztlb IS '主体类别：01法定 02授权 03委托';
COMMENT ON COLUMN sfj.zfzt.cjdm IS '层级：1省 2市 3县 4乡';
COMMENT ON COLUMN sfj.zfzt.xzqh IS '行政区划';
COMMENT ON COLUMN sfj.zfzt.sjdm IS '主管机关代码';
COMMENT ON COLUMN sfj.zfzt.qsdm IS '前身机关代码（机构改革）';
COMMENT ON COLUMN sfj.zfzt.wtdm IS '委托机关代码';
COMMENT ON COLUMN sfj.zfzt.zgqsrq IS '主体资格起始日期';
COMMENT ON COLUMN sfj.zfzt.zgzzrq IS '主体资格终止日期';
COMMENT ON COLUMN sfj.zfzt.ztzt IS '资格状态：1有效 2暂停 3注销 4撤销';
COMMENT ON COLUMN sfj.zfzt.jddh IS '监督电话';

CREATE TABLE sfj.zfzt_cym (
    ztdm varchar(18) NOT NULL,
    xh   smallint NOT NULL,
    cym  varchar(200) NOT NULL,
    qyrq date,
    tyrq date
);

COMMENT ON TABLE sfj.zfzt_cym IS '执法主体曾用名';
COMMENT ON COLUMN sfj.zfzt_cym.ztdm IS '主体代码';
COMMENT ON COLUMN sfj.zfzt_cym.xh IS '序号';
COMMENT ON COLUMN sfj.zfzt_cym.cym IS '曾用名';
COMMENT ON COLUMN sfj.zfzt_cym.qyrq IS '启用日期';
COMMENT ON COLUMN sfj.zfzt_cym.tyrq IS '停用日期';

CREATE TABLE sfj.zfwt (
    wtbh varchar(30) NOT NULL,
    wtdm varchar(18) NOT NULL,
    stdm varchar(18) NOT NULL,
    wtsx text,
    fkxe numeric(12,2),
    qsrq date,
    zzrq date
);

COMMENT ON TABLE sfj.zfwt IS '乡镇（街道）执法委托书';
COMMENT ON COLUMN sfj.zfwt.wtbh IS '委托书编号';
COMMENT ON COLUMN sfj.zfwt.wtdm IS '委托机关代码';
COMMENT ON COLUMN sfj.zfwt.stdm IS '受委托单位代码';
COMMENT ON COLUMN sfj.zfwt.wtsx IS '委托事项编码（、分隔）';
COMMENT ON COLUMN sfj.zfwt.fkxe IS '罚款限额（元）';
COMMENT ON COLUMN sfj.zfwt.qsrq IS '委托起始日期';
COMMENT ON COLUMN sfj.zfwt.zzrq IS '委托终止日期';

CREATE TABLE sfj.zfry (
    ryid bigint NOT NULL,
    zfzh varchar(24),
    fzjg varchar(100),
    xm   varchar(50),
    xb   char(1),
    rylb char(1),
    dwdm varchar(18),
    dwmc varchar(200),
    zflb varchar(50),
    zfqy varchar(100),
    xzqh char(6),
    yxqq date,
    yxqz date,
    zjzt char(1),
    lxdh varchar(20),
    sfzh varchar(18)
);

COMMENT ON TABLE sfj.zfry IS '执法人员（含协管员）';
COMMENT ON COLUMN sfj.zfry.ryid IS '人员ID';
COMMENT ON COLUMN sfj.zfry.zfzh IS '执法证号';
COMMENT ON COLUMN sfj.zfry.fzjg IS '发证机关';
COMMENT ON COLUMN sfj.zfry.xm IS '姓名';
COMMENT ON COLUMN sfj.zfry.xb IS '性别：1男 2女';
COMMENT ON COLUMN sfj.zfry.rylb IS '人员类别：1执法人员 2协管员';
COMMENT ON COLUMN sfj.zfry.dwdm IS '所属执法主体代码';
COMMENT ON COLUMN sfj.zfry.dwmc IS '所在单位';
COMMENT ON COLUMN sfj.zfry.zflb IS '执法类别';
COMMENT ON COLUMN sfj.zfry.zfqy IS '执法区域';
COMMENT ON COLUMN sfj.zfry.xzqh IS '行政区划';
COMMENT ON COLUMN sfj.zfry.yxqq IS '证件有效期起';
COMMENT ON COLUMN sfj.zfry.yxqz IS '证件有效期止';
COMMENT ON COLUMN sfj.zfry.zjzt IS '证件状态：1有效 2暂扣 3注销 4吊销 5过期';
COMMENT ON COLUMN sfj.zfry.lxdh IS '联系电话';
COMMENT ON COLUMN sfj.zfry.sfzh IS '公民身份号码';

CREATE TABLE sfj.qzsx (
    sxbm   varchar(32) NOT NULL,
    bbh    integer NOT NULL,
    sxmc   varchar(300) NOT NULL,
    qllx   char(2),
    zxbm   varchar(20),
    ssztdm varchar(18),
    cbjg   varchar(100),
    xscj   char(1),
    sdyj   text,
    zrsx   text,
    cljz   text,
    jddh   varchar(30),
    sxrq   date,
    zzrq   date,
    zt     char(1)
);

COMMENT ON TABLE sfj.qzsx IS '权责清单事项（现行版本，一码一行）';
COMMENT ON COLUMN sfj.qzsx.sxbm IS '事项编码（实施主体代码+权力类型+顺序号）';
COMMENT ON COLUMN sfj.qzsx.bbh IS '版本号';
COMMENT ON COLUMN sfj.qzsx.sxmc IS '事项名称';
COMMENT ON COLUMN sfj.qzsx.qllx IS '权力类型：01许可 02处罚 03强制 04征收 05给付 06检查 07确认 08奖励 09裁决 10其他';
COMMENT ON COLUMN sfj.qzsx.zxbm IS '主项编码（全市统一目录）';
COMMENT ON COLUMN sfj.qzsx.ssztdm IS '实施主体代码';
COMMENT ON COLUMN sfj.qzsx.cbjg IS '承办机构';
COMMENT ON COLUMN sfj.qzsx.xscj IS '行使层级：1省 2市 3县 4乡';
COMMENT ON COLUMN sfj.qzsx.sdyj IS '设定依据';
COMMENT ON COLUMN sfj.qzsx.zrsx IS '责任事项';
COMMENT ON COLUMN sfj.qzsx.cljz IS '裁量基准';
COMMENT ON COLUMN sfj.qzsx.jddh IS '监督电话';
COMMENT ON COLUMN sfj.qzsx.sxrq IS '生效日期';
COMMENT ON COLUMN sfj.qzsx.zzrq IS '失效日期';
COMMENT ON COLUMN sfj.qzsx.zt IS '状态：1有效 2暂停 3废止';

CREATE TABLE sfj.qzsx_ls (
    sxbm   varchar(32) NOT NULL,
    bbh    integer NOT NULL,
    sxmc   varchar(300) NOT NULL,
    qllx   char(2),
    zxbm   varchar(20),
    ssztdm varchar(18),
    cbjg   varchar(100),
    xscj   char(1),
    sdyj   text,
    zrsx   text,
    cljz   text,
    jddh   varchar(30),
    sxrq   date,
    zzrq   date,
    zt     char(1)
);

COMMENT ON TABLE sfj.qzsx_ls IS '权责清单事项历史版本';
COMMENT ON COLUMN sfj.qzsx_ls.sxbm IS '事项编码（实施主体代码+权力类型+顺序号）';
COMMENT ON COLUMN sfj.qzsx_ls.bbh IS '版本号';
COMMENT ON COLUMN sfj.qzsx_ls.sxmc IS '事项名称';
COMMENT ON COLUMN sfj.qzsx_ls.qllx IS '权力类型：01许可 02处罚 03强制 04征收 05给付 06检查 07确认 08奖励 09裁决 10其他';
COMMENT ON COLUMN sfj.qzsx_ls.zxbm IS '主项编码（全市统一目录）';
COMMENT ON COLUMN sfj.qzsx_ls.ssztdm IS '实施主体代码';
COMMENT ON COLUMN sfj.qzsx_ls.cbjg IS '承办机构';
COMMENT ON COLUMN sfj.qzsx_ls.xscj IS '行使层级：1省 2市 3县 4乡';
COMMENT ON COLUMN sfj.qzsx_ls.sdyj IS '设定依据';
COMMENT ON COLUMN sfj.qzsx_ls.zrsx IS '责任事项';
COMMENT ON COLUMN sfj.qzsx_ls.cljz IS '裁量基准';
COMMENT ON COLUMN sfj.qzsx_ls.jddh IS '监督电话';
COMMENT ON COLUMN sfj.qzsx_ls.sxrq IS '生效日期';
COMMENT ON COLUMN sfj.qzsx_ls.zzrq IS '失效日期';
COMMENT ON COLUMN sfj.qzsx_ls.zt IS '状态：1有效 2暂停 3废止';

-- indexes, built after the load --

ALTER TABLE sfj.zfzt ADD PRIMARY KEY (ztdm);
ALTER TABLE sfj.zfzt_cym ADD PRIMARY KEY (ztdm, xh);
ALTER TABLE sfj.zfwt ADD PRIMARY KEY (wtbh);
ALTER TABLE sfj.zfry ADD PRIMARY KEY (ryid);
ALTER TABLE sfj.qzsx ADD PRIMARY KEY (sxbm);
ALTER TABLE sfj.qzsx_ls ADD PRIMARY KEY (sxbm, bbh);

CREATE INDEX ON sfj.zfzt (xzqh);
CREATE INDEX ON sfj.zfzt (sjdm);
CREATE INDEX ON sfj.zfry (zfzh);
CREATE INDEX ON sfj.zfry (dwdm);
CREATE INDEX ON sfj.zfry (xm);
CREATE INDEX ON sfj.qzsx (ssztdm);
CREATE INDEX ON sfj.qzsx (sxrq);
