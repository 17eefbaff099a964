"""What the commands make of the rules in the settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from spanlabel.rules.sampling import place_of
from spanlabel.testing import llm_span, make_span, trace_id

from .conftest import Ran

Run = Callable[..., Ran]
Written = Callable[..., Path]

EMAIL = "alice@example.com"


class TestExplain:
    @pytest.mark.parametrize(
        ("variable", "value", "rule", "why"),
        [
            pytest.param(
                "INCLUDE", "service=shop-*", "include", "matches none of include: service=shop-*", id="include"
            ),
            pytest.param(
                "EXCLUDE",
                "scope=x,model=gpt-* & service=app",
                "exclude",
                "matches exclude: model=gpt-* & service=app",
                id="exclude",
            ),
            pytest.param(
                "SAMPLE",
                "0.25",
                "sample",
                f"its trace stands at {place_of(trace_id(1)):.4f}, and the share is 0.25",
                id="sample",
            ),
        ],
    )
    def test_a_rule_that_drops(
        self,
        spanlabel: Run,
        written: Written,
        monkeypatch: pytest.MonkeyPatch,
        *,
        variable: str,
        value: str,
        rule: str,
        why: str,
    ) -> None:
        """
        A pair that a rule drops is shown with the rule and its reason, for people and for programs.
        """
        monkeypatch.setenv(f"SPANLABEL_{variable}", value)
        file = written(llm_span("question", "answer"))

        printed = spanlabel("explain", file).out
        [pair] = json.loads(spanlabel("explain", file, "--format", "json").out)["traces"][0]["pairs"]

        assert f"  dropped by {rule}: {why}\n  prompt    question\n" in printed
        assert (pair["dropped"], pair["why"]) == (rule, why)

    def test_rules_that_look_back(
        self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch, home: Path
    ) -> None:
        """
        dedup and per_day decide within the files, leave no trace behind, and are counted in the summary.
        """
        monkeypatch.setenv("SPANLABEL_DEDUP", "60")
        monkeypatch.setenv("SPANLABEL_PER_DAY", "1")
        file = written(llm_span("a", "1"), llm_span("A", "2", trace=2), llm_span("b", "3", trace=3))

        printed = [spanlabel("explain", file).out for _ in range(2)]

        assert printed[0] == printed[1]
        assert printed[0].splitlines()[0] == "3 traces · 3 spans · 1 pair · 1 dropped by dedup · 1 dropped by per_day"
        assert "dropped by per_day: the 1 records of its day have passed (per_day)" in printed[0]
        assert " asks the same (dedup = 60 s)" in printed[0]
        assert not home.exists()

    @pytest.mark.parametrize("how", ["tree", "json"])
    def test_what_is_private(self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
        """
        With redact nothing private is shown anywhere: of pairs that pass, of those that are dropped, of other steps.
        """
        monkeypatch.setenv("SPANLABEL_REDACT", "email")
        monkeypatch.setenv("SPANLABEL_EXCLUDE", "model=unwanted")
        run = make_span(span=1, name=f"run of {EMAIL}", attributes={"gen_ai.operation.name": "invoke_agent"})
        file = written(
            run,
            llm_span(f"ask {EMAIL}", f"1 {EMAIL}", span=2, parent=1),
            llm_span(f"and {EMAIL}", f"2 {EMAIL}", span=3, parent=1, start_s=2, end_s=3, history=[("user", EMAIL)]),
            llm_span(f"drop {EMAIL}", EMAIL, trace=2, model="unwanted"),
        )

        ran = spanlabel("explain", file, "--format", how)

        assert "[email]" in ran.out
        assert EMAIL not in ran.out + ran.err

    @pytest.mark.parametrize("how", ["tree", "json"])
    def test_what_cannot_be_redacted(
        self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
    ) -> None:
        """
        A pair whose redaction fails is told of, without any of its texts.
        """
        (tmp_path / "strict_mask_x.py").write_text("def mask(text):\n    return {'': ''}[text]")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("SPANLABEL_REDACT_WITH", "strict_mask_x:mask")

        ran = spanlabel("explain", written(llm_span("my question", "my answer")), "--format", how)

        assert "KeyError was raised while its texts were redacted" in ran.out
        assert ("texts     not shown" in ran.out) is (how == "tree")
        assert "my " not in ran.out + ran.err


class TestExtract:
    def test_all_rules_hold(self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Old traces go through the same rules as live ones: chosen, redacted, and counted where they ask the same.
        """
        monkeypatch.setenv("SPANLABEL_REDACT", "email")
        monkeypatch.setenv("SPANLABEL_DEDUP", "60")
        monkeypatch.setenv("SPANLABEL_EXCLUDE", "model=unwanted")
        file = written(
            llm_span(f"ask {EMAIL}", "1"),
            llm_span("Ask bob@example.com", "2", trace=2),
            llm_span("other", "3", trace=3, model="unwanted"),
        )

        ran = spanlabel("extract", file)

        [record] = [json.loads(line) for line in ran.out.splitlines()]
        assert (record["prompt"], record["metadata"]["duplicates"]) == ("ask [email]", 1)
        assert "1 dropped (dedup) · 1 dropped (exclude)" in ran.err

    def test_into_a_destination(
        self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch, home: Path
    ) -> None:
        """
        What goes to a platform is redacted too: no file of ours holds what was hidden.
        """
        monkeypatch.setenv("SPANLABEL_REDACT_PATTERNS", "name=Alice|Bob")

        ran = spanlabel("extract", written(llm_span("I am Alice", "Hello Alice")), "--to", "local")

        assert ran.code == 0
        files = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
        assert any(b"I am [name]" in content for content in files)
        assert not any(b"Alice" in content for content in files)

    def test_a_function_that_is_not_there(
        self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """
        If the function cannot be imported nothing is printed, and the setting is named with the place where it is set.
        """
        file = tmp_path / "spanlabel.yaml"
        file.write_text("redact_with: nowhere_at_all:mask")
        by_file = spanlabel("extract", written(llm_span("a", "b")))
        monkeypatch.setenv("SPANLABEL_REDACT_WITH", "nowhere_at_all:mask")

        ran = spanlabel("extract", written(llm_span("a", "b")))

        assert (ran.code, ran.out) == (2, "")
        named = "Error: redact_with = 'nowhere_at_all:mask'"
        assert ran.err.startswith(f"{named} (environment variable SPANLABEL_REDACT_WITH): cannot be imported")
        assert by_file.err.startswith(f"{named} ({file}: redact_with): cannot be imported")


def test_config_show(spanlabel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Lists are shown as they are written in a variable.
    """
    monkeypatch.setenv("SPANLABEL_REDACT", "email, key")

    shown = json.loads(spanlabel("config", "show", "--format", "json").out)["settings"]

    assert shown["redact"] == {"value": "email, key", "source": "environment variable SPANLABEL_REDACT"}
    assert shown["include"]["value"] is None
