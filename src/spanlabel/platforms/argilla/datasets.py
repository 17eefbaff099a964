"""Find a workspace and a dataset, or make them.

Making a dataset takes many requests, and another process may be at it at the same time, or may have died in the middle
of it. So nothing is taken for granted: what is there is left alone, what is missing is added, "already exists" is as
good as done, and in the end the dataset is read again and compared. Of two that make the same thing at the same moment
Argilla tells one 409 or, out of its database, 500.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Any

from spanlabel.errors import ConfigError, DeliveryError, TryLater

from .api import Answer, Api
from .config import ArgillaSettings
from .presets import Preset, preset_of
from .shape import Field, Found, Property, Question, differences


def preset_for(settings: ArgillaSettings) -> Preset:
    """The preset that the settings name."""
    return preset_of(
        settings.preset,
        num_generations=settings.num_generations,
        number_of_retrievals=settings.number_of_retrievals,
    )


def check_user(api: Api) -> dict[str, Any]:
    """Ask who we are.

    Returns:
        At least `id`, `username` and `role`.

    Raises:
        ConfigError: The key is wrong, or its user may not write records.
    """
    try:
        me = api.get("/me")
    except Answer as answer:
        raise ConfigError(f"what answers there is not Argilla 2: {answer}", setting="api_url") from answer
    if not isinstance(me, dict) or not {"id", "username", "role"} <= me.keys():
        raise ConfigError("what answers there is not Argilla 2", setting="api_url")
    if me["role"] not in {"owner", "admin"}:
        raise ConfigError(
            f"it belongs to {me['username']!r}, who is {me['role']} and may only answer questions; take the key of an "
            "owner, or of an admin of the workspace",
            setting="api_key",
        )
    return me


def find_workspace(api: Api, settings: ArgillaSettings) -> str | None:
    """The server's id of the workspace; None if our user sees none of this name."""
    return _workspaces(api).get(settings.workspace)


def ensure_workspace(api: Api, settings: ArgillaSettings, *, role: str) -> str:
    """Find the workspace, or make it.

    Args:
        api: The server.
        settings: Name of the workspace, and whether it may be made.
        role: Our user's role.

    Returns:
        The server's id of it.

    Raises:
        ConfigError: It is not there and may not be made.
    """
    found = find_workspace(api, settings)
    if found is not None:
        return found
    if not settings.create_workspace or role != "owner":
        reason = "only an owner can make it" if settings.create_workspace else "create_workspace is off"
        seen = sorted(_workspaces(api))
        known = f"its workspaces are: {', '.join(seen)}" if seen else "it is in no workspace at all"
        raise ConfigError(
            f"there is no such workspace, or this key's user is not in it ({known}); {reason}",
            setting="workspace",
            value=settings.workspace,
        )
    _make(api, "/workspaces", {"name": settings.workspace}, setting="workspace")
    found = find_workspace(api, settings)
    if found is None:
        raise TryLater(f"workspace {settings.workspace!r} cannot be made now, or is not listed yet")
    return found


def find_dataset(api: Api, workspace_id: str, name: str) -> Found | None:
    """Read a dataset; None if there is none of exactly this name."""
    for one in api.get("/me/datasets", workspace_id=workspace_id)["items"]:
        if one["name"] == name and one["workspace_id"] == workspace_id:
            return _read(api, one)
    return None


def ensure_dataset(api: Api, settings: ArgillaSettings, workspace_id: str, name: str) -> Found:
    """Find a dataset that takes our records, or make it.

    Args:
        api: The server.
        settings: Which preset.
        workspace_id: The server's id of the workspace.
        name: Of the dataset, without patterns.

    Raises:
        ConfigError: There is one of this name that does not fit; the text says each difference.
        TryLater: It cannot be made now.
    """
    preset = preset_for(settings)
    found = find_dataset(api, workspace_id, name)
    if found is None:
        found = _begin(api, preset, workspace_id, name)
    if not found.is_published:
        found = _finish(api, preset, found)
    check_shape(preset, found)
    return found


