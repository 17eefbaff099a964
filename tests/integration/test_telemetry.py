from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration


def run(code: str) -> str:
    """Run *code* in a fresh interpreter, where the process's own provider can still be set."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


SHOW = """
def show(reader):
    data = reader.get_metrics_data()
    return [(m.name, p.value) for r in (data.resource_metrics if data else []) for s in r.scope_metrics
            for m in s.metrics for p in m.data.data_points]
"""


class TestTheProcessesOwnProvider:
    def test_configured_later(self) -> None:
        """
        A provider that is set after we began still shows everything, also what another pipeline adds afterwards.
        """
        printed = run(
            SHOW
            + """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from spanlabel.metrics import Counts, Metric
from spanlabel.telemetry import observe
one, two = Counts(), Counts()
observe(one)
one.add(Metric.PAIRS, 2)
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
observe(two)
two.add(Metric.PAIRS, 3)
print(show(reader))
"""
        )

        assert printed == "[('spanlabel.pairs', 5)]"

    def test_never_configured(self) -> None:
        """
        Without a provider nothing is shown, nothing is said, and the SDK is not even imported.
        """
        printed = run(
            """
import sys
from spanlabel.metrics import Counts, Metric
from spanlabel.telemetry import observe
counts = Counts()
close = observe(counts)
counts.add(Metric.PAIRS)
close()
print([m for m in sys.modules if m.startswith("opentelemetry.sdk")])
"""
        )

        assert printed == "[]"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
    def test_fork(self) -> None:
        """
        A forked worker does not show its parent's numbers a second time, and shows its own.
        """
        printed = run(
            SHOW
            + """
import os
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from spanlabel.metrics import Counts, Metric
from spanlabel import telemetry
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
counts = Counts()
telemetry.observe(counts)
counts.add(Metric.PAIRS, 2)
telemetry._state.lock.acquire()  # another thread of the parent is busy at this moment
child = os.fork()
if child == 0:
    own = Counts()
    own.add(Metric.PAIRS, 7)
    telemetry.observe(own)
    os._exit(0 if show(reader) == [("spanlabel.pairs", 7)] else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), show(reader))
"""
        )

        assert printed == "0 [('spanlabel.pairs', 2)]"
