"""What `spanlabel serve` does around the service: signals, a live line or a log, our own metrics."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from rich.console import Console
from rich.live import Live
from rich.text import Text

from spanlabel import registry
from spanlabel.metrics import Counts, Metric

from ._screen import console, size_of
from ._words import Words

if TYPE_CHECKING:
    from spanlabel.config.receiver import ReceiverSettings
    from spanlabel.config.settings import Settings
    from spanlabel.service import Service
    from spanlabel.service.kafka import KafkaService

    AnyService: TypeAlias = Service | KafkaService

LINE_S: Final = 0.5
"""The live line is drawn this often."""

REPORT_S: Final = 60.0
"""Where nobody looks, the numbers are logged this often."""

COLLECTED: Final = (50_000, 20, 10)
"""As for `gc.set_threshold`. Tens of thousands of spans are held for seconds, and nothing of ours goes in circles: with
Python's own numbers a fifth of the reading was looking for circles among them (measured: 331 for 263 us a span)."""

_logger = logging.getLogger("spanlabel.service")


class _Says(Protocol):
    def report(self, service: AnyService, counts: Counts) -> None: ...


def serve_until_signal(settings: Settings, receiver: ReceiverSettings) -> int:
    """Run the receiver until a signal ends it.

    Returns:
        The exit code.

    Raises:
        ConfigError: A setting is wrong, a port is taken, Kafka cannot be reached, or an extra is not installed.
        StoreError: The journal or the outbox cannot be used.
    """
    kind = _service_of(receiver)
    with _spoken(console(stderr=True), Words(settings)) as says, _own_metrics():
        counts = Counts()
        service = kind(settings, receiver, counts)
        gc.freeze()
        gc.set_threshold(*COLLECTED)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_served(service, counts, says, settings))
    return 0


def _service_of(receiver: ReceiverSettings) -> type[AnyService]:
    from spanlabel.config.receiver import Source

    # Else gRPC writes a line of its own, which is no JSON, for each failed TLS handshake; it reads this when imported.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    if receiver.source is Source.KAFKA:
        registry.resolve("confluent_kafka", extra="kafka,receiver")  # it is imported later, where it is used
        kafka: type[KafkaService] = registry.resolve("spanlabel.service.kafka:KafkaService", extra="kafka,receiver")
        return kafka
    otlp: type[Service] = registry.resolve("spanlabel.service:Service", extra="receiver")
    return otlp


async def _served(service: AnyService, counts: Counts, says: _Says, settings: Settings) -> None:
    stop = asyncio.Event()
    _end_by_signal(stop)

    def ready() -> None:
        names = ", ".join(one.name for one in settings.destinations)
        _logger.info("Receiving: %s; records go to %s; Ctrl-C ends it", service.origin, names)

    async def report() -> None:
        while True:
            await asyncio.sleep(LINE_S)
            says.report(service, counts)

    reporting = asyncio.create_task(report())
    try:
        await service.run(stop, ready)
    finally:
        reporting.cancel()
    for one in service.deliveries:
        _logger.info("%s: %d delivered, %d waiting", one.name, one.tally.delivered, one.tally.waiting)


def _end_by_signal(stop: asyncio.Event) -> None:
    """The first signal asks for an end, the second one does not wait for it: what it interrupts is in the journal."""
    loop = asyncio.get_running_loop()

    def note(number: int) -> None:
        if stop.is_set():
            sys.stderr.flush()
            os._exit(128 + number)
        _logger.info("Ending: storing and delivering what is here; a second signal does not wait for it")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, note, number)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


@contextmanager
def _spoken(errors: Console, words: Words) -> Iterator[_Says]:
    """Say what is logged: above a live line on a terminal, as JSON lines elsewhere."""
    made: AbstractContextManager[Any] = _Screen(errors, words) if errors.is_terminal else _Lines(words)
    log = logging.getLogger("spanlabel")
    with made as says:
        level, passes_on = log.level, log.propagate
        log.addHandler(says)
        log.setLevel(logging.INFO)
        log.propagate = False
        try:
            yield says
        finally:
            log.removeHandler(says)
            log.setLevel(level)
            log.propagate = passes_on


