import errno
import socket
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.errors import ConfigError
from spanlabel.sources.listening import Listening, bound_socket, cannot_listen, refuse_open_door
from spanlabel.sources.tls import Tls
from spanlabel.sources.tokens import Tokens


@pytest.mark.parametrize(
    ("address", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:4318", "127.0.0.1", 4318, True),
        ("127.8.9.1:0", "127.8.9.1", 0, True),
        ("[::1]:4317", "::1", 4317, True),
        ("localhost:1", "localhost", 1, True),
        ("0.0.0.0:4318", "0.0.0.0", 4318, False),  # noqa: S104  an address is read, not listened at
        ("[::]:4318", "::", 4318, False),
        ("collector.example.com:65535", "collector.example.com", 65535, False),
        ("10.1.2.3:80", "10.1.2.3", 80, False),
    ],
)
def test_addresses(address: str, host: str, port: int, *, is_loopback: bool) -> None:
    """
    An address is host and port, and it is known whether other machines reach it.
    """
    listening = Listening.at(address, setting="listen_http")

    assert (listening.host, listening.port, listening.is_loopback) == (host, port, is_loopback)
    assert listening.address == address


@pytest.mark.parametrize(
    "address", ["", "4318", ":4318", "127.0.0.1", "h:65536", "h:-1", "h:x", "::1:4318", "h:٣", "[]:1"]
)
def test_no_addresses(address: str) -> None:
    """
    What is no address is an error that names the setting and shows a right one.
    """
    with pytest.raises(ConfigError, match=r"listen_http = .*such as 127\.0\.0\.1:4318"):
        Listening.at(address, setting="listen_http")


@given(st.text())
def test_any_address(address: str) -> None:
    """
    Any text is an address or a clear error.
    """
    with suppress(ConfigError):
        assert 0 <= Listening.at(address, setting="s").port <= 65535


_PUBLIC = Listening.at("0.0.0.0:4318", setting="listen_http")


def test_open_door_is_refused() -> None:
    """
    Listening beyond this machine without asking who sends is an error that names all ways out of it.
    """
    with pytest.raises(
        ConfigError, match=r"listen_http = '0.0.0.0:4318': .*tokens, tokens_file or tls_client_ca.*allow_anonymous"
    ):
        refuse_open_door(_PUBLIC, Tokens(), allow_anonymous=False)


def test_doors_that_ask() -> None:
    """
    A token, client certificates, loopback, or the explicit wish: each is enough.
    """
    asks = Tls(Path("c"), Path("k"), Path("ca"))
    refuse_open_door(_PUBLIC, Tokens([("a", "t")]), allow_anonymous=False)
    refuse_open_door(replace(_PUBLIC, tls=asks), Tokens(), allow_anonymous=False)
    refuse_open_door(Listening("listen_http"), Tokens(), allow_anonymous=False)
    refuse_open_door(_PUBLIC, Tokens(), allow_anonymous=True)
    with pytest.raises(ConfigError):
        refuse_open_door(replace(_PUBLIC, tls=replace(asks, client_ca=None)), Tokens(), allow_anonymous=False)


def test_port_taken() -> None:
    """
    A port that another process has is said in words that help.
    """
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"listen_http = '127.0.0.1:{port}': another process.*ss -ltnp"):
            bound_socket(Listening("listen_http", port=port))


def test_not_our_address() -> None:
    """
    An address that this machine does not have is said to be that.
    """
    with pytest.raises(ConfigError, match="this machine has no such address"):
        bound_socket(Listening("listen_http", host="192.0.2.1"))


def test_forbidden_port() -> None:
    """
    A port that only root may have is said to be that.
    """
    assert "choose a port above 1023" in str(cannot_listen(Listening("s", port=80), OSError(errno.EACCES, "x")))
