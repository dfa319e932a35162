"""Caught mails are listed, found and turned over."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tribune.channels.email.caught_folder import CaughtFolder
from tribune.channels.email.outbox_folder import OutboxFolder
from tribune.domain.errors import NotFound
from tribune.ports.channels import OutgoingMail
from tribune.ports.clock import StoppedClock
from tribune.services.desk.list_mails import PAGE, MailFilter, find_mail, list_mails
from tribune.services.desk.read_mail import for_a_frame, read_mail

CONTENT = (
    "To: =?utf-8?q?Bego=C3=B1a_Mu=C3=B1oz?= <{to}>\r\nSubject: =?utf-8?q?Nouveaut=C3=A9_{n}?=\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\nText {n}\r\n"
)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))


def catch(folder: Path, clock: StoppedClock, *deliveries: str, locale: str = "fr") -> None:
    mails = []
    for n, delivery in enumerate(deliveries):
        to = f"r{n}@example.com"
        mails.append(OutgoingMail(delivery, "b@x.example", to, CONTENT.format(to=to, n=n).encode(), locale))
    assert all(outcome and outcome.error is None for outcome in OutboxFolder(folder, clock).send(mails))


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert CaughtFolder(tmp_path / "none").newest() == []


def test_what_stands_outside_is_decoded(tmp_path: Path, clock: StoppedClock) -> None:
    catch(tmp_path, clock, "7.0.0")
    (mail,) = CaughtFolder(tmp_path).newest()
    assert (mail.subject, mail.name, mail.recipient) == ("Nouveauté 0", "Begoña Muñoz", "r0@example.com")
    assert (mail.locale, mail.mailing, mail.caught_at) == ("fr", 7, clock.now())


def test_the_newest_stand_first_and_a_mail_that_comes_again_is_read_again(tmp_path: Path, clock: StoppedClock) -> None:
    folder = CaughtFolder(tmp_path)
    catch(tmp_path, clock, "1.0.9", "1.0.10")
    assert [mail.delivery for mail in folder.newest()] == ["1.0.10", "1.0.9"]
    clock.move(timedelta(hours=1))
    catch(tmp_path, clock, "1.0.9")
    os.utime(tmp_path / "1.0.9.eml", ns=(1, 2**62))
    assert [mail.delivery for mail in folder.newest()] == ["1.0.9", "1.0.10"]


def test_what_is_not_ours_is_passed_over(tmp_path: Path, clock: StoppedClock) -> None:
    catch(tmp_path, clock, "1.0.0")
    (tmp_path / "alone.eml").write_bytes(b"To: x\r\n\r\n")
    (tmp_path / "odd.eml").write_bytes(b"\xff\x00")
    (tmp_path / "odd.json").write_text(json.dumps(["odd"]))
    (tmp_path / ".1.0.1.eml.77").write_bytes(b"half")
    assert [mail.delivery for mail in CaughtFolder(tmp_path).newest()] == ["1.0.0"]


def test_very_many_are_bounded(tmp_path: Path, clock: StoppedClock) -> None:
    catch(tmp_path, clock, *(f"1.0.{n}" for n in range(8)))
    assert len(CaughtFolder(tmp_path, most=5).newest()) == 5


def test_pages_and_neighbours(tmp_path: Path, clock: StoppedClock) -> None:
    catch(tmp_path, clock, *(f"1.0.{n}" for n in range(PAGE + 3)))
    catch(tmp_path, clock, "2.0.0", locale="es")
    folder = CaughtFolder(tmp_path)
    page = list_mails(folder, MailFilter(), 2)
    assert (page.found, page.pages, len(page.mails)) == (PAGE + 4, 2, 4)
    assert (page.locales, list(page.mailings)) == ({"es": 1, "fr": PAGE + 3}, [2, 1])
    assert list_mails(folder, MailFilter(), 99).page == 2
    assert [m.delivery for m in list_mails(folder, MailFilter(locale="es")).mails] == ["2.0.0"]
    assert list_mails(folder, MailFilter(words="NOUVEAUTE begona r7@example")).found == 1

    found = find_mail(folder, "1.0.7", MailFilter(mailing=1))
    assert found.before and found.after
    assert (found.before.delivery, found.after.delivery) == ("1.0.8", "1.0.6")
    alone = find_mail(folder, "2.0.0", MailFilter(locale="es"))
    assert (alone.place, alone.found, alone.before, alone.after) == (1, 1, None, None)
    beside = find_mail(folder, "2.0.0", MailFilter(locale="fr"))
    assert beside.found == PAGE + 4
    with pytest.raises(NotFound):
        find_mail(folder, "9.9.9", MailFilter())


@pytest.mark.parametrize("name", ["../1.0.0", "..%2f1", "", ".hidden", "a/b", "x\x00"])
def test_only_files_of_the_folder_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "1.0.0.eml").write_bytes(b"secret")
    (tmp_path / "box").mkdir()
    with pytest.raises(NotFound):
        CaughtFolder(tmp_path / "box").content(name)


def test_a_broken_mail_is_read_as_far_as_it_goes() -> None:
    odd = read_mail(b"Subject: =?utf-8?q?=ff?=\r\nContent-Type: text/html; charset=no-such\r\n\r\n<p>caf\xe9\r\n")
    assert "<p>caf" in odd.html
    assert read_mail(b"").headers == []


def test_links_in_a_frame_open_beside_it() -> None:
    assert for_a_frame('<html><head lang="fr"><title>') == '<html><head lang="fr"><base target="_blank"><title>'
    assert for_a_frame("<header>") == "<header>"
