"""One member of a consumer group, as a process: `kafka_member.py HOME BROKERS TOPICS GROUP`. SIGTERM ends it.

GRACE_S and IDLE_S are how long it waits for a trace.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

from pydantic import SecretStr

from spanlabel.assembly import Limits
from spanlabel.compose import Running
from spanlabel.config.loading import load
from spanlabel.metrics import Counts, Metric, check_conservation
from spanlabel.sources.kafka import KafkaSource
from spanlabel.sources.kafka_options import KafkaOptions


def main() -> None:
    """Read until SIGTERM, deliver to the local store of its home, and print what it counted."""
    home, brokers, topics, group = sys.argv[1:5]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    logging.getLogger().info("it is up")
    begun_s = time.process_time()
    counts = Counts()
    config = (("session.timeout.ms", SecretStr("6000")), ("heartbeat.interval.ms", SecretStr("500")))
    source = KafkaSource(
        KafkaOptions((brokers,), tuple(topics.split(",")), group, config),
        counts,
        dead_letters=Path(home) / "kafka-dead",
    )
    limits = replace(
        Limits.for_receiver(),
        root_grace_s=float(os.environ.get("GRACE_S", "1")),
        idle_s=float(os.environ.get("IDLE_S", "10")),
        linger_s=30,
    )
    running = Running(load(home=home).settings, limits, counts, window_s=0.5, no_room=source.wait_for_room)
    try:
        source.run(running.pipeline, stop)
    finally:
        running.deliver(30)
        running.close()
    told = {
        "messages": counts.total(Metric.KAFKA_MESSAGES),
        "spans": counts.total(Metric.SPANS_RECEIVED),
        "forgotten": counts.total(Metric.SPANS_DECIDED, reason="forgotten"),
        "dead": counts.total(Metric.KAFKA_DEAD_LETTERS),
        "broken": check_conservation(counts),
        "cpu_s": time.process_time() - begun_s,
        "rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }
    print(json.dumps(told), flush=True)  # noqa: T201  for the test that started it


if __name__ == "__main__":
    main()
