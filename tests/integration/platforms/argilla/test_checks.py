"""`check` against a real Argilla: what `spanlabel check` prints."""

from __future__ import annotations

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from servers.argilla import Stage

from spanlabel import registry
from spanlabel.errors import ConfigError
from spanlabel.platforms.argilla.checks import check
from spanlabel.ports import Finding
from spanlabel.testing import FAULTS, FaultProxy, make_record

pytestmark = pytest.mark.integration


def _check(stage: Stage, *, write: bool = False, **changes: object) -> list[Finding]:
    return list(check(stage.settings(**changes), home=Path("/nowhere"), write=write))


def _last(stage: Stage, **changes: object) -> tuple[str, bool, str | None, str]:
    found = _check(stage, **changes)[-1]
    return found.what, found.is_good, found.setting, found.words


class TestGood:
    def test_nothing_there_yet(self, stage: Stage) -> None:
        """
        Before the first record everything is good, what will be made is said, and nothing is made.
        """
        found = _check(stage, workspace=f"w-{stage.name}")

        assert [(one.what, one.is_good) for one in found] == [
            ("address", True),
            ("TLS", True),
            ("token", True),
            ("rights", True),
            ("workspace", True),
        ]
        assert found[0].words == f"{stage.server.url} is Argilla 2.8.0"
        assert "it is made when the first record is sent" in found[-1].words
        assert f"w-{stage.name}" not in [one["name"] for one in stage.server.call("GET", "/me/workspaces")["items"]]

    @pytest.mark.parametrize("missing", ["workspace", "dataset"])
    def test_nothing_is_written(self, stage: Stage, missing: str) -> None:
        """
        With `write` nothing is made either, and it is said that therefore nothing was written.
        """
        workspace = f"w-{stage.name}"
        if missing == "dataset":
            stage.server.call("POST", "/workspaces", {"name": workspace})

        assert _last(stage, write=True, workspace=workspace) == (
            "test record",
            True,
            None,
            f"none was written, because the {missing} is not there",
        )
        assert stage.name not in [one["name"] for one in stage.server.call("GET", "/me/datasets")["items"]]

    def test_draft(self, stage: Stage) -> None:
        """
        The same where the dataset is a draft, which takes no records.
        """
        body = {"name": "prompt", "title": "t", "settings": {"type": "text"}}
        stage.server.make_dataset(stage.name, {"fields": [body]})

        assert _last(stage, write=True)[3] == "none was written, because the dataset is a draft"

    def test_all_of_it(self, stage: Stage) -> None:
        """
        With a dataset each line is looked at; with `write` a marked record is written and removed.
        """
        stage.open().write([make_record(1)], timeout_s=60)

        found = _check(stage, write=True)

        assert [one.what for one in found] == [
            "address",
            "TLS",
            "token",
            "rights",
            "workspace",
            "dataset",
            "shape",
            "test record",
        ]
        assert all(one.is_good for one in found)
        assert list(stage.records()) == [make_record(1).id]

    @pytest.mark.parametrize(
        "preset", ["langchain", "llama-index", "distilabel-text-generation", "distilabel-preference"]
    )
    def test_a_record_of_every_preset(self, stage: Stage, preset: str) -> None:
        """
        The test record passes in every preset.
        """
        stage.open(preset=preset)

        assert _last(stage, preset=preset, write=True)[:2] == ("test record", True)
        assert stage.records() == {}

    def test_is_found_by_name(self) -> None:
        """
        The command line finds the check by the platform's name.
        """
        assert registry.resolve(registry.find_platform("argilla").check) is check


