from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spanlabel import read_pairs
from spanlabel.model import SpanKind, Status
from spanlabel.records import record_of, to_dict
from spanlabel.testing import llm_span, make_span, trace_id

from .conftest import Ran

Run = Callable[..., Ran]
Recorded = Callable[[str], list[Path]]
Written = Callable[..., Path]

AGENT = {"gen_ai.operation.name": "invoke_agent"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}


def line_of(printed: str, *texts: str) -> str:
    """The only line in which all texts stand."""
    [line] = [line for line in printed.splitlines() if all(text in line for text in texts)]
    return line


class TestTree:
    def test_agent(self, spanlabel: Run, recorded: Recorded) -> None:
        """
        An agent's tree shows each span with kind, name, duration, model and dialects, where question and answer came
        from with their texts, what each model call gave out, and the tool calls that are skipped.
        """
        ran = spanlabel("explain", *recorded("langgraph__openinference__S5"))

        assert (ran.code, ran.err) == (0, "")
        lines = ran.out.splitlines()
        assert lines[0] == "Trace e2c1804be336b17a679479412e77b2ac  11 spans · 18 ms · 2026-11-21 05:41:50 UTC"
        assert lines[1] == "chain LangGraph  18 ms  openinference+by_hand  ◆ unit, prompt, answer"
        assert lines[2] == "│ prompt: Is it warmer in Oslo or in Rome today?"
        assert lines[3] == "│ answer: Rome is warmer: 24 °C against 9 °C in Oslo."
        assert lines[4:7] == [
            "├─ chain model  6 ms  openinference+by_hand",
            "│  └─ llm ChatOpenAI  3 ms  gpt-4o-mini-2024-07-18  openinference+by_hand",
            "│       gave: calls get_weather(city='Oslo')",
        ]
        assert lines[8] == "│  └─ tool get_weather  369 µs  openinference+by_hand  · inner step"

    def test_pair(self, spanlabel: Run, recorded: Recorded) -> None:
        """
        Below the tree stands the pair: texts, conversation by roles and sizes, record id, confidence, and each reason
        in a sentence with what it took off.
        """
        ran = spanlabel("explain", *recorded("crewai__traceloop__S6"))

        pair = ran.out.partition("\nPair  ")[2].splitlines()
        assert pair[0] == "confidence 0.85  record 550e9f5c-e645-5a0a-a29b-2963ef4b82e3"
        assert pair[1:4] == [
            "  prompt    Research bees",
            "  answer    Bees make honey and live in hives.",
            "  chat      user 13 characters",
        ]
        assert pair[4].startswith("  facts     gpt-4o-mini-2024-07-18 (openai) · 33 ms · tokens 100 in, 11 out")
        assert pair[4].endswith(" · turn 0 · service demo-app · read as crewai + traceloop + otel_genai")
        assert pair[5:8] == [
            "  why       merged:dataflow  -0.10  Several turns are one: the answer of one went into the next.",
            f"{'':12}prompt_from_llm  -0.05  No run says the question itself; it is what a model call was asked last.",
            f"{'':12}own_answer:value  The unit's own output is the answer, as a plain value.",
        ]

    def test_marks_are_explained(self, spanlabel: Run, recorded: Recorded) -> None:
        """
        What a mark in the tree means is said once, at the end.
        """
        ran = spanlabel("explain", *recorded("openai-agents__traceloop__S6tool"))

        assert line_of(ran.out, "agent Spanish.agent").endswith("· within a tool's time")
        [meaning] = re.findall(r"^ +· within a tool's time  (.*)$", ran.out, re.MULTILINE)
        assert (
            meaning
            == "It ran within the time of a tool call beside it, so it is that tool's work (an agent used as a tool)."
        )

    def test_spans_that_are_not_genai(self, spanlabel: Run, written: Written) -> None:
        """
        Spans that are not GenAI are there for their structure only, by name and kind.
        """
        file = written(
            make_span(span=1, name="POST /chat", kind=SpanKind.SERVER), llm_span("question", "answer", span=2, parent=1)
        )

        ran = spanlabel("explain", file)

        assert "server POST /chat  1.0 s\n└─ llm chat gpt-4o-mini  1.0 s  otel_genai  ◆" in ran.out

    def test_two_turns(self, spanlabel: Run, recorded: Recorded) -> None:
        """
        With several pairs in a trace each mark says which pair it belongs to.
        """
        ran = spanlabel("explain", *recorded("langgraph__openinference__S12"))

        tops = [line for line in ran.out.splitlines() if "chain LangGraph" in line]
        assert [line.partition("◆ ")[2] for line in tops] == [
            "unit, prompt, answer of pair 1",
            "unit, prompt, answer of pair 2",
        ]
        assert re.findall(r"^Pair (\d of \d) ", ran.out, re.MULTILINE) == ["1 of 2", "2 of 2"]
        assert "chat      user 18 · assistant calls add · tool gives a result · assistant 3 · user 16 " in ran.out

    def test_answers_of_one_call(self, spanlabel: Run, written: Written) -> None:
        """
        Of several answers each is shown.
        """
        ran = spanlabel("explain", written(llm_span("Pick a name.", ("Ada", "Bo"))))

        assert "  answer 1  Ada\n  answer 2  Bo\n" in ran.out

    def test_orphan_and_leaked_run(self, spanlabel: Run, recorded: Recorded, written: Written) -> None:
        """
        A span without its parent stands below the run that took it in; a run that only got its context from another
        stands apart. Both are marked.
        """
        agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "guide"}
        file = written(
            make_span(span=1, name="invoke_agent guide", end_s=9, attributes=agent),
            llm_span("Where to?", "To Lisbon.", span=2, parent=77, start_s=1, end_s=2),
        )
        orphans = spanlabel("explain", file).out
        leaked = spanlabel("explain", *recorded("langgraph__traceloop__S14batch")).out

        assert line_of(orphans, "llm ", "· adopted orphan").startswith("└─ llm ")
        runs = [line for line in leaked.splitlines() if line.startswith("workflow RunnableSequence.workflow")]
        assert ["leaked context" in line for line in runs] == [False, True, True, True]

    @pytest.mark.parametrize(
        ("name", "line", "mark"),
        [
            pytest.param("anthropic__genai__S5", "anthropic.messages.create", "· copy of another call", id="copy"),
            pytest.param("langgraph__traceloop__S7", "RunnablePassthrough", "· echo", id="echo"),
            pytest.param("anthropic__genai__S10", "chat claude", "· failed: Error code: 500", id="error"),
            pytest.param("anthropic__genai__S5", "anthropic.messages.create", "· answer not captured", id="no content"),
        ],
    )
    def test_marks(self, spanlabel: Run, recorded: Recorded, name: str, line: str, mark: str) -> None:
        """
        What became of a span stands in its line.
        """
        printed = spanlabel("explain", *recorded(name)).out

        assert mark in next(one for one in printed.splitlines() if line in one)

    def test_circle(self, spanlabel: Run, written: Written) -> None:
        """
        Spans that are each other's parent are shown, and the cut link is said.
        """
        ran = spanlabel(
            "explain", written(make_span(span=1, parent=2), make_span(span=2, parent=1), make_span(span=3, parent=3))
        )

        assert ran.code == 0
        assert "span span  1.0 s  · its parent stands below it\n└─ span span  1.0 s\n" in ran.out


