"""Three receivers behind a gateway, one of which dies, and then the gateway."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from servers.collector import free_port, run_collector
from servers.otlp_sink import otlp_sink
from servers.patience import until
from servers.traces import make_trace, shuffled, spans_in

pytestmark = pytest.mark.integration


def test_nothing_is_lost_while_parts_are_away(balancing: Path, lab: Any, way: Any) -> None:
    """A receiver dies, then the gateway; both come back: every span is there, and each trace at one receiver."""
    requests = shuffled([make_trace(number, 8) for number in range(300)], 20)
    third = len(requests) // 3
    wanted = {span["spanId"] for one in requests for span in spans_in(one)}
    where: dict[str, set[int]] = defaultdict(set)
    ports = [free_port() for _ in range(3)]
    gateway = f"127.0.0.1:{free_port()}"
    config, environment = way(lab.folder, gateway, [f"127.0.0.1:{port}" for port in ports])
    with ExitStack() as running:
        first = [ExitStack() for _ in ports]
        sinks = [one.enter_context(otlp_sink(grpc_port=port)) for one, port in zip(first, ports, strict=True)]
        for one in first:
            running.push(one)
        before = running.enter_context(run_collector(balancing, config, log=lab.log, environment=environment))
        places = {"127.0.0.1:34317": gateway, "/var/lib/otelcol/spanlabel": str(lab.folder / "agent")}
        running.enter_context(run_collector(balancing, lab.config("agent.yaml", places), log=lab.folder / "agent-log"))
        lab.send(requests[:third])
        until(lambda: len(sinks[0].spans) > 50, "spans at the receiver that is to die")
        first[0].close()
        lab.send(requests[third : 2 * third])
        before.kill()
        lab.send(requests[2 * third :])
        sinks.append(running.enter_context(otlp_sink(grpc_port=ports[0])))
        running.enter_context(run_collector(balancing, config, log=lab.log, environment=environment))
        until(lambda: {span for sink in sinks for _, span in sink.spans} >= wanted, "every span")
    for index, sink in enumerate(sinks):
        for trace_id, _ in sink.spans:
            where[trace_id].add(index % 3)
    assert len(where) == 300
    assert {len(one) for one in where.values()} == {1}
    doubled = sum(len(sink.spans) for sink in sinks) - len(wanted)
    assert doubled < len(wanted) / 2, "so many come twice that something is wrong"
