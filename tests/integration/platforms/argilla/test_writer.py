"""`ArgillaWriter` and a real Argilla."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from servers.argilla import ArgillaServer, Stage

from spanlabel.delivery import Outbox
from spanlabel.errors import ConfigError, DeliveryError, Rejected, TryLater
from spanlabel.platforms.argilla.api import Answer, as_json
from spanlabel.platforms.argilla.mapping import items_of
from spanlabel.platforms.argilla.presets import preset_of
from spanlabel.platforms.argilla.writer import _named
from spanlabel.ports import Outcome
from spanlabel.testing import EPOCH_NS, FAULTS, Fault, FaultProxy, check_writer, make_record

pytestmark = pytest.mark.integration


def _text_field(name: str, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "title": name, "required": required, "settings": {"type": "text", "use_markdown": False}}


RATING = {
    "name": "stars",
    "title": "Stars",
    "required": True,
    "settings": {"type": "rating", "options": [{"value": value} for value in range(1, 4)]},
}


class TestContract:
    def test_every_line(self, stage: Stage) -> None:
        """
        It keeps every line of the writers' contract.
        """
        stage.open()  # so that there is a dataset to ask

        check_writer(stage.writer, stage.stored, annotate=stage.respond)


class TestWorkedOn:
    @pytest.mark.parametrize("status", ["draft", "submitted", "discarded"])
    def test_is_never_overwritten(self, stage: Stage, status: str) -> None:
        """
        A record that somebody has begun, submitted or discarded stays as it is.
        """
        writer = stage.open()
        writer.write([make_record(1, answer="old")], timeout_s=60)
        stage.respond(make_record(1).id, status=status)

        outcomes = writer.write([make_record(1, answer="new"), make_record(2)], timeout_s=60)

        assert outcomes == [Outcome.KEPT, Outcome.DELIVERED]
        assert stage.stored() == {make_record(1).id: "old", make_record(2).id: "answer 2"}

    def test_though_the_index_lost_it(self, stage: Stage) -> None:
        """
        Neither is one that Argilla's index does not know, and the index gets it back.
        """
        writer = stage.open()
        writer.write([make_record(1, answer="old"), make_record(2, answer="old")], timeout_s=60)
        stage.respond(make_record(1).id)
        dataset_id = stage.server.dataset_id(stage.name)
        for record in stage.server.records(stage.name):
            stage.server.search_index("DELETE", f"/rg.{dataset_id}/_doc/{record['id']}?refresh=true")

        outcomes = writer.write([make_record(n, answer="new") for n in (1, 2)], timeout_s=60)

        assert outcomes == [Outcome.KEPT, Outcome.DELIVERED]
        assert list(stage.stored().values()) == ["old", "new"]
        assert stage.server.search_index("GET", f"/rg.{dataset_id}/_count")["count"] == 2

    def test_one_of_several_answers(self, stage: Stage) -> None:
        """
        Of a record with several answers only the page that was worked on stays; the record counts as kept.
        """
        old = replace(make_record(1), answers=("a", "b", "c"))
        new = replace(make_record(1), answers=("x", "y", "z"))
        writer = stage.open()
        writer.write([old], timeout_s=60)
        stage.respond(f"{old.id}:1")

        outcomes = writer.write([new], timeout_s=60)

        assert outcomes == [Outcome.KEPT]
        assert stage.stored() == {old.id: "x", f"{old.id}:1": "b", f"{old.id}:2": "z"}


class TestNewer:
    def test_is_noted(self, stage: Stage) -> None:
        """
        If wanted, an answered record notes that a newer version came, once, and keeps everything else.
        """
        writer = stage.open(note_newer=True)
        writer.write([make_record(1, answer="old"), make_record(2, answer="old")], timeout_s=60)
        stage.respond(make_record(1).id)
        before = stage.records()[make_record(1).id]

        for _ in range(2):
            writer.write([make_record(n, answer="new") for n in (1, 2)], timeout_s=60)

        after = stage.records()[make_record(1).id]
        assert after["metadata"] == before["metadata"] | {"newer_version_came": True}
        assert (after["fields"], after["status"]) == (before["fields"], "completed")
        assert after["responses"] == before["responses"]
        assert "newer_version_came" not in stage.records()[make_record(2).id]["metadata"]


class TestOnce:
    @pytest.mark.parametrize("fault", ["reset after", "truncated"])
    def test_answer_that_got_lost(self, stage: Stage, fault: str) -> None:
        """
        A batch whose answer got lost and that is sent again is there once.
        """
        batch = [make_record(n) for n in range(20)]
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(api_url=proxy.url)
            proxy.plan = lambda *_: FAULTS[fault]
            with pytest.raises(TryLater):
                writer.write(batch, timeout_s=60)
            proxy.plan = None
            outcomes = writer.write(batch, timeout_s=60)

        assert outcomes == [Outcome.DELIVERED] * 20
        assert list(stage.stored()) == [record.id for record in batch]

    def test_some_are_there(self, stage: Stage) -> None:
        """
        New ones, known ones and changed ones may stand in one batch, in any order.
        """
        writer = stage.open()
        writer.write([make_record(n) for n in (1, 3, 5)], timeout_s=60)
        writer.write([make_record(n, answer=f"new {n}") for n in (2, 3, 4, 5)], timeout_s=60)

        assert stage.stored() == {
            make_record(n).id: answer
            for n, answer in {1: "answer 1", 3: "new 3", 5: "new 5", 2: "new 2", 4: "new 4"}.items()
        }

    def test_many_writers(self, stage: Stage) -> None:
        """
        Four processes that begin at the same moment make one dataset, and the same records are there once.
        """
        together = threading.Barrier(4)

        def run(_: int) -> None:
            writer = stage.writer(workspace=f"w-{stage.name}")
            together.wait()
            _until_done(writer.open)
            for start in range(0, 40, 10):
                batch = [make_record(n) for n in range(start, start + 10)]
                _until_done(lambda batch=batch: writer.write(batch, timeout_s=60))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(run, range(4)))

        assert sorted(stage.stored()) == sorted(make_record(n).id for n in range(40))


def _until_done(act: Callable[[], object]) -> None:
    """What the worker does: of two that make the same thing at once, one is told 500 by Argilla's database."""
    for _ in range(20):
        try:
            act()
        except DeliveryError as error:
            if isinstance(error, Rejected):
                raise
        else:
            return
    raise AssertionError("never done")