class TestWhyNot:
    """If there is no pair, it is said why, and what to do."""

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            pytest.param(
                "langgraph__openinferenceoff__S5",
                [
                    "3 model calls were traced without content (redacted).",
                    "openinference captures content: OPENINFERENCE_HIDE_INPUTS and OPENINFERENCE_HIDE_OUTPUTS.",
                ],
                id="content off",
            ),
            pytest.param(
                "openai-agents__genai__S13sdk",
                [
                    "No model call is here (1 workflow, 1 agent, 1 tool)",
                    "otel_genai captures content: OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT.",
                ],
                id="no call, content off",
            ),
            pytest.param(
                "haystack2__traceloop__S8",
                ["2 model calls were traced without question (absent)", "HAYSTACK_CONTENT_TRACING_ENABLED"],
                id="question missing",
            ),
            pytest.param(
                "autogen__openinference__S10",
                ["1 of 2 model calls failed (Error code: 500", "what ended in an error is nothing to review"],
                id="error",
            ),
            pytest.param(
                "langchain-js__traceloop+openinference__S5",
                [
                    "is a step of the pair in trace 71972c6dd87ed0418b5a0e4581cd4fa5",
                    "It ran within the time of the pair in trace 71972c6dd87ed0418b5a0e4581cd4fa5",
                    "Each model call here is a copy of one that another instrumentation recorded in another trace.",
                ],
                id="a trace for each step",
            ),
            pytest.param(
                "flask__zero-code-traceloop+openinference+httpx__S10",
                ["No GenAI span is here; the spans were made by: opentelemetry.instrumentation.flask."],
                id="not GenAI",
            ),
        ],
    )
    def test_recorded(self, spanlabel: Run, recorded: Recorded, name: str, words: list[str]) -> None:
        """
        The cause of what was really recorded is named.
        """
        ran = spanlabel("explain", *recorded(name))

        assert ran.code == 0
        assert "  no pair   " in ran.out
        assert [one for one in words if one not in ran.out] == []

    def test_skipped_by_app(self, spanlabel: Run, written: Written) -> None:
        """
        Where the app has asked for no record, that is the cause.
        """
        ran = spanlabel("explain", written(llm_span("question", "answer", more={"spanlabel.skip": True})))

        assert "The app asked for it: spanlabel.skip = true" in ran.out
        assert "· skipped by the app" in ran.out

    def test_broken_off(self, spanlabel: Run, written: Written) -> None:
        """
        A run that ends with a request for a tool has no answer.
        """
        call = [{"role": "assistant", "parts": [{"type": "tool_call", "name": "search", "arguments": {"q": "x"}}]}]
        file = written(
            make_span(span=1, attributes=AGENT, end_s=3.0),
            llm_span("question", span=2, parent=1, more={"gen_ai.output.messages": json.dumps(call)}),
            make_span(span=3, parent=1, attributes=TOOL, start_s=2.0, end_s=3.0),
        )

        ran = spanlabel("explain", file)

        assert "gave: calls search(q='x')" in ran.out
        assert (
            "no pair   The last thing that the model gave out is a request for a tool; no answer follows it." in ran.out
        )

    def test_inner_calls(self, spanlabel: Run, written: Written) -> None:
        """
        Model calls of which each belongs to a tool give no pair.
        """
        file = written(make_span(span=1, attributes=TOOL), llm_span("question", "answer", span=2, parent=1))

        assert "Each model call here is an inner step of a tool" in spanlabel("explain", file).out

    def test_failed_run(self, spanlabel: Run, written: Written) -> None:
        """
        A run that ended in an error without a failed call says so.
        """
        call = [{"role": "assistant", "parts": [{"type": "tool_call", "name": "search", "arguments": {}}]}]
        file = written(
            make_span(span=1, attributes=AGENT, status=Status.ERROR, status_message="too many steps"),
            llm_span("question", span=2, parent=1, more={"gen_ai.output.messages": json.dumps(call)}),
        )

        printed = spanlabel("explain", file).out

        assert "· failed: too many steps" in printed
        assert "The run ended in an error, and no answer came after it." in printed

    def test_below_the_gate(self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A pair that is not sure enough is shown, with the gate that drops it.
        """
        monkeypatch.setenv("SPANLABEL_MIN_CONFIDENCE", "0.95")

        ran = spanlabel("explain", written(llm_span("question", "answer")))

        assert (
            "Pair  confidence 0.90  dropped: below 0.95 (SPANLABEL_MIN_CONFIDENCE)\n  prompt    question\n" in ran.out
        )


class TestTraces:
    def test_summary_of_many(self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        With many traces the first line sums them up.
        """
        monkeypatch.setenv("SPANLABEL_MIN_CONFIDENCE", "0.95")
        file = written(llm_span("a", "b"), make_span(trace=2), make_span(trace=3))

        assert spanlabel("explain", file).out.splitlines()[0] == "3 traces · 3 spans · 0 pairs · 1 dropped below 0.95"

    def test_one_by_its_prefix(self, spanlabel: Run, written: Written) -> None:
        """
        --trace takes as much of an id as is needed, in any case, and shows that trace only.
        """
        file = written(make_span(trace=0xAB << 120, name="one"), make_span(trace=0xAC << 120, name="other"))

        ran = spanlabel("explain", file, "--trace", "AB")

        assert ran.code == 0
        assert ran.out.startswith(f"Trace {trace_id(0xAB << 120)}  1 span · ")
        assert "other" not in ran.out

    @pytest.mark.parametrize(
        ("prefix", "message"),
        [
            pytest.param("a", "2 traces begin with 'a'", id="too short"),
            pytest.param("b", "no trace's id begins with 'b'", id="unknown"),
        ],
    )
    def test_not_one(self, spanlabel: Run, written: Written, prefix: str, message: str) -> None:
        """
        Where no trace or more than one is meant, those that are there are listed.
        """
        ids = [0xAB << 120, 0xAC << 120]

        ran = spanlabel("explain", written(*(make_span(trace=one) for one in ids)), "--trace", prefix)

        assert (ran.code, ran.out) == (1, "")
        assert ran.err == "\n  ".join([f"Error: {message}; there are:", *map(trace_id, ids)]) + "\n"

    def test_log_records(self, spanlabel: Run) -> None:
        """
        Content that lies in log records comes from the log file beside the traces.
        """
        folder = Path(__file__).parents[2] / "data" / "otlp_json"
        files = [folder / "openai-js__otel__S5-responses.jsonl", folder / "openai-js__otel__S5-responses.logs.jsonl"]

        assert "◆ answer" in spanlabel("explain", *files).out
        assert "◆" not in spanlabel("explain", files[0]).out


class TestJson:
    @pytest.mark.parametrize(
        "name",
        [
            "langgraph__openinference__S12",
            "openai-agents__traceloop__S6tool",
            "langchain-js__traceloop+openinference__S5",
            "openai__v2both__S12",
            "langgraph__genai__SSO",
        ],
    )
    def test_same_pairs_as_everywhere(self, spanlabel: Run, recorded: Recorded, name: str) -> None:
        """
        What is explained is what is delivered: the records are those of `read_pairs`.
        """
        files = recorded(name)

        found = json.loads(spanlabel("explain", "--format", "json", *files).out)

        records = [pair["record"] for trace in found["traces"] for pair in trace["pairs"] if not pair["dropped"]]
        assert records
        assert records == json.loads(json.dumps([to_dict(record_of(pair)) for pair in read_pairs(*files)]))

    def test_spans(self, spanlabel: Run, recorded: Recorded) -> None:
        """
        Each span is there with its kind, dialects, what it gave and what became of it.
        """
        found = json.loads(spanlabel("explain", "--format", "json", *recorded("crewai__traceloop__S6")).out)

        [trace] = found["traces"]
        [pair] = trace["pairs"]
        spans: dict[str, Any] = {span["span_id"]: span for span in trace["spans"]}
        assert len(spans) == 7
        assert spans[pair["unit_span_id"]]["roles"] == [{"role": "unit", "pair": 1}, {"role": "answer", "pair": 1}]
        asked = spans[pair["prompt_span_id"]]
        assert (asked["name"], asked["kind"], asked["dialects"]) == (
            "Research bees.task",
            "agent",
            ["crewai", "traceloop", "otel_genai"],
        )
        assert asked["parent_id"] == asked["below"] == pair["unit_span_id"]
        assert [(one["word"], one["off"]) for one in pair["reasons"]] == [
            ("merged:dataflow", 0.1),
            ("prompt_from_llm", 0.05),
            ("own_answer:value", 0.0),
        ]

    def test_no_pair(self, spanlabel: Run, written: Written) -> None:
        """
        Why there is no pair is there too.
        """
        [trace] = json.loads(spanlabel("explain", "--format", "json", written(make_span())).out)["traces"]

        assert trace["pairs"] == []
        assert trace["why_not"][0].startswith("No GenAI span is here")
        assert trace["spans"][0]["kind"] == "none"


class TestScreen:
    @pytest.mark.parametrize("columns", [60, 80, 200])
    def test_as_wide_as_asked(
        self, spanlabel: Run, recorded: Recorded, monkeypatch: pytest.MonkeyPatch, columns: int
    ) -> None:
        """
        No line is wider than COLUMNS says.
        """
        monkeypatch.setenv("COLUMNS", str(columns))

        printed = spanlabel("explain", *recorded("crewai__openinference+openai__S6flow")).out

        assert max(map(len, printed.splitlines())) <= columns

    def test_pipe(self, spanlabel: Run, written: Written) -> None:
        """
        Into a pipe nothing is wrapped or coloured, and a question of usual length is not cut.
        """
        question, answer = "Why " * 40 + "so?", "Because " * 100 + "of that."

        printed = spanlabel("explain", written(llm_span(question, answer))).out

        assert "\x1b" not in printed
        assert f"  prompt: {question}\n" in printed
        assert f"  answer    {answer}\n" in printed

    def test_long_text(self, spanlabel: Run, written: Written) -> None:
        """
        Of a text of a megabyte a part is shown that can be recognised, and how much is missing.
        """
        printed = spanlabel("explain", written(llm_span("Why? " + "x" * 1_000_000, "answer"))).out

        assert "  prompt    Why? xxx" in printed
        assert "[…996,005 more characters]\n" in printed
        assert max(map(len, printed.splitlines())) < 5_000

    def test_hostile_text(self, spanlabel: Run, written: Written) -> None:
        """
        What a model or an app wrote cannot move the cursor, colour the screen or turn lines around.
        """
        evil = "a\x1b[31mb\x9bc\rd\u202ee\ud800f\x07"
        span = llm_span(evil, evil, model=evil, conversation=evil, service=evil, more={"spanlabel.tags": evil})

        ran = spanlabel("explain", written(span))

        assert ran.code == 0
        assert "prompt: a\ufffd[31mb\ufffdc\ufffdd\ufffde" in ran.out
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", ran.out)

    def test_deep_and_wide(self, spanlabel: Run, written: Written) -> None:
        """
        A chain of 2000 spans and 2000 siblings are printed whole; beyond a level only its number is drawn.
        """
        chain = [make_span(span=n, parent=n - 1 or None, name=f"deep{n}") for n in range(1, 2_001)]
        fan = [make_span(trace=2, span=n, parent=1 if n > 1 else None, name=f"wide{n}") for n in range(1, 2_001)]

        printed = spanlabel("explain", written(*chain, *fan)).out

        assert re.search(r"\(1999\) span deep2000 ", printed)
        assert "└─ span wide2000 " in printed
        assert max(map(len, printed.splitlines())) < 300

    def test_deep_on_a_narrow_screen(self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        However deep a span lies, its name can be read.
        """
        monkeypatch.setenv("COLUMNS", "60")
        chain = [llm_span("q", "a", span=n, parent=n - 1 or None, more={"x": n}) for n in range(1, 100)]

        lines = spanlabel("explain", written(*chain)).out.splitlines()

        assert max(map(len, lines)) <= 60
        assert len([line for line in lines if "llm chat gpt-4o-mini" in line]) == 99

    def test_name_that_looks_like_markup(self, spanlabel: Run, written: Written) -> None:
        """
        Square brackets in names and texts are shown as they are.
        """
        printed = spanlabel("explain", written(llm_span("[bold]q[/bold]", ":smile: [x]"))).out

        assert "prompt: [bold]q[/bold]\n" in printed
        assert "answer: :smile: [x]\n" in printed


class TestBadInput:
    """What cannot be read is said by file and line, the rest is explained, and the exit code is 1."""

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            pytest.param(b"", "is empty: there is no OTLP document in it", id="empty"),
            pytest.param(b'{"resourceSpans":[{"sco', "1: the document is cut off", id="half a line"),
            pytest.param(b"\x0a\x0b\x00\x01\x02binary", "1: is no OTLP message: its protobuf", id="protobuf"),
            pytest.param(
                b"\x89PNG\x0d\x0a\x1a\x0a\x00", "is a binary file, neither OTLP/JSON nor OTLP protobuf", id="binary"
            ),
        ],
    )
    def test_beside_a_good_file(
        self, spanlabel: Run, written: Written, tmp_path: Path, content: bytes, message: str
    ) -> None:
        """
        A bad file does not keep a good one from being explained.
        """
        bad = tmp_path / "bad.jsonl"
        bad.write_bytes(content)

        ran = spanlabel("explain", bad, written(llm_span("question", "answer")))

        assert ran.code == 1
        assert "prompt: question" in ran.out
        [problem, total] = ran.err.splitlines()
        assert problem.startswith(f"{bad}:")
        assert message in problem
        assert total == "1 problem; everything else was read."

    def test_nothing_to_read(self, spanlabel: Run, tmp_path: Path) -> None:
        """
        An empty folder and a file that is not there are said, and that nothing was found.
        """
        ran = spanlabel("explain", tmp_path, tmp_path / "gone.jsonl")

        assert (ran.code, ran.out) == (1, "0 traces · 0 spans · 0 pairs\n")
        assert ran.err.splitlines() == [
            f"{tmp_path}: holds no file with anything in it",
            f"{tmp_path / 'gone.jsonl'}: no such file",
            "2 problems; everything else was read.",
        ]

    def test_many_problems(self, spanlabel: Run, tmp_path: Path) -> None:
        """
        Of thousands of bad lines the first hundred are shown, all are counted.
        """
        bad = tmp_path / "notes.txt"
        bad.write_text("no JSON\n" * 3_000)

        ran = spanlabel("explain", bad)

        lines = ran.err.splitlines()
        assert len(lines) == 102
        assert lines[-1] == "3,000 problems; everything else was read."

    def test_standard_input(self, spanlabel: Run, written: Written) -> None:
        """
        `-` reads standard input.
        """
        file = written(llm_span("question", "answer"))

        assert "prompt: question" in spanlabel("explain", "-", stdin=file.read_bytes()).out

    def test_wrong_setting(self, spanlabel: Run, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        A wrong setting is one message and exit code 2.
        """
        monkeypatch.setenv("SPANLABEL_MIN_CONFIDENCE", "often")

        ran = spanlabel("explain", written(make_span()))

        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("Error: min_confidence = 'often' (environment variable SPANLABEL_MIN_CONFIDENCE)")
