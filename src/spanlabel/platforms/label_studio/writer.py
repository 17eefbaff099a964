"""Write records into a Label Studio project.

Label Studio has no key of its own: what is sent twice is there twice. So

- a request whose fate is unknown is not repeated before its records were looked up, twice, until two looks agree: the
  server may still be busy with it at the first one;
- the look is taken for those records only that an earlier write may have put there (`maybe_there`), as far as this
  writer does not know better itself.

One request is in flight at a time: its server with SQLite becomes slower with each one more, until it answers no more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from spanlabel.errors import ConfigError, DeliveryError, Rejected, TryLater
from spanlabel.model import Record
from spanlabel.ports import Outcome

from .api import Api, Task, remaining_s
from .config import LabelStudioSettings, Lookup
from .failures import NotThere, TooLarge, Unsure
from .fates import Fates
from .mapping import to_task
from .presets import preset_of
from .projects import Target, find_or_make, fit, title_of

MAX_TASKS = 500
"""Tasks of one request; beyond it nothing is won."""

MAX_BYTES = 8 * 1024 * 1024
"""Size of one request's body."""

BETWEEN_LOOKS_S = 5.0
"""Between two looks that must agree."""


def make_writer(settings: LabelStudioSettings, home: Path) -> LabelStudioWriter:
    """Make Label Studio's writer; nothing is connected yet.

    Args:
        settings: The platform's settings.
        home: spanlabel's home folder; not used.
    """
    del home
    return LabelStudioWriter(settings)


