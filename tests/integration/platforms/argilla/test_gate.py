"""Argilla behind a gate: a private Hugging Face Space, and a proxy that wants a header of its own."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from servers.argilla import Stage
from servers.gate import gate, make_certificate

from spanlabel.errors import ConfigError
from spanlabel.platforms.argilla.reader import read_answers
from spanlabel.testing import make_record

pytestmark = pytest.mark.integration

SPACE = "team-argilla.hf.space"


@pytest.fixture
def _space_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Space's name leads to loopback, in this process."""
    look_up = socket.getaddrinfo

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.1" if host in {SPACE, SPACE.encode()} else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)


@pytest.mark.usefixtures("_space_is_here")
class TestPrivateSpace:
    def test_with_the_token(self, stage: Stage, tmp_path: Path) -> None:
        """
        With HF_TOKEN a private Space is written to, and what people answered is read, as from any other server.
        """
        certificate = make_certificate(tmp_path, SPACE)
        with gate(stage.server.url, {"Authorization": "Bearer hf_abc"}, certificate=certificate) as guard:
            given = {
                "api_url": f"https://{SPACE}:{guard.port}",
                "hf_token": "hf_abc",
                "ca_file": certificate[0],
            }
            stage.open(**given).write([make_record(1)], timeout_s=60)
            stage.respond(make_record(1).id)

            [answer] = read_answers(stage.settings(**given))

        assert answer.values == {"quality": 4}
        assert guard.passed
        assert guard.refused == []

    def test_without_it(self, stage: Stage, tmp_path: Path) -> None:
        """
        Without it the message leads to the token.
        """
        certificate = make_certificate(tmp_path, SPACE)
        with (
            gate(stage.server.url, {"Authorization": "Bearer hf_abc"}, certificate=certificate) as guard,
            pytest.raises(ConfigError, match=r"a private Space needs the setting hf_token \(HF_TOKEN\)"),
        ):
            stage.open(api_url=f"https://{SPACE}:{guard.port}", ca_file=certificate[0])

        assert guard.refused


def test_a_proxy_that_wants_a_header(stage: Stage) -> None:
    """
    Further headers are on every request; the Hugging Face token is not, where there is no Space.
    """
    with gate(stage.server.url, {"X-Gate": "open", "Authorization": "Basic x"}) as guard:
        url = f"http://127.0.0.1:{guard.port}"
        headers = {"X-Gate": "open", "Authorization": "Basic x"}
        stage.open(api_url=url, headers=headers, hf_token="hf_abc").write([make_record(1)], timeout_s=60)

    assert guard.refused == []
    assert len(stage.stored()) == 1
