"""Our own counts: what came in and what became of it.

A count's name is a member of `Metric`; its labels are closed sets of words. `Counts` holds the numbers;
`spanlabel.telemetry` shows them through the OpenTelemetry metrics API. At every moment (design, 4.7)::

    spans received              = spans held + spans decided
    pairs                       = records made - records recounted + pairs dropped
    records made, a destination = waiting + delivered + superseded + dropped + dead + unknown
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from threading import Lock


@dataclass(frozen=True, slots=True)
class Description:
    """What a metric means.

    Attributes:
        name: The instrument's name.
        is_gauge: True for a value that can fall, False for a sum that only grows.
        unit: UCUM unit.
        labels: Names of its labels.
        meaning: One sentence for the operator.
    """

    name: str
    is_gauge: bool
    unit: str
    labels: tuple[str, ...]
    meaning: str


class Metric(Enum):
    """All our metrics."""

    SPANS_RECEIVED = Description(
        "spanlabel.spans.received", False, "{span}", (), "Spans that came in, duplicates included."
    )
    SPANS_HELD = Description("spanlabel.spans.held", True, "{span}", (), "Spans of traces that are not ready yet.")
    SPANS_DECIDED = Description(
        "spanlabel.spans.decided",
        False,
        "{span}",
        ("reason",),
        "Spans that left the buffer, by why they left.",
    )
    REQUESTS_REFUSED = Description(
        "spanlabel.requests.refused",
        False,
        "{request}",
        ("door", "reason"),
        "Export requests that were not taken, by how they came (http, grpc) and why.",
    )
    SPANS_REFUSED = Description(
        "spanlabel.spans.refused",
        False,
        "{span}",
        ("signal",),
        "Spans or log records that the receiver could not use and told their sender so.",
    )
    JOURNAL_BYTES = Description("spanlabel.journal.size", True, "By", (), "Size of the receiver's journal on disk.")
    JOURNAL_WAITING = Description(
        "spanlabel.journal.waiting", True, "{request}", (), "Requests in the journal that have not been read yet."
    )
    LOGS_RECEIVED = Description("spanlabel.logs.received", False, "{record}", (), "Log records with content.")
    LOGS_LOST = Description(
        "spanlabel.logs.lost",
        False,
        "{record}",
        ("reason",),
        "Log records with content that could not be joined to a span, or came twice, by reason.",
    )
    KAFKA_MESSAGES = Description(
        "spanlabel.kafka.messages", False, "{message}", ("topic",), "Messages read from Kafka, redelivered ones too."
    )
    KAFKA_DEAD_LETTERS = Description(
        "spanlabel.kafka.dead_letters",
        False,
        "{message}",
        ("topic",),
        "Messages from Kafka that cannot be read and were put aside.",
    )
    KAFKA_LAG = Description(
        "spanlabel.kafka.lag",
        True,
        "{message}",
        ("topic", "partition"),
        "Messages that wait in a partition which this member reads.",
    )
    KAFKA_OLDEST = Description(
        "spanlabel.kafka.oldest_undecided",
        True,
        "s",
        ("partition",),
        "Age of the oldest trace of a partition that is not decided; a restart reads again from there.",
    )
    TRACES_DECIDED = Description(
        "spanlabel.traces.decided",
        False,
        "{trace}",
        ("reason",),
        "Traces that were read, by why they were ready.",
    )
    PAIRS = Description("spanlabel.pairs", False, "{pair}", (), "Pairs found.")
    PAIRS_DROPPED = Description(
        "spanlabel.pairs.dropped", False, "{pair}", ("rule",), "Pairs that a rule dropped, by rule."
    )
    RECORDS_MADE = Description(
        "spanlabel.records.made", False, "{record}", ("destination",), "Records handed to the outbox."
    )
    RECORDS_WAITING = Description(
        "spanlabel.records.waiting",
        True,
        "{record}",
        ("destination",),
        "Records in the outbox, not delivered yet.",
    )
    RECORDS_OLDEST = Description(
        "spanlabel.records.oldest_age",
        True,
        "s",
        ("destination",),
        "How long the oldest record in the outbox has waited.",
    )
    RECORDS_DELIVERED = Description(
        "spanlabel.records.delivered", False, "{record}", ("destination",), "Records that the platform has."
    )
    RECORDS_SUPERSEDED = Description(
        "spanlabel.records.superseded",
        False,
        "{record}",
        ("destination",),
        "Records replaced by a later reading of the same run, before or instead of their delivery.",
    )
    RECORDS_DROPPED = Description(
        "spanlabel.records.dropped",
        False,
        "{record}",
        ("destination", "reason"),
        "Records given up, by reason.",
    )
    RECORDS_DEAD = Description(
        "spanlabel.records.dead", False, "{record}", ("destination",), "Records that the platform refuses."
    )
    RECORDS_UNKNOWN = Description(
        "spanlabel.records.unknown",
        False,
        "{record}",
        ("destination",),
        "Records whose fate cannot be found out, because the platform cannot be asked.",
    )
    RECORDS_RECOUNTED = Description(
        "spanlabel.records.recounted",
        False,
        "{record}",
        (),
        "Records made again only to say how many dropped pairs asked the same; for each destination.",
    )
    CONTENT_ABSENT = Description(
        "spanlabel.content.absent",
        False,
        "{span}",
        ("dialect", "state"),
        "Model calls whose content was not captured (state absent, redacted, external).",
    )
    FAULTS = Description(
        "spanlabel.faults",
        False,
        "{fault}",
        ("where",),
        "Surprises that were caught so that the app goes on.",
    )


Labels = tuple[tuple[str, str], ...]


class Counts:
    """Numbers by metric and labels. Thread-safe."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Metric, Labels], int] = {}
        self._lock = Lock()

    def add(self, metric: Metric, n: int = 1, **labels: str) -> None:
        """Add *n* to a sum."""
        key = (metric, tuple(sorted(labels.items())))
        with self._lock:
            self._numbers[key] = self._numbers.get(key, 0) + n

    def set(self, metric: Metric, n: int, **labels: str) -> None:
        """Set a gauge."""
        key = (metric, tuple(sorted(labels.items())))
        with self._lock:
            self._numbers[key] = n

    def total(self, metric: Metric, **labels: str) -> int:
        """Sum of *metric* over all label sets that hold *labels*."""
        wanted = set(labels.items())
        with self._lock:
            return sum(n for (m, have), n in self._numbers.items() if m is metric and wanted <= set(have))

    def snapshot(self) -> Mapping[tuple[Metric, Labels], int]:
        """A copy of all numbers."""
        with self._lock:
            return dict(self._numbers)


