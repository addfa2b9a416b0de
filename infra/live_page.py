"""The live page's files: our own, and ECharts from npm where it is installed.

``python -m zhitong.infra.live_page [portal]`` copies them from the portal folder into
the state folder. Without ECharts the page has its numbers and tables, no chart.
"""

from __future__ import annotations

import sys
from pathlib import Path

from zhitong.exceptions import SettingsError
from zhitong.infra.pages import Pages, copy
from zhitong.infra.settings import from_environment

FILES = {
    "echarts/dist/echarts.common.min.js": "echarts.js",
    "echarts/LICENSE": "echarts.LICENSE.txt",
    "echarts/NOTICE": "echarts.NOTICE.txt",
}
"""From node_modules, under the names our page uses."""

PAGE = (
    "index.html",
    "live.css",
    "live.js",
    "stream.js",
    "ask.js",
    "chart.js",
    "view.js",
    "words.js",
    "icon.svg",
)
"""From portal/live."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Only our own files: what a decision's text holds cannot run here."""

MISSING = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>执通 Zhitong</title>
<h1>实时页面尚未安装</h1>
<p>请在代码目录执行 <code>make setup</code>，然后刷新本页。
<code>/live/stream</code> 和 <code>/graphql</code> 不受影响。</p>
<h1>The live page is not installed</h1>
<p>Run <code>make setup</code> in the repository and reload this page.
<code>/live/stream</code> and <code>/graphql</code> work without it.</p>
</html>
"""


def live_page(folder: Path) -> Pages:
    """Serve the page that lies in *folder*."""
    return Pages(folder, policy=POLICY, missing=MISSING)


def install(portal: Path, target: Path) -> bool:
    """Copy the page, and ECharts if *portal* has it; say whether it has."""
    copy({portal / "live" / name: target / name for name in PAGE}, portal)
    modules = portal / "node_modules"
    try:
        copy({modules / name: target / to for name, to in FILES.items()}, portal)
    except SettingsError:
        return False
    return True


def main() -> None:
    """Install into the state folder of the settings."""
    portal = Path(sys.argv[1] if len(sys.argv) > 1 else "portal")
    try:
        charts = install(portal, from_environment().live)
    except SettingsError as error:
        sys.exit(str(error))
    if not charts:
        print(  # noqa: T201 - make says it to whoever sets up
            "没有 ECharts，实时页面不画图 / no ECharts: the live page has no chart",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
