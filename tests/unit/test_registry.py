from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.errors import ConfigError
from spanlabel.registry import (
    PLATFORMS,
    Platform,
    extra_dialects,
    extra_sources,
    find_platform,
    platform_names,
    resolve,
)

Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """Installs a distribution of a stranger, as pip would lay it out: one module and its entry points."""

    def lay_out(code: str, **entry_points: str) -> None:
        (tmp_path / "stranger_module.py").write_text(code)
        info = tmp_path / "stranger-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "\n".join(f"[spanlabel.{group}]\n{line}" for group, line in entry_points.items())
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "stranger_module", raising=False)

    return lay_out


class TestBuiltIn:
    def test_each_is_where_its_line_says(self) -> None:
        """
        Every line of the table leads to a class of settings and to something that makes a writer.
        """
        for platform in PLATFORMS.values():
            assert callable(resolve(platform.settings))
            assert callable(resolve(platform.writer, extra=platform.extra))

    def test_unknown(self) -> None:
        """
        A mistyped platform is answered with the nearest one, another one with the list.
        """
        with pytest.raises(ConfigError) as near:
            find_platform("locl", source="keyword argument")
        with pytest.raises(ConfigError) as far:
            find_platform("xyz")

        assert str(near.value) == (
            "platform = 'locl' (keyword argument): there is no such platform; did you mean local?"
        )
        assert str(far.value) == "platform = 'xyz': there is no such platform; known: " + ", ".join(platform_names())


class TestMissingPackages:
    def test_says_what_to_install(self) -> None:
        """
        A part whose SDK is not installed names the package and the extra that brings it.
        """
        with pytest.raises(ConfigError) as caught:
            resolve("acme_sdk_that_nobody_has.client:Client", extra="acme")

        assert str(caught.value) == (
            'acme_sdk_that_nobody_has is not installed; install it with: pip install "spanlabel[acme]"'
        )

    def test_our_own_mistake_is_not_blamed_on_the_user(self) -> None:
        """
        A module of spanlabel that is missing is our mistake; no extra would bring it.
        """
        with pytest.raises(ModuleNotFoundError):
            resolve("spanlabel.no_such_module:thing", extra="acme")

    def test_without_attribute_it_is_the_module(self) -> None:
        """
        A reference without attribute gives the module itself.
        """
        assert resolve("json") is sys.modules["json"]


class TestStrangers:
    def test_platform(self, install: Install) -> None:
        """
        A platform from outside is found by its name, and is in the list of names.
        """
        install(
            "from spanlabel.registry import Platform\nACME = Platform('acme.config:S', 'acme:make', 'acme')",
            platforms="acme = stranger_module:ACME",
        )

        assert find_platform("acme") == Platform("acme.config:S", "acme:make", "acme")
        assert "acme" in platform_names()
        assert "local" in platform_names()

    def test_names_are_listed_without_loading(self, install: Install) -> None:
        """
        Listing the names runs no stranger's code.
        """
        install("raise RuntimeError", platforms="acme = stranger_module:ACME")

        assert "acme" in platform_names()

    def test_builtin_name_stays_ours(self, install: Install) -> None:
        """
        A stranger cannot put itself in the place of the local store.
        """
        install("LOCAL = 'not ours'", platforms="local = stranger_module:LOCAL")

        assert find_platform("local") == PLATFORMS["local"]

    def test_dialects_and_sources(self, install: Install) -> None:
        """
        Dialects and sources from outside come by name.
        """
        install(
            "DIALECT = 'a dialect'\nSOURCE = 'a source'",
            dialects="acme = stranger_module:DIALECT",
            sources="pigeon = stranger_module:SOURCE",
        )

        assert extra_dialects() == {"acme": "a dialect"}
        assert extra_sources() == {"pigeon": "a source"}

    def test_none(self) -> None:
        """
        Without strangers there are no extra dialects and sources.
        """
        assert extra_dialects() == {}
        assert extra_sources() == {}

    @pytest.mark.parametrize(
        ("code", "problem"),
        [
            pytest.param("raise OSError('no disk')", "OSError: no disk", id="raises"),
            pytest.param("", "AttributeError: module 'stranger_module' has no attribute 'DIALECT'", id="not there"),
            pytest.param(
                "import nobody_has_this",
                "ModuleNotFoundError: No module named 'nobody_has_this'",
                id="lacks a package",
            ),
            pytest.param("x = = 1", "SyntaxError: invalid syntax (stranger_module.py, line 1)", id="no Python"),
        ],
    )
    def test_broken_one_is_named(self, install: Install, code: str, problem: str) -> None:
        """
        An entry point that does not load is a ConfigError that says whose it is.
        """
        install(code, dialects="acme = stranger_module:DIALECT")

        with pytest.raises(ConfigError) as caught:
            extra_dialects()

        assert str(caught.value) == (
            "entry point spanlabel.dialects: acme = stranger_module:DIALECT of the distribution stranger does not "
            f"load: {problem}"
        )

    def test_wrong_thing(self, install: Install) -> None:
        """
        A platform's entry point that gives something else says what was expected.
        """
        install("ACME = 5", platforms="acme = stranger_module:ACME")

        with pytest.raises(ConfigError) as caught:
            find_platform("acme")

        assert str(caught.value) == (
            "entry point spanlabel.platforms: acme = stranger_module:ACME of the distribution stranger must give a "
            "spanlabel.registry.Platform, not int"
        )
