from __future__ import annotations

import pytest
from pydantic import SecretStr

from spanlabel.errors import ConfigError
from spanlabel.sources.kafka_options import KafkaOptions

BROKERS = ("a:9092", "b:9092")


def with_property(name: str, value: str = "some value") -> KafkaOptions:
    return KafkaOptions(BROKERS, config=((name, SecretStr(value)),))


def test_a_users_properties_reach_the_client() -> None:
    """TLS and SASL are librdkafka's own properties, under its own names."""
    given = with_property("sasl.password", "geheim99").properties()
    assert given["bootstrap.servers"] == "a:9092,b:9092"
    assert given["group.id"] == "spanlabel"
    assert given["sasl.password"] == "geheim99"
    assert given["enable.auto.commit"] is False


def test_a_user_may_choose_what_is_only_better_so() -> None:
    """Memory for prefetching, for example."""
    given = with_property("queued.max.messages.kbytes", "1024").properties()
    assert given["queued.max.messages.kbytes"] == "1024"


def test_secrets_do_not_show() -> None:
    """Neither in the options, nor in what the client says of them."""
    options = with_property("ssl.key.pem", "geheim99")
    assert "geheim99" not in repr(options)
    assert options.without_secrets('Invalid value "geheim99"') == 'Invalid value "***"'


@pytest.mark.parametrize("name", ["enable.auto.commit", "auto.offset.reset", "group.protocol", "error_cb"])
def test_a_property_that_would_lose_records_is_refused(name: str) -> None:
    """It is named, and why."""
    with pytest.raises(ConfigError, match=f"kafka_config: {name}: cannot be chosen: .* lost or doubled"):
        with_property(name)


@pytest.mark.parametrize(("name", "setting"), [("group.id", "kafka_group"), ("bootstrap.servers", "kafka_brokers")])
def test_a_property_with_a_setting_of_its_own_is_refused(name: str, setting: str) -> None:
    """There is one place for each thing."""
    with pytest.raises(ConfigError, match=f"is set by {setting}"):
        with_property(name)


@pytest.mark.parametrize("topics", [(), ("a", "a"), ("a", "b", "c"), ("a", "")])
def test_topics_are_spans_and_log_records(topics: tuple[str, ...]) -> None:
    """One or two, with names."""
    with pytest.raises(ConfigError, match=r"kafka_topics = .* the topic of spans"):
        KafkaOptions(BROKERS, topics)


@pytest.mark.parametrize("brokers", [(), ("",)])
def test_brokers_must_be_named(brokers: tuple[str, ...]) -> None:
    """None is guessed."""
    with pytest.raises(ConfigError, match="kafka_brokers: is missing"):
        KafkaOptions(brokers)
