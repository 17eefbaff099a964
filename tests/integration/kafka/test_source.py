"""One member and what may come in its way, on a real Kafka."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr
from servers.kafka_group import Group, until
from servers.kafka_traffic import answer_log, json_message, producer, send, send_traces, span, spans_message

from spanlabel.errors import ConfigError
from spanlabel.metrics import Counts, Metric
from spanlabel.pipeline import Pipeline
from spanlabel.sources.kafka import KafkaSource
from spanlabel.sources.kafka_options import KafkaOptions

from .conftest import reading

pytestmark = pytest.mark.integration


def refused(options: KafkaOptions, folder: Path) -> str:
    """What a source says that does not start."""
    source = KafkaSource(options, Counts(), dead_letters=folder)
    with pytest.raises(ConfigError) as caught:
        source.run(None, Event())  # type: ignore[arg-type]  # it is not come to the pipeline
    return str(caught.value)


def test_both_encodings_are_read_side_by_side(group: Group, tmp_path: Path) -> None:
    """Somebody changes the Collector's encoding: nobody else has to."""
    to = producer(group.kafka.brokers)
    send(to, group.spans, 1, spans_message(span(1, n) for n in range(3)))
    send(to, group.spans, 2, json_message(span(2, n) for n in range(3)))
    to.flush(10)
    with reading(group.options(), tmp_path) as here:
        assert until(lambda: len(here.sink.records) == 2)
    assert sorted(here.sink.questions) == ["Question 1?", "Question 2?"]
    assert group.lag() <= 2


def test_a_message_that_cannot_be_read_is_put_aside(group: Group, tmp_path: Path) -> None:
    """It is counted and kept with its place in the topic, and what is behind it is read."""
    to, poison = producer(group.kafka.brokers), b"\xff\xff no OTLP"
    send(to, group.spans, 1, poison)
    send(to, group.spans, 1, None)
    send(to, group.spans, 1, b"{ no JSON")
    send(to, group.spans, 1, spans_message(span(1, n) for n in range(3)))
    to.flush(10)
    with reading(group.options(), tmp_path) as here:
        assert until(lambda: len(here.sink.records) == 1)
    assert here.counts.total(Metric.KAFKA_DEAD_LETTERS, topic=group.spans) == 2
    assert here.counts.total(Metric.KAFKA_MESSAGES) == 4
    kept = {
        path.name.removeprefix(f"{group.spans}-").split("-")[1]: path for path in (tmp_path / "kafka-dead").iterdir()
    }
    assert {name: path.read_bytes() for name, path in kept.items()} == {
        "0.message": poison,
        "2.message": b"{ no JSON",
    }
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept.values())


