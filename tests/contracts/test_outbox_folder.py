"""The outbox folder passes the channels' contract, and its files are fit for the desk."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contracts.email_contract import EmailContract, Received, mail
from tribune.channels.email import disk
from tribune.channels.email.outbox_folder import OutboxFolder, content_of
from tribune.domain.errors import NotFound, Permanent, Throttled
from tribune.ports.clock import StoppedClock


class TestOutboxFolder(EmailContract):
    @pytest.fixture
    def channel(self, tmp_path: Path) -> OutboxFolder:
        self.folder = tmp_path / "outbox"
        return OutboxFolder(self.folder)

    def received(self) -> list[Received]:
        found = sorted(self.folder.glob("*.eml"), key=lambda path: int(path.stem.rpartition(".")[2]))
        told = [(json.loads(path.with_suffix(".json").read_bytes()), path.read_bytes()) for path in found]
        return [Received(envelope["sender"], envelope["recipient"], content) for envelope, content in told]


def test_the_envelope_stands_beside_the_mail(tmp_path: Path) -> None:
    clock = StoppedClock(datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    list(OutboxFolder(tmp_path, clock).send([mail(1)]))
    assert json.loads((tmp_path / "1.0.1.json").read_bytes()) == {
        "delivery": "1.0.1",
        "sender": mail(1).sender,
        "recipient": "reader1@example.org",
        "locale": "en",
        "caught_at": "2026-11-23T06:00:00+00:00",
    }
    assert content_of(tmp_path, "1.0.1") == mail(1).content


def test_a_mail_sent_again_overwrites_itself(tmp_path: Path) -> None:
    channel = OutboxFolder(tmp_path)
    list(channel.send([mail(1)]))
    list(channel.send([mail(1, "Less what was withdrawn.\r\n")]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.0.1.eml", "1.0.1.json"]
    assert b"Less what" in content_of(tmp_path, "1.0.1")


@pytest.mark.parametrize("name", ["../1.0.1", "/etc/passwd", "..", ".hidden", "1.0.1\x00", "", "a/b"])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.eml").write_bytes(b"secret")
    folder = tmp_path / "outbox"
    channel = OutboxFolder(folder)
    outcome = next(channel.send([type(mail())(name, mail().sender, mail().recipient, mail().content)]))
    assert outcome and isinstance(outcome.error, Permanent)
    assert list(folder.iterdir()) == []
    with pytest.raises(NotFound):
        content_of(folder, name)
    with pytest.raises(NotFound):
        content_of(folder, "../secret")


def test_a_folder_that_cannot_be_written_lets_mails_wait(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    channel = OutboxFolder(blocked)
    outcomes = list(channel.send([mail(1), mail(2)]))
    assert [type(outcome and outcome.error) for outcome in outcomes] == [Throttled, Throttled]
    with pytest.raises(Throttled, match="cannot be written"):
        channel.check()


@pytest.mark.parametrize("mails", [1, 20])
def test_what_is_called_sent_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mails: int) -> None:
    """Files are written through before they get their names, and the folder after; many together by one call."""
    synced: list[tuple[str, int]] = []

    def watch(handle: int) -> int:
        named = Path(f"/proc/self/fd/{handle}").readlink().name
        synced.append((named, len(list(tmp_path.glob("*.eml")))))
        return 0

    monkeypatch.setattr(os, "fsync", watch)
    monkeypatch.setattr(disk, "_syncfs", lambda: watch)
    list(OutboxFolder(tmp_path).send(mail(n) for n in range(mails)))
    assert synced[-1] == (tmp_path.name, mails)
    assert all(names == 0 for _, names in synced[:-1])
    files = [f".aside-1.0.0.{ending}.{os.getpid()}" for ending in ("json", "eml")]
    assert [name for name, _ in synced[:-1]] == (files if mails == 1 else [tmp_path.name])


def test_a_disk_that_fails_is_not_called_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_syncfs", lambda: lambda handle: -1)
    outcomes = list(OutboxFolder(tmp_path).send(mail(n) for n in range(5)))
    assert {type(outcome and outcome.error) for outcome in outcomes} == {Throttled}
    assert list(tmp_path.glob("*.eml")) == []


def test_captured_mails_and_files_left_aside_expire(tmp_path: Path) -> None:
    clock = StoppedClock(datetime(2026, 11, 23, tzinfo=UTC))
    folder = OutboxFolder(tmp_path, clock)
    old, new = tmp_path / "1.0.0.eml", tmp_path / "2.0.0.eml"
    aside = tmp_path / ".aside-1.0.1.eml.77"
    for path in (old, new, aside):
        path.write_bytes(b"x")
    long_ago = time.time() - 31 * 86_400
    for path in (old, aside):
        os.utime(path, (long_ago, long_ago))
    assert folder.forget_before(clock.now() - timedelta(days=30)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["2.0.0.eml"]
