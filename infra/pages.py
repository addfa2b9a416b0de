"""A folder of web pages, copied once at set-up, served without internet."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from zhitong.exceptions import SettingsError

ENTRANCE = "index.html"


class Pages:
    """Serves a folder's files and fences them in, or says how to install them."""

    def __init__(self, folder: Path, *, policy: str, missing: str) -> None:
        self._folder = folder
        self._missing = missing
        self._headers = {
            "content-security-policy": policy,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "cache-control": "no-cache",
        }
        # The folder may be filled while the gateway runs.
        self._files = StaticFiles(directory=folder, html=True, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a file and the headers that fence it in."""
        response = await self._response(scope)
        response.headers.update(self._headers)
        await response(scope, receive, send)

    async def _response(self, scope: Scope) -> Response:
        if not (self._folder / ENTRANCE).is_file():
            return HTMLResponse(self._missing, status_code=503)
        return await self._files.get_response(self._files.get_path(scope), scope)


def copy(files: Mapping[Path, Path], portal: Path) -> None:
    """Copy *files*, all or, raising `SettingsError` where one is missing, none."""
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        raise SettingsError(
            f"缺少 {missing}，请先执行 npm ci --prefix {portal} --omit=dev。",
            f"{missing} is missing; run npm ci --prefix {portal} --omit=dev first.",
        )
    for source, to in files.items():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, to)