def test_messages_without_keys_are_read_and_complained_of(
    group: Group, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One member reads all partitions, so traces are whole; more of them would tear them, which is said."""
    to = producer(group.kafka.brokers)
    for trace in range(50):
        for n in range(3):
            send(to, group.spans, trace, spans_message([span(trace, n)]), is_keyed=False)
        to.flush(10)
    with caplog.at_level(logging.WARNING, "spanlabel"), reading(group.options(), tmp_path) as here:
        assert until(lambda: len(here.sink.records) >= 50)
    assert len(set(here.sink.questions)) == len(here.sink.records) == 50
    assert caplog.text.count("without a key") == 1
    assert "partition_traces_by_id" in caplog.text


def test_an_answer_that_comes_when_its_member_has_left_is_read_with_its_question(group: Group, tmp_path: Path) -> None:
    """Two members, of which the first took the trace for done: one record, and the same as from one member."""
    to = producer(group.kafka.brokers)
    send(to, group.spans, 1, spans_message([span(1, 0)]))
    to.flush(10)
    with reading(group.options(), tmp_path) as first:
        assert until(lambda: first.counts.total(Metric.TRACES_DECIDED) == 1)
    send(to, group.spans, 1, spans_message([span(1, 2)]))
    to.flush(10)
    with reading(group.options(), tmp_path) as second:
        assert until(lambda: len(second.sink.records) == 1)
    assert first.sink.records == []
    assert second.sink.records[0].metadata["span_id"] == f"{1:016x}", "the root is the unit"


def test_while_records_find_no_room_the_member_stays_in_the_group(
    group: Group, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A full outbox is no reason to be thrown out: nothing is read, and nothing is lost."""
    to = producer(group.kafka.brokers)
    send_traces(to, group.spans, range(300))
    options = group.options(**{"max.poll.interval.ms": "6000"})
    with caplog.at_level(logging.WARNING, "spanlabel"), reading(options, tmp_path) as here:
        here.sink.has_room.clear()
        assert until(lambda: "until records can be stored again" in caplog.text)
        before = here.counts.total(Metric.KAFKA_MESSAGES)
        send_traces(to, group.spans, range(300, 600))
        time.sleep(9)
        assert here.counts.total(Metric.KAFKA_MESSAGES) == before
        assert here.sink.records == []
        here.sink.has_room.set()
        assert until(lambda: len(here.sink.records) == 600)
    assert len(set(here.sink.questions)) == 600
    assert "without this member" not in caplog.text


def test_who_stops_while_there_is_no_room_loses_nothing(group: Group, tmp_path: Path) -> None:
    """What could not be stored is read again at the next start."""
    to = producer(group.kafka.brokers)
    send_traces(to, group.spans, range(100))
    with reading(group.options(), tmp_path) as here:
        here.sink.has_room.clear()
        time.sleep(4)
    assert here.sink.records == []
    with reading(group.options(), tmp_path) as again:
        assert until(lambda: len(again.sink.records) == 100)


def test_memory_is_kept_by_reading_slower(group: Group, tmp_path: Path) -> None:
    """A long backlog is read no faster than traces are decided: none is given up because there was no room for it."""
    to, long = producer(group.kafka.brokers), "word " * 2_000
    for trace in range(400):
        for n in range(3):
            send(to, group.spans, trace, spans_message([span(trace, n, text=long)]))
    to.flush(30)
    options = group.options(**{"queued.max.messages.kbytes": "1024"})
    with reading(options, tmp_path, root_grace_s=2, max_bytes=40_000_000, linger_bytes=2_000_000) as here:
        here.source._most_bytes = 5_000_000
        # A record may be put again, when a part of its trace was fetched only after the others had been read.
        assert until(lambda: len(set(here.sink.questions)) == 400, within_s=180)
    assert here.counts.total(Metric.TRACES_DECIDED, reason="ejected_memory") == 0
    assert len({record.id for record in here.sink.records}) == 400


def test_log_records_of_a_backlog_do_not_run_ahead_of_their_spans(group: Group, tmp_path: Path) -> None:
    """Who was away for an hour reads spans and log records of the same minutes together, and gives up none of them."""
    to, begun_ms = producer(group.kafka.brokers), round(time.time() * 1000) - 3_600_000
    for trace in range(8_000):
        sent_ms = begun_ms + trace * 500
        spans = [span(trace, n, text="word " * 300, is_answer_told=False) for n in range(3)]
        send(to, group.spans, trace, spans_message(spans), sent_ms=sent_ms)
        send(to, group.logs, trace, answer_log(trace, span=2), sent_ms=sent_ms)
    to.flush(60)
    with reading(group.options(), tmp_path, span_s=0.003, idle_s=8, root_grace_s=8, linger_bytes=0) as here:
        assert until(lambda: here.counts.total(Metric.TRACES_DECIDED) == 8_000), here.counts.snapshot()
    assert here.counts.total(Metric.LOGS_LOST) == 0
    assert len(here.sink.records) == 8_000


def test_a_member_ends_in_time_while_the_broker_is_away(group: Group, tmp_path: Path) -> None:
    """SIGTERM is obeyed, also in an outage."""
    to = producer(group.kafka.brokers)
    send_traces(to, group.spans, range(100))
    try:
        with reading(group.options(), tmp_path) as here:
            assert until(lambda: len(here.sink.records) == 100)
            group.kafka.stop()
            time.sleep(2)
            begun_s = time.monotonic()
        assert time.monotonic() - begun_s < 15
    finally:
        group.kafka.start()
    with reading(group.options(), tmp_path) as again:
        time.sleep(4)
    assert set(again.sink.questions) <= set(here.sink.questions)


class TestRefusals:
    def test_nobody_there(self, tmp_path: Path) -> None:
        """A wrong address is said with what became of it."""
        said = refused(KafkaOptions(("127.0.0.1:1",)), tmp_path)
        assert "kafka_brokers = '127.0.0.1:1': nobody answers" in said
        assert "Connection refused" in said

    def test_topics_that_do_not_fit(self, group: Group, tmp_path: Path) -> None:
        """Different numbers of partitions would tear spans from their log records."""
        other = group.kafka.make_topic(f"{group.logs}-3", 3)
        said = refused(group.options(group.spans, other), tmp_path)
        assert f"{group.spans} has 8, {other} has 3" in said

    def test_a_topic_that_is_not_there(self, group: Group, tmp_path: Path) -> None:
        """It is named, with what to do, and is not made by asking."""
        for _ in range(2):
            said = refused(group.options(group.spans, "no-such-logs"), tmp_path)
            assert "there is no topic no-such-logs" in said
            assert f"set kafka_topics to {group.spans} alone" in said
        assert "there is no topic no-such-spans" in refused(group.options("no-such-spans"), tmp_path)

    def test_a_property_that_is_wrong(self, group: Group, tmp_path: Path) -> None:
        """librdkafka's words, without the secrets."""
        assert 'No such configuration property: "sasl.pasword"' in refused(
            group.options(**{"sasl.pasword": "geheim99"}), tmp_path
        )
        login = {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanisms": "PLAIN",
            "sasl.username": "me",
            "sasl.password": "geheim99",
        }
        options = KafkaOptions(
            (group.kafka.brokers,), config=tuple((name, SecretStr(value)) for name, value in login.items())
        )
        said = refused(options, tmp_path)
        assert "kafka_brokers" in said
        assert "geheim99" not in said + repr(options)


def test_spans_alone_may_be_read(group: Group, tmp_path: Path) -> None:
    """Where no log records are exported there is one topic."""
    to = producer(group.kafka.brokers)
    send_traces(to, group.spans, range(20))
    with reading(group.options(group.spans), tmp_path) as here:
        assert until(lambda: len(here.sink.records) == 20)


def test_a_topic_that_is_made_anew_is_read_from_its_beginning(group: Group, tmp_path: Path) -> None:
    """What was committed for the old one is no reason to leave out what is in the new one."""
    from confluent_kafka.admin import AdminClient

    to, admin = producer(group.kafka.brokers), AdminClient({"bootstrap.servers": group.kafka.brokers})
    send_traces(to, group.spans, range(100))
    options = group.options(**{"topic.metadata.refresh.interval.ms": "500"})
    with reading(options, tmp_path) as here:
        assert until(lambda: len(here.sink.records) == 100)
        admin.delete_topics([group.spans])[group.spans].result(timeout=20)
        time.sleep(3)
        group.kafka.make_topic(group.spans)
        time.sleep(1)
        send_traces(producer(group.kafka.brokers), group.spans, range(100, 150))
        assert until(lambda: len(here.sink.records) == 150, 60), len(here.sink.records)


def test_the_pipeline_is_what_the_source_takes_it_for() -> None:
    """The pipeline has all that the source asks of it."""
    for name in ("held_bytes", "accept", "tick", "undecided", "take_released", "forget"):
        assert hasattr(Pipeline, name)
