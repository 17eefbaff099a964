"""Settings → running parts. The only file that knows them all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spanlabel import registry
from spanlabel.assembly import Assembler, Limits
from spanlabel.assembly.limits import FILES_BYTES
from spanlabel.delivery import Courier, Outbox, Worker
from spanlabel.delivery.once import OncePerMinute
from spanlabel.dialects import DIALECTS, READERS, Readers
from spanlabel.errors import ConfigError, InputError, StoreError, TryLater
from spanlabel.metrics import Counts
from spanlabel.model import Pair, Record, Trace
from spanlabel.pipeline import Pipeline, trace_of
from spanlabel.rules import Rule, at_least

if TYPE_CHECKING:
    from spanlabel.config.settings import Destination, Settings
    from spanlabel.rules.admission import Admission
    from spanlabel.rules.redaction import Redaction

_logger = logging.getLogger("spanlabel")

MIN_CONFIDENCE = 0.7
"""Below it a pair is more likely wrong than worth a reviewer's time (reconstruction.md 0.9)."""

WINDOW_S = 2.0
"""How long a ready trace waits, in an application, for others that one run may be spread over."""

_CLOSE_S = 5.0


class Running:
    """The parts that turn spans into delivered records. One thread at a time calls it.

    Args:
        settings: What to build.
        limits: How long traces are waited for, before the settings' own say.
        counts: Where everything is counted.
        window_s: How long a ready trace waits for others.
        is_guest: Inside somebody's application: deliver on threads of our own, or not at all where the settings say
            `deliver_in: elsewhere`; and what finds no room in the outbox is dropped and counted instead of raising.
        no_room: A service that keeps what comes in until it is decided. Called with why records cannot be stored now;
            waits for a while and tells whether to try again. With it, delivery is as for a guest.

    Attributes:
        pipeline: From spans to records.
        outbox: Where the records wait.
        workers: One for each destination.
    """

    def __init__(
        self,
        settings: Settings,
        limits: Limits,
        counts: Counts,
        *,
        window_s: float = WINDOW_S,
        is_guest: bool = False,
        no_room: Callable[[str], bool] | None = None,
    ) -> None:
        self._is_guest = is_guest
        self._no_room = no_room
        self._unrouted = _unrouted(settings)
        self._routes = {route.name: route.to for route in settings.routes}
        self._destinations = tuple(one.name for one in settings.destinations)
        self.outbox = Outbox(settings.home / "outbox.db", max_bytes=settings.outbox_max_bytes, counts=counts)
        self.workers = tuple(
            Worker(self.outbox, one.name, partial(_writer_of, one, settings), counts=counts)
            for one in settings.destinations
        )
        self.pipeline = Pipeline(
            limits_of(settings, limits),
            window_s=window_s if settings.window_s is None else settings.window_s,
            rules=rules_of(settings),
            counts=counts,
            sink=self,
            readers=all_readers(),
            admission=admission_of(settings),
            keeps_book=no_room is not None,
        )
        delivers = (is_guest or no_room is not None) and settings.deliver_in == "here"
        self._couriers = tuple(Courier(worker) for worker in self.workers) if delivers else ()
        self._once = OncePerMinute()

    def put(self, records: Sequence[Record]) -> None:
        """Put records into the outbox for the destinations of their route, or for every one.

        Raises:
            StoreError: The outbox cannot be used, or is full, and we are nobody's guest.
        """
        if not self._routes:
            self._put(records, self._destinations)
            return
        from spanlabel.rules.routing import NOTE

        groups: dict[tuple[str, ...], list[Record]] = {}
        for record in records:
            route = record.metadata.get(NOTE)
            destinations = self._routes.get(str(route), self._unrouted)
            groups.setdefault(destinations, []).append(record)
        for destinations, group in groups.items():
            self._put(group, destinations)

    def _put(self, records: Sequence[Record], destinations: Sequence[str]) -> None:
        while True:
            try:
                self.outbox.put(records, destinations, now_s=time.time())
                break
            except (StoreError, TryLater) as error:
                if self._is_guest:
                    self.outbox.drop(
                        len(records), destinations, reason="no_room" if isinstance(error, TryLater) else "store"
                    )
                    self._say(f"records are dropped until they can be stored again: {error}")
                    return
                if self._no_room is None or not self._no_room(str(error)):
                    raise StoreError(str(error)) from error
        for courier in self._couriers:
            courier.deliver()

    def deliver_waiting(self) -> None:
        """Let the threads begin with what earlier processes left."""
        if self.outbox.path.exists():
            for courier in self._couriers:
                courier.deliver()

    def supersede(self, record_ids: Sequence[str]) -> None:
        """Take back records that wait and that their run no longer tells."""
        while True:
            try:
                for name in self._destinations:
                    self.outbox.supersede(record_ids, name)
                return
            except StoreError as error:
                if self._is_guest:
                    self._say(str(error))
                    return
                if self._no_room is None or not self._no_room(str(error)):
                    raise

    def _say(self, message: str) -> None:
        """Say it once a minute."""
        if self._once.permits(message, time.time()):
            _logger.error("spanlabel: %s", message)

    def tick(self, now_s: float) -> None:
        """Read what is ready."""
        self.pipeline.tick(now_s=now_s)

    def flush(self, now_s: float, *, everything: bool) -> None:
        """Read what is complete, or everything, into the outbox."""
        if everything:
            self.pipeline.drain(now_s=now_s)
        else:
            self.pipeline.flush(now_s=now_s)

    def deliver(self, timeout_s: float) -> bool:
        """Empty the outbox into the destinations.

        Returns:
            Whether nothing waits any more; False too where a destination cannot be reached in time. True where
            another process delivers: what is in the outbox is done with here.
        """
        if self._is_guest or self._no_room is not None:
            # Each on its own thread: a platform that hangs costs the caller no more than the time he gave.
            asked = [courier.ask(timeout_s) for courier in self._couriers]
            done = [Courier.wait(one) for one in asked]
            return all(done)
        deadline_s = time.monotonic() + timeout_s
        done = [worker.flush(max(0.0, deadline_s - time.monotonic())) for worker in self.workers]
        return all(done)

    def close(self, timeout_s: float = _CLOSE_S) -> None:
        """Stop the threads and let go of files and connections. What was not delivered waits in the outbox."""
        deadline_s = time.monotonic() + timeout_s
        for courier in self._couriers:
            courier.stop(deadline_s - time.monotonic())
        for worker in self.workers:
            worker.close(max(0.0, deadline_s - time.monotonic()))
        self.outbox.close()
        self.pipeline.close()


