"""A mail's links act for its reader: only staff who may change people see them. What staff do is told as theirs."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.house import House
from tests.newsroom import staff_browser
from tribune.domain.audience import Status
from tribune.domain.consent import ConsentAct, ConsentSource
from tribune.domain.notices import NoticeKind
from tribune.domain.staff import Role
from tribune.services.notices.request_notice import request_notice

READER = "awa@travail.example"
KEY = re.compile(r"/[a-z]/k\d+\.")


@pytest.fixture
def mailed(house: House) -> House:
    """Awa has had a digest, and the link to what is hers alone."""
    house.subscribe(READER, name="Awa Diop", languages="fr|en", cadence="daily", hour=8)
    house.publish("work", titles={"en": "Work", "fr": "Travail"})
    house.until("2026-11-23 09:00")
    with house.app.store.write() as tx:
        content = {"digest": next(iter(house.app.digests))}
        request_notice(tx, NoticeKind.DATA_LINK, 1, content, house.app.rules, house.clock.now())
    house.work()
    return house


@pytest.mark.parametrize("role", [Role.EDITOR, Role.APPROVER, Role.AUDITOR])
def test_who_may_only_look_at_mails_is_shown_no_link_that_acts(mailed: House, role: Role) -> None:
    with staff_browser(mailed.app, role) as staff:
        listed = staff.get("/en/newsroom/mails").text
        mails = set(re.findall(r"/en/newsroom/mails/([\w.]+)", listed))
        assert mails and not any(mail.startswith("n.") for mail in mails)
        for mail in mails:
            for path in (f"{mail}", f"{mail}?as=text", f"{mail}?as=headers", f"{mail}/body"):
                shown = staff.get(f"/en/newsroom/mails/{path}")
                assert shown.status_code == 200
                assert not KEY.search(shown.text) and "b+k1" not in shown.text
            assert staff.get(f"/en/newsroom/mails/{mail}/message.eml").status_code == 404
        for path in ("n.1", "n.1/body", "n.1/message.eml"):
            assert staff.get(f"/en/newsroom/mails/{path}").status_code == 404


def test_who_may_change_people_sees_mails_as_they_are(mailed: House) -> None:
    with staff_browser(mailed.app, Role.AUDIENCE_MANAGER) as staff:
        assert "/en/newsroom/mails/n.1" in staff.get("/en/newsroom/mails").text
        assert KEY.search(staff.get("/en/newsroom/mails/n.1?as=text").text)
        assert staff.get("/en/newsroom/mails/n.1/message.eml").status_code == 200


def test_a_digest_that_they_do_not_have_stops_nothing(mailed: House) -> None:
    with staff_browser(mailed.app, Role.AUDIENCE_MANAGER) as staff:
        answer = staff.post("/en/newsroom/people/1/stop", data={"digest": "no-such-digest"})
    assert answer.status_code == 422
    with mailed.app.store.read() as tx:
        person = tx.audience.one(1)
    assert person is not None and person.status is Status.ACTIVE


def test_what_staff_do_is_recorded_as_done_by_them(mailed: House) -> None:
    with staff_browser(mailed.app, Role.AUDIENCE_MANAGER) as staff:
        staff.post("/en/newsroom/people/1/pause", data={"until": "2026-12-24"})
        staff.post("/en/newsroom/people/1/stop", data={"digest": ""})
    with mailed.app.store.read() as tx:
        records = {record.act: record for record in tx.consents.of(1)}
    for act in (ConsentAct.PAUSED, ConsentAct.UNSUBSCRIBED):
        assert records[act].source is ConsentSource.STAFF
        assert records[act].by.startswith("staff")


def test_looking_for_people_is_written_down_without_what_was_looked_for(mailed: House) -> None:
    with staff_browser(mailed.app, Role.AUDITOR) as staff:
        assert "Awa Diop" in staff.post("/en/newsroom/people", data={"q": READER}).text
    with mailed.app.store.read() as tx:
        told = [entry for entry in tx.audit.entries() if entry.action == "people.searched"]
    assert [dict(entry.facts) for entry in told] == [{"found": 1}]
    assert READER not in str(told)


def test_a_visit_is_noted_where_a_reader_acts(mailed: House) -> None:
    link = re.search(r"https?://[^\s>\"/]+(/p/[^\s>\"]+)", mailed.mails(READER)[-1].text)
    letter = link or re.search(r"https?://[^\s>\"/]+(/p/[^\s>\"]+)", mailed.mails(READER)[0].text)
    assert letter
    with staff_browser(mailed.app) as browser:
        assert browser.post(letter[1], data={"do": "slower"}).status_code == 200
    with mailed.app.store.read() as tx:
        seen = tx.connection.exec_driver_sql("SELECT last_seen_on FROM engagement").scalars().all()
        changes = [record for record in tx.consents.of(1) if record.act is ConsentAct.CHANGED]
    assert [str(day) for day in seen] == ["2026-11-23"]
    assert len(changes) == 1
