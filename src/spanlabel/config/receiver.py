"""The settings of `spanlabel serve`, beside all others. An application that only exports never imports them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from spanlabel.journal import Fsync

from .settings import Count, Place, Seconds

OFF = "off"
"""Written instead of an address: do not listen."""

_MIB = 1 << 20
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")
_TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Source(StrEnum):
    """Where `spanlabel serve` gets its spans."""

    OTLP = "otlp"
    """From whoever sends them: it listens for gRPC and HTTP."""
    KAFKA = "kafka"
    """From the topics that the Collector's Kafka exporter writes."""


def _as_address(text: str) -> str:
    if text.lower() == OFF:
        return OFF
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65_535:
        raise ValueError("must be host:port, such as 127.0.0.1:4317 or [::]:4317; or off")
    return text


def _as_tokens(given: object) -> object:
    """A mapping of names to tokens; or NAME:TOKEN entries with commas between, the name may be missing."""
    if isinstance(given, str):
        entries = [entry.strip() for entry in given.split(",") if entry.strip()]
        named = [entry.partition(":") for entry in entries]
        return tuple((name, token) if colon else ("", name) for name, colon, token in named)
    return tuple(given.items()) if isinstance(given, Mapping) else given


def _check_tokens(given: tuple[tuple[str, SecretStr], ...]) -> tuple[tuple[str, SecretStr], ...]:
    for name, secret in given:
        token = secret.get_secret_value()
        if name and not _TOKEN_NAME.fullmatch(name):
            raise ValueError("must be NAME:TOKEN; a name is letters, digits, '.', '_' or '-'")
        if not token or not (token.isascii() and token.isprintable()) or " " in token:
            raise ValueError("must be NAME:TOKEN, or the token alone; a token is ASCII without spaces")
    return given


Listen = Annotated[str, BeforeValidator(lambda given: OFF if given is False else given), AfterValidator(_as_address)]
Tokens = Annotated[
    tuple[tuple[str, SecretStr], ...], NoDecode, BeforeValidator(_as_tokens), AfterValidator(_check_tokens)
]
Names = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(lambda given: [one.strip() for one in given.split(",")] if isinstance(given, str) else given),
]
Properties = Annotated[
    tuple[tuple[str, SecretStr], ...],
    BeforeValidator(lambda given: tuple(given.items()) if isinstance(given, Mapping) else given),
]


class ReceiverSettings(BaseSettings):
    """Settings of the receiver. Frozen."""

    model_config = SettingsConfigDict(
        env_prefix="SPANLABEL_",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    source: Source = Field(Source.OTLP, description="Where spans come from: otlp (it listens) or kafka.")
    listen_grpc: Listen = Field("127.0.0.1:4317", description="Address for OTLP over gRPC, host:port; off for none.")
    listen_http: Listen = Field(
        "127.0.0.1:4318",
        description="Address for OTLP over HTTP, /healthz and /readyz, host:port; off for none.",
    )
    tokens: Tokens = Field(
        (),
        description="Bearer tokens, as NAME:TOKEN; a sender must have one. A route may ask for its NAME.",
    )
    tokens_file: Place | None = Field(
        None, description="File with a token, or NAME:TOKEN, on each line; read again when it changes."
    )
    allow_anonymous: bool = Field(
        False, description="Listen beyond this machine without any token. Everybody who reaches the port may then send."
    )
    tls_cert: Place | None = Field(None, description="Certificate (PEM) with which both ports speak TLS.")
    tls_key: Place | None = Field(None, description="Its private key (PEM).")
    tls_client_ca: Place | None = Field(
        None, description="Certificates (PEM) of those who may sign a sender's certificate; then each must have one."
    )
    max_body_bytes: Count = Field(
        64 * _MIB, description="Largest request in bytes, compressed or not; a larger one is refused for good."
    )
    max_in_flight_bytes: Count = Field(
        256 * _MIB, description="Bytes of requests that are being read at the same time; beyond it senders must wait."
    )
    max_requests: Count = Field(256, description="Requests at the same time; beyond it senders must wait.")
    max_connections: Count = Field(2_000, description="Open HTTP connections; beyond it new ones are closed.")
    header_timeout_s: Seconds = Field(10.0, description="Seconds that a sender has for the head of a request.")
    body_timeout_s: Seconds = Field(60.0, description="Seconds that a sender has for the body of a request.")
    journal_fsync: Fsync = Field(
        Fsync.BATCH, description="What is safe when a sender is answered: always and batch survive a power cut."
    )
    journal_max_bytes: Count = Field(
        4096 * _MIB, description="Size of the journal in bytes; when it is full, senders must wait."
    )
    journal_memory_bytes: Count = Field(
        64 * _MIB,
        description="Bytes of requests that wait in memory; what is beyond is read from the journal.",
    )
    drain_timeout_s: Seconds = Field(
        20.0, description="Seconds from SIGTERM to the end at most; what is not done then is done at the next start."
    )
    kafka_brokers: Names = Field((), description="Kafka brokers to begin with, host:port, with commas between.")
    kafka_topics: Names = Field(
        ("otlp_spans", "otlp_logs"), description="Topics to read, as the Collector's Kafka exporter names them."
    )
    kafka_group: str = Field("spanlabel", min_length=1, description="Consumer group whose members share the topics.")
    kafka_config: Properties = Field(
        (), description="Further librdkafka properties, a mapping, such as security.protocol. Only in spanlabel.yaml."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Refuse halves of what only makes sense whole."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: set both or none")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("tls_client_ca needs tls_cert and tls_key")
        if self.source is Source.KAFKA and not self.kafka_brokers:
            raise ValueError("source kafka needs kafka_brokers, such as localhost:9092")
        if self.source is Source.OTLP and self.listen_grpc == OFF and self.listen_http == OFF:
            raise ValueError("listen_grpc and listen_http are both off: nothing could come in")
        if self.listen_grpc == self.listen_http and not self.listen_grpc.endswith(":0"):
            raise ValueError("listen_grpc and listen_http are the same address: each needs a port of its own")
        return self
