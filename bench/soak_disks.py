"""Small disks of a soak: they can be filled to the last byte, as root may."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

LARGE_MIB = 8_192
"""Of a disk that is not full; memory is taken only by what lies on it."""
_PIECE = 1 << 20
_FILLER = "soak.filler"


def may_mount() -> bool:
    """Say whether this machine lets us."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


def small_disk(folder: Path, mebibytes: int) -> None:
    """Put what is in *folder* onto a disk of its own."""
    owner, aside = folder.stat(), folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir(mode=0o700)
    os.chown(folder, owner.st_uid, owner.st_gid)
    what = f"size={mebibytes}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    _run("mount", "-t", "tmpfs", "-o", what, "tmpfs", str(folder))
    _run("cp", "-a", f"{aside}/.", str(folder))
    shutil.rmtree(aside)


def no_small_disk(folder: Path) -> None:
    """Put it back to where it was."""
    aside = folder.with_name(f"{folder.name}.aside")
    _run("cp", "-a", str(folder), str(aside))
    _run("umount", "-l", str(folder))
    folder.rmdir()
    aside.rename(folder)


def fill(disk: Path) -> None:
    """Fill *disk* to the last byte."""
    found = os.statvfs(disk)
    used = (found.f_blocks - found.f_bfree) * found.f_frsize // _PIECE
    # Or memory would be filled with as much as it may have.
    _run("mount", "-o", f"remount,size={used + 4}m", str(disk))
    piece = bytes(_PIECE)
    with (disk / _FILLER).open("wb", buffering=0) as file:
        for size in (_PIECE, 4_096, 1):
            try:
                while file.write(piece[:size]) == size:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def empty(disk: Path) -> None:
    """Give the room back."""
    (disk / _FILLER).unlink(missing_ok=True)
    _run("mount", "-o", f"remount,size={LARGE_MIB}m", str(disk))


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own folders
