import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from servers.patience import PATIENCE_S

from spanlabel.demo.loopback import Loopback, Request, Response

pytestmark = pytest.mark.integration


def echo(request: Request) -> Response:
    return Response(200, request.method.encode() + b" " + request.body, "text/plain")


def connect(loopback: Loopback) -> HTTPConnection:
    host, _, port = loopback.url.removeprefix("http://").partition(":")
    return HTTPConnection(host, int(port), timeout=PATIENCE_S)


def test_one_connection_serves_many_requests() -> None:
    """
    A client may keep its connection, as the real ones do.
    """
    with Loopback(echo) as loopback:
        connection = connect(loopback)
        for body in (b"one", b"two"):
            connection.request("POST", "/", body)
            assert connection.getresponse().read() == b"POST " + body
        connection.close()


def test_stopping_waits_for_the_answer_that_is_being_written() -> None:
    """
    Whoever is in the middle of a stream when the server stops gets all of it.
    """
    begun, go_on = threading.Event(), threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"begun, "
        begun.set()
        assert go_on.wait(PATIENCE_S)
        yield b"ended"

    loopback = Loopback(lambda _: Response(200, pieces(), "text/plain"))
    connection = connect(loopback)
    with loopback:
        connection.request("GET", "/")
        assert begun.wait(PATIENCE_S)
        stopper = threading.Timer(0.05, go_on.set)
        stopper.start()

    assert connection.getresponse().read() == b"begun, ended"
    stopper.join()
    connection.close()


def test_stopping_leaves_nothing_behind() -> None:
    """
    After the server has stopped nobody listens on its port, an idle client is hung up on, and no thread is left.
    """
    before = threading.active_count()
    with Loopback(echo) as loopback:
        idle = connect(loopback)
        idle.request("GET", "/")
        idle.getresponse().read()
    assert idle.sock is not None

    assert idle.sock.recv(1) == b""
    assert threading.active_count() == before
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        connect(loopback).connect()


def test_a_client_that_leaves_is_no_fault(capfd: pytest.CaptureFixture[str]) -> None:
    """
    A client that goes away in the middle of an answer leaves no traceback on the screen.
    """
    gone = threading.Event()

    def pieces() -> Iterator[bytes]:
        assert gone.wait(PATIENCE_S)
        while True:
            yield b"x" * 65536

    with Loopback(lambda _: Response(200, pieces(), "text/plain")) as loopback:
        connection = connect(loopback)
        connection.request("GET", "/")
        assert connection.sock is not None
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # hang up hard
        connection.close()
        gone.set()

    assert capfd.readouterr().err == ""


def test_a_body_without_a_length_is_refused() -> None:
    """
    A request whose end cannot be told is refused at once.
    """
    with Loopback(echo) as loopback:
        connection = connect(loopback)
        connection.putrequest("POST", "/")
        connection.endheaders()

        assert connection.getresponse().status == 411
        connection.close()
