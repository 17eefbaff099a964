from __future__ import annotations

import gc
import weakref
from importlib.metadata import version

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from spanlabel.metrics import Counts, Metric
from spanlabel.telemetry import observe


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader: InMemoryMetricReader) -> MeterProvider:
    return MeterProvider(metric_readers=[reader])


Shown = dict[tuple[str, tuple[tuple[str, object], ...]], int | float]


def read(reader: InMemoryMetricReader) -> Shown:
    """What a backend would get: numbers by instrument and attributes."""
    data = reader.get_metrics_data()
    return {
        (metric.name, tuple(sorted((point.attributes or {}).items()))): point.value
        for resource in (data.resource_metrics if data else [])
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint)
    }


class TestWhatIsShown:
    def test_sums_gauges_and_labels(self, provider: MeterProvider, reader: InMemoryMetricReader) -> None:
        """
        Each count is an instrument of its name; its labels are attributes.
        """
        counts = Counts()
        observe(counts, provider)
        counts.add(Metric.SPANS_RECEIVED, 5)
        counts.add(Metric.SPANS_DECIDED, 3, reason="idle")
        counts.add(Metric.SPANS_DECIDED, 1, reason="root_ended")
        counts.set(Metric.RECORDS_WAITING, 2, destination="local")

        assert read(reader) == {
            ("spanlabel.spans.received", ()): 5,
            ("spanlabel.spans.decided", (("reason", "idle"),)): 3,
            ("spanlabel.spans.decided", (("reason", "root_ended"),)): 1,
            ("spanlabel.records.waiting", (("destination", "local"),)): 2,
        }

    def test_every_metric(self, provider: MeterProvider, reader: InMemoryMetricReader) -> None:
        """
        No metric is forgotten; each carries its unit and meaning, and the meter says who we are.
        """
        counts = Counts()
        observe(counts, provider)
        for metric in Metric:
            labels = dict.fromkeys(metric.value.labels, "x")
            counts.set(metric, 1, **labels)

        data = reader.get_metrics_data()

        assert data is not None
        [scope] = data.resource_metrics[0].scope_metrics
        assert (scope.scope.name, scope.scope.version) == ("spanlabel", version("spanlabel"))
        shown = {(m.name, m.unit, m.description) for m in scope.metrics}
        assert shown == {(m.value.name, m.value.unit, m.value.meaning) for m in Metric}
        monotonic = {m.name for m in scope.metrics if getattr(m.data, "is_monotonic", False)}
        assert monotonic == {m.value.name for m in Metric if not m.value.is_gauge}

    def test_asked_again_it_is_current(self, provider: MeterProvider, reader: InMemoryMetricReader) -> None:
        """
        A reader that asks again gets the numbers of now.
        """
        counts = Counts()
        observe(counts, provider)
        counts.add(Metric.PAIRS)
        read(reader)
        counts.add(Metric.PAIRS)

        assert read(reader) == {("spanlabel.pairs", ()): 2}


class TestSeveralPipelines:
    def test_they_add_up(self, provider: MeterProvider, reader: InMemoryMetricReader) -> None:
        """
        Two pipelines in one process show their sum, without a warning about an instrument made twice.
        """
        one, two = Counts(), Counts()
        observe(one, provider)
        observe(two, provider)
        one.add(Metric.PAIRS, 2)
        two.add(Metric.PAIRS, 3)
        one.set(Metric.SPANS_HELD, 7)
        two.set(Metric.SPANS_HELD, 1)

        assert read(reader) == {("spanlabel.pairs", ()): 5, ("spanlabel.spans.held", ()): 8}

    def test_twice_the_same_is_once(self, provider: MeterProvider, reader: InMemoryMetricReader) -> None:
        """
        Observing the same counts twice does not double them.
        """
        counts = Counts()
        observe(counts, provider)
        observe(counts, provider)
        counts.add(Metric.PAIRS)

        assert read(reader) == {("spanlabel.pairs", ()): 1}


class TestClosing:
    def test_sums_stay_and_gauges_go(self, provider: MeterProvider, reader: InMemoryMetricReader) -> None:
        """
        After a pipeline has ended its sums do not fall, and nothing is held any more.
        """
        first, second = Counts(), Counts()
        close = observe(first, provider)
        observe(second, provider)
        first.add(Metric.PAIRS, 2)
        first.set(Metric.SPANS_HELD, 4)
        second.add(Metric.PAIRS, 1)
        close()
        close()
        first.add(Metric.PAIRS, 100)

        assert read(reader) == {("spanlabel.pairs", ()): 3}

    def test_nothing_is_kept(self, provider: MeterProvider) -> None:
        """
        An ended observation keeps no counts alive, and a dropped provider keeps nothing of ours.
        """
        counts = Counts()
        observe(counts, provider)()
        gone = weakref.ref(counts)
        del counts
        gc.collect()

        assert gone() is None
