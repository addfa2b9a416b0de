-- 公开发布的权责清单 A published list of powers, loaded as a department's own tables.

CREATE SCHEMA qzqd_sample;

COMMENT ON SCHEMA qzqd_sample IS '权责清单样本';

CREATE TABLE qzqd_sample.qzqd (
    sxbm varchar(20) PRIMARY KEY,
    lsbz char(1) NOT NULL,
    sxmc text NOT NULL,
    qllx varchar(40),
    ssyj text,
    xszt varchar(200),
    cbjg varchar(400),
    sscj varchar(100),
    zrsx text,
    jddh varchar(100),
    bz   text,
    wjm  text NOT NULL,
    gzb  text NOT NULL,
    hh   integer NOT NULL
);

COMMENT ON TABLE qzqd_sample.qzqd IS '权责清单（公开发布的工作簿，一事项一行）';
COMMENT ON COLUMN qzqd_sample.qzqd.sxbm IS '事项编码（临时编码，待司法行政部门赋码）';
COMMENT ON COLUMN qzqd_sample.qzqd.lsbz IS '临时编码标志：1为临时';
COMMENT ON COLUMN qzqd_sample.qzqd.sxmc IS '事项名称';
COMMENT ON COLUMN qzqd_sample.qzqd.qllx IS '权力类型（照原表，去除空白）';
COMMENT ON COLUMN qzqd_sample.qzqd.ssyj IS '实施依据';
COMMENT ON COLUMN qzqd_sample.qzqd.xszt IS '行使主体';
COMMENT ON COLUMN qzqd_sample.qzqd.cbjg IS '承办机构';
COMMENT ON COLUMN qzqd_sample.qzqd.sscj IS '实施层级';
COMMENT ON COLUMN qzqd_sample.qzqd.zrsx IS '责任事项内容';
COMMENT ON COLUMN qzqd_sample.qzqd.jddh IS '监督电话';
COMMENT ON COLUMN qzqd_sample.qzqd.bz IS '备注';
COMMENT ON COLUMN qzqd_sample.qzqd.wjm IS '来源文件名';
COMMENT ON COLUMN qzqd_sample.qzqd.gzb IS '来源工作表';
COMMENT ON COLUMN qzqd_sample.qzqd.hh IS '来源行号';

CREATE TABLE qzqd_sample.qzqd_zx (
    sxbm varchar(20) NOT NULL,
    xh   smallint NOT NULL,
    zxmc text,
    qllx varchar(40),
    ssyj text,
    xszt varchar(200),
    cbjg varchar(400),
    sscj varchar(100),
    zrsx text,
    jddh varchar(100),
    bz   text,
    hh   integer NOT NULL,
    PRIMARY KEY (sxbm, xh)
);

COMMENT ON TABLE qzqd_sample.qzqd_zx IS '权责清单子项和其他层级（原表中同一事项的各行）';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.sxbm IS '事项编码';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.xh IS '序号';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.zxmc IS '子项名称';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.qllx IS '权力类型（照原表，去除空白）';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.ssyj IS '实施依据';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.xszt IS '行使主体';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.cbjg IS '承办机构';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.sscj IS '实施层级';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.zrsx IS '责任事项内容';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.jddh IS '监督电话';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.bz IS '备注';
COMMENT ON COLUMN qzqd_sample.qzqd_zx.hh IS '来源行号';
