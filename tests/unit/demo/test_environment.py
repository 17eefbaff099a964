import os
from pathlib import Path

import pytest

from spanlabel.compose import local_store
from spanlabel.config.loading import load
from spanlabel.demo.environment import own_environment

DISTURBING = {
    "OTEL_SDK_DISABLED": "true",
    "OTEL_TRACES_SAMPLER": "always_off",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret",
    "TRACELOOP_TRACE_CONTENT": "false",
    "SPANLABEL_DISABLED": "1",
    "SPANLABEL_MIN_CONFIDENCE": "1",
}
OF_THE_PROVIDER = {"OPENAI_API_KEY": "secret", "OPENAI_BASE_URL": "http://models", "HTTPS_PROXY": "http://proxy:1"}


pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which the user's own applications are set up."""
    for name, value in (DISTURBING | OF_THE_PROVIDER | {"SPANLABEL_HOME": "/data", "no_proxy": "intranet"}).items():
        monkeypatch.setenv(name, value)


def test_what_is_set_for_other_applications_is_set_aside() -> None:
    """
    Nothing of the user's tracing, nor of his provider, reaches the scripted demo; afterwards all is as it was.
    """
    environment = dict(os.environ)

    with own_environment(live=False):
        assert not (DISTURBING | OF_THE_PROVIDER).keys() & os.environ.keys()
        assert os.environ["PATH"] == environment["PATH"]

    assert dict(os.environ) == environment


def test_a_live_demo_keeps_the_way_to_the_provider() -> None:
    """
    With --live the key, the address and the proxy stay; what stays on this machine passes the proxy by.
    """
    with own_environment(live=True):
        assert not DISTURBING.keys() & os.environ.keys()
        assert OF_THE_PROVIDER.items() <= os.environ.items()
        assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "intranet,127.0.0.1"


def test_records_go_where_the_other_commands_look() -> None:
    """
    The demo's records go into the user's own store and nowhere else; its outbox is gone with it.
    """
    with own_environment(live=False):
        settings = load().settings
        assert not settings.disabled
        assert settings.home.is_dir()
        assert [destination.platform for destination in settings.destinations] == ["local"]
        assert local_store(settings) == Path("/data/records.db")

    assert not settings.home.exists()


def test_a_file_says_where_the_store_is_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """
    A spanlabel.yaml in this folder moves the store, as it does for other commands, but cannot let the demo fail.
    """
    folder = tmp_path_factory.mktemp("project")
    (folder / "spanlabel.yaml").write_text(f"home: {folder}\nmin_confidence: 1\n")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("SPANLABEL_HOME")
    with own_environment(live=False):
        settings = load().settings

    assert local_store(settings) == folder / "records.db"
    assert settings.min_confidence < 1


def test_it_is_put_back_after_an_error() -> None:
    """
    Whatever happens in the demo, the environment is as it was.
    """
    environment = dict(os.environ)

    with pytest.raises(KeyboardInterrupt), own_environment(live=False):
        raise KeyboardInterrupt

    assert dict(os.environ) == environment