def start(settings: Settings, limits: Limits, counts: Counts) -> Running:
    """Build the parts for an application; nothing is opened before the first record.

    Raises:
        ConfigError: A part is missing or a setting does not fit.
    """
    return Running(settings, limits, counts, is_guest=True)


def limits_of(settings: Settings, limits: Limits) -> Limits:
    """The seat's waits and budgets with those that the user set."""
    given: dict[str, Any] = {
        name: value
        for name in ("max_bytes", "max_traces", "root_grace_s", "idle_s", "max_age_s")
        if (value := getattr(settings, name)) is not None
    }
    if "root_grace_s" in given:
        given["local_root_grace_s"] = given["root_grace_s"]
    if "max_bytes" in given:
        given["max_trace_bytes"] = min(limits.max_trace_bytes, given["max_bytes"])
        given["linger_bytes"] = min(limits.linger_bytes, given["max_bytes"] // 4)
    return replace(limits, **given)


def rules_of(settings: Settings) -> tuple[Rule, ...]:
    """The rules that look at one pair, in order: `min_confidence`, `include`, `exclude`, `sample`, `routes`, `redact`.

    Raises:
        ConfigError: What `redact_with` names cannot be imported.
    """
    rules: list[Rule] = [at_least(settings.min_confidence)]
    if settings.include or settings.exclude:
        from spanlabel.rules.choosing import excluded, included
        from spanlabel.rules.condition import parse_condition

        if settings.include:
            rules.append(included([parse_condition(text) for text in settings.include]))
        if settings.exclude:
            rules.append(excluded([parse_condition(text) for text in settings.exclude]))
    if settings.sample is not None:
        from spanlabel.rules.condition import parse_condition
        from spanlabel.rules.sampling import sampled

        when = [parse_condition(text) for text in settings.sample_when]
        rules.append(sampled(settings.sample, when=when, when_share=settings.sample_when_share))
    if settings.routes:
        from spanlabel.rules.condition import parse_condition
        from spanlabel.rules.routing import routed

        routes = {route.name: [parse_condition(text) for text in route.when] for route in settings.routes}
        rules.append(routed(routes, has_rest=bool(_unrouted(settings))))
    redaction = redaction_of(settings)
    return (*rules, redaction) if redaction is not None else tuple(rules)


def _unrouted(settings: Settings) -> tuple[str, ...]:
    """Destinations that no route names: they get what no route takes."""
    named = {name for route in settings.routes for name in route.to}
    return tuple(one.name for one in settings.destinations if one.name not in named)


def redaction_of(settings: Settings) -> Redaction | None:
    """The last of `rules_of`, which hides what is private; None if nothing is to be hidden.

    Raises:
        ConfigError: What `redact_with` names cannot be imported.
    """
    if not (settings.redact or settings.redact_patterns or settings.redact_with):
        return None
    from spanlabel.rules.redaction import Redaction

    mask = None if settings.redact_with is None else _own_function(settings.redact_with)
    return Redaction(settings.redact, settings.redact_patterns, mask)


def admission_of(settings: Settings, *, is_passing: bool = False) -> Admission | None:
    """The rules that look back, `dedup` and `per_day`; None if there are none.

    Args:
        settings: Those of the rules, and where their memory lies.
        is_passing: They remember nothing of what was before, and nothing stays of what they see.
    """
    if not settings.dedup and settings.per_day is None:
        return None
    from spanlabel.delivery.admitted import FileBook, PassingBook
    from spanlabel.rules.admission import Admission

    book = PassingBook() if is_passing else FileBook(settings.home / "rules.db")
    return Admission(book, per_day=settings.per_day, window_s=settings.dedup or 0.0, clock=time.time)


def _own_function(path: str) -> Callable[[str], str]:
    """Import what `redact_with` names.

    Raises:
        ConfigError: It is not there, does not load, or is no function.
    """
    from importlib import import_module
    from operator import attrgetter

    from spanlabel.config.rules import Placed

    source = path.source if isinstance(path, Placed) else None
    module, _, name = path.partition(":")
    try:
        found = attrgetter(name)(import_module(module))
    except Exception as error:
        why = f"cannot be imported: {type(error).__name__}: {error}"
        raise ConfigError(why, setting="redact_with", value=path, source=source) from error
    if not callable(found):
        raise ConfigError("is no function", setting="redact_with", value=path, source=source)
    mask: Callable[[str], str] = found
    return mask


def all_readers() -> Readers:
    """The built-in dialects, and before them those that strangers brought by entry point.

    Raises:
        ConfigError: A stranger's dialect does not load.
    """
    extra = registry.extra_dialects()
    return Readers((*extra.values(), *DIALECTS)) if extra else READERS


def _writer_of(destination: Destination, settings: Settings) -> Any:
    platform = registry.find_platform(destination.platform)
    make = registry.resolve(platform.writer, extra=platform.extra)
    return make(destination.settings, home=settings.home)


def read_pairs(
    *paths: str | Path,
    min_confidence: float = MIN_CONFIDENCE,
    strict: bool = False,
    problem: Callable[[InputError], None] | None = None,
) -> Iterator[Pair]:
    """Read the root-level pairs of files with OTLP/JSON lines or protobuf, traces and logs together.

    What belongs together may lie in any of the files. So all that fits into half a gigabyte of memory is read before
    the first pair is given; of what is larger, each trace is read when half a gigabyte came without anything of it.

    Args:
        paths: Files as the Collector's file exporter writes them, plain, gzip or zstd, or folders with such files;
            "-" is standard input.
        min_confidence: Pairs below it are left out.
        strict: Raise at the first line that cannot be read.
        problem: Called with each line that cannot be read; without it they are logged as warnings. The rest is read.

    Yields:
        Pairs, by the start of their unit; of large files, so many at a time in that order.

    Raises:
        InputError: With *strict* the first problem; and always for a path where there is no file.
    """
    for path in paths:
        if str(path) != "-" and not Path(path).exists():
            raise InputError("no such file", file=str(path))
    pipeline = Pipeline(
        Limits.for_files(), window_s=0, rules=(at_least(min_confidence),), counts=Counts(), readers=all_readers()
    )
    for pairs in _windows(pipeline, paths, problem=problem or _warn, strict=strict):
        yield from pairs


def records_of_files(
    paths: Sequence[str | Path],
    settings: Settings,
    *,
    problem: Callable[[InputError], None],
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
    counts: Counts,
) -> Iterator[Record]:
    """Read files as `read_pairs` does, and put what is found through all rules of the settings.

    `dedup` and `per_day` look back within these files only. A path where there is no file is a problem like others.

    Args:
        paths: As for `read_pairs`.
        settings: Those of the rules.
        problem: Called with each thing that cannot be read.
        strict: Raise the first problem instead.
        progress: Called with the number of bytes just read, as they lie on disk.
        counts: Where spans, traces and pairs are counted.

    Yields:
        Records, in the order of `read_pairs`' pairs.

    Raises:
        ConfigError: A part is missing or a setting does not fit.
        InputError: The first problem, with *strict*.
    """
    listed = _Listed()
    pipeline = Pipeline(
        Limits.for_files(),
        window_s=0,
        rules=rules_of(settings.model_copy(update={"routes": ()})),  # whoever asks says where to
        counts=counts,
        sink=listed,
        readers=all_readers(),
        admission=admission_of(settings, is_passing=True),
    )
    try:
        for _ in _windows(pipeline, paths, problem=problem, strict=strict, progress=progress):
            if not settings.dedup:  # which tells of a record later how often its question came
                yield from listed.take()
        yield from listed.take()
    finally:
        pipeline.close()


def _windows(
    pipeline: Pipeline,
    paths: Sequence[str | Path],
    *,
    problem: Callable[[InputError], None],
    strict: bool,
    progress: Callable[[int], None] | None = None,
) -> Iterator[list[Pair]]:
    """Pairs of as many traces at a time as are read together; the clock is what was read, in bytes."""
    from spanlabel.sources.side_by_side import read_side_by_side  # an application never reads files

    now = last = 0
    for decoded in read_side_by_side(paths, problem=problem, strict=strict, progress=progress):
        now += sum(span.size_bytes for span in decoded.spans) + sum(log.size_bytes for log in decoded.logs)
        pipeline.accept(decoded.spans, decoded.logs, now_s=now)
        if now - last >= FILES_BYTES // 4:  # many at once: what crosses traces is found only among them
            last = now
            yield pipeline.tick(now_s=now)
    yield pipeline.drain(now_s=now)


class _Listed:
    """A sink for what is read at once."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def put(self, records: Sequence[Record]) -> None:
        self._records.update((record.id, record) for record in records)

    def supersede(self, record_ids: Sequence[str]) -> None:
        for record_id in record_ids:
            self._records.pop(record_id, None)

    def take(self) -> list[Record]:
        """What was put since the last call."""
        taken = list(self._records.values())
        self._records.clear()
        return taken


def traces_of_files(
    paths: Sequence[str | Path],
    readers: Readers,
    *,
    problem: Callable[[InputError], None],
    progress: Callable[[int], None] | None = None,
) -> list[Trace]:
    """Read files into the traces that pairing is given, for `spanlabel explain`.

    Args:
        paths: As for `read_pairs`.
        readers: The dialects to read with.
        problem: Called with each thing that cannot be read.
        progress: Called with the number of bytes just read, as they lie on disk.

    Returns:
        The traces, by the start of their first span.
    """
    from spanlabel.sources.side_by_side import read_side_by_side

    assembler = Assembler(Limits.for_files())
    for decoded in read_side_by_side(paths, problem=problem, progress=progress):
        assembler.add(decoded.spans, decoded.logs, now_s=0)
    traces = [trace_of(gathered, readers) for gathered in assembler.drain(now_s=0)]
    return sorted(traces, key=lambda trace: (trace.steps[0].span.start_ns, trace.trace_id))


def for_one_destination(settings: Settings, destination: Destination, counts: Counts) -> Running:
    """Build the parts that deliver to one destination for a command, which then hands in its records by `put`.

    Raises:
        ConfigError: A part is missing or a setting does not fit.
    """
    alone = settings.model_copy(update={"destinations": (destination,), "routes": ()})
    return Running(alone, Limits.for_files(), counts)


def local_store(settings: Settings) -> Path:
    """The file of the embedded store: of the first destination that is one, else where it is by default."""
    from spanlabel.config.destinations import default_destination
    from spanlabel.platforms.local.config import LocalSettings

    candidates = (*settings.destinations, default_destination("local")[0])
    found = [one.settings for one in candidates if isinstance(one.settings, LocalSettings)]
    return found[0].file(settings.home)


def _warn(error: InputError) -> None:
    _logger.warning("%s", error)
