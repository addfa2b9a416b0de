"""Where receivers' keys lie, and the demo's own ones, made when they are missing.

``<state>/receivers/<name>.private.json`` is the receiver's, ``<name>.public.json``
the platform's. In a city each receiver makes its own and gives the public file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from zhitong.exceptions import ReceiverError
from zhitong.streams.keys import ReceiverKeys

_log = logging.getLogger("zhitong.relay")


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
    """Read what *receivers* have given the platform; raise `ReceiverError`.

    None is made in the place of one that is missing: the platform would seal ID
    numbers to a key it holds itself.
    """
    for name in receivers:
        path = public_path(state, name)
        if not path.exists():
            raise ReceiverError(
                f"没有接收方 {name} 的公钥 {path}：请向该接收方领取公钥文件并放在此处"
                "（示范城市：zhitong up）。",
                f"There is no public key of the receiver {name}, {path}: have that "
                "receiver give its public file and put it there (demo city: zhitong "
                "up).",
            )
    return {name: _named(public_path(state, name), name) for name in receivers}


def given_keys(state: Path) -> Mapping[str, ReceiverKeys]:
    """Read the public keys receivers have given; one that is damaged is said."""
    found: dict[str, ReceiverKeys] = {}
    for path in sorted((state / "receivers").glob("*.public.json")):
        try:
            keys = ReceiverKeys.load(path)
        except ReceiverError as error:
            _log.warning("%s: %s", error.code, error)
            continue
        found[keys.receiver] = keys
    return found


def make_demo_keys(state: Path, receivers: Iterable[str]) -> None:
    """Make the keys of *receivers* that have none; what is there stays."""
    for name in receivers:
        private, public = private_path(state, name), public_path(state, name)
        if public.exists():
            continue  # whose private half may be elsewhere, with its receiver
        if not private.exists():
            ReceiverKeys.generate(name).save(private)
        # From the file: another process may have been faster with its own.
        ReceiverKeys.load(private).public.save(public)


def _named(path: Path, receiver: str) -> ReceiverKeys:
    keys = ReceiverKeys.load(path)
    if keys.receiver != receiver:
        raise ReceiverError(
            f"密钥文件 {path} 是 {keys.receiver} 的，不是 {receiver} 的。",
            f"The key file {path} is {keys.receiver}'s and not {receiver}'s.",
        )
    return keys
