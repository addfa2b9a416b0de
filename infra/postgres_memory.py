"""The one thing a killed server leaves outside its folder: 56 bytes of memory.

PostgreSQL guards a data folder with a System V segment. A clean stop removes it
and so does the next start after a crash; a folder that is deleted after a crash
would leave it for ever, and a system has room for a few thousand.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_SEGMENTS = Path("/proc/sysvipc/shm")


def release(data: Path) -> None:
    """Remove the segment of the stopped server of *data*, if it left one."""
    segment = _left_by(data)
    tool = shutil.which("ipcrm")
    if segment and tool:
        subprocess.run([tool, "-m", segment], check=False, capture_output=True)  # noqa: S603 - a number we have compared


def _left_by(data: Path) -> str:
    """Find the segment's id; only if key and creator agree and nobody uses it."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid, (key, segment) = lines[0], lines[6].split()
        rows = [row.split() for row in _SEGMENTS.read_text().splitlines()]
    except (FileNotFoundError, IndexError, ValueError):
        return ""
    # Columns: key, id, mode, size, creator, last user, attached, ...
    for row in rows:
        if (row[0], row[1], row[4], row[6]) == (key, segment, pid, "0"):
            return segment
    return ""
