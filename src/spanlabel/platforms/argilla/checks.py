"""What `spanlabel check` finds out about an Argilla destination, one line after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from spanlabel.errors import ConfigError, DeliveryError, SpanlabelError
from spanlabel.model import Message, Record, Text
from spanlabel.ports import Finding

from .api import Answer, Api, as_json
from .config import ArgillaSettings
from .datasets import check_shape, check_user, find_dataset, find_workspace, preset_for
from .mapping import items_of
from .shape import Found
from .writer import dataset_name

_TEST_TEXT = "A test of spanlabel, which removes it at once. If it is still here, it can be deleted."


def check(settings: ArgillaSettings, *, home: Path, write: bool = False) -> Iterator[Finding]:
    """Go through address, TLS, token, rights, workspace, dataset and shape; stop where the next cannot be looked at.

    Nothing is made and nothing is changed, unless *write* is given and the dataset is there: then one marked record is
    written and removed.

    Args:
        settings: The platform's settings.
        home: spanlabel's home folder; Argilla needs none.
        write: Also write a test record.

    Yields:
        One finding after the other, as they are made.
    """
    del home
    what = "address"
    api: Api | None = None
    try:
        what = "installation"
        api = Api(settings)
        what = "address"
        version = api.get("/version")
        yield Finding(what, True, f"{settings.api_url} is Argilla {_version(version)}", "api_url")
        yield _tls(settings)
        what = "token"
        me = check_user(api)
        yield Finding(what, True, f"the key of {me['username']!r}", "api_key")
        role = str(me["role"])
        yield Finding("rights", True, f"{me['username']!r} is {role}", "api_key")
        what = "workspace"
        workspace_id = find_workspace(api, settings)
        yield _workspace(api, settings, workspace_id, role)
        if workspace_id is None:
            if write:
                yield _not_written("the workspace is not there")
            return
        what = "dataset"
        name = dataset_name(settings, time.time_ns())
        found = find_dataset(api, workspace_id, name)
        yield _dataset(name, found)
        if found is None or not found.is_published:
            if write:
                yield _not_written("the dataset is not there" if found is None else "the dataset is a draft")
            return
        what = "shape"
        check_shape(preset_for(settings), found)
        yield Finding(what, True, f"it takes records of preset {settings.preset!r}", "preset")
        if write:
            what = "test record"
            _write_and_remove(api, settings, found)
            yield Finding(what, True, "one was written, read back and removed")
    except (SpanlabelError, Answer) as error:
        yield _explained(what, error)
    finally:
        if api is not None:
            api.close()


def _version(answer: object) -> str:
    return str(answer.get("version", "?")) if isinstance(answer, dict) else "?"


def _tls(settings: ArgillaSettings) -> Finding:
    if settings.api_url.startswith("http:"):
        return Finding(
            "TLS", True, "none: the address begins with http://, so key and records travel readable", "api_url"
        )
    if not settings.verify_tls:
        return Finding("TLS", True, "on, but verify_tls is off: nobody knows whose server it is", "verify_tls")
    return Finding("TLS", True, "the certificate is trusted", "api_url")


def _workspace(api: Api, settings: ArgillaSettings, workspace_id: str | None, role: str) -> Finding:
    name = settings.workspace
    if workspace_id is not None:
        return Finding("workspace", True, f"{name!r} is there", "workspace")
    if settings.create_workspace and role == "owner":
        return Finding(
            "workspace", True, f"{name!r} is not there; it is made when the first record is sent", "workspace"
        )
    reason = "create_workspace is off" if role == "owner" else f"only an owner can make it, and this user is {role}"
    known = ", ".join(sorted(one["name"] for one in api.get("/me/workspaces")["items"])) or "none"
    return Finding(
        "workspace",
        False,
        f"{name!r} is not there, or this user is not in it, and {reason}. The user's workspaces: {known}. Set one of "
        "them, or let an owner make it and add the user",
        "workspace",
    )


def _dataset(name: str, found: Found | None) -> Finding:
    if found is None:
        return Finding("dataset", True, f"{name!r} is not there; it is made when the first record is sent", "dataset")
    if not found.is_published:
        return Finding(
            "dataset", True, f"{name!r} is a draft; it is published when the first record is sent", "dataset"
        )
    return Finding("dataset", True, f"{name!r} is there", "dataset")


def _not_written(why: str) -> Finding:
    return Finding("test record", True, f"none was written, because {why}")


def _explained(what: str, error: Exception) -> Finding:
    if isinstance(error, ConfigError):
        if what == "token" and "may only answer" in str(error):
            what = "rights"
        elif what == "address" and error.setting == "ca_file":
            what = "TLS"
        return Finding(what, False, str(error), error.setting)
    if isinstance(error, DeliveryError):
        later = "nothing is lost meanwhile: records wait in the outbox"
        return Finding(what, False, f"{error}; {later}", "api_url" if what == "address" else None)
    if what == "address":
        return Finding(what, False, f"what answers there is not Argilla 2: {error}", "api_url")
    return Finding(what, False, f"Argilla refuses: {error}")


def _write_and_remove(api: Api, settings: ArgillaSettings, found: Found) -> None:
    """Write a marked record through the preset, look for it, and remove it whatever happened.

    Raises:
        DeliveryError: It was not there, or could not be removed.
    """
    record_id = f"spanlabel-check-{uuid4()}"
    asked = Message("user", (Text(_TEST_TEXT),))
    record = Record(record_id, "0" * 32, _TEST_TEXT, _TEST_TEXT, (_TEST_TEXT,), (asked,), {})
    place = f"/datasets/{found.id}/records"
    items = [item.body(found) for item in items_of(record, preset_for(settings))]
    made = api.request("POST", f"{place}/bulk", content=as_json({"items": items}))["items"]
    ids = ",".join(str(one["id"]) for one in made)
    try:
        seen = api.get(f"/records/{made[0]['id']}")
        if seen["external_id"] != record_id:
            raise DeliveryError("the test record was written, and another one was read back")
    finally:
        api.request("DELETE", place, params={"ids": ids})
