"""`spanlabel serve`: a receiver beside an OpenTelemetry Collector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def serve(
    *,
    platform: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where the records go; without it as spanlabel.yaml says.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Settings, instead of ./spanlabel.yaml. SPANLABEL_CONFIG does it for every command."
        ),
    ] = None,
    grpc: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Listen here for gRPC, or off. Default 127.0.0.1:4317.")
    ] = None,
    http: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Listen here for HTTP, or off. Default 127.0.0.1:4318.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="otlp|kafka", help="Where spans come from. Default otlp.")
    ] = None,
    brokers: Annotated[
        str | None, typer.Option(metavar="HOST:PORT,..", help="With --source kafka: brokers to begin with.")
    ] = None,
    tokens_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Bearer tokens, one a line; NAME:TOKEN gives it a name.")
    ] = None,
    allow_anonymous: Annotated[
        bool, typer.Option("--allow-anonymous", help="Listen beyond this machine without any token.")
    ] = False,
) -> None:
    """Receive traces and log records, and deliver the records made of them.

    It takes OTLP over gRPC and HTTP, as an OpenTelemetry Collector or an
    SDK's exporter sends it. What was answered with success is on disk and
    survives a crash; at the next start it goes on where it was.

    Ctrl-C or SIGTERM: nothing more is taken, what is complete is stored and
    delivered, within drain_timeout_s. What is not done then, is done at the
    next start. A second one leaves at once, and loses nothing either.

    http://HOST:PORT/healthz and /readyz say how it is. All settings:
    spanlabel config show. A Collector's files: collector/README.md.

    Exit code 0: ended as asked. 1: a file or store failed. 2: a setting is
    wrong, or a port is taken.

    For example:

        spanlabel serve --platform argilla
        spanlabel serve --grpc 0.0.0.0:4317 --tokens-file tokens.txt
        spanlabel serve --source kafka --brokers kafka-1:9092,kafka-2:9092
    """
    from spanlabel.config.loading import load_receiver

    from ._serving import serve_until_signal

    loaded, receiver, _ = load_receiver(
        config=config,
        platform=platform,
        listen_grpc=grpc,
        listen_http=http,
        source=source,
        kafka_brokers=brokers,
        tokens_file=tokens_file,
        allow_anonymous=allow_anonymous or None,
    )
    raise typer.Exit(serve_until_signal(loaded.settings, receiver))
