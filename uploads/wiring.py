"""build(settings) → Services: the only module that names implementations."""

from __future__ import annotations

from dataclasses import dataclass

from argon2 import PasswordHasher
from celery import Celery

from uploads import clock, disk, faults, judging, outgoing, scanner, stopping
from uploads.backlog import BacklogGuard
from uploads.config import Settings
from uploads.documents.access import Access
from uploads.documents.changing import Changing
from uploads.documents.completion import Completion
from uploads.documents.desk import QuarantineDesk
from uploads.documents.feed import Feed
from uploads.documents.fetching import Fetching
from uploads.documents.granting import Granting, Terms
from uploads.documents.hooks import Webhooks
from uploads.documents.intake import Hints, Intake
from uploads.documents.library import Library
from uploads.documents.places import Places
from uploads.documents.policy import Policy
from uploads.documents.quotas import Quotas
from uploads.documents.sharing import Sharing
from uploads.documents.spool import Room
from uploads.documents.streaming import Streams
from uploads.hints import GatheredHints
from uploads.proofs import LastProof
from uploads.queue import CeleryHints, make_celery
from uploads.records.protocol import Records
from uploads.records.sql import SqlRecords
from uploads.security.accounts import Accounts
from uploads.security.passwords import Passwords
from uploads.security.standing import Standing
from uploads.security.tokens import LinkTokens, SignedTokens
from uploads.storage.counted import CountedStorage
from uploads.storage.protocol import Storage
from uploads.storage.s3 import S3


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a door, a task or a command may use."""

    settings: Settings
    records: Records
    storage: Storage
    policy: Policy
    hints: Hints
    accounts: Accounts
    quotas: Quotas
    intake: Intake
    granting: Granting
    completion: Completion
    library: Library
    access: Access
    sharing: Sharing
    fetching: Fetching
    changing: Changing
    webhooks: Webhooks
    streams: Streams
    desk: QuarantineDesk
    clamd_address: str | None
    disk: disk.DiskGuard

    @property
    def scanner_configured(self) -> bool:
        """Whether a virus scanner takes part in inspection."""
        return self.clamd_address is not None


def build(settings: Settings, celery: Celery | None = None, *, web: bool = False) -> Services:
    """Put the parts together. Opens no connection. Raises ConfigurationError when incomplete.

    `web` is for a process in which many requests are served at once.
    """
    settings.require_parts()
    faults.arm(settings.fault)
    records = SqlRecords(settings.database_url, grouped=web, connections=settings.connections_each)
    storage = CountedStorage(make_store(settings))
    clamd_address = scanner.find(settings.clamd)
    policy = judging.policy(settings, clamd_address is not None)
    quotas, guard = _quotas(settings, records), disk.guard(settings)
    hints = _hints(settings, celery, web=web)
    feed = Feed(records, stopping.asked)
    library = _library(settings, records, hints, feed)
    intake = _intake(settings, records, storage, policy, quotas, hints, guard)
    granting, completion = _granting(settings, records, storage, intake, quotas, hints, guard)
    sharing, fetching = _links(settings, records, storage, library, guard)
    return Services(
        settings=settings,
        records=records,
        storage=storage,
        policy=policy,
        hints=hints,
        accounts=_accounts(settings, records, guard),
        quotas=quotas,
        intake=intake,
        granting=granting,
        completion=completion,
        library=library,
        access=_access(settings, records, storage, library),
        sharing=sharing,
        fetching=fetching,
        changing=_changing(settings, records, policy),
        webhooks=_webhooks(settings, records, hints, guard),
        streams=_streams(settings, records, feed),
        desk=_desk(records, storage, hints),
        clamd_address=clamd_address,
        disk=guard,
    )


def _hints(settings: Settings, celery: Celery | None, *, web: bool) -> Hints:
    if web:
        return GatheredHints(settings.redis_url)
    return CeleryHints(celery or make_celery(settings.redis_url))


def _intake(
    settings: Settings,
    records: Records,
    storage: Storage,
    policy: Policy,
    quotas: Quotas,
    hints: Hints,
    guard: disk.DiskGuard,
) -> Intake:
    limit = settings.refuse_backlog_seconds
    return Intake(
        records=records,
        storage=storage,
        policy=policy,
        quotas=quotas,
        hints=hints,
        clock=clock.now,
        new_id=clock.new_id,
        limits=judging.limits(settings),
        check_room=guard.check,
        check_backlog=BacklogGuard(records, limit_seconds=limit, now=clock.now).check,
        room=Room(settings.spool_memory_bytes, settings.spool_dir),
    )


def _granting(
    settings: Settings,
    records: Records,
    storage: Storage,
    intake: Intake,
    quotas: Quotas,
    hints: Hints,
    guard: disk.DiskGuard,
) -> tuple[Granting, Completion]:
    granting = Granting(
        records=records,
        storage=storage,
        intake=intake,
        quotas=quotas,
        hints=hints,
        clock=clock.now,
        new_id=clock.new_id,
        terms=Terms(seconds=settings.grant_seconds, url_seconds=settings.grant_url_seconds),
        last_proof=LastProof(records, settings),
        check_room=guard.check,
    )
    return granting, Completion(
        granting=granting,
        records=records,
        storage=storage,
        intake=intake,
        hints=hints,
        clock=clock.now,
        new_id=clock.new_id,
    )


def _library(settings: Settings, records: Records, hints: Hints, feed: Feed) -> Library:
    waits = Places(settings.web_waits, settings.web_waits_of_user)
    return Library(
        records=records,
        hints=hints,
        clock=clock.now,
        waits=waits,
        feed=feed,
        holds=_standing(settings, records).may_read,
    )


def _standing(settings: Settings, records: Records) -> Standing:
    return Standing(records, clock.now, idle_seconds=settings.session_idle_seconds)


def _changing(settings: Settings, records: Records, policy: Policy) -> Changing:
    most = settings.max_name_bytes
    return Changing(records=records, policy=policy, clock=clock.now, max_name_bytes=most)


def _streams(settings: Settings, records: Records, feed: Feed) -> Streams:
    return Streams(
        records=records,
        feed=feed,
        holds=_standing(settings, records).may_read,
        places=Places(settings.streams, settings.streams_of_user),
        beat_seconds=settings.stream_beat_seconds,
    )


def _desk(records: Records, storage: Storage, hints: Hints) -> QuarantineDesk:
    return QuarantineDesk(
        records=records, storage=storage, hints=hints, clock=clock.now, new_id=clock.new_id
    )


def _access(settings: Settings, records: Records, storage: Storage, library: Library) -> Access:
    return Access(
        clock=clock.now,
        library=library,
        records=records,
        storage=storage,
        tokens=SignedTokens(
            settings.secret_key.get_secret_value(), earlier=settings.earlier_secret_keys
        ),
        content_url=settings.content_url,
        link_seconds=settings.link_seconds,
    )


def _links(
    settings: Settings, records: Records, storage: Storage, library: Library, guard: disk.DiskGuard
) -> tuple[Sharing, Fetching]:
    tokens = LinkTokens(
        settings.secret_key.get_secret_value(),
        settings.link_ticket_seconds,
        earlier=settings.earlier_secret_keys,
    )
    # Strangers try passwords here: they must not take the turns of those who sign in.
    passwords = Passwords(PasswordHasher(), at_once=1)
    sharing = Sharing(
        records=records,
        library=library,
        addresses=tokens,
        hasher=passwords,
        clock=clock.now,
        new_id=clock.new_id,
        content_url=settings.content_url,
        check_room=guard.check,
    )
    fetching = Fetching(
        records=records, storage=storage, tickets=tokens, secrets=passwords, clock=clock.now
    )
    return sharing, fetching


def _webhooks(settings: Settings, records: Records, hints: Hints, room: disk.DiskGuard) -> Webhooks:
    return Webhooks(
        records=records,
        hints=hints,
        clock=clock.now,
        new_id=clock.new_id,
        new_secret=clock.new_secret,
        seal=outgoing.sealer(settings),
        targets=outgoing.targets(settings),
        most=settings.webhooks,
        check_room=room.check,
    )


def _quotas(settings: Settings, records: Records) -> Quotas:
    return Quotas(
        records=records,
        clock=clock.now,
        bytes_limit=settings.quota_bytes,
        files_limit=settings.quota_files,
    )


def make_store(settings: Settings) -> S3:
    """The store that these settings name. Opens no connection."""
    access_key, secret_key = settings.store_keys
    return S3(
        endpoint=settings.s3_endpoint,
        public_url=settings.s3_public_url,
        region=settings.s3_region,
        access_key=access_key,
        secret_key=secret_key,
        bucket_prefix=settings.s3_bucket_prefix,
    )


def _accounts(settings: Settings, records: Records, guard: disk.DiskGuard) -> Accounts:
    return Accounts(
        records,
        clock=clock.now,
        idle_seconds=settings.session_idle_seconds,
        session_seconds=settings.session_seconds,
        check_room=guard.check,
    )
