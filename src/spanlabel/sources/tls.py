"""The receiver's own certificate, and whose certificates it asks for.

The files are looked at again while the receiver runs: who renews certificates does it without a restart. What does not
fit together, such as a new certificate beside the old key, leaves the old ones in force.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spanlabel.errors import ConfigError

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Tls:
    """Where the certificates lie, as PEM.

    Attributes:
        cert: The receiver's certificate, with the chain after it.
        key: Its key, without a password.
        client_ca: Who must have signed the senders' certificates; None if senders need none.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None


class Certificates:
    """The certificates as they are now.

    Args:
        tls: Where they lie.
        clock: Seconds; says when the files are looked at again.

    Raises:
        ConfigError: They cannot be read or do not fit together; the text names the setting.
    """

    def __init__(self, tls: Tls, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tls = tls
        self._clock = clock
        self._looked_s = clock()
        self._stamps = self._stamps_now()
        self._context = _context(tls)

    def server_context(self) -> ssl.SSLContext:
        """A context that serves each new connection with the certificates as they are then."""
        outer = _context(self._tls)

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
            self.look_again()
            connection.context = self._context

        outer.sni_callback = choose  # OpenSSL asks it also when the sender names no server
        return outer

    def look_again(self) -> bool:
        """Read the files again if they have changed; at most once a second.

        Returns:
            Whether there are others now.
        """
        if self._clock() - self._looked_s < _LOOK_AGAIN_S:
            return False
        self._looked_s = self._clock()
        stamps = self._stamps_now()
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        try:
            self._context = _context(self._tls)
        except ConfigError as error:  # perhaps only one of them is there yet
            _log.warning("the certificates from before stay in force: %s", error)
            return False
        _log.info("the certificates were read again")
        return True

    def _stamps_now(self) -> tuple[object, ...]:
        found: list[object] = []
        for file in (self._tls.cert, self._tls.key, self._tls.client_ca):
            try:
                stat = file.stat() if file is not None else None
            except OSError:
                stat = None
            found.append(stat and (stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(found)


def _context(tls: Tls) -> ssl.SSLContext:
    for setting, file in (("tls_cert", tls.cert), ("tls_key", tls.key), ("tls_client_ca", tls.client_ca)):
        try:
            if file is not None:
                file.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", setting=setting, value=str(file)) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password of our own OpenSSL would ask for one on the terminal.
        context.load_cert_chain(tls.cert, tls.key, password="")
    except ssl.SSLError as error:
        why = f" ({error.reason})" if error.reason else ""  # OpenSSL has none for what is no PEM at all
        raise ConfigError(
            f"is no PEM certificate that fits the key {tls.key}, or the key has a password{why}",
            setting="tls_cert",
            value=str(tls.cert),
        ) from error
    if tls.client_ca is not None:
        try:
            context.load_verify_locations(tls.client_ca)
        except ssl.SSLError as error:
            raise ConfigError("holds no PEM certificate", setting="tls_client_ca", value=str(tls.client_ca)) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
