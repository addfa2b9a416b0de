"""What an operator can set, read once from the environment."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from starlette.config import Config

from zhitong.exceptions import SettingsError

SYNCHRONOUS = "synchronous"
TENANT = "[a-z][a-z0-9-]{1,30}"
"""How a tenant is named: a part of topics, tokens and records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each field is the variable ``ZHITONG_<FIELD>`` in capitals."""

    tenant: str = "anze"
    """The city or body this process serves, and nobody else."""

    host: str = "127.0.0.1"
    """The address the gateway listens on; a balancer in front sees the world."""

    port: int = 8000
    """The port the gateway listens on."""

    workers: int = 1
    """How many gateway processes answer on that port."""

    state: Path = Path(".zhitong/state")
    """The folder for all that is written at run time; may be removed to forget it."""

    bindings: Path = Path(".zhitong/state/bindings")
    """The folder with one TOML file per source; goes with a state folder set alone."""

    audience: str = "zhitong"
    """What a token's ``aud`` must name, so that it was meant for this gateway."""

    issuers: str = ""
    """The file that says whose tokens count; empty: the demo's issuer alone."""

    certificate_header: str = ""
    """The header in which a proxy says which certificate a client has."""

    proxies: str = ""
    """Addresses or networks of the proxies that are believed, after commas."""

    body_bytes: int = 262_144
    """The largest request body, and the largest query string, that is read."""

    body_seconds: float = 10.0
    """How long a request's head may take to arrive, and then its body."""

    json_depth: int = 20
    """How deep a request body's JSON, variables included, may be nested."""

    compress_bytes: int = 4_096
    """The smallest answer that is compressed, for who says that it can read it."""

    document_bytes: int = 32_768
    """The longest GraphQL document."""

    document_depth: int = 16
    """How deep a document's fields may be nested; edges and nodes count."""

    document_tokens: int = 2_000
    """How many tokens a document may have."""

    document_aliases: int = 30
    """How many aliases a document may have, with its fragments spread."""

    document_directives: int = 20
    """How many directives a document may have, with its fragments spread."""

    executor: str = "plan"
    """``plan``: by plans what has one; ``graphql-core``: everything field by field."""

    page_size: int = 20
    """How many rows a page has when the question does not say."""

    page_limit: int = 200
    """How many rows a page may have at most."""

    policy: Path = Path(__file__).parent / "rules" / "policy.toml"
    """The file with the sharing rules in force."""

    checks: Path = Path(__file__).parent / "rules" / "checks.toml"
    """The file with the checks of decisions in force."""

    receivers: Path = Path(__file__).parent / "rules" / "receivers"
    """The folder that says who is to have which decisions: a file each."""

    forms: Path = Path(__file__).parent / "rules" / "forms.toml"
    """The file of what the forms have in common: texts of code lists, dates, codes."""

    clients: Path = Path(__file__).parent / "rules" / "clients.toml"
    """The file that says how much each client may ask."""

    calendar: Path = Path(__file__).parent / "rules" / "calendar.toml"
    """The file of working days, and of the clocks that count them."""

    figures: Path = Path(__file__).parent / "rules" / "figures.toml"
    """The file of terms and amounts that rules set, for everybody."""

    own_figures: str = ""
    """The file of those that this tenant sets by itself; empty: none."""

    duties: Path = Path(__file__).parent / "rules" / "duties.toml"
    """The file of what has to be done within such terms."""

    publicity: Path = Path(__file__).parent / "rules" / "publicity.toml"
    """The file of the channels that show decisions to everybody."""

    notifications: Path = Path(__file__).parent / "rules" / "notifications.toml"
    """Who is told what is due soon or late, and how."""

    patterns: Path = Path(__file__).parent / "rules" / "patterns.toml"
    """The file that says which looks deserve attention."""

    review_minutes: float = 60.0
    """How often a relay looks for such looks."""

    reconcile_minutes: float = 60.0
    """How often a relay compares what was due, sent, kept and answered."""

    answer_hours: float = 24.0
    """How long a receiver may take for its final receipt, and to answer what is stated
    to it, before that is a difference."""

    retention: Path = Path(__file__).parent / "rules" / "retention.toml"
    """The file that says how long records of looks are kept."""

    evidence_algorithm: str = "sha256-ecdsa-p256"
    """Digest of the log, for life, and what new keys sign by; or ``sm3-sm2``."""

    spool_bytes: int = 67_108_864
    """How large the file may grow with looks that wait for the access register."""

    seal_seconds: float = 1.0
    """How often the log takes what waits, and has a head."""

    witnesses: str = ""
    """Who countersigns the log: ``url=public key file``, more after commas."""

    witness_quorum: int = 1
    """How many witnesses' words make a head count."""

    evidence_alarm_seconds: float = 60.0
    """How long a look may be without a countersigned proof before it is said."""

    evidence_limit_hours: float = 24.0
    """How long until protected data is held; announced from half of it on."""

    tsa: str = ""
    """The timestamp authority (RFC 3161) that stamps heads; empty: none."""

    tsa_ca: str = ""
    """The file with the root certificates of that authority."""

    tsa_hours: float = 1.0
    """How often a head is stamped, where the log has grown."""

    check_seconds: float = 60.0
    """How often the bindings are compared with the live databases."""

    counts_seconds: float = 0.0
    """How old counts of departments' tables may be; 0: each question asks."""

    token_cache: int = 4_096
    """How many verified tokens are remembered until they expire."""

    kafka: str = ""
    """The broker, ``host:port`` and more after commas; empty: the embedded one."""

    kafka_security: str = "PLAINTEXT"
    """How that broker is spoken to: SASL_SSL in a city."""

    kafka_mechanism: str = "SCRAM-SHA-512"
    """How a user is proved to that broker."""

    kafka_users: str = ""
    """The folder with one file per user of that broker, its password in it."""

    kafka_ca: str = ""
    """The file of the authorities that signed that broker's certificate."""

    kafka_nodes: int = 1
    """How many nodes an embedded broker made anew has: 1 or 3."""

    retention_days: int = 90
    """How long a topic we make keeps its events, in days."""

    maven: str = "https://repo1.maven.org/maven2"
    """The Maven repository, or mirror of one, that the embedded broker comes from."""

    cache: Path = Path(".zhitong/cache")
    """The folder for what was fetched; several clones may share one."""

    live_seconds: float = 0.8
    """How often the live page asks what is new."""

    live_streams: int = 8
    """How many live pages one user may have open at a time."""

    subscriptions: int = 20
    """How many subscriptions, and how many WebSockets, one user may have open."""

    watch_seconds: float = 1.0
    """How often the gateway looks, for all subscribers at once, what has changed."""

    alive_seconds: float = 10.0
    """How often a silent subscription is kept alive, and its token looked at."""

    slow_seconds: float = 30.0
    """How long a subscriber may take nothing before its connection is closed."""

    late_seconds: float = 60.0
    """How long a receiver may take to hold a decision before the page says late."""

    standby: str = "none"
    """``synchronous``: the embedded platform's database has a standby from `up` on."""

    backup: str = ""
    """The folder for backups and the archived log of changes; on another disk."""

    pressure_alarm_seconds: float = 60.0
    """How long an event may wait to leave before it is said."""

    pressure_slow_seconds: float = 300.0
    """And before what is not urgent waits for it."""

    pressure_loud_seconds: float = 900.0
    """And before new decisions are marked undelivered."""

    pressure_bytes: int = 4_294_967_296
    """Events so large in all have new decisions marked; half and a quarter: before."""

    database_bytes: int = 0
    """How large the platform's database may become; said at 80 %. 0: not looked at."""

    otlp_endpoint: str = ""
    """Where telemetry goes; OTEL_EXPORTER_OTLP_ENDPOINT, nothing without it."""

    @property
    def backups(self) -> Path:
        """The folder for backups: beside the data where none is given."""
        return Path(self.backup) if self.backup else self.state / "backup"

    @property
    def explorer(self) -> Path:
        """The folder the set-up copies the explorer's files into."""
        return self.state / "explorer"

    @property
    def spool(self) -> Path:
        """The folder where looks wait while the access register is away."""
        return self.state / "spool"

    @property
    def evidence(self) -> Path:
        """The folder with our keys of the proof."""
        return self.state / "evidence"

    @property
    def evidence_hash(self) -> str:
        """The digest of the log."""
        return _EVIDENCE[self.evidence_algorithm][0]

    @property
    def evidence_signature(self) -> str:
        """What new keys sign by."""
        return _EVIDENCE[self.evidence_algorithm][1]

    @property
    def jars(self) -> Path:
        """The folder with the embedded broker's jars."""
        return self.cache / "kafka"

    @property
    def live(self) -> Path:
        """The folder the set-up copies the live page's files into."""
        return self.state / "live"

    @property
    def public(self) -> Path:
        """The folder the set-up copies the public page's files into."""
        return self.state / "public"

    @property
    def cursor_secret(self) -> Path:
        """The file with the key that cursors are sealed with."""
        return self.state / "cursor.key"


