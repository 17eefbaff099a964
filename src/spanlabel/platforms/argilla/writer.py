"""Write records into Argilla.

A batch is first offered as new (`POST …/records/bulk`): Argilla creates all of it, or answers which external ids it
has already, asked from its database. So nothing that is there is ever overwritten unseen, and a batch that is repeated
because its answer got lost is recognised. Only what is there is then looked at and, unless a person has worked on it,
updated (`PUT …/records/bulk`).

Measured on Argilla 2.8 with OpenSearch on 2 cores, serial, 1 KB records: creating is as quick as upserting, and the
rate grows no more beyond 100 records in a request (servers.md 1.1).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from spanlabel.errors import ConfigError, Rejected, TryLater
from spanlabel.model import Record
from spanlabel.ports import Outcome

from .api import Answer, Api, as_json
from .config import ArgillaSettings
from .datasets import check_user, ensure_dataset, ensure_workspace, preset_for
from .mapping import items_of
from .shape import Found

MAX_ITEMS = 500
"""Items of one request; Argilla refuses more."""

MAX_BYTES = 8_000_000
"""Bytes of one request, about. Argilla has no limit; what stands before it may have one."""

MIN_BYTES = 100_000
"""Below it requests do not get smaller for good, however often something on the way finds them too large."""

MAX_IDS = 100
"""External ids of one search. Argilla takes 250."""

NEWER = "newer_version_came"
"""Name of the fact that `note_newer` adds to the metadata."""

_ABOUT_RECORDS = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_KNOWN = "found records with same external ids: "
_PLACE = re.compile(r"Record at position (\d+) is not valid")


def make_writer(settings: ArgillaSettings, home: Path) -> ArgillaWriter:
    """Make Argilla's writer; nothing is opened yet.

    Args:
        settings: The platform's settings.
        home: spanlabel's home folder; Argilla needs none.
    """
    return ArgillaWriter(settings)


@dataclass(slots=True)
class _Sent:
    """One item on its way."""

    record: int  # the record's place in the batch
    external_id: str
    json: bytes


@dataclass(slots=True)
class _Write:
    """One call of `write`."""

    ends_at_s: float
    kept: set[int] = field(default_factory=set)  # places of records that a person has worked on

    def left_s(self) -> float:
        left = self.ends_at_s - time.monotonic()
        if left <= 0:
            raise TryLater("there was not enough time for all of the batch")
        return left


class ArgillaWriter:
    """A `RecordWriter` into a dataset of an Argilla 2 server.

    A dataset that was deleted while we write is made again. Several writers, also of other processes, may write to one
    dataset at the same time. A 500 is raised as a plain `DeliveryError`: it may be the platform's fault or a record's,
    and the worker finds out.

    Args:
        settings: Where to, and in which shape.
    """

    batch_size = 100

    def __init__(self, settings: ArgillaSettings) -> None:
        self._settings = settings
        self._preset = preset_for(settings)
        self._api: Api | None = None
        self._workspace_id = ""
        self._datasets: dict[str, Found] = {}
        self._max_bytes = MAX_BYTES

    def open(self) -> None:
        """Connect; find the workspace and the dataset of this moment, or make them."""
        self.close()
        self._api = api = Api(self._settings)
        try:
            role = check_user(api)["role"]
            self._workspace_id = ensure_workspace(api, self._settings, role=role)
            self._dataset(api, dataset_name(self._settings, time.time_ns()))
        except Answer as answer:
            raise self._not_about_records(answer) from answer

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        """Write all of *batch*. Argilla itself knows which records are there, so *maybe_there* is not needed."""
        api = self._api
        if api is None:
            raise TryLater("the writer is not open")
        this = _Write(time.monotonic() + timeout_s)
        by_dataset: dict[str, list[int]] = {}
        for place, record in enumerate(batch):
            by_dataset.setdefault(dataset_name(self._settings, record.time_ns), []).append(place)
        for name, places in by_dataset.items():
            try:
                found = self._dataset(api, name)
                for chunk in self._chunks(self._items(batch, places, found)):
                    self._write(api, found, chunk, this)
            except Answer as answer:
                raise self._translated(answer, name) from answer
        return [Outcome.KEPT if place in this.kept else Outcome.DELIVERED for place in range(len(batch))]

    def close(self) -> None:
        """Let go of the connections."""
        api, self._api = self._api, None
        self._datasets.clear()
        if api is not None:
            api.close()

    def _dataset(self, api: Api, name: str) -> Found:
        if name not in self._datasets:
            self._datasets[name] = ensure_dataset(api, self._settings, self._workspace_id, name)
        return self._datasets[name]

    def _items(self, batch: Sequence[Record], places: Iterable[int], found: Found) -> Iterator[_Sent]:
        for place in places:
            for item in items_of(batch[place], self._preset):
                try:
                    text = as_json(item.body(found))
                except ValueError as error:  # only a record that was not cleaned
                    raise Rejected(f"it cannot be written as JSON: {error}", culprits=(place,)) from error
                yield _Sent(place, item.external_id, text)

    def _chunks(self, items: Iterable[_Sent]) -> Iterator[list[_Sent]]:
        chunk: list[_Sent] = []
        size = 0
        for item in items:
            if chunk and (len(chunk) == MAX_ITEMS or size + len(item.json) > self._max_bytes):
                yield chunk
                chunk, size = [], 0
            chunk.append(item)
            size += len(item.json)
        if chunk:
            yield chunk

    def _write(self, api: Api, found: Found, items: list[_Sent], this: _Write) -> None:
        """Offer items as new, and then what is there already as an update."""
        known = self._send(api, "POST", found, items, this)
        if not known:
            return
        there = [item for item in items if item.external_id in known]
        fresh = [item for item in items if item.external_id not in known]
        if fresh:
            self._write(api, found, fresh, this)
        worked_on = _worked_on(api, found, [item.external_id for item in there], this)
        this.kept.update(item.record for item in there if item.external_id in worked_on)
        if self._settings.note_newer and found.takes_any_metadata:
            _note_newer(api, found, worked_on, this)
        free = [item for item in there if item.external_id not in worked_on]
        if free:
            self._send(api, "PUT", found, free, this)

    def _send(self, api: Api, method: str, found: Found, items: list[_Sent], this: _Write) -> set[str]:
        """Create (POST) or update (PUT) items.

        Returns:
            External ids for which nothing was created because they are there already; empty if all was done.
        """
        body = b'{"items":[' + b",".join(item.json for item in items) + b"]}"
        try:
            api.request(method, f"/datasets/{found.id}/records/bulk", content=body, timeout_s=this.left_s())
        except Answer as answer:
            if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(items) > 1:
                self._max_bytes = min(self._max_bytes, max(MIN_BYTES, len(body) // 2))
                half = len(items) // 2
                known = self._send(api, method, found, items[:half], this)
                return known | self._send(api, method, found, items[half:], this)
            if known := _known(answer, items):
                return known
            is_about_records = answer.status in _ABOUT_RECORDS
            places = _named(answer, len(items)) or ([0] if is_about_records and len(items) == 1 else [])
            if not places:
                raise
            culprits = tuple(sorted({items[place].record for place in places}))
            raise Rejected(str(answer), culprits=culprits) from answer
        return set()

    def _translated(self, answer: Answer, name: str) -> Exception:
        if answer.status == HTTPStatus.NOT_FOUND:
            self._datasets.pop(name, None)
            return TryLater(f"dataset {name!r} is gone ({answer}); it is looked for, or made again")
        if answer.status in _ABOUT_RECORDS:
            return Rejected(str(answer))
        return self._not_about_records(answer)

    def _not_about_records(self, answer: Answer) -> ConfigError:
        return ConfigError(f"it answers {answer.status}: {answer}", setting="api_url", value=self._settings.api_url)


def dataset_name(settings: ArgillaSettings, time_ns: int) -> str:
    """The dataset's name for a record.

    It goes by the time of the record's question and not by the clock, so that a record that is sent again, or comes in
    a newer version, goes to the dataset where it is.

    Args:
        settings: The name, which may hold strftime patterns.
        time_ns: Unix time in nanoseconds; 0 for now.
    """
    moment = datetime.fromtimestamp((time_ns or time.time_ns()) / 1e9, UTC)
    return moment.strftime(settings.dataset)


def _worked_on(api: Api, found: Found, external_ids: Sequence[str], this: _Write) -> dict[str, dict[str, Any]]:
    """Items for which somebody has begun, submitted or discarded an answer, with their metadata."""
    seen = [
        one
        for start in range(0, len(external_ids), MAX_IDS)
        for one in _search(api, found, external_ids[start : start + MAX_IDS], this)
    ]
    known = {one["external_id"] for one in seen}
    unindexed = [one for one in external_ids if one not in known]
    if unindexed:
        seen += _look_behind(api, found, unindexed, this)
    return {one["external_id"]: one["metadata"] or {} for one in seen if one.get("responses")}


def _search(api: Api, found: Found, external_ids: Sequence[str], this: _Write) -> list[dict[str, Any]]:
    scope = {"entity": "record", "property": "external_id"}
    body = {"filters": {"type": "and", "and": [{"type": "terms", "scope": scope, "values": list(external_ids)}]}}
    answer = api.request(
        "POST",
        f"/datasets/{found.id}/records/search",
        content=as_json(body),
        params={"include": "responses", "limit": MAX_IDS},
        timeout_s=this.left_s(),
    )
    return [one["record"] for one in answer["items"]]


def _look_behind(api: Api, found: Found, external_ids: Sequence[str], this: _Write) -> list[dict[str, Any]]:
    """The same, for items that are in Argilla's database and not in its index, where a write to it failed.

    An update that changes nothing answers with what the database holds, and indexes it.
    """
    body = {"items": [{"external_id": one} for one in external_ids]}
    items: list[dict[str, Any]] = api.put(f"/datasets/{found.id}/records/bulk", body, timeout_s=this.left_s())["items"]
    return items


def _note_newer(api: Api, found: Found, worked_on: dict[str, dict[str, Any]], this: _Write) -> None:
    """Note on items that stay as they are that a newer version came."""
    items = [
        {"external_id": one, "metadata": metadata | {NEWER: True}}
        for one, metadata in worked_on.items()
        if NEWER not in metadata
    ]
    if items:
        api.put(f"/datasets/{found.id}/records/bulk", {"items": items}, timeout_s=this.left_s())


def _known(answer: Answer, items: Sequence[_Sent]) -> set[str]:
    """External ids of items that a refusal says are there already."""
    if not isinstance(answer.detail, str) or not answer.detail.startswith(_KNOWN):
        return set()
    named = answer.detail.removeprefix(_KNOWN).split(", ")
    return {item.external_id for item in items}.intersection(named)


def _named(answer: Answer, n: int) -> list[int]:
    """Places of the items that a refusal names, of *n* items; empty if it names none."""
    if isinstance(answer.detail, str):
        places = [int(place) for place in _PLACE.findall(answer.detail)]
    elif isinstance(answer.detail, dict):
        errors: list[dict[str, Any]] = (answer.detail.get("params") or {}).get("errors") or []
        places = [error["loc"][2] for error in errors if error["loc"][:2] == ["body", "items"]]
    else:
        places = []
    return sorted({place for place in places if 0 <= place < n})
