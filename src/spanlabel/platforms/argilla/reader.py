"""Read what people answered."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spanlabel.errors import ConfigError

from .api import Api
from .config import ArgillaSettings
from .datasets import check_user, find_dataset, find_workspace
from .inert import restore
from .writer import dataset_name

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Answered:
    """What one person answered on one page.

    Attributes:
        record_id: The record's id.
        place: Which of the record's answers was shown; 0 is the first.
        user_id: Argilla's id of the person; None if the account is gone.
        status: "draft", "submitted" or "discarded".
        values: By the question's name: a number for a rating, a word or a list of words for labels, a text.
        updated_at: When it was last changed, ISO 8601, UTC, without a zone.
    """

    record_id: str
    place: int
    user_id: str | None
    status: str
    values: Mapping[str, Any]
    updated_at: str


def read_answers(settings: ArgillaSettings, dataset: str | None = None) -> Iterator[Answered]:
    """Read all answers of a dataset, in the order in which its records came.

    Args:
        settings: Where it is.
        dataset: Its name; by default the one of this moment.

    Raises:
        ConfigError: A setting is wrong, or there is no such dataset.
        TryLater: The server cannot be reached now.
    """
    api = Api(settings)
    try:
        check_user(api)
        name = dataset or dataset_name(settings, time.time_ns())
        workspace_id = find_workspace(api, settings)
        found = None if workspace_id is None else find_dataset(api, workspace_id, name)
        if found is None:
            raise ConfigError(
                f"there is no such dataset in workspace {settings.workspace!r}", setting="dataset", value=name
            )
        offset = 0
        while page := api.get(f"/datasets/{found.id}/records", include="responses", limit=_PAGE, offset=offset)[
            "items"
        ]:
            offset += len(page)
            for record in page:
                yield from _answers(record)
    finally:
        api.close()


def _answers(record: Mapping[str, Any]) -> Iterator[Answered]:
    external_id = record["external_id"]
    if external_id is None:  # not written by us
        return
    record_id, _, place = external_id.partition(":")
    for response in record.get("responses") or ():
        yield Answered(
            record_id=record_id,
            place=int(place) if place.isdecimal() else 0,
            user_id=response.get("user_id"),
            status=response["status"],
            # A discarded answer may have none.
            values={name: _given(one["value"]) for name, one in (response.get("values") or {}).items()},
            updated_at=response["updated_at"],
        )


def _given(value: Any) -> Any:
    return restore(value) if isinstance(value, str) else value