class TestBad:
    def test_nobody_there(self, stage: Stage) -> None:
        """
        No connection: the address is to blame.
        """
        what, is_good, setting, words = _last(stage, api_url="http://127.0.0.1:9")

        assert (what, is_good, setting) == ("address", False, "api_url")
        assert "cannot connect to http://127.0.0.1:9" in words

    def test_no_such_host(self, stage: Stage) -> None:
        """
        A name that nobody knows.
        """
        what, is_good, setting, words = _last(stage, api_url="http://no-such-host.invalid")

        assert (what, is_good, setting) == ("address", False, "api_url")
        assert "no such host is known" in words

    def test_wrong_port(self, stage: Stage) -> None:
        """
        HTML instead of JSON: a web page's address or port.
        """
        what, is_good, setting, words = _last(stage, api_url=f"{stage.server.url}/datasets")

        assert (what, is_good, setting) == ("address", False, "api_url")
        assert (
            "with text/html instead of Argilla's JSON; is it the address of Argilla's web page, and the right" in words
        )

    def test_another_service(self, stage: Stage) -> None:
        """
        Something that answers JSON and is not Argilla.
        """
        what, is_good, setting, words = _last(stage, api_url=stage.server.search_url)

        assert (what, is_good, setting) == ("address", False, "api_url")
        assert "not Argilla" in words

    def test_wrong_key(self, stage: Stage) -> None:
        """
        A key that the server does not know.
        """
        what, is_good, setting, words = _last(stage, api_key="nobodys-key")

        assert (what, is_good, setting) == ("token", False, "api_key")
        assert "does not know this key" in words
        assert "nobodys-key" not in words

    def test_read_only_user(self, stage: Stage) -> None:
        """
        A key of somebody who may only answer.
        """
        key = stage.server.add_user(stage.name, "annotator")

        what, is_good, setting, words = _last(stage, api_key=key)

        assert (what, is_good, setting) == ("rights", False, "api_key")
        assert "who is annotator and may only answer questions" in words

    def test_admin_outside(self, stage: Stage) -> None:
        """
        An admin who is not in the workspace is told which ones there are.
        """
        key = stage.server.add_user(stage.name, "admin")
        workspace_id = stage.server.call("POST", "/workspaces", {"name": f"w-{stage.name}"})["id"]
        users = {one["username"]: one["id"] for one in stage.server.call("GET", "/users")["items"]}
        stage.server.call("POST", f"/workspaces/{workspace_id}/users", {"user_id": users[stage.name]})

        what, is_good, setting, words = _last(stage, api_key=key, workspace="elsewhere")

        assert (what, is_good, setting) == ("workspace", False, "workspace")
        assert f"The user's workspaces: w-{stage.name}." in words

    def test_wrong_dataset(self, stage: Stage) -> None:
        """
        A dataset of another shape, with the difference.
        """
        stage.open(preset="langchain")

        what, is_good, setting, words = _last(stage, preset="review")

        assert (what, is_good, setting) == ("shape", False, "dataset")
        assert "it has no chat field 'messages'; its text field 'prompt' is required" in words

    def test_outage(self, stage: Stage) -> None:
        """
        A server that is overloaded: nothing is lost meanwhile.
        """
        with FaultProxy(stage.server.url, lambda *_: FAULTS["503"]) as proxy:
            what, is_good, _, words = _last(stage, api_url=proxy.url)

        assert (what, is_good) == ("address", False)
        assert words == "the server answers 503 {}; nothing is lost meanwhile: records wait in the outbox"

    def test_space_that_does_not_answer(self, stage: Stage) -> None:
        """
        What a private Space says to a stranger leads to the token.
        """
        settings = stage.settings()
        object.__setattr__(settings, "api_url", "https://me-argilla.hf.space")
        from spanlabel.platforms.argilla.api import Api

        class Response:
            status_code = 404
            headers = {"content-type": "text/html"}  # noqa: RUF012  as httpx has it

        api = Api(settings)
        error = api._no_json(Response())  # type: ignore[arg-type]  # the two things that it looks at
        api.close()

        assert isinstance(error, ConfigError)
        assert "a private Space needs the setting hf_token (HF_TOKEN)" in str(error)


class TestTls:
    """A real TLS server with a certificate of its own."""

    @pytest.fixture
    def tls(self, stage: Stage, tmp_path: Path) -> Any:
        certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        made = ["-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(["openssl", "req", "-x509", *names, *made], check=True, capture_output=True)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = b'{"version": "2.8.0"}' if self.path.endswith("/version") else b'{"detail": "no"}'
                self.send_response(200 if self.path.endswith("/version") else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"https://localhost:{server.server_address[1]}", certificate
        server.shutdown()
        server.server_close()
        thread.join()

    def test_own_certificate(self, stage: Stage, tls: tuple[str, Path]) -> None:
        """
        A certificate that nobody trusts is refused; with its authority's file, or without checking, it is not.
        """
        url, certificate = tls

        what, is_good, setting, words = _last(stage, api_url=url)
        assert (what, is_good, setting) == ("TLS", False, "ca_file")
        assert "shows a certificate that is not trusted: self-signed certificate" in words
        for given in ({"ca_file": certificate}, {"verify_tls": False}):
            assert [one.is_good for one in _check(stage, api_url=url, **given)][:2] == [True, True]
            assert _last(stage, api_url=url, **given)[0] == "token"

    def test_certificates_that_cannot_be_read(self, stage: Stage, tls: tuple[str, Path], tmp_path: Path) -> None:
        """
        A file that holds no certificate is named.
        """
        (tmp_path / "empty.pem").write_text("nothing")

        what, is_good, setting, words = _last(stage, api_url=tls[0], ca_file=tmp_path / "empty.pem")

        assert (what, is_good, setting) == ("installation", False, "ca_file")
        assert "cannot be read" in words

    def test_no_tls_there(self, stage: Stage) -> None:
        """
        https:// to a port without TLS.
        """
        what, is_good, setting, words = _last(stage, api_url=stage.server.url.replace("http:", "https:"))

        assert (what, is_good, setting) == ("address", False, "api_url")
        assert "does not speak TLS" in words
