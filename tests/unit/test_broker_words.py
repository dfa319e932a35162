"""What an operator reads of a broker that does not answer: which one, what to look at, which setting."""

from __future__ import annotations

import pytest
from kafka import errors

from tribune.log.kafka.errors import BrokerAway, translated


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.KafkaTimeoutError(), ("did not answer in time", "request_timeout_seconds", "advertised.listeners")),
        (errors.RequestTimedOutError("after 1999 ms"), ("did not answer in time", "after 1999 ms")),
        (errors.KafkaTimeoutError("Unable to bootstrap from ['b']"), ("not answer as a Kafka broker", "[log.tls]")),
        (errors.KafkaTimeoutError("Failed to update metadata after 2.0 secs."), ("tribune check", "tribune migrate")),
        (errors.KafkaConnectionError("111 ECONNREFUSED"), ("cannot be reached", "111 ECONNREFUSED")),
        (errors.NotLeaderForPartitionError(), ("answered with an error", "NotLeaderForPartitionError")),
    ],
)
def test_it_is_said_in_words(error: Exception, told: tuple[str, ...]) -> None:
    with pytest.raises(BrokerAway) as raised, translated("publish to catalogue", ("mq.example:9092",)):
        raise error
    words = str(raised.value)
    assert words.startswith("Could not publish to catalogue: ") and "mq.example:9092" in words
    assert all(one in words for one in told), words
    assert words.count(type(error).__name__) <= 1 and "None" not in words
