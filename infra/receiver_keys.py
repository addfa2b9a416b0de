"""Where receivers' keys lie, and the demo's own ones, made when they are missing.

``<state>/receivers/<name>.private.json`` is the receiver's, ``<name>.public.json``
the platform's. In a city each receiver makes its own and gives the public file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zhitong.exceptions import ReceiverError
from zhitong.streams.keys import ReceiverKeys


def private_path(state: Path, receiver: str) -> Path:
    """Name the file a receiver keeps to itself."""
    return state / "receivers" / f"{receiver}.private.json"


def public_path(state: Path, receiver: str) -> Path:
    """Name the file a receiver has given the platform."""
    return state / "receivers" / f"{receiver}.public.json"


def private_keys(state: Path, receiver: str) -> ReceiverKeys:
    """Read a receiver's own keys; raise `ReceiverError`."""
    return _named(private_path(state, receiver), receiver)


def public_keys(state: Path, receivers: Iterable[str]) -> dict[str, ReceiverKeys]:
    """Read what *receivers* have given the platform; raise `ReceiverError`."""
    return {name: _named(public_path(state, name), name) for name in receivers}


def make_demo_keys(state: Path, receivers: Iterable[str]) -> None:
    """Make the keys of *receivers* that have none; what is there stays."""
    for name in receivers:
        private = private_path(state, name)
        if not private.exists():
            ReceiverKeys.generate(name).save(private)
        if not public_path(state, name).exists():
            # From the file: another process may have been faster with its own.
            ReceiverKeys.load(private).public.save(public_path(state, name))


def _named(path: Path, receiver: str) -> ReceiverKeys:
    keys = ReceiverKeys.load(path)
    if keys.receiver != receiver:
        raise ReceiverError(
            f"密钥文件 {path} 是 {keys.receiver} 的，不是 {receiver} 的。",
            f"The key file {path} is {keys.receiver}'s and not {receiver}'s.",
        )
    return keys