class TestPoison:
    def test_one_in_a_hundred(self, stage: Stage, outbox: Outbox, deliver: Callable[..., None]) -> None:
        """
        Of 100 records with one that Argilla refuses 99 are there after 2 requests, and the one keeps Argilla's words.
        """
        words = {"type": "terms", "values": ["app"]}
        dataset_id = stage.server.make_dataset(
            stage.name,
            {
                "fields": [preset.body() for preset in preset_of("review").fields],
                "questions": [RATING],
                "metadata-properties": [{"name": "service", "title": "Service", "settings": words}],
            },
        )
        stage.server.call("PUT", f"/datasets/{dataset_id}/publish")
        batch = [make_record(n, service="strange" if n == 61 else "app") for n in range(100)]
        with FaultProxy(stage.server.url) as proxy:
            deliver(stage.settings(api_url=proxy.url), batch)
            writes = [path for method, path, _ in proxy.requests if path.endswith("/bulk")]

        assert len(writes) <= 3
        assert len(stage.stored()) == 99
        [letter] = outbox.dead_letters("d")
        assert letter.id == batch[61].id
        assert "Record at position 61 is not valid because metadata is not valid: 'service'" in letter.error

    def test_one_that_cannot_be_sent(self, stage: Stage) -> None:
        """
        A text that is no Unicode is refused before anything is sent, and named.
        """
        writer = stage.open()
        bad = replace(make_record(2), answer="\ud800", answers=("\ud800",))

        with pytest.raises(Rejected) as caught:
            writer.write([make_record(1), bad, make_record(3)], timeout_s=60)

        assert caught.value.culprits == (1,)

    def test_several_are_named(self, stage: Stage) -> None:
        """
        Where Argilla names several at once, all of them are named.
        """
        writer = stage.open()
        found = writer._datasets[stage.name]
        preset = preset_of("review")
        bodies = [items_of(make_record(n), preset)[0].body(found) for n in range(4)]
        for place in (1, 3):
            bodies[place]["fields"]["messages"] = [{"role": "user", "content": ""}]
        assert writer._api is not None
        with pytest.raises(Answer) as caught:
            writer._api.request("POST", f"/datasets/{found.id}/records/bulk", content=as_json({"items": bodies}))

        assert _named(caught.value, 4) == [1, 3]


