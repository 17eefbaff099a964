"""`LabelStudioWriter` and a real Label Studio."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from servers.label_studio import Stage

from spanlabel.errors import ConfigError, Rejected
from spanlabel.model import Record
from spanlabel.platforms.label_studio.config import PresetName
from spanlabel.platforms.label_studio.mapping import is_swapped
from spanlabel.platforms.label_studio.presets import named_preset
from spanlabel.platforms.label_studio.reader import Answered, read_answers
from spanlabel.ports import Outcome
from spanlabel.testing import check_writer, make_record

pytestmark = pytest.mark.integration

HANDLER_PROMPT = (
    '<View><Text name="prompt" value="$prompt"/>'
    '<TextArea name="response" toName="prompt" maxSubmissions="1" editable="true" required="true"/>'
    '<Rating name="rating" toName="prompt"/></View>'
)
"""A project as LangChain's handler made it: the facts of its default configuration, in our own words."""


def _rating(about: str, stars: int) -> dict[str, Any]:
    return {"from_name": "rating", "to_name": about, "type": "rating", "value": {"rating": stars}}


def _choice(name: str, about: str, word: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": about, "type": "choices", "value": {"choices": [word]}}


def _text(name: str, about: str, text: str) -> dict[str, Any]:
    return {"from_name": name, "to_name": about, "type": "textarea", "value": {"text": [text]}}


class TestContract:
    @pytest.mark.parametrize("kind", ["token", "personal_token"])
    def test_every_line(self, stage: Stage, kind: str) -> None:
        """
        It keeps every line of the writers' contract, with either kind of token.
        """
        key = getattr(stage.server, kind)

        check_writer(lambda: stage.writer(api_key=key), stage.stored, annotate=stage.annotate)


class TestPresets:
    """Each preset: made, filled, answered by a person, read back."""

    @pytest.mark.parametrize(
        ("preset", "results", "values"),
        [
            pytest.param(
                "review",
                [
                    _rating("response", 2),
                    _choice("verdict", "response", "bad"),
                    _text("feedback", "response", "wrong"),
                    _text("correction", "response", "right"),
                ],
                {"rating": 2, "verdict": "bad", "feedback": "wrong", "correction": "right"},
                id="review",
            ),
            pytest.param(
                "prompt",
                [_text("response", "prompt", "right"), _rating("prompt", 5)],
                {"response": "right", "rating": 5},
                id="prompt",
            ),
            pytest.param(
                "chat",
                [_text("response", "dialogue", "right"), _rating("dialogue", 1)],
                {"response": "right", "rating": 1},
                id="chat",
            ),
            pytest.param(
                "preference",
                [_choice("preference", "response-a", "both bad"), _text("feedback", "response-a", "neither")],
                {"preference": "both bad", "feedback": "neither"},
                id="preference",
            ),
        ],
    )
    def test_there_and_back(
        self, stage: Stage, preset: str, results: list[Mapping[str, Any]], values: Mapping[str, Any]
    ) -> None:
        """
        What a person answers on a preset's page comes back under the names of its questions.
        """
        writer = stage.open(preset=preset)
        records = [_with_two_answers(n) for n in (1, 2)]
        writer.write(records, timeout_s=60)
        stage.annotate(records[1].id, results)

        [answered] = read_answers(stage.settings(preset=preset))

        order = ("second", "first") if is_swapped(records[1].id) else ("first", "second")
        assert answered == Answered(
            record_id=records[1].id,
            user_id=1,
            status="submitted",
            values=values,
            answer_order=order if preset == "preference" else (),
            updated_at=answered.updated_at,
        )

    @pytest.mark.parametrize("preset", ["prompt", "chat"])
    def test_the_answer_can_be_edited(self, stage: Stage, preset: str) -> None:
        """
        In the handler's presets the answer is a prediction with the model's name, in the text area of its name.
        """
        stage.open(preset=preset).write([make_record(1)], timeout_s=60)

        [prediction] = stage.predictions()
        assert prediction["model_version"] == "gpt-4o-mini"
        assert [one["value"] for one in prediction["result"]] == [{"text": ["answer 1"]}]
        assert prediction["result"][0]["from_name"] == "response"

    @pytest.mark.parametrize("preset", ["review", "preference"])
    def test_nothing_is_predicted(self, stage: Stage, preset: str) -> None:
        """
        What the reviewer is asked to judge is not filled in for him.
        """
        stage.open(preset=preset).write([_with_two_answers(1)], timeout_s=60)

        assert stage.predictions() == []

    def test_one_answer_cannot_be_compared(self, stage: Stage) -> None:
        """
        A record with one answer is refused by the preset of two, by name and without a request; the others are taken.
        """
        writer = stage.open(preset="preference")

        with pytest.raises(Rejected, match="the record has one") as caught:
            writer.write([_with_two_answers(1), make_record(2)], timeout_s=60)

        assert caught.value.culprits == (1,)
        assert stage.tasks() == []

    def test_the_users_own(self, stage: Stage) -> None:
        """
        A label configuration of the user's own is made into a project and filled by its tags.
        """
        own = (
            '<View><Paragraphs name="talk" value="$messages" layout="dialogue" nameKey="who" textKey="said"/>'
            '<Text name="out" value="$output"/><Header value="$model"/>'
            '<Choices name="ok" toName="out"><Choice value="yes"/><Choice value="no"/></Choices></View>'
        )
        stage.open(preset="custom", label_config=own).write([make_record(1)], timeout_s=60)

        [task] = stage.tasks()
        assert task["data"]["messages"] == [{"who": "user", "said": "question 1"}]
        assert (task["data"]["output"], task["data"]["model"]) == ("answer 1", "gpt-4o-mini")


def _with_two_answers(number: int) -> Record:
    return replace(make_record(number), answers=(f"answer {number}", f"another {number}"))


class TestWorkedOn:
    @pytest.mark.parametrize("how", ["annotated", "skipped", "draft"])
    def test_is_never_overwritten(self, stage: Stage, how: str) -> None:
        """
        A task that somebody has answered, skipped or begun stays as it is.
        """
        writer = stage.open()
        old = [make_record(n, answer="old") for n in (1, 2)]
        new = [make_record(n, answer="new") for n in (1, 2)]
        writer.write(old, timeout_s=60)
        if how == "draft":
            number = stage.tasks()[0]["id"]
            draft = stage.server.call("POST", f"/api/tasks/{number}/drafts", {"result": [_rating("response", 1)]})
            stage.server.give_draft_to_another_user(draft["id"])
        else:
            stage.annotate(old[0].id, was_cancelled=how == "skipped")

        outcomes = writer.write(new, timeout_s=60, maybe_there={record.id for record in new})

        assert outcomes == [Outcome.KEPT, Outcome.DELIVERED]
        assert stage.stored() == {new[0].id: "old", new[1].id: "new"}

    def test_an_update_takes_its_prediction_along(self, stage: Stage) -> None:
        """
        Where the answer is a prediction, a newer answer replaces it, and a stranger's prediction stays.
        """
        writer = stage.open(preset="prompt")
        writer.write([make_record(1, answer="old")], timeout_s=60)
        number = stage.tasks()[0]["id"]
        strange = {"task": number, "model_version": "theirs", "result": [_rating("prompt", 3)]}
        stage.server.call("POST", "/api/predictions/", strange)

        new = make_record(1, answer="new")
        writer.write([new], timeout_s=60, maybe_there={new.id})
        writer.write([new], timeout_s=60, maybe_there={new.id})

        found = sorted((one["model_version"], one["result"][0]["value"]) for one in stage.predictions())
        assert found == [("gpt-4o-mini", {"text": ["new"]}), ("theirs", {"rating": 3})]


class TestProject:
    def test_a_superset_is_used(self, stage: Stage) -> None:
        """
        A project with more than is needed is used and stays as it is.
        """
        more = (named_preset(PresetName.REVIEW).label_config or "").strip()
        more = more.replace(
            "<Header", '<Choices name="team" toName="response"><Choice value="a"/></Choices><Header', 1
        ).replace('<Choice value="bad" hotkey="b"/>', '<Choice value="bad" hotkey="b"/><Choice value="awful"/>')
        number = stage.make_project(more)

        stage.open().write([make_record(1)], timeout_s=60)

        assert stage.project_ids() == [number]
        assert stage.ids() == [make_record(1).id]
        assert stage.server.call("GET", f"/api/projects/{number}/")["label_config"] == more

    def test_one_that_langchains_handler_made(self, stage: Stage) -> None:
        """
        A project of LangChain's handler goes on being filled, in the shape that it has.
        """
        stage.make_project(HANDLER_PROMPT)

        stage.open(preset="prompt").write([make_record(1)], timeout_s=60)

        [task] = stage.tasks()
        assert task["data"]["prompt"] == "question 1"
        assert stage.predictions()[0]["result"][0]["value"] == {"text": ["answer 1"]}

    def test_a_wrong_one_is_refused(self, stage: Stage) -> None:
        """
        A project that does not fit is refused when the writer opens, with each difference.
        """
        number = stage.make_project(HANDLER_PROMPT)

        with pytest.raises(ConfigError) as caught:
            stage.open()

        assert str(caught.value) == (
            f"preset: project {number} ({stage.title!r}) lacks what the preset needs: it has no <Paragraphs> named "
            "'dialogue'; 'response' is a <TextArea>, and should be a <Text>; it has no <Choices> named 'verdict'; it "
            "has no <TextArea> named 'feedback'; it has no <TextArea> named 'correction'. Choose another project or "
            "preset, or change the label configuration in the project's settings"
        )

    def test_the_title_is_meant_exactly(self, stage: Stage) -> None:
        """
        A project whose title only begins so is somebody else's.
        """
        other = stage.make_project(HANDLER_PROMPT, title=f"{stage.title}-2026")

        stage.open().write([make_record(1)], timeout_s=60)

        assert len(stage.project_ids()) == 1
        assert stage.tasks(other) == []

    def test_the_number_wins(self, stage: Stage) -> None:
        """
        With a number the title does not matter.
        """
        number = stage.make_project(HANDLER_PROMPT)

        stage.open(project_id=number, project="something else", preset="prompt").write([make_record(1)], timeout_s=60)

        assert len(stage.tasks(number)) == 1
        assert stage.project_ids("something else") == []

    def test_days(self, stage: Stage) -> None:
        """
        With a pattern each record goes to the project of the day of its question, also when it comes again later.
        """
        next_day = replace(make_record(2), time_ns=make_record(2).time_ns + 86_400 * 10**9)
        writer = stage.open(project=f"{stage.title}-%d")

        for maybe_there in (frozenset(), {make_record(1).id, next_day.id}):
            outcomes = writer.write([make_record(1), next_day], timeout_s=60, maybe_there=maybe_there)
            assert outcomes == [Outcome.DELIVERED] * 2

        for day, record in ((15, make_record(1)), (16, next_day)):
            [number] = stage.project_ids(f"{stage.title}-{day}")
            assert [task["data"]["spanlabel_id"] for task in stage.tasks(number)] == [record.id]

    def test_many_at_once(self, stage: Stage) -> None:
        """
        Four processes that begin at the same moment agree on one project.
        """
        together = threading.Barrier(4)

        def run(n: int) -> None:
            writer = stage.writer()
            together.wait()
            writer.open()
            writer.write([make_record(n)], timeout_s=60)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(run, range(4)))

        assert sorted(stage.ids()) == sorted(make_record(n).id for n in range(4))


class TestContent:
    def test_what_is_there_in_the_database(self, stage: Stage) -> None:
        """
        Markup, quotes and template marks are stored as they are, for the page to show as text.
        """
        hostile = "<img src=x onerror=alert(1)><script>alert(2)</script> {{7*7}} $prompt &amp; ]]>"
        stage.open().write([make_record(1, prompt=hostile, answer=hostile)], timeout_s=60)

        [task] = stage.tasks()
        assert task["data"]["response"] == hostile
        assert task["data"]["dialogue"] == [{"role": "user", "content": hostile}]

    def test_eight_megabytes(self, stage: Stage) -> None:
        """
        A batch that is too large for one request is sent in several, in order.
        """
        batch = [make_record(n, answer=f"{n} " + "x" * 99_000) for n in range(120)]
        stage.open().write(batch, timeout_s=60)

        assert stage.ids() == [record.id for record in batch]


def test_no_sdk_before_open() -> None:
    """
    Importing the platform and making its writer loads neither the SDK nor its HTTP client.
    """
    program = (
        "import sys; from spanlabel.platforms.label_studio import *; "
        "make_writer(LabelStudioSettings(api_key='k'), None); "
        "print([name for name in ('label_studio_sdk', 'httpx') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
