"""A stranger: a folder of evidence, the script of the documents, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "docs" / "verify.sh"
TOOLS = ("sh", "openssl", "od", "tr", "cat", "base64", "mktemp", "rm")
"""All that is in a bare root: a shell, openssl, and some of coreutils."""
UNSHARE = ("unshare", "--net", "--mount", "--map-root-user")


def lay(folder: Path, parts: Mapping[str, bytes]) -> Path:
    """Lay *parts* out as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    return folder


def verified(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the script on *folder*."""
    return subprocess.run(  # noqa: S603 - our own script
        ["/bin/sh", str(SCRIPT), *options, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )


def listed(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Give *parts* with a manifest that fits, as whoever changed them would."""
    rest = {name: text for name, text in sorted(parts.items()) if name != "MANIFEST"}
    lines = [f"{sha256(text).hexdigest()}  {name}\n" for name, text in rest.items()]
    return {**rest, "MANIFEST": "".join(lines).encode()}


def flipped(content: bytes, place: int, bit: int) -> bytes:
    """Change one bit."""
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def bare_root(root: Path) -> Path:
    """Make a root with the few tools and their libraries, and a place to write."""
    for tool in TOOLS:
        there = shutil.which(tool, path="/usr/bin:/bin")
        assert there is not None
        program = Path(there).resolve()
        _copy(program, root / "bin" / tool)
        said = subprocess.run(  # noqa: S603 - ldd of a tool of this machine
            ["/usr/bin/ldd", str(program)], capture_output=True, text=True, check=True
        )
        for word in said.stdout.split():
            if word.startswith("/"):
                _copy(Path(word), root / word[1:])
    (root / "tmp").mkdir()
    # No device can be made without rights; a file takes what nobody reads as well.
    (root / "dev").mkdir()
    (root / "dev" / "null").touch()
    return root


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def alone(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run *words* inside *root*, without a network."""
    inside = [*UNSHARE, "chroot", str(root), *words]
    return subprocess.run(  # noqa: S603 - tools of this machine
        inside,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/bin:/usr/bin:/usr/sbin:/sbin"},
    )


def may_unshare() -> bool:
    """Say whether this machine lets us be alone."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "true"], check=False).returncode == 0  # noqa: S603
