"""Every error that spanlabel raises on purpose.

A class exists only where somebody acts differently on it::

    SpanlabelError
    ├── ConfigError       a setting is wrong: raised at start, never later
    ├── InputError        a file or a line of it cannot be read as spans
    ├── StoreError        a local database cannot be used (unwritable, locked, damaged, full)
    └── DeliveryError     a record did not reach its platform
        ├── TryLater      the same record may pass later
        └── Rejected      the same record will never pass
"""

from __future__ import annotations


class SpanlabelError(Exception):
    """Base of all errors that spanlabel raises on purpose; its text is meant for a person."""


class ConfigError(SpanlabelError):
    """A setting is wrong.

    Args:
        message: What is wrong and what would be right.
        setting: Name of the setting, as the user writes it.
        value: What was given; leave it out for secrets.
        source: Where it was given: "environment variable SPANLABEL_X", "spanlabel.yaml", "keyword argument".
        nothing_written: As for `TryLater`, where a platform that was being written to says it.
    """

    def __init__(
        self,
        message: str,
        *,
        setting: str | None = None,
        value: object = None,
        source: str | None = None,
        nothing_written: bool = False,
    ) -> None:
        self.setting = setting
        self.value = value
        self.source = source
        self.nothing_written = nothing_written
        where = "" if setting is None else setting
        if value is not None:
            where += f" = {value!r}"
        if source is not None:
            where += f" ({source})"
        super().__init__(f"{where}: {message}" if where else message)


class InputError(SpanlabelError):
    """A file, or one line of it, cannot be read as spans.

    Args:
        message: What was found and what was expected.
        file: Path as the user gave it; "-" for standard input.
        line: Counted from 1; None if the whole file is meant.
    """

    def __init__(self, message: str, *, file: str, line: int | None = None) -> None:
        self.file = file
        self.line = line
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {message}")


class StoreError(SpanlabelError):
    """A local database cannot be used; the text names the file and what to do."""


class DeliveryError(SpanlabelError):
    """A record did not reach its platform."""


class TryLater(DeliveryError):
    """Nothing is wrong with the records; the platform did not take them now.

    Args:
        message: What the platform said.
        retry_after_s: Seconds that the platform asked to wait; None if it did not say.
        nothing_written: No record of the batch was written by this try, as when nobody answered the door: a platform
            without keys need not look for them later.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, nothing_written: bool = False) -> None:
        self.retry_after_s = retry_after_s
        self.nothing_written = nothing_written
        super().__init__(message)


class Rejected(DeliveryError):
    """The platform refuses at least one record of the batch, and will refuse it again.

    Args:
        message: What the platform said.
        culprits: Places in the batch, counted from 0, of the records that it named. They alone are given up and the
            others are sent again. Empty if it named none: then the batch is halved until they are found.
        nothing_written: As for `TryLater`: the whole batch was refused because of the culprits.
    """

    def __init__(self, message: str = "", *, culprits: tuple[int, ...] = (), nothing_written: bool = False) -> None:
        self.culprits = culprits
        self.nothing_written = nothing_written
        super().__init__(message)