class LabelStudioWriter:
    """A `RecordWriter` into a Label Studio project.

    Args:
        settings: Where to write and what it looks like.
        pause: Waits for seconds, between two looks.
    """

    batch_size = MAX_TASKS

    def __init__(self, settings: LabelStudioSettings, *, pause: Callable[[float], object] = time.sleep) -> None:
        self._settings = settings
        self._pause = pause
        self._api: Api | None = None
        self._targets: dict[str, Target] = {}
        self._fates = Fates()

    def open(self) -> None:
        """Connect, and find the project of this moment or make it."""
        self.close()
        api = Api(self._settings)
        try:
            self._target(api, title_of(self._settings, 0))
        except NotThere as error:
            api.close()
            raise ConfigError(f"what answers there is not Label Studio: {error}", setting="url") from error
        except BaseException:
            api.close()
            raise
        self._api = api

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        """Write all of *batch*, project by project.

        Raises:
            DeliveryError: Label Studio failed over a request (500), for a reason that only its log tells.
        """
        api = self._api
        if api is None:
            raise TryLater("the writer is not open")
        deadline_s = time.monotonic() + timeout_s
        groups: dict[str, list[int]] = {}
        for place, record in enumerate(batch):
            groups.setdefault(title_of(self._settings, record.time_ns), []).append(place)
        self._fates.assume_absent(record.id for record in batch if record.id not in maybe_there)
        outcomes: dict[str, Outcome] = {}
        for title, places in groups.items():
            records = {batch[place].id: batch[place] for place in places}
            try:
                outcomes |= self._write(api, title, records, deadline_s)
            except Rejected as error:
                ids = list(records)
                named = {ids[place] for place in error.culprits}
                culprits = tuple(place for place in places if batch[place].id in named)
                raise Rejected(str(error), culprits=culprits) from error
        self._fates.forget(outcomes)
        return [outcomes[record.id] for record in batch]

    def close(self) -> None:
        """Let go of the connection."""
        api, self._api = self._api, None
        self._targets.clear()
        if api is not None:
            api.close()

    def _target(self, api: Api, title: str) -> Target:
        if title not in self._targets:
            self._targets[title] = find_or_make(api, self._settings, title)
        return self._targets[title]

    def _write(self, api: Api, title: str, records: Mapping[str, Record], deadline_s: float) -> dict[str, Outcome]:
        """Write the records of one project; places in a `Rejected` are places among *records*."""
        target = self._target(api, title)
        tasks = self._tasks(records, target)
        try:
            outcomes = self._update_those_there(api, target, tasks, deadline_s)
            new = {record_id: task for record_id, task in tasks.items() if record_id not in outcomes}
            try:
                self._import(api, target, new, deadline_s)
            except Rejected as error:
                self._read_again(api, title, target)
                places = {record_id: place for place, record_id in enumerate(records)}
                sent = list(new)
                raise Rejected(str(error), culprits=tuple(places[sent[n]] for n in error.culprits)) from error
        except NotThere as error:
            raise self._lost(api, title, target, error) from error
        return outcomes | dict.fromkeys(new, Outcome.DELIVERED)

    def _tasks(self, records: Mapping[str, Record], target: Target) -> dict[str, dict[str, Any]]:
        tasks: dict[str, dict[str, Any]] = {}
        refused: dict[int, str] = {}
        for place, (record_id, record) in enumerate(records.items()):
            try:
                tasks[record_id] = to_task(record, target.binding)
            except ValueError as error:
                refused[place] = str(error)
        if refused:
            raise Rejected(next(iter(refused.values())), culprits=tuple(refused))
        return tasks

    def _update_those_there(
        self, api: Api, target: Target, tasks: Mapping[str, Mapping[str, Any]], deadline_s: float
    ) -> dict[str, Outcome]:
        """Find out which records are there, of those that may be, and bring them up to date."""
        doubtful = self._fates.unknown(tasks)
        written = self._fates.written(tasks)
        try:
            there = self._agree(api, target, doubtful, deadline_s)
            if self._settings.lookup is Lookup.ALWAYS:
                others = [one for one in tasks if one not in doubtful and one not in written]
                there |= api.look_up(target.project.id, others)
            outcomes = {record_id: self._update(api, there[record_id], tasks[record_id]) for record_id in there}
        except Rejected as error:  # of a question, not of a record
            raise DeliveryError(f"Label Studio refused to be asked: {error}") from error
        return outcomes | dict.fromkeys(written, Outcome.DELIVERED)

    def _agree(self, api: Api, target: Target, ids: Sequence[str], deadline_s: float) -> dict[str, Task]:
        """Look until two looks agree on what is not there."""
        number = target.project.id
        found = api.look_up(number, ids)
        while missing := [record_id for record_id in ids if record_id not in found]:
            if remaining_s(deadline_s) < 2 * BETWEEN_LOOKS_S:
                raise TryLater("there was no time to make sure what is there", retry_after_s=0.0)
            self._pause(BETWEEN_LOOKS_S)
            late = api.look_up(number, missing)
            if not late:
                self._fates.absent(missing)
                break
            found |= late
        return found

    def _update(self, api: Api, task: Task, wanted: Mapping[str, Any]) -> Outcome:
        """Bring a task that is there to what it should be, unless a person has worked on it."""
        there = [_results(one) for one in task.predictions]
        predictions = wanted.get("predictions", ())
        if task.data == wanted["data"] and all(one["result"] in there for one in predictions):
            return Outcome.DELIVERED
        now = api.task(task.id)  # read right before it is changed
        if now.is_worked_on:
            return Outcome.KEPT
        api.update_task(task.id, data=wanted["data"], meta=wanted["meta"])
        for prediction in predictions:
            api.replace_prediction(now, prediction)
        return Outcome.DELIVERED

    def _import(self, api: Api, target: Target, tasks: Mapping[str, Mapping[str, Any]], deadline_s: float) -> None:
        """Add tasks that are not there, in requests of a bounded size."""
        done = 0
        for chunk in _chunks({record_id: _as_json(task) for record_id, task in tasks.items()}):
            try:
                self._send(api, target, chunk, deadline_s)
            except Rejected as error:
                raise Rejected(str(error), culprits=tuple(done + place for place in error.culprits)) from error
            done += len(chunk)

    def _send(self, api: Api, target: Target, tasks: Mapping[str, bytes], deadline_s: float) -> None:
        if not (left_s := remaining_s(deadline_s)):
            self._fates.absent(tasks)
            raise TryLater("there was no time left to send it", retry_after_s=0.0)
        try:
            api.import_tasks(target.project.id, list(tasks.values()), timeout_s=left_s)
        except TooLarge as error:
            self._fates.absent(tasks)
            if len(tasks) == 1:
                raise Rejected(str(error), culprits=(0,)) from error
            self._import_halves(api, target, tasks, deadline_s)
        except DeliveryError as error:
            if isinstance(error, Unsure) or type(error) is DeliveryError:
                self._fates.forget(tasks)
            else:
                self._fates.absent(tasks)
            raise
        except ConfigError:
            self._fates.absent(tasks)
            raise
        else:
            self._fates.there(tasks)

    def _import_halves(self, api: Api, target: Target, tasks: Mapping[str, bytes], deadline_s: float) -> None:
        ids = list(tasks)
        middle = len(ids) // 2
        self._send(api, target, {one: tasks[one] for one in ids[:middle]}, deadline_s)
        try:
            self._send(api, target, {one: tasks[one] for one in ids[middle:]}, deadline_s)
        except Rejected as error:
            raise Rejected(str(error), culprits=tuple(middle + place for place in error.culprits)) from error

    def _read_again(self, api: Api, title: str, target: Target) -> None:
        """After a refusal: somebody may have changed the label configuration, which is then to blame, not a record."""
        project = api.project(target.project.id)
        if project.label_config != target.project.label_config:
            self._targets[title] = fit(project, preset_of(self._settings))
            raise TryLater("the project's label configuration was changed; it was read again", retry_after_s=0.0)

    def _lost(self, api: Api, title: str, target: Target, error: NotThere) -> TryLater | ConfigError:
        """After a "not found": tell a deleted project from a proxy that answers for a server that is away."""
        del self._targets[title]
        try:
            api.project(target.project.id)
        except NotThere:
            if self._settings.project_id is None:
                return TryLater("the project was deleted; it is made again", retry_after_s=0.0)
            return ConfigError("the project was deleted", setting="project_id", value=self._settings.project_id)
        return TryLater(f"the project is there, but its import is not: {error}")


def _results(prediction: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A prediction's content, without what the server adds to it."""
    return [{name: one[name] for name in ("from_name", "to_name", "type", "value")} for one in prediction["result"]]


def _as_json(task: Mapping[str, Any]) -> bytes:
    return json.dumps(task, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _chunks(tasks: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Parts of at most `MAX_TASKS` and `MAX_BYTES`; what is larger alone stays alone."""
    chunk: dict[str, bytes] = {}
    size = 0
    for record_id, task in tasks.items():
        if chunk and (len(chunk) == MAX_TASKS or size + len(task) > MAX_BYTES):
            yield chunk
            chunk, size = {}, 0
        chunk[record_id] = task
        size += len(task) + 1
    if chunk:
        yield chunk
