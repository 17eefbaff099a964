"""TLS at both doors: with and without certificates of the senders, and renewed while the doors are open."""

from __future__ import annotations

import shutil
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from spanlabel.errors import ConfigError
from spanlabel.sources.tls import Certificates, Tls

pytestmark = pytest.mark.integration

_HEADERS = {"content-type": "application/x-protobuf"}


def _tls(folder: Path, client_ca: Path | None = None) -> Tls:
    return Tls(folder / "cert.pem", folder / "key.pem", client_ca)


def _post(doors: Any, ca: Path, own: Path | None = None) -> int:
    context = ssl.create_default_context(cafile=ca / "ca.pem")
    if own is not None:
        context.load_cert_chain(own / "cert.pem", own / "key.pem")
    return httpx.post(f"{doors.http_url}/v1/traces", headers=_HEADERS, verify=context, timeout=10).status_code


def _export(doors: Any, ca: Path, own: Path | None = None) -> bytes:
    keys = () if own is None else ((own / "key.pem").read_bytes(), (own / "cert.pem").read_bytes())
    credentials = grpc.ssl_channel_credentials((ca / "ca.pem").read_bytes(), *keys)
    with grpc.secure_channel(doors.grpc_target, credentials) as channel:
        return doors.export(b"", channel=channel)


def test_tls(open_doors: Callable[..., Any], certificates: Callable[[str], Path]) -> None:
    """With a certificate both doors speak TLS, and nothing else."""
    ours, others = certificates("ours"), certificates("others")
    doors = open_doors(tls=_tls(ours))

    assert _post(doors, ours) == 200
    assert _export(doors, ours) == b""
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        _post(doors, others)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"http://127.0.0.1:{doors.http.port}/v1/traces", headers=_HEADERS)
    assert len(doors.intake.got) == 2


def test_client_certificates(open_doors: Callable[..., Any], certificates: Callable[[str], Path]) -> None:
    """With client_ca only those may send whose certificate it has signed."""
    ours, theirs, strangers = certificates("ours"), certificates("theirs"), certificates("strangers")
    doors = open_doors(tls=_tls(ours, theirs / "ca.pem"))

    assert _post(doors, ours, theirs) == 200
    assert _export(doors, ours, theirs) == b""
    for own in (None, strangers):
        with pytest.raises(httpx.TransportError):
            _post(doors, ours, own)
        with pytest.raises(grpc.RpcError) as caught:
            _export(doors, ours, own)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert len(doors.intake.got) == 2


def test_renewal(open_doors: Callable[..., Any], certificates: Callable[[str], Path], tmp_path: Path) -> None:
    """Certificates are renewed without a restart; a new certificate beside the old key leaves the old ones in force."""
    old, new = certificates("old"), certificates("new")
    for name in ("cert.pem", "key.pem"):
        shutil.copy(old / name, tmp_path / name)
    doors = open_doors(tls=_tls(tmp_path))
    assert _post(doors, old) == 200
    assert _export(doors, old) == b""

    time.sleep(1.1)  # they are looked at once a second at most
    shutil.copy(new / "cert.pem", tmp_path / "cert.pem")
    assert _post(doors, old) == 200
    assert _export(doors, old) == b""
    time.sleep(1.1)
    shutil.copy(new / "key.pem", tmp_path / "key.pem")

    assert _post(doors, new) == 200
    assert _export(doors, new) == b""


def test_silent_handshake(open_doors: Callable[..., Any], certificates: Callable[[str], Path]) -> None:
    """Who connects and never begins with TLS is disconnected after the header's time."""
    import socket

    doors = open_doors(tls=_tls(certificates("ours")), header_timeout_s=0.4)
    for port in (doors.http.port, doors.grpc.port):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as silent:
            assert silent.recv(100) == b""


@pytest.mark.parametrize("name", ["cert", "key", "client_ca"])
def test_missing_file(certificates: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    """A file that is not there is refused at the start, under the name of its setting."""
    folder, missing = certificates("ours"), tmp_path / "missing.pem"

    with pytest.raises(ConfigError, match="cannot be read: No such file") as caught:
        Certificates(replace(_tls(folder, folder / "ca.pem"), **{name: missing}))

    assert (caught.value.setting, caught.value.value) == (f"tls_{name}", str(missing))


@pytest.mark.parametrize(("name", "words"), [("cert", "is no PEM certificate"), ("client_ca", "no PEM certificate")])
def test_other_file(certificates: Callable[[str], Path], tmp_path: Path, name: str, words: str) -> None:
    """A file that holds something else is refused at the start, under the name of its setting."""
    folder, other = certificates("ours"), tmp_path / "other.pem"
    other.write_text("x")

    with pytest.raises(ConfigError, match=words) as caught:
        Certificates(replace(_tls(folder, folder / "ca.pem"), **{name: other}))

    assert (caught.value.setting, caught.value.value) == (f"tls_{name}", str(other))
    assert "None" not in str(caught.value)


def test_key_of_another(certificates: Callable[[str], Path]) -> None:
    """A key that belongs to another certificate is refused at the start."""
    with pytest.raises(ConfigError, match=r"tls_cert = .*fits the key"):
        Certificates(Tls(certificates("a") / "cert.pem", certificates("b") / "key.pem"))
