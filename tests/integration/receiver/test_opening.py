"""Opening and closing the doors."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from receiver.serving import until

from spanlabel.errors import ConfigError
from spanlabel.sources.http_server import serve_http
from spanlabel.sources.listening import Listening
from spanlabel.sources.otlp_grpc import serve_grpc

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("serve", "setting"), [(serve_http, "listen_http"), (serve_grpc, "listen_grpc")])
def test_port_taken(make_intake: Any, serve: Any, setting: str) -> None:
    """A port that is taken is a clear error with the setting's name, and how to find who has it."""

    async def twice() -> None:
        async with serve(make_intake(), Listening(setting)) as first:
            again = Listening.at(f"127.0.0.1:{first.port}", setting=setting)
            with pytest.raises(ConfigError, match=rf"{setting} = '127.0.0.1:{first.port}': another process") as caught:
                await serve(make_intake(), again).__aenter__()
            assert f"ss -ltnp 'sport = :{first.port}'" in str(caught.value)

    asyncio.run(twice())


def test_one_door_finds_the_others_port(make_intake: Any) -> None:
    """The two doors cannot share a port by mistake."""

    async def run() -> None:
        async with serve_grpc(make_intake(), Listening("listen_grpc")) as first:
            with pytest.raises(ConfigError, match="another process"):
                await serve_http(make_intake(), Listening("listen_http", port=first.port)).__aenter__()

    asyncio.run(run())


def test_signals_are_left_alone(make_intake: Any) -> None:
    """Opening a door takes over no signal: what SIGTERM does is the service's matter."""

    async def run() -> list[Any]:
        async with serve_http(make_intake(), Listening("h")), serve_grpc(make_intake(), Listening("g")):
            return [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]

    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    with asyncio.Runner() as runner:
        during = runner.run(run())

    assert during[0] == before[0]


@pytest.mark.parametrize("door", ["http", "grpc"])
def test_closing_answers_what_is_under_way(open_doors: Callable[..., Any], make_intake: Any, door: str) -> None:
    """A door that closes answers the requests that are under way, and takes no new ones."""
    doors = open_doors(intake=make_intake(slow_s=0.5))
    with ThreadPoolExecutor(2) as threads:
        send = {"http": doors.post, "grpc": doors.export}[door]
        under_way = threads.submit(send, b"")
        until(lambda: doors.intake.begun == 1)

        begun = time.monotonic()
        doors.call(getattr(doors, door).stop(10))

        assert time.monotonic() - begun < 2
        assert under_way.result() == b"" if door == "grpc" else under_way.result().status_code == 200
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", getattr(doors, door).port), timeout=2)
    assert len(doors.intake.got) == 1


@pytest.mark.parametrize("door", ["http", "grpc"])
def test_closing_does_not_wait_for_ever(open_doors: Callable[..., Any], make_intake: Any, door: str) -> None:
    """What takes longer than the grace is told to come again, and idle connections are not waited for."""
    doors = open_doors(intake=make_intake(slow_s=30))
    with (
        socket.create_connection(("127.0.0.1", getattr(doors, door).port), timeout=5),
        ThreadPoolExecutor(1) as threads,
    ):
        under_way = threads.submit({"http": doors.post, "grpc": doors.export}[door], b"")
        until(lambda: doors.intake.begun == 1)

        begun = time.monotonic()
        doors.call(getattr(doors, door).stop(0.5))

        assert time.monotonic() - begun < 2
        if door == "http":
            assert under_way.result().status_code == 503
        else:
            assert under_way.exception().code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
