"""What every e-mail channel must do. A new channel is one subclass of `EmailContract` in a file beside this one."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tribune.domain.errors import Permanent
from tribune.domain.sending import InDoubt
from tribune.ports.channels import EmailChannel, Outcome, OutgoingMail


@dataclass(frozen=True)
class Received:
    """A mail as it arrived."""

    sender: str
    recipient: str
    content: bytes


def mail(number: int = 1, body: str = "Hello.\r\n", recipient: str = "") -> OutgoingMail:
    """A complete small message, marked with its number."""
    to = recipient or f"reader{number}@example.org"
    content = (
        f"From: letter@observatory.example\r\nTo: <reader{number}@example.org>\r\nSubject: Mail {number}\r\n"
        f"Message-ID: <1.0.{number}@observatory.example>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}"
    ).encode()
    return OutgoingMail(f"1.0.{number}", f"b+k1.1~0~{number}.abc@bounces.example.org", to, content, "en")


def told(channel: EmailChannel, mails: Iterable[OutgoingMail | None]) -> list[Outcome]:
    """All outcomes, in the order of the deliveries' names: a channel answers in any order."""
    outcomes = [outcome for outcome in channel.send(mails) if outcome is not None]
    return sorted(outcomes, key=lambda outcome: outcome.delivery)