_FATES = {
    "waiting": Metric.RECORDS_WAITING,
    "delivered": Metric.RECORDS_DELIVERED,
    "superseded": Metric.RECORDS_SUPERSEDED,
    "dropped": Metric.RECORDS_DROPPED,
    "dead": Metric.RECORDS_DEAD,
    "unknown": Metric.RECORDS_UNKNOWN,
}


def check_conservation(counts: Counts) -> list[str]:
    """Check that nothing was lost or counted twice, by the equations at the top of this module.

    The numbers are read at one moment, but a thing leaves one count before it enters the next: ask when nothing is
    under way. A destination takes part from its first count on; without one, as when pairs are only printed, no
    record is expected.

    Returns:
        Each broken equation in words, with its numbers; empty if all hold.
    """
    numbers = counts.snapshot()

    def total(metric: Metric, destination: str | None = None) -> int:
        wanted = set() if destination is None else {("destination", destination)}
        return sum(n for (found, labels), n in numbers.items() if found is metric and wanted <= set(labels))

    held, decided = total(Metric.SPANS_HELD), total(Metric.SPANS_DECIDED)
    broken = _compare("spans received", total(Metric.SPANS_RECEIVED), {"held": held, "decided": decided})
    pairs, dropped, again = total(Metric.PAIRS), total(Metric.PAIRS_DROPPED), total(Metric.RECORDS_RECOUNTED)
    names = {value for _, labels in numbers for label, value in labels if label == "destination"}
    for name in sorted(names):
        made = total(Metric.RECORDS_MADE, name)
        broken += _compare(f"pairs for {name}", pairs, {"records made": made - again, "dropped": dropped})
        fates = {word: total(metric, name) for word, metric in _FATES.items()}
        broken += _compare(f"records made for {name}", made, fates)
    return broken


def _compare(what: str, whole: int, parts: Mapping[str, int]) -> list[str]:
    if whole == sum(parts.values()):
        return []
    listed = " + ".join(f"{n} {word}" for word, n in parts.items())
    return [f"{whole} {what}, but {listed} = {sum(parts.values())}"]
