"""Keys of our own: made at first use, in the state folder, readable by us alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def secret(path: Path) -> bytes:
    """Read a key of ours, made at first use and readable by us alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()