class EmailContract:
    """Subclasses give a fixture `channel`, ready to use, and `received`: what has arrived by now."""

    def received(self) -> list[Received]:
        raise NotImplementedError

    def test_a_mail_arrives_as_it_was_given_with_its_envelope(self, channel: EmailChannel) -> None:
        sent = mail(7)
        assert [(outcome.delivery, outcome.error) for outcome in told(channel, [sent])] == [("1.0.7", None)]
        assert self.received() == [Received(sent.sender, sent.recipient, sent.content)]

    def test_there_is_one_outcome_for_each_mail(self, channel: EmailChannel) -> None:
        outcomes = [outcome for outcome in channel.send(mail(n) for n in range(40)) if outcome is not None]
        assert sorted(outcome.delivery for outcome in outcomes) == sorted(f"1.0.{n}" for n in range(40))
        assert len(self.received()) == 40

    def test_nothing_to_send_is_fine(self, channel: EmailChannel) -> None:
        assert list(channel.send([])) == []

    @pytest.mark.parametrize(
        "body",
        [
            ".\r\nAfter a lone dot.\r\n",
            "..two\r\n.one\r\n...three\r\n",
            "The last line is a dot\r\n.\r\n",
            "QUIT\r\nMAIL FROM:<x@example.org>\r\n",
            "x" * 998 + "\r\n",
            "",
            "=C3=A9\r\n" * 6000,
        ],
    )
    def test_no_line_of_a_message_is_lost_or_taken_for_a_command(self, channel: EmailChannel, body: str) -> None:
        sent = mail(1, body)
        assert [outcome.error for outcome in told(channel, [sent, mail(2)])] == [None, None]
        assert sorted(got.content for got in self.received()) == sorted([sent.content, mail(2).content])

    def test_nobody_gets_what_was_meant_for_another(self, channel: EmailChannel) -> None:
        list(channel.send(mail(n, f"only for reader {n}.\r\n") for n in range(60)))
        for got in self.received():
            number = got.recipient.removeprefix("reader").partition("@")[0]
            parsed = email.message_from_bytes(got.content, policy=email.policy.SMTP)
            assert parsed["To"].addresses[0].addr_spec == f"reader{number}@example.org"
            assert parsed.get_content().strip() == f"only for reader {number}."
            assert f"~{number}." in got.sender

    @pytest.mark.parametrize(
        "address",
        [
            "a@example.org>\r\nRCPT TO:<evil@example.org",
            "a@example.org\r\n",
            "a b@example.org",
            "<a@example.org>",
            "a@example.org\x00",
            "nobody",
            "@example.org",
            "",
            "x" * 400 + "@example.org",
        ],
    )
    def test_an_address_that_is_none_is_refused_for_good_and_the_others_go_on(
        self, channel: EmailChannel, address: str
    ) -> None:
        bad = mail(1)._replace(recipient=address)
        outcomes = told(channel, [bad, mail(2)])
        assert isinstance(outcomes[0].error, Permanent)
        assert outcomes[0].error.code
        assert outcomes[1].error is None
        assert [got.recipient for got in self.received()] == ["reader2@example.org"]

    def test_a_return_path_that_is_none_is_refused(self, channel: EmailChannel) -> None:
        bad = mail(1)._replace(sender="b@example.org>\r\nRCPT TO:<evil@example.org")
        assert [type(outcome.error) for outcome in told(channel, [bad])] == [Permanent]
        assert self.received() == []

    @pytest.mark.parametrize("smuggled", ["\n.\r\nMAIL FROM:<x@example.org>\r\n", "\r.\r\n", "a\nb\r\n", "a\rb\r\n"])
    def test_bare_line_ends_are_refused(self, channel: EmailChannel, smuggled: str) -> None:
        outcomes = told(channel, [mail(1, smuggled), mail(2)])
        assert isinstance(outcomes[0].error, Permanent)
        assert outcomes[1].error is None
        assert [got.recipient for got in self.received()] == ["reader2@example.org"]

    def test_a_mail_sent_again_has_the_same_message_id(self, channel: EmailChannel) -> None:
        list(channel.send([mail(1)]))
        list(channel.send([mail(1)]))
        ids = {email.message_from_bytes(got.content)["Message-ID"] for got in self.received()}
        assert ids == {"<1.0.1@observatory.example>"}

    def test_mails_are_taken_when_they_are_sent_not_before(self, channel: EmailChannel) -> None:
        """The caller looks at its lease before each mail and may stop: a channel must not run ahead."""
        taken: list[int] = []

        def source() -> Iterator[OutgoingMail]:
            for number in range(1000):
                taken.append(number)
                yield mail(number)

        outcomes = channel.send(source())
        next(iter(outcomes))
        assert len(taken) <= 64
        outcomes.close()  # type: ignore[attr-defined]

    def test_a_source_that_has_nothing_now_is_asked_again_when_the_caller_is(self, channel: EmailChannel) -> None:
        """None from the source: nothing now. The channel finishes what it has in hand, then gives None back."""
        script: list[OutgoingMail | None] = [None, mail(1), None, None, mail(2), mail(3), None]
        answers = list(channel.send(iter(script)))
        assert answers.count(None) in (2, 3, 4), "not twice for one None; one right behind a mail may be swallowed"
        assert answers[0] is None
        assert sorted(outcome.delivery for outcome in answers if outcome) == ["1.0.1", "1.0.2", "1.0.3"]
        assert len(self.received()) == 3

    def test_a_source_that_breaks_is_heard_of_after_what_was_in_hand(self, channel: EmailChannel) -> None:
        def source() -> Iterator[OutgoingMail]:
            yield mail(1)
            yield mail(2)
            raise RuntimeError("the source broke")

        outcomes = channel.send(source())
        known = []
        with pytest.raises(RuntimeError, match="the source broke"):
            for outcome in outcomes:
                known.append(outcome)
        assert len(known) == len(self.received()) == 2

    def test_one_that_is_left_early_can_be_used_again(self, channel: EmailChannel) -> None:
        outcomes = channel.send(mail(n) for n in range(100))
        next(iter(outcomes))
        outcomes.close()  # type: ignore[attr-defined]
        assert [outcome.error for outcome in told(channel, [mail(500)])] == [None]
        assert mail(500).content in [got.content for got in self.received()]

    def test_several_threads_may_send_at_once(self, channel: EmailChannel) -> None:
        def work(start: int) -> list[bool]:
            mails = (mail(n, f"only for reader {n}.\r\n") for n in range(start, start + 15))
            return [outcome.error is None for outcome in told(channel, mails)]

        with ThreadPoolExecutor(4) as pool:
            assert all(all(sent) for sent in pool.map(work, range(0, 60, 15)))
        got = {received.recipient: received.content for received in self.received()}
        assert got == {f"reader{n}@example.org": mail(n, f"only for reader {n}.\r\n").content for n in range(60)}

    def test_it_says_what_it_does_in_doubt_and_what_works(self, channel: EmailChannel) -> None:
        assert channel.in_doubt in set(InDoubt)
        assert channel.name
        assert "DKIM" in channel.check()
