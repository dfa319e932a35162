"""Looks at the brokers for `tribune check`: whether they are there, and hold what is declared. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from tribune.domain.errors import ConfigurationError
from tribune.log.kafka.admin import Admin
from tribune.log.kafka.cluster import Cluster
from tribune.log.kafka.records import retry_topic
from tribune.log.partitions import otherwise
from tribune.ports.log import Lag

MIGRATE = "run `tribune migrate`"


def survey(
    cluster: Cluster,
    admin: Admin,
    partitions: Mapping[str, int],
    settings: Mapping[str, Mapping[str, str]],
    groups: Mapping[str, Sequence[str]],
    lag: Callable[[], Sequence[Lag]],
) -> str:
    """What was found, in one line. `partitions` and `settings` are those of each declared topic, `groups` the topics
    that each reads. Raises ConfigurationError that names all that is not as declared, and what to do; BrokerAway."""
    brokers, version = admin.brokers()
    wanted = dict(partitions)
    for group, topics in groups.items():
        wanted |= {retry_topic(group, topic): partitions[topic] for topic in topics}
    held = admin.partitions(wanted)
    wrong = [*_topics(wanted, held), *_settings(settings, held, admin)]
    wrong += [f"no broker leads {place}: is one of them away?" for place in admin.leaderless(held)]
    offsets = admin.offsets(groups)
    unknown = [group for group in groups if not offsets.get(group)]
    if unknown:
        wrong.append(f"the groups {', '.join(unknown)} have not begun: {MIGRATE}")
    if wrong:
        raise ConfigurationError(f"{_where(cluster)}: {'; '.join(wrong)}.")
    behind = Counter[str]()
    for one in lag():
        behind[one.group] += one.behind
    waits = ", ".join(f"{group} {number}" for group, number in behind.items() if number)
    strangers = ", ".join(sorted(behind.keys() - groups.keys()))
    found = [
        f"Kafka at {_where(cluster)} (spoken to as {version}, the newest version that is understood here, or its own "
        f"where that is older), {brokers} broker{'s' if brokers > 1 else ''}",
        f"{len(wanted)} topics as declared",
        f"{len(groups)} groups",
        f"{behind.total()} events wait{f' ({waits})' if waits else ''}",
    ]
    return "; ".join([*found, f"groups that nobody declares: {strangers}"] if strangers else found)


def _where(cluster: Cluster) -> str:
    how = [f"as {cluster.username} ({cluster.mechanism})"] if cluster.mechanism else []
    how += ["over TLS"] if cluster.tls else []
    return " ".join([", ".join(cluster.servers), *how])


def _topics(wanted: Mapping[str, int], held: Mapping[str, int]) -> list[str]:
    wrong = []
    missing = [name for name in wanted if name not in held]
    if missing:
        wrong.append(f"there are no topics {', '.join(missing)}: {MIGRATE}")
    return wrong + otherwise(wanted, held)


def _settings(settings: Mapping[str, Mapping[str, str]], held: Mapping[str, int], admin: Admin) -> list[str]:
    there = admin.settings({name: list(told) for name, told in settings.items() if name in held})
    return [
        f"{name} has {key} = {there[name].get(key)}, declared is {value}: {MIGRATE}"
        for name, told in settings.items()
        for key, value in told.items()
        if name in there and there[name].get(key) != value
    ]
