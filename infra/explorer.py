"""The explorer: GraphiQL's files from npm, copied once, served without internet.

``python -m zhitong.infra.explorer [portal]`` copies them from the portal folder,
where ``npm ci`` has put them, into the state folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from zhitong.exceptions import SettingsError
from zhitong.infra.pages import Pages, copy
from zhitong.infra.settings import from_environment

FILES = {
    "graphiql/graphiql.min.js": "graphiql.js",
    "graphiql/graphiql.min.css": "graphiql.css",
    "graphiql/LICENSE": "graphiql.LICENSE.txt",
    "react/umd/react.production.min.js": "react.js",
    "react/LICENSE": "react.LICENSE.txt",
    "react-dom/umd/react-dom.production.min.js": "react-dom.js",
}
"""From node_modules, under the names our page uses."""

PAGE = ("index.html", "explorer.js", "explorer.css")
"""From portal/explorer."""

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; "
    # GraphiQL's dialogs and CodeMirror write style elements and attributes.
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Only our own files, and only our own addresses are asked."""

MISSING = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>执通 Zhitong</title>
<h1>查询界面尚未安装</h1>
<p>请在代码目录执行 <code>make setup</code>（需要 npm），然后刷新本页。
接口 <code>/graphql</code> 不受影响。</p>
<h1>The explorer is not installed</h1>
<p>Run <code>make setup</code> in the repository (npm is needed) and reload this
page. The interface <code>/graphql</code> works without it.</p>
</html>
"""


def explorer(folder: Path) -> Pages:
    """Serve the explorer that lies in *folder*."""
    return Pages(folder, policy=POLICY, missing=MISSING)


def install(portal: Path, target: Path) -> None:
    """Copy page and libraries from *portal* into *target*."""
    modules = portal / "node_modules"
    files = {modules / name: target / to for name, to in FILES.items()}
    files |= {portal / "explorer" / name: target / name for name in PAGE}
    copy(files, portal)


def main() -> None:
    """Install into the state folder of the settings."""
    portal = Path(sys.argv[1] if len(sys.argv) > 1 else "portal")
    try:
        install(portal, from_environment().explorer)
    except SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
