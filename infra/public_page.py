"""The public page's files: our own, copied at set-up.

``python -m zhitong.infra.public_page [portal]`` copies them from the portal folder into
the state folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from zhitong.exceptions import SettingsError
from zhitong.infra.live_page import POLICY
from zhitong.infra.pages import Pages, copy
from zhitong.infra.settings import from_environment

PAGE = ("index.html", "public.css", "public.js", "words.js", "icon.svg")
"""From portal/public."""

MISSING = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>行政执法公示</title>
<h1>公示页面尚未安装</h1>
<p>请在代码目录执行 <code>make setup</code>，然后刷新本页。
<code>/public/publications</code> 不受影响。</p>
<h1>The public page is not installed</h1>
<p>Run <code>make setup</code> in the repository and reload this page.
<code>/public/publications</code> works without it.</p>
</html>
"""


def public_page(folder: Path) -> Pages:
    """Serve the page that lies in *folder*."""
    return Pages(folder, policy=POLICY, missing=MISSING)


def install(portal: Path, target: Path) -> None:
    """Copy the page; raise `SettingsError` where a file is missing."""
    copy({portal / "public" / name: target / name for name in PAGE}, portal)


def main() -> None:
    """Install into the state folder of the settings."""
    portal = Path(sys.argv[1] if len(sys.argv) > 1 else "portal")
    try:
        install(portal, from_environment().public)
    except SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
