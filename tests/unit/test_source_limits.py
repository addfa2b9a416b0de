"""What a department's database bears, as docs/limits.md says it."""

from __future__ import annotations

from pathlib import Path

from zhitong.connectors.kept import SECONDS_SPARE, TEXT
from zhitong.connectors.pool import PREPARED
from zhitong.connectors.postgresql import POOL_SIZE
from zhitong.resolvers.shares import SMALLEST

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"


def test_the_page_says_what_a_department_bears() -> None:
    chapter = PAGE.read_text("utf-8").partition("## 对部门数据库的约束")[2]
    assert f"最多同时用 {POOL_SIZE} 个连接" in chapter
    assert f"at most {POOL_SIZE} connections" in chapter
    assert f"最多保留 {PREPARED} 条预备语句" in chapter
    assert f"at most {PREPARED} statements prepared" in chapter
    assert f"满 {TEXT:,} 个字符" in chapter
    assert f"has had {TEXT:,} characters" in chapter
    assert f"一页有 {SMALLEST} 行以上" in chapter
    assert f"a page of {SMALLEST} rows and more" in chapter
    assert SECONDS_SPARE == 5 * 60
    assert "五分钟" in chapter
    assert "five minutes" in chapter
