"""The only wiring: settings in, working parts out. Each part is built when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from tribune import config
from tribune.domain.digests import Rules
from tribune.domain.errors import ConfigurationError
from tribune.domain.throttling import Rates
from tribune.domain.tokens import Signer
from tribune.house_parts import HouseParts
from tribune.interruptions import Interruptions
from tribune.ports.clock import Clock, SteppedClock, SystemClock
from tribune.ports.metrics import Metrics
from tribune.resources import locate
from tribune.staff_parts import StaffParts

if TYPE_CHECKING:
    from tribune.domain.codelists import Codelists
    from tribune.log.kafka.log import KafkaLog
    from tribune.ports.caught import CaughtMails
    from tribune.ports.channels import EmailChannel
    from tribune.ports.http import Fetcher
    from tribune.ports.log import EventLog, TopicSpec
    from tribune.ports.log_view import LogView
    from tribune.ports.relay import OutboxQueue, Publisher
    from tribune.rendering.email.composer import Composer
    from tribune.rendering.email.notice import NoticeComposer
    from tribune.rendering.locales import Translations
    from tribune.services.audience.sign_up import SignUps
    from tribune.services.desk.ask_log import LogDesk
    from tribune.services.imports.import_files import ImportFiles
    from tribune.services.imports.work_on_import import Worker
    from tribune.services.notices.notice_links import NoticeLinks
    from tribune.services.sending.reader_links import ReaderLinkMaker
    from tribune.services.sending.share_connections import ConnectionShare
    from tribune.store.engine import MakeOutbox, SqlStore


class Application(StaffParts, HouseParts):
    """The parts of one running Tribune, each built on first use from `settings` and `clock`."""

    def __init__(self, settings: config.Settings, clock: Clock | None = None, metrics: Metrics | None = None) -> None:
        self.settings = settings
        moved = settings.clock_offset_file
        self.clock: Clock = clock or (SteppedClock(moved) if moved else SystemClock())
        self.interruptions = Interruptions(self.clock)
        self._metrics = metrics
        self._closing = ExitStack()
        self.stopping = threading.Event()
        self.address: str | None = None  # where this process serves, once it does
        """Set when this process is to end: a sender finishes the mail in hand and gives its chunk back."""

    @cached_property
    def metrics(self) -> Metrics:
        if self._metrics is not None:
            return self._metrics
        from tribune.ports.metrics import NullMetrics

        return NullMetrics()

    @cached_property
    def store(self) -> SqlStore:
        from tribune.store.engine import SqlStore, open_engine
        from tribune.store.postgres import Options

        told = self.settings.store
        options = Options(
            pool_size=told.pool_size,
            statement_timeout=told.statement_timeout_seconds,
            lock_timeout=told.lock_timeout_seconds,
            application_name=told.application_name,
            prepared_statements=told.prepared_statements,
        )
        engine = open_engine(told.url, options)
        self._pair(engine.dialect.name)
        return SqlStore(engine, self.clock, self._make_outbox(), self.find_suppression_hash)

    def _pair(self, database: str) -> None:
        """Two pairs are supported (decisions.md, 1). Raises ConfigurationError for another."""
        kind = self.settings.log.kind
        if (database, kind) not in (("sqlite", "embedded"), ("postgresql", "kafka")):
            raise ConfigurationError(
                f"[store] on {database} and [log] kind = {kind!r} do not go together. Either SQLite with the embedded "
                'log (url = "sqlite:///...", kind = "embedded"), or PostgreSQL with Kafka '
                '(url = "postgresql://...", kind = "kafka").'
            )

    def _make_outbox(self) -> MakeOutbox:
        if self.settings.log.kind == "kafka":
            from tribune.store.outbox import SqlOutbox

            return SqlOutbox
        from tribune.log.embedded import EmbeddedOutbox

        return EmbeddedOutbox

    @cached_property
    def log(self) -> EventLog:
        if self.settings.log.kind == "kafka":
            return self._kafka
        from tribune.log.embedded import EmbeddedLog

        return EmbeddedLog(self.store.engine, self.clock, session_seconds=self.settings.log.session_seconds)

    @cached_property
    def log_view(self) -> LogView:
        if self.settings.log.kind == "kafka":
            from tribune.log.kafka.reader import Reader
            from tribune.log.kafka.view import KafkaView

            reader = Reader(self._kafka.cluster)  # its own: a long look keeps nobody from the dead letters
            self._closing.callback(reader.close)
            return KafkaView(self._kafka.admin, reader, self.settings.log.prefix)
        from tribune.log.view import EmbeddedView

        return EmbeddedView(self.store.engine)

    @cached_property
    def desk_log(self) -> LogDesk:
        from tribune.services.desk.ask_log import LogDesk, Patience

        return LogDesk(self.log, self.log_view, self.clock, Patience() if self.settings.log.kind == "kafka" else None)

    @cached_property
    def _kafka(self) -> KafkaLog:
        from tribune.log.kafka.cluster import Cluster
        from tribune.log.kafka.log import KafkaLog

        told = self.settings.log
        cluster = Cluster(
            servers=told.bootstrap_servers,
            prefix=told.prefix,
            mechanism="" if told.sasl.mechanism == "none" else told.sasl.mechanism,
            username=told.sasl.username,
            password=told.sasl.password.get_secret_value(),
            tls=told.tls.on,
            ca_file=told.tls.ca_file,
            replicas=told.replicas,
            session_seconds=told.session_seconds,
            work_seconds=told.work_seconds,
            request_seconds=told.request_timeout_seconds,
            delivery_seconds=told.delivery_timeout_seconds,
        )
        return KafkaLog(cluster, self.clock)

    @property
    def topics(self) -> list[TopicSpec]:
        """The declared topics, as the log takes them, with as many partitions as the settings say."""
        from tribune.domain.topics import TOPICS
        from tribune.ports.log import TopicSpec

        partitions = self.settings.log.partitions
        return [TopicSpec(one.name, partitions, one.retention_hours, one.compacted) for one in TOPICS.values()]

    @property
    def publisher(self) -> Publisher:
        """Where the relay publishes. Raises ConfigurationError beside the embedded log, which needs no relay."""
        if self.settings.log.kind != "kafka":
            raise ConfigurationError("There is nothing to relay: in the embedded log, what is added is on the log.")
        return self._kafka

    @cached_property
    def outbox_queue(self) -> OutboxQueue:
        from tribune.store.outbox import SqlOutboxQueue

        return SqlOutboxQueue(self.store.engine)

    @cached_property
    def codelists(self) -> Codelists:
        from tribune.codelists import load

        return load(self.settings.codelists or locate("codelists"))

    @cached_property
    def translations(self) -> Translations:
        from tribune.rendering.locales import Translations

        return Translations((locate("locales"), *self.settings.locales), self.settings.organisation.default_language)

    @cached_property
    def rules(self) -> Rules:
        told = self.settings.planning
        return Rules(
            at_once_wait=timedelta(minutes=told.at_once_wait_minutes),
            at_once_daily_cap=told.at_once_daily_cap,
            stale_after=timedelta(hours=told.stale_after_hours),
            pause_reach_back=timedelta(days=told.pause_reach_back_days),
            offered=self.settings.organisation.languages,
            default_language=self.settings.organisation.default_language,
        )

    @cached_property
    def sign_ups(self) -> SignUps:
        from tribune.domain.sign_up import LONGEST_WINDOW, Quota
        from tribune.services.audience.sign_up import SignUps

        told = self.settings.sign_up
        quotas = (Quota(told.per_network_hour, timedelta(hours=1)), Quota(told.per_network_day, LONGEST_WINDOW))
        return SignUps(self.rules, quotas, lambda network: self.signer.fingerprint("network", network))

    @cached_property
    def import_files(self) -> ImportFiles:
        from tribune.services.imports.import_files import ImportFiles

        return ImportFiles(self.settings.data_dir / "imports")

    @cached_property
    def import_worker(self) -> Worker:
        from tribune.services.imports.work_on_import import Worker

        return Worker(
            self.store,
            self.clock,
            self.import_files,
            self.digests,
            self.codelists,
            self.rules.pause_reach_back,
            self.stopping,
        )

    @cached_property
    def composer(self) -> Composer:
        from tribune.rendering.email.composer import Composer
        from tribune.rendering.public_addresses import Addresses

        addresses = Addresses(self.base_url.rstrip("/"))
        return Composer(self.translations, self.codelists, self.organisation, locate("templates"), addresses)

    @cached_property
    def notice_composer(self) -> NoticeComposer:
        from tribune.rendering.email.notice import NoticeComposer

        return NoticeComposer(self.composer, self.organisation)

    @property
    def base_url(self) -> str:
        """How readers reach the pages behind their links: as set, else where this process serves, else as it would."""
        web = self.settings.web
        return web.base_url or self.address or f"http://{web.host}:{web.port}"

    @cached_property
    def signer(self) -> Signer:
        return Signer(*self.keys)

    @cached_property
    def reader_links(self) -> ReaderLinkMaker:
        from tribune.services.sending.reader_links import ReaderLinkMaker

        return ReaderLinkMaker(self.signer, self.base_url, self.settings.email.return_path_domain)

    @cached_property
    def notice_links(self) -> NoticeLinks:
        from tribune.services.notices.notice_links import NoticeLinks

        fresh_for = timedelta(minutes=self.settings.security.fresh_link_minutes)
        return NoticeLinks(self.signer, self.base_url, self.settings.email.return_path_domain, fresh_for)

    @cached_property
    def email(self) -> EmailChannel:
        told = self.settings.email
        if told.channel == "outbox":
            from tribune.channels.email.outbox_folder import OutboxFolder

            return OutboxFolder(told.outbox_folder, self.clock)
        from tribune.channels.email.smtp import SmtpChannel

        channel = SmtpChannel(
            host=told.smtp.host,
            port=told.smtp.port,
            security=told.smtp.security,
            username=told.smtp.username,
            password=told.smtp.password.get_secret_value(),
            password_file=told.smtp.password_file,
            auth=told.smtp.auth,
            ca_file=told.smtp.ca_file,
            timeout=told.smtp.timeout_seconds,
            connections=told.smtp.connections,
            share=self._share if told.throttle.connections else None,
        )
        self._closing.callback(channel.close)
        return channel

    def _share(self) -> ConnectionShare:
        from tribune.services.sending.share_connections import ConnectionShare

        return ConnectionShare(self.store, self.clock, "smtp", self.settings.email.throttle.connections)

    @cached_property
    def rates(self) -> Rates:
        told = self.settings.email.throttle
        return Rates(told.messages_per_second, told.domain_share, told.domains)

    @cached_property
    def caught(self) -> CaughtMails | None:
        """The mails that were caught; None where they leave through a mail server."""
        from tribune.channels.email.caught_folder import CaughtFolder

        told = self.settings.email
        return CaughtFolder(told.outbox_folder) if told.channel == "outbox" else None

    @cached_property
    def fetcher(self) -> Fetcher:
        from tribune.channels.http import HttpFetcher

        told = self.settings.http
        return HttpFetcher(
            timeout=told.timeout_seconds,
            total=told.total_seconds,
            max_bytes=told.max_bytes,
            allowed_private_networks=told.allowed_private_networks,
            contact=self.settings.organisation.contact,
        )

    def prepare(self) -> Mapping[str, int]:
        """Bring the store to the newest shape and create the topics. Safe to run again, and by several at once. The
        topics that were there and got more partitions: how many each had. Raises Conflict where one has too many, and
        ConfigurationError where the suppression list was made with another key."""
        from tribune.domain.topics import groups, reads
        from tribune.store.migrate import migrate
        from tribune.store.suppressions import key_hashes

        migrate(self.store.engine, lambda connection: key_hashes(connection, self.find_suppression_hash))
        grown = self.log.create_topics(self.topics)
        for group in groups():
            self.log.prepare_group(group, reads(group))
        return grown

    def prepare_if_needed(self) -> None:
        """The same, where it has not been done for this version of Tribune yet: without being asked in a store that is
        new, and on the embedded pair. Raises ConfigurationError where others may be at work in an older shape."""
        from tribune.store.migrate import is_current, shape_of

        if is_current(self.store.engine):
            return
        there = shape_of(self.store.engine)
        if there is not None and self.settings.log.kind != "embedded":
            raise ConfigurationError(
                f"The store has the shape {there} of an earlier Tribune, and its roles may be at work in it. "
                "End them, run `tribune migrate`, and start those of this version."
            )
        self.prepare()

    def close(self) -> None:
        """Release what was opened."""
        self._closing.close()
        if "_kafka" in self.__dict__:
            self._kafka.close()
        if "store" in self.__dict__:
            self.store.engine.dispose()


@contextmanager
def application(
    settings: config.Settings | None = None,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    *,
    prepared: bool = True,
) -> Iterator[Application]:
    """The application from the given or the found settings, its store in shape (if `prepared`); closed at the end."""
    app = Application(settings or config.load(), clock, metrics)
    try:
        if prepared:
            app.prepare_if_needed()
        yield app
    finally:
        app.close()
