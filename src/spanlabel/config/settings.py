"""The settings: one line each says unit, bound and effect.

Where a value comes from, highest first: keyword argument, environment variable, `spanlabel.yaml`, default.
`spanlabel.config.loading.load` puts them together and says where each came from. A platform's own settings
are declared in its own folder and belong to a destination.
"""

from __future__ import annotations

import os
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from platformdirs import user_data_path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel.errors import ConfigError

from .rules import Conditions, ImportPath, Kinds, Patterns


def _own_folder() -> Path:
    """Where this user's data lies.

    Raises:
        ConfigError: Nobody knows, as in a container with a user id of its own.
    """
    with suppress(RuntimeError):
        folder = user_data_path("spanlabel", appauthor=False)
        if folder.is_absolute():
            return folder
    raise ConfigError(
        "this user has no home directory, so set SPANLABEL_HOME, a folder that outlives the process", setting="home"
    )


def _refuse_bool(value: object) -> object:
    """YAML's `yes` is not the number 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004  pydantic translates only a ValueError
    return value


def _refuse_empty(value: object) -> object:
    """An empty path would mean the working directory."""
    if value == "":
        raise ValueError("must not be empty")
    return value


def _as_place(path: Path) -> Path:
    """Make a path independent of the working directory, which may change before it is used."""
    if "\0" in str(path):
        raise ValueError("must not contain a NUL character")
    try:
        return Path(os.path.abspath(os.path.expanduser(path)))  # pathlib raises for an unknown user
    except FileNotFoundError:
        raise ValueError("must be absolute where the working directory does not exist any more") from None


Count = Annotated[int, BeforeValidator(_refuse_bool), Field(gt=0, le=2**62)]  # fits SQLite's integers
Seconds = Annotated[float, BeforeValidator(_refuse_bool), Field(ge=0, le=366 * 86_400)]  # fits every lock's wait
Share = Annotated[float, BeforeValidator(_refuse_bool), Field(ge=0, le=1)]
Place = Annotated[Path, BeforeValidator(_refuse_empty), AfterValidator(_as_place)]


class DeliverIn(StrEnum):
    """Who sends an application's records."""

    HERE = "here"
    """The process that makes them, on a thread of its own for each destination."""
    ELSEWHERE = "elsewhere"
    """`spanlabel deliver`, another process with the same `home`; the application only writes into the outbox."""


class Destination(BaseModel):
    """One place where records go.

    Attributes:
        name: Its name in metrics, in the outbox and in `--to`; unique.
        platform: Name of a platform that `spanlabel.registry` knows.
        settings: The platform's own settings; secrets in it are `SecretStr`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    platform: str
    settings: BaseSettings


class Settings(BaseSettings):
    """All settings of one spanlabel in one process. Frozen; equal settings are equal and hash alike."""

    model_config = SettingsConfigDict(
        env_prefix="SPANLABEL_", env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    platform: str = Field(
        "local", description="Platform that gets the records, if spanlabel.yaml lists no destinations."
    )
    destinations: tuple[Destination, ...] = Field(
        (),
        description="Where records go: a list of name, platform and its settings. Only in spanlabel.yaml.",
    )
    routes: tuple[Any, ...] = Field(
        (),
        description="Which pairs go to which destinations: a list of name, when and to. Only in spanlabel.yaml.",
    )
    home: Place = Field(
        default_factory=_own_folder,
        description="Folder of the outbox and of the local store; made when first needed.",
    )
    disabled: bool = Field(False, description="Switches spanlabel off: nothing is read, held or sent.")
    auto_processor: bool = Field(
        False,
        description="Adds the span processor under opentelemetry-instrument. Only as a variable.",
    )
    min_confidence: Share = Field(
        0.7, description="Pairs that are less sure than this, 0 to 1, are dropped and counted."
    )
    include: Conditions = Field(
        (), description="Only pairs that match one of these conditions, such as service=shop-*, give a record."
    )
    exclude: Conditions = Field((), description="Pairs that match one of these conditions are dropped.")
    sample: Share | None = Field(None, description="Share of the traces, 0 to 1, whose pairs give records.")
    sample_when: Conditions = Field(
        (), description="Pairs that match one of these, such as error, have the share sample_when_share."
    )
    sample_when_share: Share = Field(1.0, description="Share, 0 to 1, of the pairs that match sample_when.")
    redact: Kinds = Field((), description="What is hidden in every text: any of key, email, card, phone.")
    redact_patterns: Patterns = Field(
        (), description="Own patterns that are hidden, as NAME=REGEX; each match becomes [NAME]."
    )
    redact_with: ImportPath | None = Field(
        None, description="Own function, as module:function: gets each text and gives it back without what is private."
    )
    dedup: Seconds | None = Field(
        None, description="Seconds within which equal questions give one record, which counts the others."
    )
    per_day: Count | None = Field(None, description="Records for each day (UTC) at most, over all processes here.")
    max_bytes: Count | None = Field(
        None, description="Memory for traces that are not ready, in bytes. In an application 64 MiB."
    )
    max_traces: Count | None = Field(None, description="Traces held at the same time; beyond it the heaviest leaves.")
    root_grace_s: Seconds | None = Field(None, description="Seconds a trace waits for stragglers after its root ended.")
    idle_s: Seconds | None = Field(None, description="Seconds without a new span after which a trace is read as it is.")
    max_age_s: Seconds | None = Field(
        None, description="Seconds after its first span at which a trace is read at the latest."
    )
    window_s: Seconds | None = Field(
        None,
        description="Seconds a ready trace waits for others that its run may be spread over. 2; in the receiver 10.",
    )
    queue_spans: Count = Field(
        2048,
        description="Spans that wait for spanlabel's thread; when so many wait, new ones are dropped.",
    )
    flush_timeout_s: Seconds = Field(
        5.0, description="Seconds that shutdown waits at most for what is not yet in the outbox."
    )
    deliver_in: DeliverIn = Field(
        DeliverIn.HERE,
        description="Who sends an application's records: here it does so itself; elsewhere `spanlabel deliver` does.",
    )
    outbox_max_bytes: Count = Field(
        512 * 1024 * 1024,
        description="Size of the outbox file in bytes; when it is full, new records wait or drop.",
    )

    @model_validator(mode="after")
    def _check_sample(self) -> Self:
        """Without the share of all others, or without a condition, one half of the settings would do nothing."""
        if self.sample_when and self.sample is None:
            raise ValueError("sample_when needs sample, the share of the pairs that do not match it")
        if "sample_when_share" in self.model_fields_set and not self.sample_when:
            raise ValueError("sample_when_share needs sample_when, the conditions that it is for")
        return self
