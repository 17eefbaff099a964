"""Several destinations at once, out of one application: each has all records, its own queue and its own fate."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import TracerProvider
from servers.argilla import ArgillaServer
from servers.patience import until

from spanlabel import AnnotationSpanProcessor
from spanlabel.delivery import Outbox, Tally
from spanlabel.platforms.local import LocalStore
from spanlabel.testing import FaultProxy

pytestmark = pytest.mark.integration

QUESTIONS = [f"question {n}" for n in range(20)]


def _ask(provider: TracerProvider, question: str) -> None:
    """What an instrumented call leaves behind."""

    def said(role: str, text: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

    facts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": said("user", question),
        "gen_ai.output.messages": said("assistant", f"answer to {question}"),
    }
    with provider.get_tracer("app").start_as_current_span("chat m", attributes=facts):
        pass


def test_one_is_away(argilla: ArgillaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    While one destination is away the others get their records at once; when it is back it gets all of its own, too.
    """
    name = f"several-{uuid4().hex[:8]}"
    with FaultProxy(argilla.url) as proxy:
        given = {"platform": "argilla", "api_key": argilla.api_key, "preset": "langchain"}
        destinations = [
            {"name": "near", "api_url": argilla.url, "dataset": f"{name}-near", **given},
            {"name": "far", "api_url": proxy.url, "dataset": f"{name}-far", **given},
            {"name": "local", "platform": "local"},
        ]
        (tmp_path / "spanlabel.yaml").write_text(json.dumps({"destinations": destinations}))
        monkeypatch.setenv("SPANLABEL_CONFIG", str(tmp_path / "spanlabel.yaml"))
        provider = TracerProvider()
        provider.add_span_processor(AnnotationSpanProcessor(home=tmp_path))
        with proxy.refuse():
            for question in QUESTIONS:
                _ask(provider, question)
            assert not provider.force_flush(10_000)  # one destination could not be reached
            with contextlib.closing(Outbox(tmp_path / "outbox.db", max_bytes=100_000_000)) as outbox:
                until(
                    lambda: all(outbox.tally(one).delivered == len(QUESTIONS) for one in ("near", "local")),
                    "the others have theirs",
                )

            near = [one["fields"]["prompt"] for one in argilla.records(f"{name}-near")]
            with LocalStore(tmp_path / "records.db") as store:
                local = [record.prompt for record in store.records(newest_first=False)]
            assert sorted(near) == sorted(local) == sorted(QUESTIONS)
        assert provider.force_flush(300_000)
        provider.shutdown()

    far = [one["fields"]["prompt"] for one in argilla.records(f"{name}-far")]
    assert sorted(far) == sorted(QUESTIONS)
    n = len(QUESTIONS)
    with contextlib.closing(Outbox(tmp_path / "outbox.db", max_bytes=100_000_000)) as outbox:
        assert [outbox.tally(one) for one in ("near", "far", "local")] == [Tally(made=n, delivered=n)] * 3
