"""What `spanlabel check` finds out about a Trubrics destination, one line after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spanlabel.errors import ConfigError, TryLater
from spanlabel.ports import Finding

from .api import Api
from .config import TrubricsSettings


def check(settings: TrubricsSettings, *, home: Path, write: bool = False) -> Iterator[Finding]:
    """Try address, TLS and key with a request that holds no event.

    Args:
        settings: The platform's settings.
        home: spanlabel's home folder; Trubrics needs none.
        write: Asks for a test record. None is written: Trubrics could not remove it again.

    Yields:
        One finding after the other, as they are made.
    """
    del home
    api = Api(settings)
    try:
        api.probe()
    except TryLater as error:
        words = f"{settings.url}: {error}; is the address right? Nothing is lost meanwhile: records wait in the outbox"
        yield Finding("address", False, words, "url")
        return
    except ConfigError as error:
        if error.setting == "api_key":
            yield from _reached(settings)
        yield Finding("key" if error.setting == "api_key" else "address", False, str(error), error.setting)
        return
    finally:
        api.close()
    yield from _reached(settings)
    yield Finding(
        "key", True, "an empty request was taken with it; Trubrics does not tell whose project it is", "api_key"
    )
    if write:
        yield Finding("test record", True, "none was written: Trubrics has no way to remove it again")


def _reached(settings: TrubricsSettings) -> Iterator[Finding]:
    yield Finding("address", True, f"{settings.url} answers", "url")
    if settings.url.startswith("http:"):
        words = "none: the address begins with http://, so key and records travel readable"
        yield Finding("TLS", True, words, "url")
    else:
        yield Finding("TLS", True, "the certificate is trusted", "url")
