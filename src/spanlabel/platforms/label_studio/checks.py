"""What `spanlabel check` finds out about a Label Studio destination, one line after the other."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from spanlabel.errors import ConfigError, DeliveryError, SpanlabelError, TryLater
from spanlabel.model import Message, Record, Text
from spanlabel.ports import Finding

from .api import TIMEOUT_S, Api
from .binding import bind
from .config import LabelStudioSettings
from .failures import NotThere, Unsure
from .mapping import ID, to_task
from .presets import preset_of
from .projects import Target, find_project, fit, title_of

_TEST_TEXT = "A test of spanlabel, which removes it at once. If it is still here, it can be deleted."


def check(settings: LabelStudioSettings, *, home: Path, write: bool = False) -> Iterator[Finding]:
    """Go through address, TLS, token, rights, project and shape; stop where the next cannot be looked at.

    Nothing is made and nothing is changed, unless *write* is given and the project is there: then one marked task is
    written and removed.

    Args:
        settings: The platform's settings.
        home: spanlabel's home folder; Label Studio needs none.
        write: Also write a test task.

    Yields:
        One finding after the other, as they are made.
    """
    del home
    steps = _Steps(settings)
    try:
        yield from steps.run(write=write)
    except (SpanlabelError, ImportError) as error:
        yield _explained(steps.what, error, settings)
    finally:
        steps.close()


class _Steps:
    """Which step is under way, so that an error can be told to it."""

    def __init__(self, settings: LabelStudioSettings) -> None:
        self.what = "installation"
        self._settings = settings
        self._api: Api | None = None

    def close(self) -> None:
        if self._api is not None:
            self._api.close()

    def run(self, *, write: bool) -> Iterator[Finding]:
        settings = self._settings
        api = self._api = Api(settings)
        self.what = "address"
        yield Finding(self.what, True, f"{settings.url} is Label Studio {api.version()}", "url")
        yield _tls(settings)
        self.what = "token"
        user = api.user()
        kind = "personal access token" if api.has_personal_token else "legacy token"
        yield Finding(self.what, True, f"a {kind} of {user.get('email')}", "api_key")
        self.what = "rights"
        yield _rights(user)
        self.what = "project"
        title = title_of(settings, 0)
        project = find_project(api, settings, title)
        if project is None:
            yield Finding(
                "project", True, f"{title!r} is not there; it is made when the first record is sent", "project"
            )
            self.what = "shape"
            bind(preset_of(settings).layout)  # says what of a user's own configuration cannot be filled
            if write:
                yield Finding("test record", True, "none was written, because the project is not there")
            return
        setting = "project" if settings.project_id is None else "project_id"
        yield Finding("project", True, f"{project.title!r}, number {project.id}, is there", setting)
        self.what = "shape"
        target = fit(project, preset_of(settings))
        yield Finding(self.what, True, f"it takes records of preset {settings.preset.value!r}", "preset")
        if write:
            self.what = "test record"
            _write_and_remove(api, target)
            yield Finding(self.what, True, "one was written, read back and removed")


def _tls(settings: LabelStudioSettings) -> Finding:
    if settings.url.startswith("http:"):
        words = "none: the address begins with http://, so token and records travel readable"
        return Finding("TLS", True, words, "url")
    if not settings.verify_tls:
        return Finding("TLS", True, "on, but verify_tls is off: nobody knows whose server it is", "verify_tls")
    return Finding("TLS", True, "the certificate is trusted", "url")


def _rights(user: object) -> Finding:
    """What the user may do, where the server tells it."""
    allowed = user.get("permissions") if isinstance(user, dict) else None
    if not isinstance(allowed, list):
        return Finding("rights", True, "this server does not tell them; --write tries them", "api_key")
    missing = [right for right in ("tasks.create", "tasks.view", "tasks.change") if right not in allowed]
    if missing:
        words = f"the user lacks {', '.join(missing)}; use the token of a user that may add tasks to the project"
        return Finding("rights", False, words, "api_key")
    more = "and make projects" if "projects.create" in allowed else "but not make projects"
    return Finding("rights", True, f"the user may add, read and change tasks, {more}", "api_key")


def _explained(what: str, error: Exception, settings: LabelStudioSettings) -> Finding:
    if isinstance(error, ConfigError):
        step = {"ca_file": "TLS", "api_key": "token"}.get(error.setting or "", what)
        return Finding(step if what in {"address", "installation"} else what, False, str(error), error.setting)
    if isinstance(error, ImportError):
        words = f'{error.name} is not installed; install it with: pip install "spanlabel[label-studio]"'
        return Finding(what, False, words)
    if what == "address":
        words = str(error)
        if isinstance(error, TryLater) and not isinstance(error, Unsure):
            words += f"; {_about_host(settings.url)}"
        elif not isinstance(error, TryLater) or "not Label Studio" in words:
            words += "; is the port right, and the path, if it has one?"
        return Finding(what, False, words, "url")
    if isinstance(error, NotThere):
        return Finding(what, False, f"{error}; Label Studio is there, but is the path right?", "url")
    return Finding(what, False, f"{error}; nothing is lost meanwhile: records wait in the outbox")


def _about_host(url: str) -> str:
    """What may keep us from reaching it."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(socket.getaddrinfo(host, None)[0][4][0])
    except (OSError, ValueError):
        return f"no address is known for the name {host!r}; is it spelled right, and known in this network?"
    if address.is_loopback:
        return "is it running, and at this port? In a container, localhost is the container itself"
    if address.is_private:
        return f"{address} is a private address; is this machine in its network?"
    return "is it running, and does a firewall or proxy stand between?"


def _write_and_remove(api: Api, target: Target) -> None:
    """Write a marked record through the preset, look for it, and remove it whatever happened.

    Raises:
        DeliveryError: It was not there, or could not be removed.
    """
    record_id = f"spanlabel-check-{uuid4()}"
    asked = Message("user", (Text(_TEST_TEXT),))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = Record(record_id, "0" * 32, _TEST_TEXT, _TEST_TEXT, (_TEST_TEXT, _TEST_TEXT), (asked,), {"time": now})
    task = json.dumps(to_task(record, target.binding)).encode()
    [number] = api.import_tasks(target.project.id, [task], timeout_s=TIMEOUT_S)
    try:
        if api.task(number).data.get(ID) != record_id:
            raise DeliveryError("the test record was written, and another one was read back")
    finally:
        api.delete_task(number)
