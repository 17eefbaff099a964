"""Where a service listens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spanlabel.config.receiver import OFF
from spanlabel.sources.listening import Listening
from spanlabel.sources.tls import Tls

if TYPE_CHECKING:
    from spanlabel.config.receiver import ReceiverSettings


def listening_of(receiver: ReceiverSettings) -> dict[str, Listening]:
    """The addresses that are not off, by name of the protocol: "grpc" and "http".

    Raises:
        ConfigError: An address cannot be understood.
    """
    tls = None
    if receiver.tls_cert is not None and receiver.tls_key is not None:
        tls = Tls(receiver.tls_cert, receiver.tls_key, receiver.tls_client_ca)
    found = {}
    for name, setting in (("grpc", "listen_grpc"), ("http", "listen_http")):
        address = getattr(receiver, setting)
        if address != OFF:
            found[name] = replace(
                Listening.at(address, setting=setting, tls=tls),
                max_body_bytes=receiver.max_body_bytes,
                max_connections=receiver.max_connections,
                max_requests=receiver.max_requests,
                header_timeout_s=receiver.header_timeout_s,
                body_timeout_s=receiver.body_timeout_s,
            )
    return found
