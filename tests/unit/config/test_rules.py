"""The settings of rules: written in spanlabel.yaml, in variables and as keywords; mistakes are named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.config.loading import load
from spanlabel.errors import ConfigError

WriteYaml = Callable[[str], Path]


class TestWritten:
    def test_in_the_file(self, write_yaml: WriteYaml) -> None:
        """
        A list in YAML is a list; a single entry needs none.
        """
        write_yaml(
            r"""
include: [service=shop-*, "tag=vip & model=gpt-*"]
exclude: scope=noise
sample: 0.05
sample_when:
  - error
  - evaluation.stars<3
sample_when_share: 0.5
redact: [email, key]
redact_patterns:
  - ticket=T-\d{4,6}
redact_with: my.app:Privacy.mask
dedup: 3600
per_day: 300
"""
        )

        found = load().settings

        assert found.include == ("service=shop-*", "tag=vip & model=gpt-*")
        assert found.exclude == ("scope=noise",)
        assert (found.sample, found.sample_when, found.sample_when_share) == (
            0.05,
            ("error", "evaluation.stars<3"),
            0.5,
        )
        assert (found.redact, found.redact_patterns) == (("email", "key"), (r"ticket=T-\d{4,6}",))
        assert (found.redact_with, found.dedup, found.per_day) == ("my.app:Privacy.mask", 3600, 300)
        assert hash(found) == hash(load().settings)  # seats with equal settings share one engine

    def test_in_variables(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        In a variable commas stand between entries; where an entry has one, the list is written as JSON.
        """
        monkeypatch.setenv("SPANLABEL_INCLUDE", "service=shop-*, tag=vip,")
        monkeypatch.setenv("SPANLABEL_REDACT_PATTERNS", r'["ticket=T-\\d{4,6}", "b=x"]')
        monkeypatch.setenv("SPANLABEL_SAMPLE", "0.05")
        monkeypatch.setenv("SPANLABEL_REDACT", "card")

        found = load().settings

        assert found.include == ("service=shop-*", "tag=vip")
        assert found.redact_patterns == (r"ticket=T-\d{4,6}", "b=x")
        assert (found.sample, found.redact) == (0.05, ("card",))

    def test_none(self) -> None:
        """
        Without a setting there is no rule but the gate on confidence.
        """
        found = load().settings

        listed = (found.include, found.exclude, found.sample_when, found.redact, found.redact_patterns)
        assert listed == ((),) * 5
        assert (found.sample, found.dedup, found.per_day, found.redact_with) == (None, None, None, None)

    def test_all_is_a_share(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        1 and 0 are shares too, with and without a point.
        """
        for text, share in (("1", 1.0), ("0", 0.0), ("0.0", 0.0), ("1.0", 1.0), (".5", 0.5), ("1e-3", 0.001)):
            monkeypatch.setenv("SPANLABEL_SAMPLE", text)
            assert load().settings.sample == share


class TestMistakes:
    @pytest.mark.parametrize(
        ("variable", "value", "message"),
        [
            pytest.param(
                "INCLUDE",
                "service=a,modle=b",
                "include = 'modle=b' (environment variable SPANLABEL_INCLUDE): modle is no name; did you mean model?",
                id="condition",
            ),
            pytest.param(
                "EXCLUDE", "[", "exclude = '[' (environment variable SPANLABEL_EXCLUDE): begins with [", id="JSON"
            ),
            pytest.param(
                "INCLUDE", "[1]", "include = 1 (environment variable SPANLABEL_INCLUDE): must be", id="numbers"
            ),
            pytest.param(
                "SAMPLE", "10", "sample = '10' (environment variable SPANLABEL_SAMPLE): must be less", id="share"
            ),
            pytest.param(
                "REDACT",
                "emails",
                "redact = 'emails' (environment variable SPANLABEL_REDACT): must be one of",
                id="kind",
            ),
            pytest.param(
                "REDACT_PATTERNS",
                "a=(",
                "redact_patterns = 'a=(' (environment variable SPANLABEL_REDACT_PATTERNS): is no regular expression",
                id="pattern",
            ),
            pytest.param(
                "REDACT_WITH",
                "my.app.mask",
                "redact_with = 'my.app.mask' (environment variable SPANLABEL_REDACT_WITH): must be module:function",
                id="import path",
            ),
            pytest.param(
                "PER_DAY", "0", "per_day = '0' (environment variable SPANLABEL_PER_DAY): must be greater", id="cap"
            ),
            pytest.param(
                "DEDUP", "-1", "dedup = '-1' (environment variable SPANLABEL_DEDUP): must be greater", id="window"
            ),
        ],
    )
    def test_in_a_variable(self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str) -> None:
        """
        A wrong entry is named with its setting and where it came from.
        """
        monkeypatch.setenv(f"SPANLABEL_{variable}", value)

        with pytest.raises(ConfigError) as caught:
            load()

        assert str(caught.value).startswith(message)

    def test_in_the_file(self, write_yaml: WriteYaml) -> None:
        """
        In the file it is named by the file and the key.
        """
        file = write_yaml("include: [service=a, tag]")

        with pytest.raises(ConfigError) as caught:
            load()

        assert str(caught.value).startswith(f"include = 'tag' ({file}: include): must be NAME=GLOB or one of error")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            pytest.param("sample_when: error", "sample_when needs sample", id="no share for the others"),
            pytest.param(
                "sample: 0.1\nsample_when_share: 0.5", "sample_when_share needs sample_when", id="no condition"
            ),
        ],
    )
    def test_what_would_do_nothing(self, write_yaml: WriteYaml, text: str, message: str) -> None:
        """
        One half of a rule without the other is refused, because it would do nothing.
        """
        write_yaml(text)

        with pytest.raises(ConfigError, match=message):
            load()


def test_rules_cost_nothing_without_settings(empty_place: Path) -> None:
    """
    An application that sets no rule does not import any.
    """
    program = (
        "import sys, spanlabel; from spanlabel import compose; from spanlabel.config.loading import load; "
        "from spanlabel.assembly import Limits; from spanlabel.metrics import Counts; "
        "running = compose.start(load().settings, Limits.for_processor(), Counts()); running.close(); "
        "print([name for name in sys.modules if name.startswith('spanlabel.rules.') or 'admi' in name])"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert sorted(printed.strip("[]\n").replace("'", "").split(", ")) == [
        "spanlabel.rules.confidence",
        "spanlabel.rules.dropped",
    ]
