"""Members of a consumer group that come, go and are killed, each a process, on a real Kafka."""

from __future__ import annotations

import time

import pytest
from servers.kafka_group import Group, until
from servers.kafka_traffic import answer_log, producer, send, send_traces, span, spans_message, trace_id

pytestmark = pytest.mark.integration


def test_members_are_killed_and_added_and_every_trace_gives_one_record(group: Group) -> None:
    """Lost 0, doubled 0: a trace that two members read gives the same record under the same id."""
    traces, to = range(3_000), producer(group.kafka.brokers)
    group.join()
    send_traces(to, group.spans, traces[:1_000])
    second = group.join()
    send_traces(to, group.spans, traces[1_000:1_500])
    third = group.join()
    assert until(lambda: bool(group.trace_ids()))
    second.kill()
    send_traces(to, group.spans, traces[1_500:2_000])
    group.join()
    third.kill()
    send_traces(to, group.spans, traces[2_000:2_500])
    group.join(instead_of=second)
    group.join(instead_of=third)
    send_traces(to, group.spans, traces[2_500:])

    wanted = {trace_id(trace) for trace in traces}
    assert until(lambda: group.trace_ids() == wanted, 90), len(group.trace_ids())
    for member in group.members:
        member.leave()
    made = [record for store in group.stored() for record in store.values()]
    assert {record.trace_id for record in made} == wanted
    assert len({record.id for record in made}) == len(wanted)
    told = {(record.trace_id, record.prompt, record.answer) for record in made}
    assert told == {(trace_id(n), f"Question {n}?", f"Answer {n}.") for n in traces}


def test_members_that_come_and_go_in_peace_decide_no_trace_twice(group: Group) -> None:
    """A new version is rolled out member by member: no record is even made twice."""
    traces, to = range(2_000), producer(group.kafka.brokers)
    group.join()
    group.join()
    for begin in range(0, 2_000, 500):
        send_traces(to, group.spans, traces[begin : begin + 500])
        joined = group.join()
        assert until(lambda: "is up" in joined.log)  # noqa: B023  it is asked at once
        time.sleep(3)
        group.members[begin // 500].leave()
    assert until(lambda: len(group.trace_ids()) == len(traces), 60)
    for member in group.members[4:]:
        member.leave()
    stores = group.stored()
    assert sum(len(store) for store in stores) == len(traces)
    assert sum(bool(store) for store in stores) >= 4


def test_spans_and_log_records_of_a_trace_meet_in_one_member(group: Group) -> None:
    """Partitions of the same number go to the same member, also while members come: answers that only the log records
    tell are in all records.
    """
    to = producer(group.kafka.brokers)
    for begin in range(0, 900, 300):
        group.join()
        for trace in range(begin, begin + 300):
            send(to, group.spans, trace, spans_message(span(trace, n, is_answer_told=False) for n in range(3)))
            send(to, group.logs, trace, answer_log(trace, span=2))
        to.flush(30)
        time.sleep(3)
    assert until(lambda: len(group.trace_ids()) == 900, 60), len(group.trace_ids())
    for member in group.members:
        member.leave()
    answers = {(record.trace_id, record.answer) for store in group.stored() for record in store.values()}
    assert answers == {(trace_id(n), f"Answer {n}.") for n in range(900)}
    assert all(group.stored())


def test_the_broker_is_away_and_comes_back(group: Group) -> None:
    """Members go on by themselves, say so once a minute, and lose nothing."""
    to = producer(group.kafka.brokers)
    group.join()
    group.join()
    send_traces(to, group.spans, range(500))
    assert until(lambda: bool(group.trace_ids()))
    group.kafka.stop()
    try:
        time.sleep(12)
    finally:
        group.kafka.start()
    send_traces(to, group.spans, range(500, 1_000))
    assert until(lambda: len(group.trace_ids()) == 1_000, 90), len(group.trace_ids())
    for member in group.members:
        member.leave()
        assert member.log.count("Kafka: ") == 1
    assert len({record for store in group.stored() for record in store}) == 1_000