_EVIDENCE = {
    "sha256-ecdsa-p256": ("sha256", "ecdsa-p256-sha256"),
    "sm3-sm2": ("sm3", "sm2-sm3"),
}
_MOST = {
    # A sealer that is silent for longer is taken for halted by the database.
    "seal_seconds": 10,
    # A week: who means never has no use for a witness.
    "evidence_limit_hours": 168,
    # Who wants counts of an hour ago has a report, not a question.
    "counts_seconds": 3_600,
    "port": 65_535,
    # Each holds connections to every source; more machines come before more of these.
    "workers": 64,
}
_MAY_BE_OFF = ("counts_seconds", "database_bytes")
_ALLOWED = {
    "standby": ("none", SYNCHRONOUS),
    "executor": ("plan", "graphql-core"),
    "evidence_algorithm": tuple(_EVIDENCE),
    "kafka_security": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "kafka_mechanism": ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"),
    # Two would stop with either of them.
    "kafka_nodes": (1, 3),
}
# The one name we do not choose: OpenTelemetry's own specification has it.
_VARIABLES = {"otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT"}


def variable(field: str) -> str:
    """Name the environment variable that sets *field*."""
    return _VARIABLES.get(field, f"ZHITONG_{field.upper()}")


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; raise `SettingsError` naming a variable that is wrong."""
    _refuse_unknown(environment)
    config = Config(environ=environment)
    values = {
        field.name: _read(config, field.name, type(field.default))
        for field in fields(Settings)
        if variable(field.name) in environment
    }
    if "state" in values:
        values.setdefault("bindings", values["state"] / "bindings")
    settings = Settings(**values)
    _check(settings)
    return settings


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """Refuse a misspelt variable: it would leave a limit at its default in silence."""
    known = {variable(field.name) for field in fields(Settings)}
    for name in sorted(environment):
        ours = name.startswith("ZHITONG_") and not name.startswith("ZHITONG_DATABASE_")
        if ours and name not in known:
            raise SettingsError(
                f"没有 {name} 这个设置，可用的见 docs/settings.md。",
                f"there is no setting {name}; docs/settings.md lists them.",
            )


def _read(config: Config, field: str, kind: type[Any]) -> Any:  # noqa: ANN401 - as the field
    name = variable(field)
    try:
        return config(name, cast=kind)
    except ValueError as error:
        raise SettingsError(
            f"环境变量 {name} 应为 {kind.__name__} 类型，请更正后重新启动。",
            f"{name} must be of type {kind.__name__}; correct it and start again.",
        ) from error


def _check_pressure(settings: Settings) -> None:
    steps = (
        settings.pressure_alarm_seconds,
        settings.pressure_slow_seconds,
        settings.pressure_loud_seconds,
    )
    if sorted(steps) != list(steps):
        raise SettingsError(
            "ZHITONG_PRESSURE_ALARM_SECONDS、ZHITONG_PRESSURE_SLOW_SECONDS、"
            "ZHITONG_PRESSURE_LOUD_SECONDS 须依次不减。",
            "ZHITONG_PRESSURE_ALARM_SECONDS, ZHITONG_PRESSURE_SLOW_SECONDS and "
            "ZHITONG_PRESSURE_LOUD_SECONDS must not decrease in this order.",
        )


def _check(settings: Settings) -> None:
    if not re.fullmatch(TENANT, settings.tenant):
        raise SettingsError(
            "ZHITONG_TENANT 须以小写字母开头，只含小写字母、数字和连字符，2 至 31 位。",
            "ZHITONG_TENANT must begin with a small letter and have small letters, "
            "digits and hyphens only, 2 to 31 of them.",
        )
    for name, allowed in _ALLOWED.items():
        if getattr(settings, name) not in allowed:
            raise SettingsError(
                f"环境变量 {variable(name)} 应为 {'、'.join(map(str, allowed))} 之一。",
                f"{variable(name)} must be one of {', '.join(map(str, allowed))}.",
            )
    _check_pressure(settings)
    if settings.kafka_security.startswith("SASL") and not settings.kafka_users:
        raise SettingsError(
            "ZHITONG_KAFKA_SECURITY 为 SASL 时须用 ZHITONG_KAFKA_USERS 给出密码目录。",
            "with SASL in ZHITONG_KAFKA_SECURITY the folder of passwords must be "
            "named: ZHITONG_KAFKA_USERS.",
        )
    for field in fields(settings):
        value = getattr(settings, field.name)
        off = field.name in _MAY_BE_OFF and value == 0
        if isinstance(value, int | float) and not (off or 0 < value < math.inf):
            raise SettingsError(
                f"环境变量 {variable(field.name)} 必须大于 0，且有限。",
                f"{variable(field.name)} must be greater than 0, and finite.",
            )
    for name, most in _MOST.items():
        if getattr(settings, name) > most:
            raise SettingsError(
                f"环境变量 {variable(name)} 不得大于 {most}。",
                f"{variable(name)} must not exceed {most}.",
            )
    if settings.page_size > settings.page_limit:
        raise SettingsError(
            "ZHITONG_PAGE_SIZE 不得大于 ZHITONG_PAGE_LIMIT。",
            "ZHITONG_PAGE_SIZE must not exceed ZHITONG_PAGE_LIMIT.",
        )
