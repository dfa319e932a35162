"""Sign-ups, for tests of them: who asks, what waits, what was mailed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Subscriber
from tribune.domain.notices import Notice, NoticeKind
from tribune.domain.sign_up import Asking, Quota, Standing, Wanted, one_wish
from tribune.services.audience.confirm_sign_up import Confirmation, confirm_sign_up
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.services.audience.sign_up import Answer, SignUps, sign_up

HOUR = timedelta(hours=1)
WAGES = Choice(policy_areas=frozenset({"wages"}))


def wanted(
    choice: Choice = WAGES, *, cadence: Cadence = Cadence.DAILY, languages: tuple[str, ...] = ("fr", "en")
) -> Wanted:
    subscriptions, rhythms = one_wish(["letter"], cadence, choice, hour=7)
    return Wanted(languages, "Africa/Dakar", subscriptions, rhythms, "government")


class Door:
    """The public form, one by one, as the web does it many at a time."""

    def __init__(self, app: Application, quotas: tuple[Quota, ...] = ()) -> None:
        self.app = app
        refresh_masks(app.store, app.codelists)
        self.needs = SignUps(app.rules, quotas, lambda text: app.signer.fingerprint("network", text))

    def asks(self, address: str, what: Wanted | None = None, network: str = "198.51.100.0/24") -> Answer:
        asking = Asking(address, what or wanted(), "fr-0123456789abcdef", network)
        with self.app.store.write() as tx:
            return sign_up(tx, asking, self.needs, self.app.clock.now())

    def person(self, address: str) -> Subscriber | None:
        with self.app.store.read() as tx:
            return tx.audience.by_address(address)

    def notices(self, address: str, kind: NoticeKind | None = None) -> list[Notice]:
        person = self.person(address)
        assert person is not None
        with self.app.store.read() as tx:
            found = tx.notices.recent(subscriber=person.id)
        return [notice for notice in reversed(found) if kind in (None, notice.kind)]

    def link(self, address: str, which: int = -1) -> Confirmation:
        notice = self.notices(address, NoticeKind.CONFIRM_SUBSCRIPTION)[which]
        return Confirmation(notice.subscriber, int(notice.content["sign_up"]), network="203.0.113.0/24")

    def confirms(self, link: Confirmation) -> Standing:
        with self.app.store.write() as tx:
            return confirm_sign_up(tx, link, self.app.digests, self.app.codelists, self.app.clock.now())


def both_at_once(first: Callable[[], object], second: Callable[[], object]) -> list[object]:
    """What two calls give that begin at the same moment, each in a thread of its own."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    start = Barrier(2)

    def run(call: Callable[[], object]) -> object:
        start.wait()
        return call()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, (first, second)))