class TestTooLarge:
    def test_smaller_requests(self, stage: Stage) -> None:
        """
        Where a proxy refuses large requests, smaller ones are sent, also afterwards.
        """
        limit = 200_000
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(api_url=proxy.url)
            send = writer._api.request  # type: ignore[union-attr]  # it is open
            sizes: list[int] = []

            def note(method: str, path: str, **given: Any) -> Any:
                sizes.append(len(given.get("content") or b""))
                return send(method, path, **given)

            writer._api.request = note  # type: ignore[method-assign, union-attr]  # only to look on
            proxy.plan = lambda method, path, n: FAULTS["413"] if sizes[-1] > limit else None
            writer.write([make_record(n, answer="x" * 10_000) for n in range(60)], timeout_s=60)
            first = len(sizes)
            writer.write([make_record(n, answer="x" * 10_000) for n in range(60, 100)], timeout_s=60)

        assert len(stage.stored()) == 100
        assert max(sizes[first:]) <= limit

    def test_one_alone(self, stage: Stage) -> None:
        """
        A record that is too large alone is refused, with who says so.
        """
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(api_url=proxy.url)
            proxy.plan = lambda *_: FAULTS["413"]
            with pytest.raises(Rejected) as caught:
                writer.write([make_record(1)], timeout_s=60)

        assert caught.value.culprits == (0,)


