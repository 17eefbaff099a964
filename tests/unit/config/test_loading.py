from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel.config.loading import load, load_for_application
from spanlabel.config.receiver import ReceiverSettings
from spanlabel.config.settings import Settings
from spanlabel.errors import ConfigError
from spanlabel.registry import platform_names

WriteYaml = Callable[[str], Path]


class TestPrecedence:
    """Keyword argument over environment over spanlabel.yaml over default."""

    @pytest.mark.parametrize(
        ("keyword", "variable", "yaml", "winner"),
        [
            pytest.param(None, None, None, "default", id="default"),
            pytest.param(None, None, 1, "file", id="file over default"),
            pytest.param(None, 2, None, "environment", id="environment over default"),
            pytest.param(None, 2, 1, "environment", id="environment over file"),
            pytest.param(3, None, None, "keyword", id="keyword over default"),
            pytest.param(3, None, 1, "keyword", id="keyword over file"),
            pytest.param(3, 2, None, "keyword", id="keyword over environment"),
            pytest.param(3, 2, 1, "keyword", id="keyword over all"),
        ],
    )
    def test_highest_wins_and_is_named(
        self,
        monkeypatch: pytest.MonkeyPatch,
        write_yaml: WriteYaml,
        *,
        keyword: int | None,
        variable: int | None,
        yaml: int | None,
        winner: str,
    ) -> None:
        """
        Of all who set a value the highest wins, and the loaded settings say who it was.
        """
        if variable is not None:
            monkeypatch.setenv("SPANLABEL_QUEUE_SPANS", str(variable))
        file = write_yaml("" if yaml is None else f"queue_spans: {yaml}")

        loaded = load(queue_spans=keyword)

        assert (loaded.settings.queue_spans, loaded.sources["queue_spans"]) == {
            "default": (2048, "default"),
            "file": (1, f"{file}: queue_spans"),
            "environment": (2, "environment variable SPANLABEL_QUEUE_SPANS"),
            "keyword": (3, "keyword argument"),
        }[winner]

    def test_each_setting_by_its_own(self, monkeypatch: pytest.MonkeyPatch, write_yaml: WriteYaml) -> None:
        """
        Setting one value in a higher place leaves the others of the lower place alone.
        """
        write_yaml("min_confidence: 0.5\nidle_s: 3")
        monkeypatch.setenv("SPANLABEL_IDLE_S", "4")

        settings = load(max_traces=9).settings

        assert (settings.min_confidence, settings.idle_s, settings.max_traces) == (0.5, 4.0, 9)

    def test_empty_variable_is_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        An empty variable counts as not set, as everywhere in OpenTelemetry.
        """
        monkeypatch.setenv("SPANLABEL_QUEUE_SPANS", "")

        loaded = load()

        assert loaded.settings.queue_spans == 2048
        assert loaded.sources["queue_spans"] == "default"

    def test_every_setting_has_a_source(self) -> None:
        """
        No setting is without a source, the destination's own ones included.
        """
        loaded = load(platform="acme")

        assert set(loaded.sources) == {
            *Settings.model_fields,
            "destinations.acme.platform",
            "destinations.acme.api_url",
            "destinations.acme.api_key",
            "destinations.acme.batch",
            "destinations.acme.hub_token",
            "destinations.acme.hub_port",
        }


class TestDefaults:
    def test_they_are_as_documented(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """
        Without any setting: the local platform, the user's data folder, 0.7, 512 MiB; the seats' own limits.
        """
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

        settings = load().settings

        assert settings.platform == "local"
        assert [(d.name, d.platform) for d in settings.destinations] == [("local", "local")]
        assert settings.home == tmp_path / "spanlabel"
        assert settings.min_confidence == 0.7
        assert settings.outbox_max_bytes == 512 * 2**20
        assert settings.deliver_in == "here"
        assert (settings.disabled, settings.auto_processor) == (False, False)
        assert settings.max_bytes is None
        assert settings.max_traces is None
        assert (settings.root_grace_s, settings.idle_s, settings.max_age_s) == (None, None, None)

    def test_equal_settings_are_one_key(self) -> None:
        """
        Two seats with the same settings can find the same pipeline: equal settings hash alike and do not change.
        """
        one, same, other = load().settings, load().settings, load(queue_spans=5).settings

        assert {one: "pipeline"}[same] == "pipeline"
        assert one != other
        with pytest.raises(ValueError, match="frozen"):
            one.platform = "acme"


class TestHome:
    def test_it_is_absolute(self, monkeypatch: pytest.MonkeyPatch, empty_place: Path) -> None:
        """
        A relative folder and a ~ are made absolute at once, so a later chdir does not move the store.
        """
        monkeypatch.setenv("HOME", "/home/somebody")

        assert load(home="data").settings.home == empty_place / "data"
        assert load(home="~/data").settings.home == Path("/home/somebody/data")


class TestFolderThatIsGone:
    """A service whose working directory was deleted under it."""

    @pytest.fixture(autouse=True)
    def gone(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        place = tmp_path / "gone"
        place.mkdir()
        monkeypatch.chdir(place)
        place.rmdir()

    def test_loads(self) -> None:
        """
        The settings load: there is no spanlabel.yaml in a folder that is not there.
        """
        assert load(home="/data").file is None

    def test_no_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        In a container whose user has no home directory the message says what to set; with it set all is well.
        """
        for name in ("HOME", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(os, "getuid", lambda: 2_147_480_001)  # nobody has this number

        with pytest.raises(ConfigError, match="home: this user has no home directory, so set SPANLABEL_HOME"):
            load()
        assert load(home="/data").settings.home == Path("/data")

    def test_relative_home(self) -> None:
        """
        A relative folder has no place, and the message says so.
        """
        with pytest.raises(ConfigError) as caught:
            load(home="data")

        assert str(caught.value) == (
            "home = 'data' (keyword argument): must be absolute where the working directory does not exist any more. "
            "Meaning: Folder of the outbox and of the local store; made when first needed."
        )

    def test_relative_file(self) -> None:
        """
        A relative file is not there.
        """
        with pytest.raises(ConfigError) as caught:
            load(config="my.yaml")

        assert str(caught.value) == "config = 'my.yaml' (keyword argument): there is no such file"


class TestSwitchingOff:
    @pytest.mark.parametrize(
        ("ours", "theirs", "disabled", "source"),
        [
            pytest.param("1", None, True, "environment variable SPANLABEL_DISABLED", id="ours"),
            pytest.param(None, "true", True, "environment variable OTEL_SDK_DISABLED", id="the sdk's"),
            pytest.param(None, "TRUE", True, "environment variable OTEL_SDK_DISABLED", id="any case"),
            pytest.param(None, "1", False, "default", id="the sdk's rule: only true means yes"),
            pytest.param("no", "true", False, "environment variable SPANLABEL_DISABLED", id="ours wins"),
        ],
    )
    def test_variables(
        self,
        monkeypatch: pytest.MonkeyPatch,
        ours: str | None,
        theirs: str | None,
        disabled: bool,
        source: str,
    ) -> None:
        """
        SPANLABEL_DISABLED switches spanlabel off, and so does the SDK's own switch.
        """
        if ours is not None:
            monkeypatch.setenv("SPANLABEL_DISABLED", ours)
        if theirs is not None:
            monkeypatch.setenv("OTEL_SDK_DISABLED", theirs)

        loaded = load()

        assert loaded.settings.disabled is disabled
        assert loaded.sources["disabled"] == source

    def test_keyword_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        disabled=False in code keeps spanlabel on whatever the SDK's switch says.
        """
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")

        assert load(disabled=False).settings.disabled is False


class TestFile:
    def test_only_the_named_one(self, monkeypatch: pytest.MonkeyPatch, write_yaml: WriteYaml, tmp_path: Path) -> None:
        """
        A file named by argument wins over SPANLABEL_CONFIG, that over ./spanlabel.yaml; only one is read.
        """
        by_argument, by_variable = tmp_path / "a.yaml", tmp_path / "b.yaml"
        by_argument.write_text("queue_spans: 1")
        by_variable.write_text("queue_spans: 2\nmax_traces: 2")
        write_yaml("queue_spans: 3\nmax_traces: 3\nidle_s: 3")

        assert load().settings.queue_spans == 3
        monkeypatch.setenv("SPANLABEL_CONFIG", str(by_variable))
        loaded = load()
        assert (loaded.settings.queue_spans, loaded.settings.idle_s, loaded.file) == (2, None, by_variable)
        loaded = load(config=by_argument)
        assert (loaded.settings.queue_spans, loaded.settings.max_traces) == (1, None)
        assert loaded.file == by_argument

    def test_none_is_fine(self) -> None:
        """
        Without a file everything goes by variables and defaults.
        """
        assert load().file is None


class TestMistakes:
    """Each mistake has one message that names the setting, its value and its place."""

    @pytest.mark.parametrize(
        ("variable", "value", "message"),
        [
            pytest.param(
                "SPANLABEL_PLATFROM",
                "local",
                "SPANLABEL_PLATFROM (environment variable): not a setting; did you mean SPANLABEL_PLATFORM?",
                id="mistyped",
            ),
            pytest.param(
                "SPANLABEL_MAX_TRACES",
                "many",
                "max_traces = 'many' (environment variable SPANLABEL_MAX_TRACES): must be a valid integer, unable "
                "to parse string as an integer. Meaning: Traces held at the same time; beyond it the heaviest "
                "leaves.",
                id="wrong type",
            ),
            pytest.param(
                "SPANLABEL_MIN_CONFIDENCE",
                "70",
                "min_confidence = '70' (environment variable SPANLABEL_MIN_CONFIDENCE): must be less than or equal "
                "to 1. Meaning: Pairs that are less sure than this, 0 to 1, are dropped and counted.",
                id="out of bounds",
            ),
            pytest.param(
                "SPANLABEL_DELIVER_IN",
                "there",
                "deliver_in = 'there' (environment variable SPANLABEL_DELIVER_IN): must be 'here' or 'elsewhere'. "
                "Meaning: Who sends an application's records: here it does so itself; elsewhere `spanlabel deliver` "
                "does.",
                id="none of two",
            ),
            pytest.param(
                "SPANLABEL_PLATFORM",
                "acmee",
                "platform = 'acmee' (environment variable SPANLABEL_PLATFORM): there is no such platform; did you "
                "mean acme?",
                id="mistyped platform",
            ),
            pytest.param(
                "SPANLABEL_PLATFORM",
                "xyz",
                "platform = 'xyz' (environment variable SPANLABEL_PLATFORM): there is no such platform; known: "
                "{platforms}",
                id="unknown platform",
            ),
            pytest.param(
                "SPANLABEL_PLATFORM",
                "needy",
                "url: must be set, in spanlabel.yaml or by NEEDY_URL",
                id="platform needs a value",
            ),
            pytest.param(
                "SPANLABEL_DESTINATIONS",
                "[]",
                "destinations (environment variable SPANLABEL_DESTINATIONS): can only be set in spanlabel.yaml",
                id="not as a variable",
            ),
            pytest.param(
                "SPANLABEL_CONFIG",
                "/no/such.yaml",
                "config = '/no/such.yaml' (environment variable SPANLABEL_CONFIG): there is no such file",
                id="no such file",
            ),
        ],
    )
    def test_in_the_environment(self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str) -> None:
        """
        A wrong variable is named, with what would be right.
        """
        monkeypatch.setenv(variable, value)

        with pytest.raises(ConfigError) as caught:
            load()

        assert str(caught.value) == message.replace("{platforms}", ", ".join(platform_names()))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            pytest.param("plaform: local", "plaform ({file}): not a setting; did you mean platform?", id="mistyped"),
            pytest.param(
                "? 0x" + "f" * 5000 + "\n: 1",
                "a key of type int ({file}): not a setting; known: platform, destinations, routes, home, disabled, "
                "auto_processor, min_confidence, include, exclude, sample, sample_when, sample_when_share, redact, "
                "redact_patterns, redact_with, dedup, per_day, max_bytes, max_traces, root_grace_s, idle_s, max_age_s, "
                "window_s, queue_spans, flush_timeout_s, deliver_in, outbox_max_bytes, "
                + ", ".join(ReceiverSettings.model_fields),
                id="a number for a name",
            ),
            pytest.param(
                "max_bytes: yes",
                "max_bytes = True ({file}: max_bytes): must be a number. Meaning: Memory for traces that are not "
                "ready, in bytes. In an application 64 MiB.",
                id="yes is not 1",
            ),
            pytest.param(
                "queue_spans: 0",
                "queue_spans = 0 ({file}: queue_spans): must be greater than 0. Meaning: Spans that wait for "
                "spanlabel's thread; when so many wait, new ones are dropped.",
                id="out of bounds",
            ),
            pytest.param(
                "home: ''",
                "home = '' ({file}: home): must not be empty. Meaning: Folder of the outbox and of the local "
                "store; made when first needed.",
                id="empty path",
            ),
            pytest.param(
                'home: "a\\0b"',
                "home = 'a\\x00b' ({file}: home): must not contain a NUL character. Meaning: Folder of the outbox "
                "and of the local store; made when first needed.",
                id="path with NUL",
            ),
            pytest.param(
                "auto_processor: true",
                "auto_processor ({file}): can only be set by the environment variable SPANLABEL_AUTO_PROCESSOR",
                id="only as a variable",
            ),
            pytest.param(
                "idle_s: [1]",
                "idle_s ({file}: idle_s): must be a valid number. Meaning: Seconds without a new span after which "
                "a trace is read as it is.",
                id="list",
            ),
            pytest.param(
                "idle_s: .inf",
                "idle_s = inf ({file}: idle_s): must be less than or equal to 31622400. Meaning: Seconds without a "
                "new span after which a trace is read as it is.",
                id="for ever",
            ),
            pytest.param(
                "queue_spans: 0x" + "f" * 5000,
                "queue_spans ({file}: queue_spans): must be less than or equal to 4611686018427387904. Meaning: "
                "Spans that wait for spanlabel's thread; when so many wait, new ones are dropped.",
                id="a number too long to print",
            ),
            pytest.param(
                "disabled: " + "x" * 300,
                "disabled = '" + "x" * 200 + "…' ({file}: disabled): must be a valid boolean, unable to interpret "
                "input. Meaning: Switches spanlabel off: nothing is read, held or sent.",
                id="long text is cut with a mark",
            ),
            pytest.param("- platform", "{file}: must hold settings as 'name: value' lines, not list", id="a list"),
            pytest.param(
                "platform: local\nhome: a: b",
                "{file}, line 2, column 8: not valid YAML (a value that begins with ! & * @ % ` or holds ': ' "
                "needs quotes)",
                id="not YAML",
            ),
            pytest.param("idle_s: 2001-99-99", "{file}: not valid YAML (ValueError)", id="not a date"),
            pytest.param("[" * 20_000, "{file}: not valid YAML (RecursionError)", id="deeper than Python can go"),
        ],
    )
    def test_in_the_file(self, write_yaml: WriteYaml, text: str, message: str) -> None:
        """
        A wrong line of spanlabel.yaml is named by file and key, or by file and line.
        """
        file = write_yaml(text)

        with pytest.raises(ConfigError) as caught:
            load()

        assert str(caught.value) == message.format(file=file)

    @pytest.mark.parametrize(
        ("keywords", "message"),
        [
            pytest.param(
                {"min_confidnce": 1},
                "min_confidnce (keyword argument): not a setting; did you mean min_confidence?",
                id="mistyped",
            ),
            pytest.param(
                {"platform": 5},
                "platform = 5 (keyword argument): must be a valid string. Meaning: Platform that gets the records, "
                "if spanlabel.yaml lists no destinations.",
                id="wrong type",
            ),
            pytest.param(
                {"destinations": []},
                "destinations (keyword argument): can only be set in spanlabel.yaml",
                id="only in the file",
            ),
            pytest.param(
                {"config": "/no/such.yaml"},
                "config = '/no/such.yaml' (keyword argument): there is no such file",
                id="no such file",
            ),
        ],
    )
    def test_in_code(self, keywords: dict[str, object], message: str) -> None:
        """
        A wrong keyword argument is named as such.
        """
        with pytest.raises(ConfigError) as caught:
            load(**keywords)  # type: ignore[arg-type]  # wrong on purpose

        assert str(caught.value) == message

    def test_a_folder_as_the_file(self, tmp_path: Path) -> None:
        """
        A file that cannot be read is named with the system's reason.
        """
        with pytest.raises(ConfigError) as caught:
            load(config=tmp_path)

        assert str(caught.value) == f"{tmp_path} cannot be read: Is a directory"

    def test_a_file_that_is_not_text(self, empty_place: Path) -> None:
        """
        A file that is no UTF-8 is named.
        """
        path = empty_place / "spanlabel.yaml"
        path.write_bytes(b"platform: \xff\xfe")

        with pytest.raises(ConfigError) as caught:
            load()

        assert str(caught.value) == f"{path}: not valid YAML (UnicodeDecodeError)"

    def test_no_pydantic_in_sight(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        The traceback of a wrong setting shows our error alone, not pydantic's below it.
        """
        monkeypatch.setenv("SPANLABEL_IDLE_S", "x")

        with pytest.raises(ConfigError) as caught:
            load()

        assert caught.value.__suppress_context__
        assert (caught.value.setting, caught.value.value) == ("idle_s", "x")
        assert caught.value.source == "environment variable SPANLABEL_IDLE_S"


class TestSentElsewhere:
    """An application whose records another process sends."""

    def test_needs_no_key(self, write_yaml: WriteYaml) -> None:
        """
        It needs only the names of its destinations; whoever sends needs the platforms' settings.
        """
        write_yaml(
            "deliver_in: elsewhere\n"
            "destinations: [{platform: argilla}, {name: second, platform: argilla, preset: langchain},"
            " {platform: local}]"
        )

        settings = load_for_application().settings

        assert [(one.name, one.platform) for one in settings.destinations] == [
            ("argilla", "argilla"),
            ("second", "argilla"),
            ("local", "local"),
        ]
        with pytest.raises(ConfigError, match="must be set"):
            load()

    def test_by_the_environment_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        The same where one variable names the platform; and a key that is there is not kept.
        """
        monkeypatch.setenv("SPANLABEL_PLATFORM", "label-studio")
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", "s3cret")
        monkeypatch.setenv("SPANLABEL_DELIVER_IN", "elsewhere")

        loaded = load_for_application()

        assert [one.name for one in loaded.settings.destinations] == ["label-studio"]
        assert loaded.settings == load_for_application().settings
        assert loaded.settings.destinations[0].settings.model_dump() == {}

    def test_names_are_checked(self, write_yaml: WriteYaml) -> None:
        """
        A mistyped platform, and two destinations of one name, are told in the application too.
        """
        write_yaml("{deliver_in: elsewhere, destinations: [{platform: argila}]}")
        with pytest.raises(ConfigError, match="did you mean argilla"):
            load_for_application()

        write_yaml("{deliver_in: elsewhere, destinations: [{platform: local}, {platform: local}]}")
        with pytest.raises(ConfigError, match="two destinations have this name"):
            load_for_application()

    def test_here(self, write_yaml: WriteYaml) -> None:
        """
        An application that sends itself needs them, as ever.
        """
        write_yaml("destinations: [{platform: argilla}]")

        with pytest.raises(ConfigError, match="must be set"):
            load_for_application()


def test_platform_variables_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A SPANLABEL_* variable that a platform declares is not taken for a typing error.
    """

    class Prefixed(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="SPANLABEL_ACME_", frozen=True)
        path: str = ""

    monkeypatch.setattr("acme_labels.AcmeSettings", Prefixed)
    monkeypatch.setenv("SPANLABEL_ACME_PATH", "x")

    loaded = load(platform="acme")

    assert loaded.sources["destinations.acme.path"] == "environment variable SPANLABEL_ACME_PATH"
    assert os.environ["SPANLABEL_ACME_PATH"] == "x"
