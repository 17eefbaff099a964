"""Where a door stands and what it lets in."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass, replace
from typing import Self

from spanlabel.errors import ConfigError

from .tls import Tls
from .tokens import Tokens


@dataclass(frozen=True, slots=True)
class Listening:
    """One door: its address and its bounds.

    Attributes:
        setting: Name of the setting that the address comes from, for errors.
        host: IP address or name.
        port: 0 for any that is free.
        tls: None for a door without TLS.
        max_body_bytes: Largest request, before and after decompression.
        max_connections: Beyond it, the HTTP door closes the connection that has been idle longest; the gRPC door
            takes no new ones.
        max_requests: Requests under way at the same time; beyond it senders are told to come again.
        header_timeout_s: What a sender has for the TLS handshake and the header of a request.
        body_timeout_s: What a sender has for the body of a request.
        idle_timeout_s: How long a connection without a request stays open.
    """

    setting: str
    host: str = "127.0.0.1"
    port: int = 0
    tls: Tls | None = None
    max_body_bytes: int = 64 << 20
    max_connections: int = 1000
    max_requests: int = 256
    header_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    idle_timeout_s: float = 300.0

    @classmethod
    def at(cls, address: str, *, setting: str, tls: Tls | None = None) -> Self:
        """A door with the usual bounds at "host:port", such as "127.0.0.1:4318" or "[::]:4317".

        Raises:
            ConfigError: It is no such address.
        """
        host, _, port = address.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        is_port = port.isascii() and port.isdigit() and int(port) <= 0xFFFF
        if not bare or not is_port or (":" in bare and bare == host):
            raise ConfigError(
                "must be an address and a port, such as 127.0.0.1:4318 or [::1]:4318", setting=setting, value=address
            )
        return cls(setting=setting, host=bare, port=int(port), tls=tls)

    def at_port(self, port: int) -> Self:
        """The same door at another port."""
        return replace(self, port=port)

    @property
    def address(self) -> str:
        """As the user writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def refuse_open_door(listening: Listening, tokens: Tokens, *, allow_anonymous: bool) -> None:
    """See to it that a door which others can reach asks who they are: by a token, or by a client certificate.

    Raises:
        ConfigError: It asks for neither, and nobody said that this is meant.
    """
    asks = not tokens.is_open or (listening.tls is not None and listening.tls.client_ca is not None)
    if not (listening.is_loopback or asks or allow_anonymous):
        raise ConfigError(
            "other machines could send without a token; set tokens, tokens_file or tls_client_ca, listen on 127.0.0.1, "
            "or set allow_anonymous if everybody who reaches this port may send",
            setting=listening.setting,
            value=listening.address,
        )


def bound_socket(listening: Listening) -> socket.socket:
    """Take the address.

    Raises:
        ConfigError: It is taken, forbidden or not this machine's; the text says what to do.
    """
    try:
        found = socket.getaddrinfo(listening.host, listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
        except OSError:
            opened.close()
            raise
    except OSError as error:
        raise cannot_listen(listening, error) from error
    return opened


def cannot_listen(listening: Listening, error: OSError) -> ConfigError:
    """What to tell the user when an address cannot be had."""
    return ConfigError(_advice(error, listening.port), setting=listening.setting, value=listening.address)


def _advice(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"another process listens there, perhaps a Collector or another spanlabel; `ss -ltnp 'sport = :{port}'` "
            "names it; stop it, or choose another port"
        )
    if error.errno == errno.EACCES:
        return "this user may not listen there; choose a port above 1023"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return "this machine has no such address; 127.0.0.1 is for itself alone, 0.0.0.0 is for all its networks"
    return f"cannot listen there: {error.strerror or error}"