class TestDataset:
    def test_a_superset_is_used(self, stage: Stage) -> None:
        """
        A dataset with more than is needed, other questions and no place for metadata is used and stays as it is.
        """
        fields = [preset.body() for preset in preset_of("review").fields]
        parts = {"fields": [*fields, _text_field("notes", required=False)], "questions": [RATING]}
        dataset_id = stage.server.make_dataset(stage.name, parts, allow_extra_metadata=False)
        stage.server.call("PUT", f"/datasets/{dataset_id}/publish")
        before = _look(stage.server, dataset_id)

        writer = stage.open()
        writer.write([make_record(1)], timeout_s=60)

        assert stage.stored() == {make_record(1).id: "answer 1"}
        assert _look(stage.server, dataset_id) == before

    def test_a_wrong_one_is_refused(self, stage: Stage) -> None:
        """
        A dataset that does not fit is refused when the writer opens, with each difference.
        """
        parts = {"fields": [_text_field("messages"), _text_field("context")], "questions": [RATING]}
        dataset_id = stage.server.make_dataset(stage.name, parts)
        stage.server.call("PUT", f"/datasets/{dataset_id}/publish")

        with pytest.raises(ConfigError) as caught:
            stage.open()

        assert str(caught.value) == (
            f"dataset = {stage.name!r}: this dataset does not take records of preset 'review': its field 'messages' is "
            "of type text, not chat; it has no text field 'response'; its text field 'context' is required, and this "
            "preset does not fill it. Give another name (a dataset that does not exist is made), or choose another "
            "preset"
        )

    def test_a_strangers_draft(self, stage: Stage) -> None:
        """
        A draft that somebody else is still making is left alone.
        """
        dataset_id = stage.server.make_dataset(stage.name, {"fields": [_text_field("own")]})

        with pytest.raises(ConfigError, match="a draft with parts that preset 'review' does not know \\(own\\)"):
            stage.open()

        assert stage.server.call("GET", f"/datasets/{dataset_id}")["status"] == "draft"

    @pytest.mark.parametrize("done", [0, 1, 2, 6, 10])
    def test_one_that_was_begun(self, stage: Stage, done: int) -> None:
        """
        A dataset whose maker died in the middle of making it is finished.
        """
        preset = preset_of("review")
        steps = [("fields", one) for one in preset.fields] + [("questions", one) for one in preset.questions]  # type: ignore[misc]
        steps += [("metadata-properties", one) for one in preset.properties]  # type: ignore[misc]
        parts: dict[str, list[dict[str, Any]]] = {}
        for kind, part in steps[:done]:
            parts.setdefault(kind, []).append(part.body())
        stage.server.make_dataset(stage.name, parts)

        writer = stage.open()
        writer.write([make_record(1)], timeout_s=60)

        assert len(stage.stored()) == 1
        assert len(writer._datasets[stage.name].questions) == 5

    def test_deleted_while_we_write(self, stage: Stage) -> None:
        """
        A dataset that somebody deletes is made again.
        """
        writer = stage.open()
        stage.server.call("DELETE", f"/datasets/{stage.server.dataset_id(stage.name)}")

        with pytest.raises(TryLater, match="is gone"):
            writer.write([make_record(1)], timeout_s=60)
        writer.write([make_record(1)], timeout_s=60)

        assert len(stage.stored()) == 1

    def test_names_by_day(self, stage: Stage) -> None:
        """
        A pattern in the name stands for the day of the question, so that a repeated record finds its old place.
        """
        day_ns = 86_400 * 10**9
        monday, tuesday = (replace(make_record(n), time_ns=EPOCH_NS + n * day_ns) for n in (0, 1))
        writer = stage.open(dataset=f"{stage.name}-%Y-%m-%d")
        writer.write([monday, tuesday], timeout_s=60)
        writer.write([tuesday, monday], timeout_s=60)

        names = [
            one["name"]
            for one in stage.server.call("GET", "/me/datasets")["items"]
            if one["name"].startswith(stage.name)
        ]
        assert len(names) == 3  # today's, which was made at the start, and the two
        assert sorted(len(stage.server.records(one)) for one in names) == [0, 1, 1]

    def test_workspace(self, stage: Stage) -> None:
        """
        A missing workspace is made by an owner, if it may be.
        """
        with pytest.raises(ConfigError, match=r"workspace = 'w-.*create_workspace is off"):
            stage.open(workspace=f"w-{stage.name}", create_workspace=False)

        stage.open(workspace=f"w-{stage.name}")

        assert f"w-{stage.name}" in [one["name"] for one in stage.server.call("GET", "/me/workspaces")["items"]]


class TestRights:
    def test_annotator(self, stage: Stage) -> None:
        """
        The key of somebody who may only answer is refused when the writer opens.
        """
        key = stage.server.add_user(stage.name, "annotator")

        with pytest.raises(ConfigError) as caught:
            stage.open(api_key=key)

        assert str(caught.value) == (
            f"api_key: it belongs to {stage.name!r}, who is annotator and may only answer questions; take the key of "
            "an owner, or of an admin of the workspace"
        )

    def test_admin(self, stage: Stage) -> None:
        """
        An admin needs to be in the workspace; then everything works.
        """
        key = stage.server.add_user(stage.name, "admin")
        given = {"api_key": key, "workspace": f"w-{stage.name}"}

        with pytest.raises(ConfigError, match=r"it is in no workspace at all\); only an owner can make it"):
            stage.open(**given)

        workspace_id = stage.server.call("POST", "/workspaces", {"name": f"w-{stage.name}"})["id"]
        users = {one["username"]: one["id"] for one in stage.server.call("GET", "/users")["items"]}
        stage.server.call("POST", f"/workspaces/{workspace_id}/users", {"user_id": users[stage.name]})
        writer = stage.open(**given)
        writer.write([make_record(1)], timeout_s=60)
        assert len(stage.stored()) == 1

    def test_wrong_key(self, stage: Stage) -> None:
        """
        A wrong key is not repeated in the error.
        """
        with pytest.raises(ConfigError) as caught:
            stage.open(api_key="secret-and-wrong")

        assert caught.value.setting == "api_key"
        assert f"{stage.server.url} does not know this key" in str(caught.value)
        assert "secret" not in str(caught.value)


