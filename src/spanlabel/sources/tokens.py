"""Bearer tokens: who may send, and under which name.

Only digests are held, so no token can show in a repr, a log line or an error. A file of tokens is looked at again
while the receiver runs, so that tokens are exchanged without a restart.
"""

from __future__ import annotations

import hmac
import logging
import stat
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from spanlabel.errors import ConfigError

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 1.0
_LARGEST_FILE_BYTES = 1 << 20

_Digests = tuple[tuple[str, bytes], ...]


class Tokens:
    """All tokens that open the door.

    Args:
        given: Name and token each; two tokens may have one name, for the time in which they are exchanged.
        file: One token a line, `name:token` or the token alone; empty lines and lines that begin with # do not count.
        clock: Seconds; says when the file is looked at again.

    Raises:
        ConfigError: The file cannot be read or holds no token, or one is not of one line of printable ASCII.
    """

    def __init__(
        self,
        given: Iterable[tuple[str, str]] = (),
        file: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given = tuple((name, _digest_of(token, "tokens")) for name, token in given)
        self._file = file
        self._clock = clock
        self._from_file: _Digests = ()
        self._looked_s = clock()
        self._stamp = _stamp_of(file)
        if file is not None:
            self._from_file = _read(file)
            _warn_of_readers(file)

    def __repr__(self) -> str:
        return f"Tokens({len(self._given) + len(self._from_file)} of them)"

    @property
    def is_open(self) -> bool:
        """Whether anybody may send: no token was set up."""
        return not self._given and self._file is None

    @property
    def names(self) -> frozenset[str]:
        """Names of all tokens; "" among them if one has none."""
        return frozenset(name for name, _ in (*self._given, *self._from_file))

    def name_for(self, authorization: str) -> str | None:
        """Who sends.

        Args:
            authorization: The header as it came; "" without one.

        Returns:
            The token's name; "" for a token without a name, and for everybody when the door is open; None for who may
            not send.
        """
        if self.is_open:
            return ""
        self._look_again()
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        digest = sha256(token.strip().encode(errors="replace")).digest()
        found: str | None = None
        for name, one in (*self._given, *self._from_file):  # all of them, so that the time says nothing
            if hmac.compare_digest(one, digest):
                found = name
        return found

    def _look_again(self) -> None:
        if self._file is None or self._clock() - self._looked_s < _LOOK_AGAIN_S:
            return
        self._looked_s = self._clock()
        stamp = _stamp_of(self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._from_file = _read(self._file)
            _log.info("tokens_file was read again: %d tokens", len(self._from_file))
        except ConfigError as error:  # perhaps it is only half written
            _log.warning("the tokens from before stay in force: %s", error)


def _warn_of_readers(file: Path) -> None:
    with suppress(OSError):
        if file.stat().st_mode & stat.S_IROTH:
            _log.warning("every user of this machine can read tokens_file %s; chmod 600 takes that away", file)


def _stamp_of(file: Path | None) -> tuple[int, int, int] | None:
    try:
        found = file.stat() if file is not None else None
    except OSError:
        found = None
    return found and (found.st_mtime_ns, found.st_size, found.st_ino)


def _read(file: Path) -> _Digests:
    try:
        with file.open("rb") as opened:
            lines = opened.read(_LARGEST_FILE_BYTES).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot be read: {reason}", setting="tokens_file", value=str(file)) from error
    read = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            before, has_name, after = text.partition(":")
            name, token = (before.strip(), after.strip()) if has_name else ("", text)
            read.append((name, _digest_of(token, "tokens_file", number)))
    if not read:
        raise ConfigError("holds no token", setting="tokens_file", value=str(file))
    return tuple(read)


def _digest_of(token: str, setting: str, line: int | None = None) -> bytes:
    if not token or " " in token or not (token.isascii() and token.isprintable()):
        where = "" if line is None else f"line {line}: "
        raise ConfigError(f"{where}a token must be one word of printable ASCII", setting=setting)
    return sha256(token.encode()).digest()
