"""TLS and SCRAM by settings, against a real broker that wants them; and what `tribune check` says of a broker."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests import postgres_server
from tests.kafka_broker import free_port
from tests.kafka_secure import GUEST, GUEST_PASSWORD, PASSWORD, USER, SecureBroker, secure_broker
from tests.log_world import TOPIC, WALL, event, take, told
from tools.postgres.server import Server
from tribune.bootstrap import Application
from tribune.cli import main
from tribune.config import load
from tribune.domain.errors import ConfigurationError
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.errors import BrokerAway
from tribune.log.kafka.log import KafkaLog
from tribune.ports.clock import SystemClock
from tribune.ports.log import TopicSpec

pytestmark = pytest.mark.waits


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    with secure_broker(tmp_path_factory.mktemp("secure")) as broker:
        yield broker


@pytest.fixture
def trusted(secure: SecureBroker) -> Cluster:
    """All as it should be."""
    return Cluster(
        (secure.server,),
        prefix=f"t{uuid4().hex[:8]}.",
        mechanism="SCRAM-SHA-512",
        username=USER,
        password=PASSWORD,
        tls=True,
        ca_file=secure.ca_file,
        session_seconds=2.0,
        request_seconds=5.0,
    )


def refused(cluster: Cluster, error: type[Exception] = ConfigurationError) -> str:
    """What is said, and that it is said before long, by whoever asks first."""
    said = set()
    for ask in (
        KafkaLog.lag,
        lambda log: log.publish(TOPIC, [event("key", 0)]),
        lambda log: log.consumer("g", [TOPIC]),
    ):
        log = KafkaLog(cluster, SystemClock())
        begin = WALL.monotonic()
        with pytest.raises(error) as raised:
            ask(log)
        assert WALL.monotonic() - begin < 20
        assert PASSWORD not in str(raised.value)
        said.add(str(raised.value))
        log.close()
    return " ".join(said)


def test_who_is_known_publishes_and_reads_over_tls(trusted: Cluster) -> None:
    log = KafkaLog(trusted, SystemClock())
    log.create_topics([TopicSpec(TOPIC, 2)])
    log.publish(TOPIC, [event("key", number) for number in range(500)])
    member = log.consumer("group", [TOPIC])
    messages = take(member, 500, 20.0)
    assert told(messages) == [("key", number) for number in range(500)]
    member.commit(message.position for message in messages)
    assert not any(lag.behind for lag in log.lag("group"))
    member.close()
    log.close()


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"username": "nobody"}, {"mechanism": "SCRAM-SHA-256"}], ids=str
)
def test_a_wrong_password_user_or_mechanism_is_told_at_once(trusted: Cluster, wrong: dict[str, str]) -> None:
    said = refused(replace(trusted, **wrong))  # type: ignore[arg-type]
    assert "[log.sasl]" in said and "password" in said and trusted.servers[0] in said


def test_a_member_and_a_producer_are_told_too(trusted: Cluster) -> None:
    """Those that the log makes by themselves, not through the admin client, which is asked first."""
    wrong = replace(trusted, password="wrong")
    for make in (wrong.producer, wrong.reader, lambda: wrong.member("group")):
        with pytest.raises(ConfigurationError, match=r"log\.sasl"):
            make()


def test_a_user_without_rights_is_told_which_it_lacks(trusted: Cluster) -> None:
    log = KafkaLog(replace(trusted, username=GUEST, password=GUEST_PASSWORD), SystemClock())
    with pytest.raises(ConfigurationError, match=r"let this user look at topics \(TopicAuthorizationFailedError\)"):
        log.publish(TOPIC, [event("key", 0)])
    with pytest.raises(ConfigurationError, match=r"let this user .* \(\w+AuthorizationFailedError\)"):
        log.create_topics([TopicSpec(TOPIC, 1)])
    log.close()


def test_a_certificate_of_an_unknown_authority_is_refused(trusted: Cluster) -> None:
    said = refused(replace(trusted, ca_file=None))
    assert "certificate" in said and "[log.tls] ca_file" in said


def test_a_certificate_for_another_host_is_refused(trusted: Cluster, secure: SecureBroker) -> None:
    said = refused(replace(trusted, servers=(secure.misnamed,)))
    assert "mismatch" in said and "bootstrap_servers" in said


def test_a_missing_authority_file_is_told(trusted: Cluster, tmp_path: Path) -> None:
    assert "it cannot be read" in refused(replace(trusted, ca_file=tmp_path / "none.pem"))


def test_tls_where_there_is_none_and_none_where_there_is(trusted: Cluster, secure: SecureBroker) -> None:
    assert "right port" in refused(replace(trusted, servers=(secure.plain,)), BrokerAway)
    assert "[log.tls]" in refused(replace(trusted, tls=False, request_seconds=2.0), BrokerAway)


def test_a_server_that_accepts_and_is_silent_hangs_nobody(trusted: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        mute = replace(trusted, servers=(server,), request_seconds=1.0)
        assert "no answer in 1 s" in refused(mute, BrokerAway)
        monkeypatch.setattr("tribune.log.kafka.cluster.reach", lambda *_: None)  # the client by itself, then
        assert "does not answer as a Kafka broker" in refused(mute, BrokerAway)


def test_the_password_is_in_no_log_line_and_no_repr(trusted: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("kafka").setLevel(logging.DEBUG)
    for cluster in (trusted, replace(trusted, username="nobody")):
        log = KafkaLog(cluster, SystemClock())
        try:
            log.create_topics([TopicSpec(TOPIC, 1)])
            log.publish(TOPIC, [event("key", 0)])
            member = log.consumer("group", [TOPIC])
            assert take(member, 1, 20.0)
            member.close()
        except ConfigurationError:
            assert cluster.username == "nobody"
        log.close()
    assert caplog.text and PASSWORD not in caplog.text
    assert PASSWORD not in repr(trusted) + str(trusted) + repr(log.__dict__)


# -- tribune check, by settings


@pytest.fixture
def check(
    secure: SecureBroker,
    postgres: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., tuple[bool, str]]]:
    """Run `tribune check` with these [log] settings changed: whether all is well, and the line on the event log."""
    prefix = f"t{uuid4().hex[:8]}."
    with postgres_server.database(postgres) as url:

        def run(server: str = secure.server, ca_file: Path | None = secure.ca_file) -> tuple[bool, str]:
            ca = f'ca_file = "{ca_file}"\n' if ca_file else ""
            (tmp_path / "tribune.toml").write_text(
                f'[store]\nurl = "{url}"\n'
                f'[log]\nkind = "kafka"\nbootstrap_servers = ["{server}"]\nprefix = "{prefix}"\n'
                "request_timeout_seconds = 4\nsession_seconds = 2\n"
                f'[log.sasl]\nmechanism = "SCRAM-SHA-512"\nusername = "{USER}"\n[log.tls]\non = true\n{ca}',
                encoding="utf-8",
            )
            try:
                main(["check"])
                well = True
            except SystemExit as left:
                well = not left.code
            said = capsys.readouterr()
            assert PASSWORD not in said.out + said.err
            assert "works   store: postgresql" in said.out
            (line,) = [line for line in said.out.splitlines() if "event log" in line]
            assert well == line.startswith("  works")
            return well, line

        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TRIBUNE_LOG__SASL__PASSWORD", PASSWORD)
        yield run


@pytest.fixture
def house(check: Callable[..., tuple[bool, str]]) -> Iterator[Application]:
    """The house that `check` looks at, before `tribune migrate`."""
    check()  # writes the settings
    house = Application(load())
    yield house
    house.close()


Check = Callable[..., tuple[bool, str]]


def test_check_misses_what_migrate_makes(check: Check, house: Application) -> None:
    well, line = check()
    assert not well and "there are no topics publications, catalogue" in line and "retry.digests.catalogue" in line
    assert "the groups catalogue, digests" in line and "run `tribune migrate`" in line
    with pytest.raises(SystemExit, match="0"):
        main(["migrate"])
    well, line = check()
    assert well and f"at {house.settings.log.bootstrap_servers[0]} as tribune (SCRAM-SHA-512) over TLS" in line
    assert "Kafka at " in line
    assert re.search(r"\(spoken to as \d+\.\d+(\.\d+)?, the newest version that is understood here, or its own", line)
    assert "1 broker; 11 topics as declared; 5 groups; 0 events wait" in line
    with house.store.write() as tx:
        tx.outbox.add(event("key", 0))
    house.log.publish(TOPIC, [event("key", 1)])
    house.log.prepare_group("strangers", [TOPIC])
    well, line = check()
    assert well and "2 events wait (digests 1, strangers 1); groups that nobody declares: strangers" in line


def test_check_tells_topics_that_are_not_as_declared(check: Check, house: Application) -> None:
    house.prepare()
    house.log.create_topics([TopicSpec("publications", 6, 24 * 30), TopicSpec("catalogue", 4, 12)])
    well, line = check()
    assert (
        not well
        and "publications has 6 partitions, 4 are declared, and their number only grows: set [log] partitions" in line
    )
    assert "catalogue has retention.ms = 43200000, declared is 2592000000: run `tribune migrate`" in line


def test_check_tells_a_broker_that_is_away(check: Check) -> None:
    server = f"127.0.0.1:{free_port()}"
    well, line = check(server=server)
    assert not well and f"No broker can be reached: {server}: Connection refused" in line


def test_check_tells_a_wrong_password(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUNE_LOG__SASL__PASSWORD", "wrong")
    well, line = check()
    assert not well and "[log.sasl]" in line and "SaslAuthenticationFailedError" in line


def test_check_tells_a_certificate_that_does_not_hold(check: Check, secure: SecureBroker) -> None:
    well, line = check(ca_file=None)
    assert not well and "certificate" in line and "ca_file" in line
    well, line = check(server=secure.misnamed)
    assert not well and "mismatch" in line
