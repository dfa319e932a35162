"""Time enters. A few interval jobs claim what is due and publish events; what is due, and when, stands in the store.

APScheduler only ticks. (Its own job store fires several times when it is shared, and its cron trigger fires twice at
the end of daylight saving: both measured.) Any number of schedulers may run: each tick claims rows under the write
lock.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import structlog

from tribune.bootstrap import Application
from tribune.domain.answers import KEPT
from tribune.failures import reason
from tribune.ports.schedules import NEVER
from tribune.ports.store import AUDIENCE
from tribune.services.audience.carry_out_retention import PEOPLE_AT_ONCE, YEAR, Periods, erase_left, retention_slice
from tribune.services.audience.erase_person import clear_away
from tribune.services.audience.pause_subscriber import AT_ONCE, resume_due
from tribune.services.catalogue.catalogue_item import lift_embargoes
from tribune.services.notices.release_notices import release_notices
from tribune.services.planning.tick import Ticked, claim_due, nothing_to_do
from tribune.services.sending.age_out import age_slice
from tribune.services.sending.cancel_mailing import close_slice
from tribune.services.sending.send_retries import release_retries

TICK_SECONDS = 1
RETRY_SECONDS = 2
HOUSEKEEPING_SECONDS = 600
INBOX_KEPT = timedelta(days=90)
"""Far longer than the log is kept, so that whatever can still be read again is recognised."""

NOTICES_KEPT = timedelta(days=90)
"""How long what became of a mail to one person can be looked up."""

AGEING_SLICES = 100
AGEING_REST_SECONDS = 0.05
"""A round of housekeeping ages out a million deliveries at most: 144 million a day."""

log = structlog.get_logger()


def tick(app: Application) -> Ticked:
    """Do once all that is due by the clock: embargoes first, so that the editions hold what they release."""
    embargoes(app)
    resumptions(app)
    done = editions(app)
    retries(app)
    cancellations(app)
    notices(app)
    return done


def embargoes(app: Application) -> int:
    """Release what is no longer under embargo; how many language versions."""
    now = app.clock.now()
    with app.store.read() as tx:
        if not tx.catalogue.due_embargoes(now):
            return 0
    with app.store.write() as tx:
        lifted = len(lift_embargoes(tx, now))
    app.metrics.count("embargoes_lifted", lifted)
    return lifted


def resumptions(app: Application) -> int:
    """End the pauses whose day has come; how many."""
    now = app.clock.now()
    ended = 0
    with app.store.read() as tx:
        due = bool(tx.audience.to_resume(now, 1))
    while due:
        with app.store.write() as tx:
            some = resume_due(tx, app.rules.pause_reach_back, now)
        ended += some
        due = some == AT_ONCE
    app.metrics.count("pauses_ended", ended)
    return ended


def editions(app: Application) -> Ticked:
    """Fire the editions that are due. What was skipped, and what is late, is logged and counted."""
    now = app.clock.now()
    with app.store.read() as tx:
        if nothing_to_do(tx, now):
            return Ticked()
    with app.store.write() as tx:
        # The lock may have been long in coming: what is due is asked again under it.
        known = (app.digests.keys(), app.clock.now(), app.rules.stale_after, app.retired_digests.keys())
        done = claim_due(tx, *known)
    tell(app, done)
    return done


def tell(app: Application, done: Ticked) -> None:
    """Log and count what a tick did."""
    for edition in done.fired:
        say = log.warning if edition.late else log.info
        say(
            "edition due late" if edition.late else "edition due",
            digest=edition.digest,
            cadence=edition.cadence.value,
            occasion=edition.occasion,
            due_at=edition.due_at.isoformat(),
            cohorts=len(edition.cohorts),
        )
        app.metrics.count("editions_due", digest=edition.digest, late=str(edition.late).lower())
    for gap in done.skipped:
        log.warning(
            "occasions skipped",
            digest=gap.row.digest,
            cadence=gap.row.cadence.value,
            zone=gap.row.zone,
            hour=gap.row.hour,
            occasions=gap.occasions,
            first=gap.first,
            last=gap.last,
            reason=gap.reason,
        )
        app.metrics.count("occasions_skipped", gap.occasions, reason=gap.reason)
    if done.reckoned:
        log.info("due instants reckoned anew for other time zone rules", rows=done.reckoned)


def retries(app: Application) -> int:
    """Give back to the senders the chunks that time brings back; how many."""
    with app.store.write() as tx:
        woken = release_retries(tx, tx.now())
    app.metrics.count("chunks_woken", woken)
    return woken


def cancellations(app: Application) -> int:
    """Close chunks of cancelled mailings that senders have let go of, and what an interrupted command left;
    how many."""
    with app.store.read() as tx:
        unfinished = tx.cancelling.unfinished()
    closed = 0
    for mailing in unfinished:
        while True:
            with app.store.write() as tx:
                done = close_slice(tx, mailing, tx.now())
            closed += done.chunks
            if not done.chunks or not done.left:
                break
    app.metrics.count("chunks_closed", closed)
    return closed


def notices(app: Application) -> int:
    """Give back to the senders the mails to one person that time brings back; how many."""
    with app.store.read() as tx:
        if not tx.notices.due(tx.now()):
            return 0
    with app.store.write() as tx:
        woken = release_notices(tx, tx.now())
    app.metrics.count("notices_woken", woken)
    return woken


def data_requests(app: Application) -> int:
    """What people asked for about their data and time has to see through; how many requests."""
    now = app.clock.now()
    before = now - timedelta(hours=app.settings.security.address_change_hours)
    with app.store.write() as tx:
        expired = tx.data_requests.expire(before, now)
    return expired + clear_away(app.store, app.email, now)


def housekeeping(app: Application) -> None:
    """Let go of what is past its time: messages of the log, the inbox, cohorts in which nobody is left,
    sessions and links of staff."""
    with app.store.write() as tx:
        now = tx.now()
        forgotten = tx.inbox.forget_before(now - INBOX_KEPT)
    with app.store.write() as tx:
        tx.lock(AUDIENCE)  # somebody may be on their way into a cohort that looks deserted
        deserted = tx.schedules.forget_deserted()
    with app.store.write() as tx:
        answered = tx.idempotency.forget_before(now - KEPT)
    with app.store.write() as tx:
        settled = tx.notices.forget_before(now - NOTICES_KEPT)
    with app.store.write() as tx:
        signed_out = tx.staff_sessions.forget_before(app.clock.now()) + tx.staff.forget_links_before(app.clock.now())
    caught = app.email.forget_before(now - timedelta(days=app.settings.email.keep_captured_days))
    expired = app.log.expire(now)  # the last: where the log is away, all else is done
    log.info(
        "housekeeping",
        messages=expired,
        inbox=forgotten,
        cohorts=deserted,
        notices=settled,
        api_keys=answered,
        sessions=signed_out,
        caught_files=caught,
    )


def ageing(app: Application) -> int:
    """Delete what the ledger no longer keeps, slice by slice; how many rows. What is left waits for the next time."""
    before = app.clock.now() - timedelta(days=app.settings.ledger.keep_days)
    gone = 0
    for _ in range(AGEING_SLICES):
        with app.store.write() as tx:
            done = age_slice(tx, before, app.clock.now())
        if done is None:
            break
        gone += done.rows
        if done.undecided:
            log.warning("mails aged out that were held back for staff", mailing=done.mailing, mails=done.undecided)
        if done.ended:
            log.info("mailing aged out", mailing=done.mailing)
        time.sleep(AGEING_REST_SECONDS)  # where there is one write lock, others get their turn
    app.metrics.count("ledger_rows_aged", gone)
    return gone


def retention(app: Application) -> int:
    """Take away what is past its time (`[retention]`), slice by slice; how many people were erased, who never confirmed
    or had left long ago. What is left waits for the next time."""
    told = app.settings.retention
    periods = Periods(
        unconfirmed=timedelta(days=told.unconfirmed_days),
        networks=timedelta(days=told.network_days),
    )
    erased = 0
    for _ in range(AGEING_SLICES):
        with app.store.write() as tx:
            gone = retention_slice(tx, periods, app.clock.now())
        if not gone.anything:
            break
        erased += gone.people
        app.email.forget(gone.mails)
        log.info("past its time", **asdict(gone) | {"mails": len(gone.mails)})
        time.sleep(AGEING_REST_SECONDS)
    app.metrics.count("unconfirmed_erased", erased)
    left = 0
    for _ in range(AGEING_SLICES):
        with app.store.write() as tx:
            now = app.clock.now()
            found = erase_left(tx, now - told.consent_years * YEAR, now)
        left += found
        if found < PEOPLE_AT_ONCE:
            break
        time.sleep(AGEING_REST_SECONDS)
    if left:
        app.store.clear_log()
        log.info("people erased who had left long ago", people=left)
    app.metrics.count("left_erased", left)
    return erased + left


def next_due(app: Application) -> datetime | None:
    """The earliest instant for which an edition, an embargo or the end of a pause waits: when the next tick acts."""
    with app.store.read() as tx:
        waits = [tx.schedules.next_due_at()]
        for id in tx.catalogue.due_embargoes(NEVER)[:1]:
            item = tx.catalogue.item(id)
            waits.append(item.embargo_until if item else None)
        for id in tx.audience.to_resume(NEVER, 1):
            person = tx.audience.one(id)
            waits.append(person.paused_until if person else None)
    return min((instant for instant in waits if instant is not None), default=None)


class Scheduler:
    """The ticking of one process."""

    def __init__(self, app: Application) -> None:
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        from tribune.steady_jobs import SteadyJobs

        self._app = app
        self._ticking = BackgroundScheduler(
            timezone=UTC,
            jobstores={"default": SteadyJobs()},
            executors={"default": ThreadPoolExecutor(2)},
            # A tick that is late is one tick; a tick that is not done is not begun again beside itself.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        # Embargoes and editions are one job, so that what is released at eight is in the mails of eight.
        # Pauses end before, so that the editions of the day find those who are back.
        self._every(TICK_SECONDS, embargoes, resumptions, editions)
        self._every(RETRY_SECONDS, retries)
        self._every(RETRY_SECONDS, cancellations)
        self._every(RETRY_SECONDS, notices)
        # One job, so that it never takes both threads from the ticks.
        self._every(HOUSEKEEPING_SECONDS, data_requests, housekeeping, ageing, retention)

    def _every(self, seconds: int, *steps: Callable[[Application], object]) -> None:
        def run() -> None:
            for step in steps:
                self._attempt(step)

        self._ticking.add_job(run, "interval", seconds=seconds, id=steps[-1].__name__)

    def _attempt(self, step: Callable[[Application], object]) -> None:
        try:
            step(self._app)
        except Exception as error:
            # The next tick tries again: a database that went away comes back. What was begun was rolled back.
            log.error("a job of the scheduler failed", job=step.__name__, error=reason(error))
            self._app.metrics.count("scheduler_failures", job=step.__name__)

    def start(self) -> None:
        """Tick from now on, in threads."""
        # It warns each second while a tick waits for a long plan to commit; that is what `max_instances` is for.
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        self._ticking.start()

    def stop(self) -> None:
        """Let the tick that runs finish, and tick no more."""
        if self._ticking.running:
            self._ticking.shutdown(wait=True)


def build(app: Application) -> Scheduler:
    """The scheduler of an application; nothing ticks before `start`."""
    return Scheduler(app)


def run(app: Application, stop: threading.Event) -> None:
    """Tick until `stop` is set (a process that is the scheduler alone)."""
    ticking = build(app)
    ticking.start()
    try:
        stop.wait()
    finally:
        ticking.stop()
