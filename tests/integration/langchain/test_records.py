"""What LangChain's documentation shows of its handlers, with current LangChain under OpenTelemetry instrumentation.

Six prompts, a chain and an agent: the handlers made of them 6 records, none at all, and three of which two are junk
(Argilla's), or one for every call to the model (Label Studio's). Here it is one for each question.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from servers.argilla import ArgillaServer
from servers.label_studio import LabelStudioServer, Stage
from servers.langchain import INSTRUMENTATIONS, JOKE, PLAY, POEM, PRESIDENT, SYNOPSIS, WASHINGTON, play

from spanlabel.platforms.local import LocalStore

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)]


def _expected(instrumentation: str) -> Counter[tuple[str, str]]:
    """Question and answer of each record, and how often.

    Of the chain, OpenInference tells what it was given; OpenLLMetry tells it under the name of the template's
    variable, which could be anything, so the question is what the template made of it.
    """
    title = {"openinference": "Documentary about Bigfoot in Paris", "openllmetry": PLAY}[instrumentation]
    return Counter(
        {
            ("Tell me a joke", JOKE): 3,
            ("Tell me a poem", POEM): 3,
            (title, SYNOPSIS): 1,
            (PRESIDENT, WASHINGTON): 1,
        }
    )


def _local(home: Path) -> Counter[tuple[str, str]]:
    with LocalStore(home / "records.db") as store:
        return Counter((record.prompt, record.answer) for record in store.records())


def test_argilla(argilla: ArgillaServer, tmp_path: Path, instrumentation: str) -> None:
    """
    Each question is one record in the dataset of our own shape, one in a dataset of the handler's shape, and one in
    the local store: every destination gets all of them.
    """
    name = f"langchain-{uuid4().hex[:8]}"
    server = {"platform": "argilla", "api_url": argilla.url, "api_key": argilla.api_key}
    destinations = [
        {"name": "review", "dataset": name, **server},
        {"name": "handler", "dataset": f"{name}-handler", "preset": "langchain", **server},
        {"name": "local", "platform": "local"},
    ]

    logged = play(instrumentation, home=tmp_path, destinations=destinations)

    expected = _expected(instrumentation)
    review = [one["fields"] for one in argilla.records(name)]
    assert Counter((one["messages"][-1]["content"], one["response"]) for one in review) == expected
    handler = [one["fields"] for one in argilla.records(f"{name}-handler")]
    assert Counter((one["prompt"], one["response"]) for one in handler) == expected
    assert _local(tmp_path) == expected
    assert "spanlabel:" not in logged


def test_label_studio(label_studio: LabelStudioServer, tmp_path: Path, instrumentation: str) -> None:
    """
    Each question is one task in a project of prompt mode and one in a project of chat mode, each with the final
    answer filled in for correction, and one record in the local store.
    """
    stages = {mode: Stage(label_studio, f"lc-{mode}-{uuid4().hex[:8]}") for mode in _MODES}
    destinations: list[dict[str, object]] = [
        {
            "name": mode,
            "platform": "label-studio",
            "preset": mode,
            "url": label_studio.url,
            "api_key": label_studio.personal_token,
            "project": stage.title,
        }
        for mode, stage in stages.items()
    ]

    logged = play(instrumentation, home=tmp_path, destinations=[*destinations, {"name": "local", "platform": "local"}])

    expected = _expected(instrumentation)
    for mode, stage in stages.items():
        assert Counter((_asked(task, mode), _answer(stage, task)) for task in stage.tasks()) == expected
    assert _local(tmp_path) == expected
    assert "spanlabel:" not in logged


def test_whose_it_is(tmp_path: Path, instrumentation: str) -> None:
    """
    User, session, tags and further facts, said as docs/how-to/migrate-from-langchain.md shows it, are in the record.
    """
    play(instrumentation, "chain", "agent", home=tmp_path, destinations=[{"platform": "local"}])

    with LocalStore(tmp_path / "records.db") as store:
        metadata = {record.answer: record.metadata for record in store.records()}
    if instrumentation == "openinference":
        facts, whose = metadata[SYNOPSIS], ("u-1", "s-1", ("beta",))
    else:
        facts, whose = metadata[WASHINGTON], ("u-2", "s-2", None)
    assert (facts["user_id"], facts["conversation_id"], facts.get("tags")) == whose
    assert facts["app.team"] == "web"


_MODES = ("prompt", "chat")


def _asked(task: dict[str, Any], mode: str) -> str:
    shown = task["data"]["prompt"]
    return str(shown if mode == "prompt" else shown[-1]["content"])


def _answer(stage: Stage, task: dict[str, Any]) -> str:
    [prediction] = stage.server.call("GET", f"/api/tasks/{task['id']}/")["predictions"]
    assert prediction["model_version"].startswith("scripted-mini")
    [result] = prediction["result"]
    [text] = result["value"]["text"]
    return str(text)
