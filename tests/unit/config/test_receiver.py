from pathlib import Path

import pytest

from spanlabel.config.loading import load, load_receiver
from spanlabel.config.receiver import Fsync, Source
from spanlabel.errors import ConfigError


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "spanlabel.yaml"


class TestOneFileForAll:
    def test_an_application_reads_the_receivers_file(self, written: Path) -> None:
        """The same spanlabel.yaml serves the receiver and whoever runs `spanlabel records` beside it."""
        written.write_text("listen_http: 127.0.0.1:5000\nmin_confidence: 0.5\ntokens: {team-a: s3cret}\n")

        assert load().settings.min_confidence == 0.5
        loaded, receiver, sources = load_receiver()
        assert (loaded.settings.min_confidence, receiver.listen_http) == (0.5, "127.0.0.1:5000")
        assert sources["listen_http"] == f"{written}: listen_http"
        assert "s3cret" not in repr(receiver)

    def test_keyword_over_variable_over_file(self, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As for all settings; the source says which it was."""
        written.write_text("journal_fsync: always\nlisten_http: off\nlisten_grpc: 127.0.0.1:1\n")
        monkeypatch.setenv("SPANLABEL_JOURNAL_FSYNC", "never")
        monkeypatch.setenv("SPANLABEL_LISTEN_HTTP", "[::1]:0")

        loaded, receiver, sources = load_receiver(listen_grpc="0.0.0.0:4317", platform="local")
        assert (receiver.journal_fsync, receiver.listen_grpc) == (Fsync.NEVER, "0.0.0.0:4317")
        assert sources["journal_fsync"] == "environment variable SPANLABEL_JOURNAL_FSYNC"
        assert sources["listen_grpc"] == loaded.sources["platform"] == "keyword argument"

    @pytest.mark.parametrize(
        ("given", "tokens"),
        [
            ("abc", [("", "abc")]),
            ("team-a:abc, team-b:d:e", [("team-a", "abc"), ("team-b", "d:e")]),
        ],
    )
    def test_tokens_in_a_variable(
        self, written: Path, monkeypatch: pytest.MonkeyPatch, given: str, tokens: list[tuple[str, str]]
    ) -> None:
        """A token alone, or several with names."""
        monkeypatch.setenv("SPANLABEL_TOKENS", given)
        found = load_receiver()[1].tokens
        assert [(name, secret.get_secret_value()) for name, secret in found] == tokens

    def test_lists_in_a_variable(self, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Brokers are written with commas."""
        monkeypatch.setenv("SPANLABEL_KAFKA_BROKERS", "one:9092, two:9092")
        receiver = load_receiver(source="kafka")[1]
        assert (receiver.source, receiver.kafka_brokers) == (Source.KAFKA, ("one:9092", "two:9092"))


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("listen_grpc: localhost", "listen_grpc = 'localhost' ({file}: listen_grpc): must be host:port, such as"),
            ("listen_grpc: 1.2.3.4:99999", "must be host:port"),
            ("listen_http: :4318", "must be host:port"),
            ("listen_grpc: off\nlisten_http: off", "are both off: nothing could come in"),
            (
                "listen_grpc: localhost:1\nlisten_http: localhost:1",
                "are the same address: each needs a port of its own",
            ),
            ("tls_cert: a.pem", "tls_cert and tls_key go together: set both or none"),
            ("tls_client_ca: a.pem", "tls_client_ca needs tls_cert and tls_key"),
            ("source: kafka", "source kafka needs kafka_brokers, such as localhost:9092"),
            ("source: kafak", "must be 'otlp' or 'kafka'"),
            ("listen_grp: x", "listen_grp ({file}): not a setting; did you mean listen_grpc?"),
            ("tokens: {'a b': hunter22}", "tokens ({file}: tokens): must be NAME:TOKEN; a name is"),
            ("tokens: {a: 'hunter 22'}", "tokens ({file}: tokens): must be NAME:TOKEN, or the token alone"),
        ],
    )
    def test_in_the_file(self, written: Path, text: str, message: str) -> None:
        """Each names the setting, the value unless it is a secret, and the place."""
        written.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_receiver()
        assert message.format(file=written) in str(caught.value)
        assert "hunter" not in str(caught.value)


def test_a_token_in_a_variable_is_never_shown(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in a variable with secrets is told without them."""
    monkeypatch.setenv("SPANLABEL_TOKENS", "team a:hunter22")
    with pytest.raises(ConfigError) as caught:
        load_receiver()
    assert "tokens (environment variable SPANLABEL_TOKENS): must be NAME:TOKEN; a name is" in str(caught.value)
    assert "hunter" not in str(caught.value)