class TestAddress:
    def test_nobody_there(self, stage: Stage) -> None:
        """
        Where nobody listens, or no such host exists, the records wait.
        """
        for url in ("http://127.0.0.1:9", "http://no-such-host.invalid"):
            with pytest.raises(TryLater, match="cannot connect"):
                stage.open(api_url=url)

    def test_web_page(self, stage: Stage) -> None:
        """
        The address of a page of Argilla is not that of its API.
        """
        with pytest.raises(ConfigError, match="answers 200 with text/html instead of Argilla's JSON"):
            stage.open(api_url=f"{stage.server.url}/datasets")

    def test_tls_where_there_is_none(self, stage: Stage) -> None:
        """
        https:// to a server that speaks http is a wrong setting, not an outage.
        """
        with pytest.raises(ConfigError, match="does not speak TLS; is it http://, or another port"):
            stage.open(api_url=stage.server.url.replace("http:", "https:"))

    def test_another_program(self, stage: Stage) -> None:
        """
        A server with JSON that is not Argilla is told apart.
        """
        with pytest.raises(ConfigError, match="api_url"):
            stage.open(api_url=stage.server.search_url)

    def test_redirect(self, stage: Stage) -> None:
        """
        A redirect says where to.
        """
        there = FAULTS["503"]
        moved = Fault(there.bad, status=308, headers={"Location": "https://new.example.com/api/v1/me"})
        with (
            FaultProxy(stage.server.url, lambda *_: moved) as proxy,
            pytest.raises(ConfigError, match=r"it redirects to 'https://new\.example\.com/api/v1/me'"),
        ):
            stage.open(api_url=proxy.url)


class TestBadDays:
    @pytest.mark.parametrize("fault", ["429", "503", "HTML", "reset before"])
    def test_later(self, stage: Stage, fault: str) -> None:
        """
        What passes by is said to pass by, with the server's wish how long to wait.
        """
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(api_url=proxy.url)
            proxy.plan = lambda *_: FAULTS[fault]
            with pytest.raises(TryLater) as caught:
                writer.write([make_record(1)], timeout_s=60)

        assert caught.value.retry_after_s == (1.0 if fault == "429" else None)

    def test_too_slow(self, stage: Stage) -> None:
        """
        A server that takes longer than a write may take is tried again later.
        """
        with FaultProxy(stage.server.url) as proxy:
            writer = stage.open(api_url=proxy.url)
            proxy.plan = lambda *_: FAULTS["delay"]
            with pytest.raises(TryLater, match="did not answer in time"):
                writer.write([make_record(1)], timeout_s=0.2)

    def test_headers(self, stage: Stage) -> None:
        """
        Further headers are sent; a Hugging Face token only to a Space.
        """
        writer = stage.open(headers={"X-Gate": "open"}, hf_token="hf_secret")

        sent = writer._api._client.headers  # type: ignore[union-attr]  # it is open
        assert sent["X-Gate"] == "open"
        assert "Authorization" not in sent


class TestGuest:
    def test_leaves_the_process_alone(self, stage: Stage) -> None:
        """
        Neither logging nor the application's own use of the SDK is changed, and nothing is printed.
        """
        code = f"""
import logging, threading
from spanlabel.platforms.argilla import ArgillaSettings, ArgillaWriter
from spanlabel.testing import make_record
settings = ArgillaSettings(api_url={stage.server.url!r}, api_key={stage.server.api_key!r}, dataset={stage.name!r})
writer = ArgillaWriter(settings)
writer.open()
writer.write([make_record(1)], timeout_s=60)
writer.close()
import argilla
assert argilla.Argilla._default_client is None
assert logging.getLogger().handlers == []
assert threading.active_count() == 1
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _look(server: ArgillaServer, dataset_id: str) -> list[Any]:
    """All that makes a dataset, but for when it was last used."""
    parts = [
        server.call("GET", f"/datasets/{dataset_id}/fields"),
        server.call("GET", f"/datasets/{dataset_id}/questions"),
        server.call("GET", f"/me/datasets/{dataset_id}/metadata-properties"),
    ]
    whole = server.call("GET", f"/datasets/{dataset_id}")
    return [*parts, {name: value for name, value in whole.items() if name not in {"last_activity_at", "updated_at"}}]
