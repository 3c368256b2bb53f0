"""Settings: every value that an operator may change, typed, frozen, with its unit.

The only reader of the environment. Sources, strongest first: `UPLOADS_*` variables, the file
`.env` in the current directory, and `stack.env` in the data directory, which the embedded stack
writes (generated secrets, and what else it was started with). What is secret may come out of a
file that one of the first two names (`config_files`). `docs/configuration.md` and `.env.example`
are generated from this module.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from uploads import config_files
from uploads.config_forms import (
    MIB,
    ClamdAddress,
    DatabaseUrl,
    Endpoint,
    Listening,
    NamedSizes,
    Names,
    Networks,
    Origin,
    Origins,
    Ports,
    Rate,
    RedisUrl,
    SocketPath,
    sentence,
)

# No settings: the embedded stack's mark on its processes, and what `uploads-client` reads.
_NOT_SETTINGS = frozenset({"UPLOADS_STACK", "UPLOADS_URL", "UPLOADS_KEY"})


class ConfigurationError(Exception):
    """Raised when settings contradict each other or are incomplete, in one sentence."""


class Settings(BaseSettings):
    """One process's settings; made once, handed down, never changed."""

    model_config = SettingsConfigDict(
        env_prefix="UPLOADS_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    env: Literal["development", "production"] = Field(
        "development", description="`production` refuses what is only fit for a laptop."
    )
    data: Path = Field(Path(".data"), description="Folder of all state of the embedded stack.")
    scratch: Path | None = Field(
        None, description="Folder for files under inspection; default `<data>/scratch`."
    )
    port: int = Field(8000, ge=1, le=65535, description="Port of the embedded stack on 127.0.0.1.")
    socket: SocketPath = Field(
        None,
        description="Unix socket on which a proxy reaches the web service, beside the port: "
        "forwarding headers are then believed there and nowhere else.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severity that is logged."
    )
    fault: str | None = Field(None, description="Faults to inject in tests; refused in production.")

    # Addresses
    public_url: Origin = Field(
        "", description="Where clients reach the app; default http://127.0.0.1:PORT."
    )
    content_url: Origin = Field(
        "", description="Own host for what users uploaded; default http://localhost:PORT."
    )
    cors_origins: Origins = Field(
        (),
        description="Origins whose pages may use the API with a key, comma-separated: "
        "https://tools.example.org (http:// for loopback only). Browsers keep all others from it.",
    )
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="How many proxies in front set X-Forwarded-For and -Proto."
    )
    internal_nets: Networks = Field(
        (),
        description="Networks (CIDR, comma-separated) that may see /livez, /readyz and /metrics.",
    )
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Whoever asks for metrics must send this as a bearer token; empty: being "
        "inside is enough for /metrics.",
    )
    metrics_dir: Path | None = Field(
        None,
        description="Folder in which all processes of a machine count, best in memory; default "
        "`<data>/run/metrics`.",
    )
    metrics_listen: Listening = Field(
        "",
        description="host:port on which workers and the clock without a web process beside them "
        "show what they count, needs UPLOADS_METRICS_TOKEN; empty: nowhere.",
    )

    web_metrics_listen: Listening = Field(
        "",
        description="host:port on which the web service answers /metrics and nothing else, for the "
        "token alone: where Prometheus is neither on this machine nor in UPLOADS_INTERNAL_NETS; "
        "empty: nowhere.",
    )

    # Parts
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="At least 32 random characters; signs CSRF tokens, links and content "
        "addresses, seals the secrets of webhooks. With another one all of that is dead, unless "
        "this one is among the earlier keys.",
    )
    secret_keys_old: SecretStr = Field(
        SecretStr(""),
        description="Earlier secret keys, comma-separated: what they signed or sealed is still "
        "taken, nothing new is made with them.",
    )
    database_url: DatabaseUrl = Field(
        "",
        description="SQLAlchemy URL; default SQLite in the data folder. `?password_secret=ARN` has "
        "user and password read from that secret of AWS Secrets Manager, and again when the "
        "database refuses them: they may change meanwhile.",
    )
    database_connections: int | None = Field(
        None,
        ge=2,
        description="Most connections of one gunicorn worker to PostgreSQL; all but a few of those "
        "that rest for a minute are closed. By itself 40 for all gunicorn workers of a machine "
        "together, 4 to 15 each. `uploads doctor` holds what a machine may open against the "
        "server's `max_connections`.",
    )
    redis_url: RedisUrl = Field(
        "",
        description="redis://, rediss:// or unix:// URL of Redis; default the embedded socket. "
        "With rediss:// its certificate is always verified, by the system's authorities or "
        "those in ?ssl_ca_certs=/path.",
    )
    s3_endpoint: Endpoint = Field("", description="Where servers reach the S3 store.")
    s3_public_url: Endpoint = Field(
        "", description="Where clients reach the S3 store; default the endpoint."
    )
    s3_region: str = Field("us-east-1", description="Region in signatures.")
    s3_keys: Literal["fixed", "role"] = Field(
        "fixed",
        description="`role` signs with what AWS gives the role of a task or machine, and no key "
        "is set; signed addresses then end with the keys, of which ECS gives new ones in time.",
    )
    s3_access_key: str = Field("", description="Access key of the store.")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="Secret key of the store.")
    s3_bucket_prefix: str = Field(
        "", description="Put before the bucket names incoming, quarantine and clean."
    )
    clamd: ClamdAddress = Field(
        None,
        description="ClamAV: socket path, host:port, or `off`; unset: a usual socket.",
    )

    # What is accepted
    max_file_bytes: int = Field(100 * MIB, ge=1, description="Largest file, in bytes.")
    types: Names = Field(
        (),
        description="Accepted types by their first ending (jpg,pdf,…); empty: all that are known "
        "but svg and html, which must be named.",
    )
    max_bytes_by_type: NamedSizes = Field(
        (),
        description="Largest file of some types by their first ending, above or below the general "
        "limit: jpg=50MiB,zip=1GiB (bytes, KiB, MiB or GiB).",
    )
    max_name_bytes: int = Field(
        255, ge=16, le=1024, description="Longest file name, in UTF-8 bytes."
    )
    tail_bytes: int = Field(
        128 * 1024,
        ge=68 * 1024,
        le=4 * MIB,
        description="What the door keeps of a ZIP's end, in bytes, to judge its table; a larger "
        "table is judged by the worker.",
    )
    segment_bytes: int = Field(
        8 * MIB, ge=64 * 1024, description="Most of a stored segment, in bytes."
    )
    shared_file_bytes: int = Field(
        256 * 1024,
        ge=0,
        le=4 * MIB,
        description="Files of up to so many bytes that one owner sends at the same time are stored "
        "as one object until they are inspected. 0: each is one of its own.",
    )
    segment_seconds: int = Field(
        300, ge=1, description="A segment is flushed after this time even when it is not full."
    )
    spool: Path | None = Field(
        None,
        description="Folder for bodies that do not fit in memory; default that of the scratch.",
    )
    spool_memory_bytes: int = Field(
        20 * MIB,
        ge=1 * MIB,
        description="Memory of one gunicorn worker for bodies on their way, in bytes. Up to 24 MiB "
        "of it are taken at its start and kept.",
    )
    body_seconds: int = Field(
        30, ge=1, description="Longest silence of a client in the middle of a body, in seconds."
    )
    body_rate: int = Field(
        1024, ge=0, description="Slowest body of an upload that is waited for, in bytes a second."
    )
    body_rate_seconds: int = Field(
        60, ge=1, description="Time of waiting over which that rate is measured, in seconds."
    )
    header_seconds: int = Field(
        15, ge=1, description="Within this time a request's headers must be there, in seconds."
    )
    idle_seconds: int = Field(
        15, ge=1, description="A connection between two requests is kept so long, in seconds."
    )

    # How much
    quota_bytes: int = Field(
        10 * 1024 * MIB, ge=0, description="Bytes one user may keep; 0 is no limit."
    )
    quota_files: int = Field(10_000, ge=0, description="Files one user may keep; 0 is no limit.")

    disk_reserve_bytes: int = Field(
        128 * MIB,
        ge=0,
        description="Uploads are refused while a local disk has less room, in bytes.",
    )
    disk_reserve_percent: float = Field(
        0, ge=0, le=90, description="The same in percent of the disk; the larger reserve holds."
    )

    # How often
    rate_default: Rate = Field(
        "600/minute",
        description="Requests of one user, over all routes; of one address by those not signed in.",
    )
    rate_key: Rate = Field("480/minute", description="Requests with one API key.")
    rate_address: Rate = Field(
        "3000/minute", description="Requests from one address, by all users."
    )
    rate_failed: Rate = Field(
        "60/minute", description="Requests from one address with a key that is none."
    )
    rate_upload: Rate = Field(
        "120/minute",
        description="Uploads of one user; each file of a form is one, and each grant.",
    )
    rate_upload_key: Rate = Field("100/minute", description="Uploads with one API key.")
    rate_upload_address: Rate = Field("600/minute", description="Uploads from one address.")
    bytes_per_hour: int = Field(
        20 * 1024 * MIB,
        ge=0,
        description="Bytes of uploads read of one user, and of files granted to them; 0 is no "
        "limit.",
    )
    bytes_per_hour_address: int = Field(
        100 * 1024 * MIB,
        ge=0,
        description="Bytes of uploads read from one address, and of files granted to it; 0 is no "
        "limit.",
    )
    uploads_at_once: int = Field(
        64, ge=0, description="Uploads of one user on their way at once; 0 is no limit."
    )
    uploads_at_once_address: int = Field(
        256, ge=0, description="Uploads from one address on their way at once; 0 is no limit."
    )
    rate_sign_in: Rate = Field(
        "10/minute",
        description="Sign-ins from one address; at one account from everywhere, ten times as many, "
        "and as many again in each browser that has signed in to it before.",
    )

    rate_link_password: Rate = Field(
        "10/minute",
        description="Passwords tried at links from one address; at one link from everywhere, and "
        "given to links by one user, ten times as many.",
    )

    # Inspection and jobs
    lease_seconds: int = Field(
        30, ge=2, description="How long a worker holds a job without renewing."
    )
    job_seconds: int = Field(600, ge=10, description="A job that takes longer is killed.")
    transfer_seconds: int = Field(
        120, ge=1, description="Longest transfer of one file between store and worker."
    )
    starts_max: int = Field(
        3, ge=1, description="Starts that end without a word before a job fails."
    )
    defer_seconds: int = Field(
        60, ge=1, description="Longest pause before a deferred job is tried again."
    )
    backlog_seconds: int = Field(
        900,
        ge=1,
        description="/readyz says `degraded` when a job is older than this.",
    )
    refuse_backlog_seconds: int = Field(
        3600,
        ge=0,
        description="New uploads are refused (503, `backlog`) to whom a file has waited for its "
        "inspection for longer than this, or to all when workers are away for so long; must be "
        "larger than UPLOADS_BACKLOG_SECONDS. 0 is never.",
    )
    backlog_log_seconds: int = Field(
        0,
        ge=0,
        description="How often the schedule writes the line `backlog` to its log: for how long the "
        "oldest job of each kind has waited for a worker. It then needs the database; 0 is never.",
    )
    sweep_seconds: float = Field(
        5, gt=0, description="How often due jobs are looked for, and what expires is ended."
    )
    clamd_seconds: int = Field(120, ge=1, description="Longest wait for one answer of ClamAV.")
    cell: Literal["confined", "unconfined"] = Field(
        "confined",
        description="`unconfined` opens files of strangers without the parser cell's locks: only "
        "where the platform has none of them. Every page and /readyz say so.",
    )
    worker_as_root: bool = Field(
        False,
        description="In production a worker that is started as root does not start, unless this "
        "is `yes`: it holds the service's keys. What opens files is nobody either way.",
    )
    yara_rules: Path | None = Field(
        None,
        description="A folder with YARA rules of your own (`*.yar`), beside ours. One that does "
        "not compile ends the start; when they change, clean files are looked at anew.",
    )
    canary_seconds: int = Field(
        180, ge=1, description="How often the engines prove themselves with files that are known."
    )
    signature_hours: int = Field(
        48,
        ge=1,
        description="/readyz says `degraded` when ClamAV's signatures are older than this.",
    )
    signature_hold: bool = Field(
        False, description="Nothing is published while they are, or while nobody knows."
    )
    rescans: int = Field(
        2,
        ge=0,
        description="Clean files that are looked at anew at once, where signatures or rules have "
        "changed; one while anything new waits; 0 is none.",
    )
    office: Literal["off", "on"] = Field(
        "off",
        description="`on` shows Office and OpenDocument files as LibreOffice draws them, where the "
        "workers have it and a Linux with Landlock (5.19 or later); else /readyz says why not, "
        "and they show the picture that they bring along.",
    )
    cell_seconds: int = Field(
        30,
        ge=1,
        description="Longest life of one parser child; of one that inspects a file, by the "
        "processor's time, and thrice that by the clock.",
    )
    cell_memory_bytes: int = Field(
        2048 * MIB, ge=256 * MIB, description="Address space of a parser child."
    )
    archive_entries: int = Field(
        10_000, ge=1, description="Most entries in one archive, nested ones included."
    )
    archive_bytes: int = Field(1024 * MIB, ge=1, description="Most unpacked bytes of one archive.")
    archive_ratio: int = Field(
        200,
        ge=2,
        description="Largest unpacked : packed ratio, of an entry and of all, above 32 MiB.",
    )
    archive_depth: int = Field(3, ge=1, le=10, description="Deepest nesting of archives.")
    image_pixels: int = Field(
        250_000_000,
        ge=1,
        description="Largest image or page, width × height; phones take 200 megapixels.",
    )
    worker_processes: int | None = Field(
        None,
        ge=1,
        description="Celery children of one worker; all but one may draw pictures or rescan. By "
        "itself one more than it has processors, 2 to 9 of them, as far as its memory has room "
        "for a cell of each (`UPLOADS_CELL_MEMORY_BYTES`).",
    )
    worker_nice: int = Field(
        5,
        ge=0,
        le=19,
        description="How far workers give way to what else runs on their machine, the web service "
        "above all: a niceness (nice(1)).",
    )
    web_processes: int = Field(2, ge=1, description="gunicorn workers.")
    web_connections: int = Field(
        8192, ge=16, description="Most connections of one gunicorn worker at the same time."
    )
    web_connections_address: int = Field(
        256,
        ge=0,
        description="Most connections of one address, of IPv6 one /64, to one gunicorn worker at "
        "the same time: one more is 429 and closed. A proxy's are not counted: those on "
        "UPLOADS_SOCKET or, without it, all where UPLOADS_TRUSTED_PROXIES is set. 0 is no limit.",
    )
    web_waits: int = Field(
        512, ge=1, description="Most requests of one gunicorn worker that wait for a document."
    )
    web_waits_of_user: int = Field(
        32, ge=1, description="The same of one user: one more is answered at once, as it is."
    )

    # Webhooks
    webhooks: int = Field(10, ge=0, description="Webhooks one user may have.")
    webhook_http: bool = Field(
        False, description="Webhooks may go over http, where anybody on the way reads them."
    )
    webhook_ports: Ports = Field(
        ((443, 443), (8443, 8443)),
        description="Ports that webhooks may use, comma-separated, with ranges: 443,8000-8999.",
    )
    webhook_nets: Networks = Field(
        (),
        description="Networks (CIDR, comma-separated) that webhooks may reach although they are "
        "not public; loopback, private and link-local ones are refused otherwise.",
    )
    webhook_seconds: float = Field(
        10, gt=0, le=60, description="Longest call of a webhook, from the name to the whole answer."
    )
    webhook_workers: int = Field(
        8,
        ge=1,
        description="Webhooks whose receivers are called at the same time; "
        "of one user a quarter of them, at least one.",
    )
    streams: int = Field(
        1024, ge=0, description="Streams of events that one gunicorn worker keeps open."
    )
    streams_of_user: int = Field(8, ge=0, description="The same of one user.")
    stream_beat_seconds: float = Field(
        15, gt=0, le=60, description="A stream on which nothing happens says so this often."
    )

    # How long
    delivery_days: int = Field(
        30, ge=2, description="How long deliveries of webhooks are kept and shown."
    )
    event_days: int = Field(
        7, ge=1, description="How far back a stream of events can be taken up again."
    )
    grace_seconds: int = Field(
        1800,
        ge=1,
        description="Leftovers (orphan objects, dead uploads, temp files) live no longer.",
    )
    quarantine_days: int = Field(
        30, ge=0, description="How long refused files are kept for the desk."
    )
    tombstone_days: int = Field(
        30, ge=0, description="How long a deleted document's id still answers."
    )
    grant_seconds: int = Field(
        86400, ge=60, description="An upload by signed URL must be complete within this time."
    )
    grant_url_seconds: int = Field(
        900, ge=1, le=900, description="Life of one signed URL for uploading; it can be renewed."
    )
    link_ticket_seconds: int = Field(
        3600,
        ge=1,
        le=86400,
        description="A download by a link, once begun, can be continued within this time.",
    )
    link_seconds: int = Field(60, ge=1, le=60, description="Life of a signed download URL.")
    session_idle_seconds: int = Field(
        12 * 3600, ge=60, description="A session unused this long ends."
    )
    session_seconds: int = Field(
        7 * 86400, ge=60, description="A session ends after this time in any case."
    )

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """Read the environment, `.env` and the data folder's `stack.env`.

        Raises ConfigurationError, in one sentence, when a value is missing or not valid, when a
        file of a secret cannot be used, or when the environment or `.env` name a setting that
        there is not: a misspelt limit is none.
        """
        given = {name.upper(): text or "" for name, text in dotenv_values(".env").items()}
        given |= {name.upper(): text for name, text in os.environ.items()}
        _refuse_unknown({f"UPLOADS_{name.upper()}" for name in cls.model_fields})
        data = Path(overrides.get("data") or data_folder())
        try:
            told = {**config_files.read(given), **overrides, "data": data}
            return cls(_env_file=(data / "stack.env", ".env"), **told)
        except ValueError as error:
            raise ConfigurationError(sentence(error)) from error

    @model_validator(mode="after")
    def _complete(self) -> Self:
        defaults = {
            "scratch": self.scratch or self.data / "scratch",
            "public_url": self.public_url or f"http://127.0.0.1:{self.port}",
            "content_url": self.content_url or f"http://localhost:{self.port}",
            "database_url": self.database_url
            or f"sqlite:///{(self.data / 'uploads.db').absolute()}",
            "redis_url": self.redis_url or f"unix://{(self.data / 'redis.sock').absolute()}",
            "s3_public_url": self.s3_public_url or self.s3_endpoint,
        }
        for name, value in defaults.items():
            object.__setattr__(self, name, value)
        if self.env == "production" and self.fault:
            raise ValueError("UPLOADS_FAULT is for tests and refused in production")
        if self.socket and not self.trusted_proxies:
            raise ValueError(
                "UPLOADS_SOCKET needs UPLOADS_TRUSTED_PROXIES: a socket does not tell who is asking"
            )
        self._judge_metrics()
        self._judge_backlog()
        # What a job may take by its parts' own limits must fit, else slowness looks like a crash.
        parts = 2 * self.transfer_seconds + self.clamd_seconds + 4 * self.cell_seconds
        if self.job_seconds < parts:
            raise ValueError(
                f"UPLOADS_JOB_SECONDS must be at least {parts}: two transfers, ClamAV and the cells"
            )
        if self.s3_keys == "role" and (self.s3_access_key or self.s3_secret_key.get_secret_value()):
            raise ValueError("UPLOADS_S3_KEYS=role and a key of the store exclude each other")
        # Cookies know no ports (RFC 6265 section 8.5): another port is not another host.
        if urlsplit(self.public_url).hostname == urlsplit(self.content_url).hostname:
            raise ValueError(
                "UPLOADS_PUBLIC_URL and UPLOADS_CONTENT_URL must be different hosts, not ports"
            )
        if {self.public_url, self.content_url} & {*self.cors_origins}:
            raise ValueError("UPLOADS_CORS_ORIGINS names the service itself: it is for others")
        return self

    def _judge_metrics(self) -> None:
        """Raises ValueError where /metrics would be open, or in the place of the service."""
        shown = {
            "METRICS_LISTEN": self.metrics_listen,
            "WEB_METRICS_LISTEN": self.web_metrics_listen,
        }
        for name, address in shown.items():
            if address and len(self.metrics_token.get_secret_value()) < 16:
                raise ValueError(
                    f"UPLOADS_{name} needs UPLOADS_METRICS_TOKEN of at least 16 characters"
                )
        if self.web_metrics_port == self.port:
            raise ValueError("UPLOADS_WEB_METRICS_LISTEN must have another port than UPLOADS_PORT")

    def _judge_backlog(self) -> None:
        """Raises ValueError where uploads would be refused before anybody was warned."""
        if 0 < self.refuse_backlog_seconds <= self.backlog_seconds:
            raise ValueError(
                "UPLOADS_REFUSE_BACKLOG_SECONDS must be larger than UPLOADS_BACKLOG_SECONDS, or 0"
            )

    @property
    def connections_each(self) -> int:
        """Most connections of one process to PostgreSQL."""
        return self.database_connections or max(4, min(15, 40 // self.web_processes))

    def require_parts(self) -> Settings:
        """Return these settings, or raise ConfigurationError naming what a server still needs."""
        needed = {
            "UPLOADS_S3_ENDPOINT": self.s3_endpoint,
            "UPLOADS_S3_ACCESS_KEY": self.s3_access_key,
            "UPLOADS_S3_SECRET_KEY": self.s3_secret_key.get_secret_value(),
            "UPLOADS_SECRET_KEY": self.secret_key.get_secret_value(),
        }
        if self.s3_keys == "role":
            del needed["UPLOADS_S3_ACCESS_KEY"], needed["UPLOADS_S3_SECRET_KEY"]
        missing = [name for name, value in needed.items() if not value]
        if missing:
            raise ConfigurationError(
                f"{', '.join(missing)} not set, and {self.data / 'stack.env'} does not give it. "
                "Start the embedded stack once (`make run`) or set it in the environment."
            )
        if len(self.secret_key.get_secret_value()) < 32:
            raise ConfigurationError("UPLOADS_SECRET_KEY is shorter than 32 characters.")
        if any(len(key) < 32 for key in self.earlier_secret_keys):
            raise ConfigurationError("UPLOADS_SECRET_KEYS_OLD has a key of under 32 characters.")
        return self

    @property
    def store_keys(self) -> tuple[str | None, str | None]:
        """Access key and secret key of the store; None where they are those of a role."""
        if self.s3_keys == "role":
            return None, None
        return self.s3_access_key, self.s3_secret_key.get_secret_value()

    @property
    def earlier_secret_keys(self) -> tuple[str, ...]:
        """The keys whose signatures and seals are still taken, beside the present one's."""
        keys = self.secret_keys_old.get_secret_value().split(",")
        return tuple(key.strip() for key in keys if key.strip())

    @property
    def https(self) -> bool:
        """Whether clients reach the app over TLS: decides cookies' Secure flag and HSTS."""
        return self.public_url.startswith("https://")

    @property
    def scratch_dir(self) -> Path:
        return self.scratch or self.data / "scratch"

    @property
    def metrics_folder(self) -> Path:
        return self.metrics_dir or self.data / "run" / "metrics"

    @property
    def web_metrics_port(self) -> int | None:
        """The port of the web service that is for metrics alone; None where there is none."""
        port = self.web_metrics_listen.rpartition(":")[2]
        return int(port) if port else None

    @property
    def spool_dir(self) -> Path:
        return self.spool or self.scratch_dir


def data_folder() -> Path:
    """UPLOADS_DATA alone, which must be known before the `stack.env` in that folder is read."""
    given = os.environ.get("UPLOADS_DATA") or dotenv_values(".env").get("UPLOADS_DATA")
    return Path(given or ".data")


def _refuse_unknown(known: set[str]) -> None:
    known = known | config_files.VARIABLES
    for name in sorted({*os.environ, *dotenv_values(".env")}):
        spelt = name.upper()
        if spelt.startswith("UPLOADS_") and spelt not in known | _NOT_SETTINGS:
            near = get_close_matches(spelt, sorted(known), n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise ConfigurationError(
                f"{name} is not a setting.{meant} docs/configuration.md lists all of them."
            )
