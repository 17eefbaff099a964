"""Label Studio's API, as far as spanlabel needs it, through the official SDK.

The SDK's own retries are off: it repeats requests that may have been done, and an import that is done twice is there
twice. Every failure is one of `spanlabel.errors` or `.failures`.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from spanlabel.errors import ConfigError

from .config import LabelStudioSettings
from .failures import Unsure, of_answer, of_connection
from .mapping import ID

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

Answer = TypeVar("Answer")

CONNECT_S = 5.0
"""What a connection may take."""

TIMEOUT_S = 30.0
"""What a small request may take."""

LOOK_UP = 100
"""Ids of one look: they travel in the address, for which proxies have 8 KB of room."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project on the server."""

    id: int
    title: str
    label_config: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task on the server.

    Attributes:
        id: Label Studio's number.
        data: What it shows.
        predictions: What is filled in for the reviewer, as the server has it.
        is_worked_on: A person has annotated or skipped it, or has begun to.
    """

    id: int
    data: Mapping[str, Any]
    predictions: tuple[Mapping[str, Any], ...]
    is_worked_on: bool


class Api:
    """A connection to Label Studio. One thread at a time uses it.

    Args:
        settings: Where to connect and as whom.

    Attributes:
        has_personal_token: It is a personal access token, not a legacy one.

    Raises:
        ConfigError: The token has expired, or the certificates in `ca_file` cannot be read.
    """

    def __init__(self, settings: LabelStudioSettings) -> None:
        import httpx
        from label_studio_sdk import LabelStudio

        from .auth import auth_of, expiry_s

        self._settings = settings
        self.has_personal_token = expiry_s(settings.api_key.get_secret_value()) is not None
        headers = {name: value.get_secret_value() for name, value in settings.headers}
        self._http = httpx.Client(
            auth=auth_of(settings.api_key.get_secret_value(), settings.url, headers),
            verify=_trust(settings),
            timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_S),
            # A request on a connection that the server has just given up has an unknown fate, and Label Studio's own
            # server answers each one on a kept connection 40 ms later than on a new one.
            headers={"Connection": "close"} | headers,
            follow_redirects=False,  # a POST that is redirected becomes a GET
        )
        self._sdk = LabelStudio(  # type: ignore[no-untyped-call]  # the SDK's own omission
            base_url=settings.url,
            api_key="set by the client's auth",
            max_retries=0,
            httpx_client=self._http,
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def user(self) -> Mapping[str, Any]:
        """Who the token belongs to."""
        found: Mapping[str, Any] = self._request("GET", "api/current-user/whoami")
        return found

    def version(self) -> str:
        """Label Studio's version; needs no token.

        Raises:
            Unsure: What answers is not Label Studio.
        """
        found = self._request("GET", "api/version", auth=None)
        release = found.get("release") if isinstance(found, Mapping) else None
        if not isinstance(release, str):
            raise Unsure("what answered is not Label Studio: it has no version")
        return release

    def projects(self, title: str) -> list[Project]:
        """All projects of exactly this title, the oldest first."""

        # The server looks for the text anywhere in the title, so the exact ones are chosen here.
        def ask(sdk: LabelStudio) -> list[Project]:
            listed: Iterable[Any] = sdk.projects.list(title=title, page_size=100)
            return [_project(one) for one in listed]

        found = self._call(ask)
        return sorted((one for one in found if one.title == title), key=lambda one: one.id)

    def project(self, number: int) -> Project:
        """One project.

        Raises:
            NotThere: There is none of this number.
        """
        return self._call(lambda sdk: _project(sdk.projects.get(number)))

    def create_project(self, title: str, label_config: str) -> Project:
        """Make a project."""
        return self._call(
            lambda sdk: _project(
                sdk.projects.create(title=title, label_config=label_config, description="Written by spanlabel.")
            )
        )

    def import_tasks(self, project: int, tasks: Sequence[bytes], *, timeout_s: float) -> list[int]:
        """Add tasks, all or none.

        Args:
            project: Number of the project.
            tasks: Each as JSON in UTF-8. The SDK would walk through every value of every task once more, which costs
                half as much as the server's own work.
            timeout_s: What it may take.

        Returns:
            Their numbers, in order.

        Raises:
            Unsure: Nobody knows whether they are there. Among the reasons is an edition that imports in its own time.
        """
        answer = self._request(
            "POST",
            f"api/projects/{project}/import",
            params={"return_task_ids": "true"},
            content=b"[" + b",".join(tasks) + b"]",
            headers={"Content-Type": "application/json"},
            timeout=timeout_s,
        )
        numbers = answer.get("task_ids") if isinstance(answer, Mapping) else None
        if not isinstance(numbers, list) or len(numbers) != len(tasks):
            raise Unsure("Label Studio did not say which tasks it has made")
        return numbers

    def look_up(self, project: int, ids: Sequence[str]) -> dict[str, Task]:
        """Find tasks by the ids of their records; of two with one id the older one."""
        found: dict[str, Task] = {}
        for start in range(0, len(ids), LOOK_UP):
            for task in self._look(project, ids[start : start + LOOK_UP]):
                record_id = str(task.data.get(ID))
                if record_id not in found or task.id < found[record_id].id:
                    found[record_id] = task
        return found

    def _look(self, project: int, ids: Sequence[str]) -> list[Task]:
        chosen = {"filter": f"filter:tasks:data.{ID}", "operator": "in_list", "type": "String", "value": list(ids)}
        query = json.dumps({"filters": {"conjunction": "and", "items": [chosen]}})
        include = "id,data,predictions,draft_exists,cancelled_annotations,total_annotations"

        def ask(sdk: LabelStudio) -> list[Task]:
            page: Any = sdk.tasks.list(project=project, query=query, fields="all", include=include, page_size=1_000)
            return [_task(one) for one in page.items or ()]

        return self._call(ask)

    def task(self, number: int) -> Task:
        """One task.

        Raises:
            NotThere: There is none of this number.
        """
        return self._call(lambda sdk: _task(sdk.tasks.get(str(number))))

    def update_task(self, number: int, *, data: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
        """Replace a task's data."""
        self._call(lambda sdk: sdk.tasks.update(str(number), data=dict(data), meta=dict(meta)))

    def delete_task(self, number: int) -> None:
        """Remove a task."""
        self._call(lambda sdk: sdk.tasks.delete(str(number)))

    def replace_prediction(self, task: Task, prediction: Mapping[str, Any]) -> None:
        """Give a task this prediction, and no other one about the same."""
        names = {one["from_name"] for one in prediction["result"]}
        for old in task.predictions:
            if {one["from_name"] for one in old["result"]} <= names:  # others come from somebody's own model
                self._call(partial(_delete_prediction, int(old["id"])))
        self._call(lambda sdk: sdk.predictions.create(task=task.id, **prediction))

    def annotated_tasks(self, project: int) -> Iterator[Mapping[str, Any]]:
        """Tasks with their annotations, those only that have one."""
        yield from self._request("GET", f"api/projects/{project}/export", params={"exportType": "JSON"})

    def _call(self, ask: Callable[[LabelStudio], Answer]) -> Answer:
        import httpx
        from label_studio_sdk.core.api_error import ApiError
        from label_studio_sdk.core.parse_error import ParsingError

        try:
            return ask(self._sdk)
        except ApiError as error:
            # Its text is the whole answer, which may repeat what we sent: it must not follow ours in a log.
            raise of_answer(error.status_code or 0, error.headers or {}, error.body) from None
        except (ParsingError, json.JSONDecodeError) as error:
            raise Unsure(f"what answered is not Label Studio: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise of_connection(error) from error

    def _request(self, method: str, path: str, **how: Any) -> Any:
        """Ask for what the SDK has no word for, or none that is quick enough; gives the answer's JSON."""
        answer = self._call(lambda _: self._http.request(method, f"{self._settings.url}/{path}", **how))
        try:
            body = answer.json()
        except ValueError:
            raise of_answer(answer.status_code, answer.headers, answer.text) from None
        if not answer.is_success:
            raise of_answer(answer.status_code, answer.headers, body)
        return body


def _delete_prediction(number: int, sdk: LabelStudio) -> None:
    sdk.predictions.delete(number)


def _project(found: Any) -> Project:
    return Project(int(found.id), str(found.title or ""), str(found.label_config or ""))


def _task(found: Any) -> Task:
    # Its `drafts` are only those of the token's own user.
    touched = (found.total_annotations, found.cancelled_annotations, getattr(found, "draft_exists", False))
    predictions = tuple(one if isinstance(one, dict) else one.model_dump() for one in found.predictions or ())
    return Task(int(found.id), dict(found.data or {}), predictions, any(touched))


def _trust(settings: LabelStudioSettings) -> ssl.SSLContext | bool:
    if settings.ca_file is None or not settings.verify_tls:
        return settings.verify_tls
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=str(settings.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"holds no certificates: {error}", setting="ca_file", value=str(settings.ca_file)) from error
    return context


def remaining_s(deadline_s: float) -> float:
    """Seconds until a moment of `time.monotonic`; never below 0."""
    return max(0.0, deadline_s - time.monotonic())