class _Screen(logging.Handler):
    """For a person who looks."""

    def __init__(self, errors: Console, words: Words) -> None:
        super().__init__()
        self._console = errors
        self._words = words
        self._live = Live(Text(""), console=errors, transient=True, auto_refresh=False)
        self._last = (time.monotonic(), 0)

    def __enter__(self) -> _Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def emit(self, record: logging.LogRecord) -> None:
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else ""
        line = Text(f"{datetime.now():%H:%M:%S} {self._words(record.getMessage())}", style=style)  # noqa: DTZ005
        self._console.print(line, soft_wrap=True)

    def report(self, service: AnyService, counts: Counts) -> None:
        now_s, spans = time.monotonic(), service.spans
        last_s, last = self._last
        self._last = (now_s, spans)
        rate = (spans - last) / max(now_s - last_s, 1e-9)
        self._live.update(
            Text(self._words(_line(service, counts, rate)), style="dim", overflow="ellipsis", no_wrap=True),
            refresh=True,
        )


class _Lines(logging.Handler):
    """For a program that reads: one JSON object a line."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words
        self._due_s = time.monotonic() + REPORT_S

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def emit(self, record: logging.LogRecord) -> None:
        said: dict[str, object] = {"level": record.levelname.lower(), "message": self._words(record.getMessage())}
        said |= getattr(record, "numbers", {})
        if record.exc_info is not None and record.exc_info[0] is not None:
            said["error"] = record.exc_info[0].__name__  # its words may repeat what was read
        print(
            json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds")} | said),
            file=sys.stderr,
            flush=True,
        )

    def report(self, service: AnyService, counts: Counts) -> None:
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + REPORT_S
            _logger.info("report", extra={"numbers": _numbers(service, counts)})


def _line(service: AnyService, counts: Counts, rate: float) -> str:
    condition = service.condition
    parts = [f"{service.spans:,} spans ({rate:,.0f}/s)", f"{service.held_spans:,} held"]
    if "journal_bytes" in condition:
        parts.append(f"journal {size_of(condition['journal_bytes'])}")
        if condition["journal_waiting"]:
            parts.append(f"{condition['journal_waiting']:,} unread")
    else:
        parts.append(f"{condition['partitions']} partitions, {condition['lag']:,} unread")
    if dropped := counts.total(Metric.PAIRS_DROPPED):
        parts.append(f"{dropped:,} of {counts.total(Metric.PAIRS):,} pairs dropped")
    for one in service.deliveries:
        waiting = f", {one.tally.waiting:,} waiting" if one.tally.waiting else ""
        parts.append(f"{one.name} {one.tally.delivered:,} delivered{waiting}" + (f" ({one.why})" if one.why else ""))
    return " · ".join(parts)


def _numbers(service: AnyService, counts: Counts) -> dict[str, object]:
    return {
        "spans": service.spans,
        "held_spans": service.held_spans,
        **service.condition,
        "pairs": counts.total(Metric.PAIRS),
        "pairs_dropped": _by(counts, Metric.PAIRS_DROPPED, "rule"),
        "requests_refused": _by(counts, Metric.REQUESTS_REFUSED, "reason"),
        "destinations": {
            one.name: {
                "delivered": one.tally.delivered,
                "waiting": one.tally.waiting,
                "dead": one.tally.dead,
                "oldest_s": round(one.oldest_s),
            }
            | ({"why": one.why} if one.why else {})
            for one in service.deliveries
        },
    }


def _by(counts: Counts, metric: Metric, label: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for (counted, labels), n in counts.snapshot().items():
        if counted is metric:
            value = dict(labels)[label]
            found[value] = found.get(value, 0) + n
    return found


@contextmanager
def _own_metrics() -> Iterator[None]:
    """Send our own metrics by OTLP where the environment says so, in OpenTelemetry's own words.

    It says so by OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, or OTEL_METRICS_EXPORTER=otlp.
    """
    wanted = os.environ.get("OTEL_METRICS_EXPORTER", "").split(",")
    if "otlp" not in wanted and not os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"):
        yield
        return
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
    metrics.set_meter_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
