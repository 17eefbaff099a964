"""Play the demo: an application with two exporters side by side, scene by scene, and a look at what came of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from openai import OpenAIError
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from spanlabel.compose import local_store
from spanlabel.config.loading import load
from spanlabel.errors import SpanlabelError
from spanlabel.model import Record
from spanlabel.platforms.local import LocalStore, LocalWriter
from spanlabel.processor import AnnotationSpanProcessor

from .checking import complaints
from .clients import live_app, scripted_app
from .conversation import ConversationIds
from .scenes import SCENES, App, Scene
from .screen import SERVICE, Screen
from .sink import OtlpSink
from .tally import Ended, Tally


def play(*, live: bool, screen: Screen) -> None:
    """Play all scenes and show what a reviewer gets.

    Only once in a process: the instrumentation does not come off again (0.62.4 leaves most of its wrappers on).

    Args:
        live: Ask the provider that OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL name instead of the script; then
            no particular texts are expected, and a provider that refuses a scene spoils only that one.
        screen: Where to show it.

    Raises:
        SpanlabelError: The store cannot be used, or the result is not what it must be; the text says what is wrong.
    """
    tally, file = Tally(), local_store(load().settings)
    _try_store(file)
    with OtlpSink() as sink:
        with _traced(tally, sink.endpoint) as provider:
            tracer = provider.get_tracer("spanlabel.demo")
            with live_app(tracer) if live else scripted_app(tracer) as app:
                screen.open(model=app.model, is_live=live)
                shown = _Performance(app, provider, tally, screen, file, is_live=live)
                for scene in SCENES:
                    shown.play(scene)
        exported = len(shown.spans & sink.received())
    screen.table(shown.records)
    screen.close(calls=shown.calls, records=shown.records, spans=len(shown.spans), exported=exported, place=file)
    wrong = shown.wrong
    if exported != len(shown.spans):
        wrong.append(f"the OTLP exporter delivered {exported} of {len(shown.spans)} spans")
    if not shown.records:
        wrong.append("no record at all")
    if wrong:
        raise SpanlabelError("\n".join(("the demo did not come out as it must:", *wrong)))


def _try_store(file: Path) -> None:
    """Make the store if there is none; a store that cannot be used is said before anything is played."""
    writer = LocalWriter(file)
    writer.open()
    writer.close()


@contextmanager
def _traced(tally: Tally, endpoint: str) -> Iterator[TracerProvider]:
    """Set tracing up as an application does: spanlabel's processor beside the standard exporter."""
    # The instrumentation ends the span of a refused embedding twice, and the SDK warns of it.
    logging.getLogger("opentelemetry.sdk.trace").setLevel(logging.ERROR)
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: SERVICE}))
    provider.add_span_processor(ConversationIds())
    provider.add_span_processor(AnnotationSpanProcessor())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    provider.add_span_processor(tally)
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    try:
        yield provider
    finally:
        provider.shutdown()


class _Performance:
    """Plays scenes and keeps the score."""

    def __init__(
        self, app: App, provider: TracerProvider, tally: Tally, screen: Screen, file: Path, *, is_live: bool
    ) -> None:
        self._app = app
        self._provider = provider
        self._tally = tally
        self._screen = screen
        self._file = file
        self._began = datetime.now(UTC)
        self._is_live = is_live
        self.spans: frozenset[tuple[str, str]] = frozenset()
        self.calls = 0
        self.records: list[Record] = []
        self.wrong: list[str] = []

    def play(self, scene: Scene) -> None:
        """Play one scene, and look at once what came of it: a flush leaves nothing on its way."""
        refusal: OpenAIError | None = None
        with self._screen.playing(scene):
            try:
                scene.run(self._app)
            except OpenAIError as error:
                refusal = error
            self._provider.force_flush()
            ended = self._tally.take()
            records = self._stored(ended)
        self._note(ended, records)
        if refusal is not None:
            self._screen.refused(scene, str(refusal))
            wrong = [] if self._is_live else [f"{scene.name}: {refusal}"]
        else:
            wrong = [] if self._is_live else complaints(scene, records)
            self._screen.played(scene, spans=len(ended.spans), records=len(records), is_good=not wrong)
        self.wrong += wrong

    def _stored(self, ended: Ended) -> list[Record]:
        """The records of what has just ended, oldest first."""
        with LocalStore(self._file) as store:
            ours = store.records(service=SERVICE, since=self._began, newest_first=False)
            return [record for record in ours if record.trace_id in ended.traces]

    def _note(self, ended: Ended, records: list[Record]) -> None:
        self.spans |= ended.spans
        self.calls += ended.calls
        self.records += records
