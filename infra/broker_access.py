"""The way to the broker for each of its users: the embedded one's, or a city's own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from zhitong.infra.broker import Broker, bootstrap
from zhitong.infra.secret import read_password
from zhitong.infra.settings import Settings
from zhitong.streams.kafka_client import Access, Way
from zhitong.streams.names import ADMIN, user


def way(settings: Settings, name: str) -> Way:
    """Give the way for *name* of our tenant: a receiver, the relay, the desk."""
    return partial(access, settings, user(settings.tenant, name))


def password_folder(settings: Settings) -> Path:
    """Name the folder with a file per user, its password in it."""
    if settings.kafka:
        return Path(settings.kafka_users)
    return Broker(settings.state).home / "users"


def administrator(settings: Settings) -> Access:
    """Give the way for who makes topics, users and grants; raise `SettingsError`."""
    return access(settings, ADMIN)


def access(settings: Settings, who: str) -> Access:
    """Give the way for the user *who*; raise `SettingsError`: no address, no password.

    A broker without users is entered by all alike.
    """
    address = bootstrap(settings)
    if not settings.kafka:
        return Broker(settings.state).access(who)
    proved = settings.kafka_security.startswith("SASL")
    return Access(
        address=address,
        protocol=settings.kafka_security,
        mechanism=settings.kafka_mechanism,
        user=who if proved else "",
        password=read_password(Path(settings.kafka_users) / who) if proved else "",
        authorities=settings.kafka_ca,
    )