def check_shape(preset: Preset, found: Found) -> None:
    """Refuse a dataset that would refuse our records.

    Raises:
        ConfigError: The text says each difference.
    """
    told = differences(preset.fields, found)
    if told:
        raise ConfigError(
            f"this dataset does not take records of preset {preset.name!r}: {'; '.join(told)}. Give another name "
            "(a dataset that does not exist is made), or choose another preset",
            setting="dataset",
            value=found.name,
        )


def _workspaces(api: Api) -> dict[str, str]:
    return {one["name"]: one["id"] for one in api.get("/me/workspaces")["items"]}


def _read(api: Api, listed: dict[str, Any]) -> Found:
    place = f"/datasets/{listed['id']}"
    return Found(
        id=listed["id"],
        name=listed["name"],
        is_published=listed["status"] == "ready",
        takes_any_metadata=listed["allow_extra_metadata"],
        fields={
            one["name"]: (one["settings"]["type"], bool(one["required"])) for one in api.get(f"{place}/fields")["items"]
        },
        questions={
            one["name"]: (one["id"], one["settings"]["type"], _options(one["settings"]))
            for one in api.get(f"{place}/questions")["items"]
        },
        properties={
            one["name"]: one["settings"]["type"] for one in api.get(f"/me{place}/metadata-properties")["items"]
        },
    )


def _options(settings: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(option["value"] for option in settings.get("options") or ())


def _begin(api: Api, preset: Preset, workspace_id: str, name: str) -> Found:
    body = {
        "name": name,
        "workspace_id": workspace_id,
        "guidelines": preset.guidelines,
        "allow_extra_metadata": preset.takes_any_metadata,
    }
    _make(api, "/datasets", body, setting="dataset")
    found = find_dataset(api, workspace_id, name)
    if found is None:
        raise TryLater(f"dataset {name!r} cannot be made now, or is not listed yet")
    return found


def _make(api: Api, path: str, body: dict[str, Any], *, setting: str) -> None:
    """Make something that has a name of its own, if nobody is faster."""
    try:
        api.post(path, body)
    except DeliveryError:
        return  # perhaps because somebody was; the caller looks
    except Answer as answer:
        if answer.status != HTTPStatus.CONFLICT:
            raise ConfigError(str(answer), setting=setting, value=body["name"]) from answer


def _finish(api: Api, preset: Preset, found: Found) -> Found:
    """Publish a dataset that was begun, by us or by somebody like us."""
    _check_ours(preset, found)
    place = f"/datasets/{found.id}"
    _add(api, f"{place}/fields", preset.fields, found.fields)
    _add(api, f"{place}/questions", preset.questions, found.questions)
    _add(api, f"{place}/metadata-properties", preset.properties, found.properties)
    failed: Exception | None = None
    try:
        api.put(f"/datasets/{found.id}/publish")
    except (Answer, DeliveryError) as error:
        failed = error  # perhaps because another process was faster; then it is published now
    after = _read(api, api.get(f"/datasets/{found.id}"))
    if not after.is_published:
        raise TryLater(f"dataset {found.name!r} cannot be published now: {failed}") from failed
    return after


def _check_ours(preset: Preset, found: Found) -> None:
    """A draft with something of its own in it belongs to a person who is still at it."""
    own = {one.name for one in preset.fields} | {one.name for one in preset.questions}
    strange = sorted({*found.fields, *found.questions} - own)
    if strange:
        raise ConfigError(
            f"it is a draft with parts that preset {preset.name!r} does not know ({', '.join(strange)}); publish it "
            "first, or give another name",
            setting="dataset",
            value=found.name,
        )


def _add(api: Api, path: str, parts: Sequence[Field | Question | Property], there: Collection[str]) -> None:
    for part in parts:
        if part.name in there:
            continue
        try:
            api.post(path, part.body())
        except DeliveryError as error:
            raise TryLater(
                f"the dataset cannot be made now, perhaps because somebody else is at it: {error}"
            ) from error
        except Answer as answer:
            # Where the dataset was published meanwhile, all of it was there.
            is_published = answer.status == HTTPStatus.UNPROCESSABLE_ENTITY and "published" in str(answer)
            if answer.status != HTTPStatus.CONFLICT and not is_published:
                raise ConfigError(f"Argilla refuses {part.name!r}: {answer}", setting="preset") from answer
