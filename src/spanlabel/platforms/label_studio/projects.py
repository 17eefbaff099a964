"""The project that records go to: found, made where it is missing, and compared with what the preset needs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from spanlabel.errors import ConfigError, Rejected

from .api import Api, Project
from .binding import Binding, bind
from .config import LabelStudioSettings
from .failures import NotThere
from .layout import differences, read_layout
from .presets import Preset, preset_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """A project that fits.

    Attributes:
        project: What is on the server.
        binding: What goes where in its tasks.
    """

    project: Project
    binding: Binding


def title_of(settings: LabelStudioSettings, time_ns: int, *, clock: Callable[[], float] = time.time) -> str:
    """The title of a record's project.

    It goes by the time of the record's question and not by the clock, so that a record that is sent again, or comes in
    a newer version, goes to the project where it is.

    Args:
        settings: The title, which may hold strftime patterns.
        time_ns: Unix time in nanoseconds; 0 for now.
        clock: Gives Unix time in seconds.
    """
    moment = datetime.fromtimestamp(time_ns / 1e9 if time_ns else clock(), UTC)
    return moment.strftime(settings.project)


def find_project(api: Api, settings: LabelStudioSettings, title: str) -> Project | None:
    """The project by its number, if one is set, else by its title; None if there is none of this title.

    Raises:
        ConfigError: There is none of this number.
    """
    if settings.project_id is None:
        found = api.projects(title)
        return found[0] if found else None
    try:
        return api.project(settings.project_id)
    except NotThere as error:
        raise ConfigError(
            f"there is no project of this number that the token's user can see ({error})",
            setting="project_id",
            value=settings.project_id,
        ) from error


def find_or_make(api: Api, settings: LabelStudioSettings, title: str) -> Target:
    """The project, made where it is missing.

    Raises:
        ConfigError: It lacks something, cannot be made, or is not there by its number.
    """
    preset = preset_of(settings)
    project = find_project(api, settings, title)
    if project is None:
        project = _make(api, preset, title)
    return fit(project, preset)


def _make(api: Api, preset: Preset, title: str) -> Project:
    bind(preset.layout)  # so that nothing is made that cannot be filled
    try:
        made = api.create_project(title, preset.label_config or "")
    except Rejected as error:
        raise ConfigError(f"Label Studio refuses to make the project {title!r}: {error}", setting="project") from error
    # Titles are not unique: others may have made one in the same moment. All choose the oldest.
    oldest = min([made, *api.projects(title)], key=lambda one: one.id)
    if oldest != made:
        _log.warning(
            "two processes made the Label Studio project %r at once: %d is used, %d is empty and can be deleted",
            title,
            oldest.id,
            made.id,
        )
    return oldest


def fit(project: Project, preset: Preset) -> Target:
    """Bind a project, and refuse one that lacks what the preset needs.

    Raises:
        ConfigError: It lacks something; the text says what.
    """
    where = f"project {project.id} ({project.title!r})"
    try:
        layout = read_layout(project.label_config)
        missing = differences(preset.layout, preset.needs, layout)
        binding = None if missing else bind(layout)
    except ConfigError as error:
        raise ConfigError(f"{where}: its {error}", setting="preset") from error
    if binding is None:
        raise ConfigError(
            f"{where} lacks what {'the preset needs' if preset.is_ours else 'this has'}: {'; '.join(missing)}. Choose "
            "another project or preset, or change the label configuration in the project's settings",
            setting="preset" if preset.is_ours else "label_config",
        )
    return Target(project, binding)
