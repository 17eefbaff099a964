"""Whether the embedded store can be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spanlabel.errors import ConfigError, StoreError, TryLater
from spanlabel.ports import Finding

from .config import LocalSettings
from .reader import LocalStore
from .writer import make_writer


def check(settings: LocalSettings, *, home: Path, write: bool = False) -> Iterator[Finding]:
    """Look at the file; with *write* also open it for writing, which makes it where it is missing.

    Args:
        settings: The platform's settings.
        home: spanlabel's home folder, absolute.
        write: Also open it for writing.

    Yields:
        One finding after the other.
    """
    file = settings.file(home)
    if not file.exists():
        yield Finding("file", True, f"{file} is not there yet; it is made with the first record", "path")
    else:
        try:
            with LocalStore(file) as store:
                yield Finding("file", True, f"{file} holds {store.count()} records", "path")
        except StoreError as error:
            yield Finding("file", False, str(error), "path")
            return
    if not write:
        return
    writer = make_writer(settings, home)
    try:
        writer.open()
        yield Finding("writing", True, f"{file} can be written", "path")
    except (ConfigError, TryLater) as error:
        yield Finding("writing", False, str(error), "path")
    finally:
        writer.close()
