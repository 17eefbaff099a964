"""A span as a whole: which dialects it is written in, what kind of work it is, what became of its content."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from spanlabel.dialects import DIALECTS, READERS, Dialect, Readers, is_genai, read
from spanlabel.dialects._dialect import kind_by, text
from spanlabel.model import ContentState, Kind, Span, Status, Step, Usage

ReadSpan = Callable[..., Step]
MakeSpan = Callable[..., Span]


def messages(role: str, *texts: str) -> str:
    """Messages as the GenAI conventions write them."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": one}]} for one in texts])


CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.input.messages": messages("user", "Rome?"),
    "gen_ai.output.messages": messages("assistant", "Sunny."),
}


class TestDetection:
    @pytest.mark.parametrize(
        ("given", "names"),
        [
            pytest.param({"attributes": {"gen_ai.operation.name": "chat"}}, {"otel_genai"}, id="a key"),
            pytest.param({"attributes": {"gcp.vertex.agent.x": ""}}, {"google_adk"}, id="a key's beginning"),
            pytest.param({"scope": "pydantic-ai"}, {"pydantic_ai"}, id="a scope"),
            pytest.param({"scope": "openinference.instrumentation.dspy"}, {"openinference"}, id="a scope's beginning"),
            pytest.param({"name": "raw_gen_ai_request"}, {"litellm"}, id="a span name"),
            pytest.param({"name": "claude_code.interaction"}, {"claude_code"}, id="a span name's beginning"),
            pytest.param({"events": [("gen_ai.choice", {})]}, {"otel_genai_events"}, id="a span event"),
            pytest.param({"logs": [("gen_ai.choice", {})]}, {"otel_genai_events"}, id="a log record"),
            pytest.param(
                {"attributes": {"openinference.span.kind": "LLM", "gen_ai.system": "openai"}},
                {"openinference", "otel_genai"},
                id="two at once",
            ),
        ],
    )
    def test_marks(self, read_span: ReadSpan, given: dict[str, Any], names: set[str]) -> None:
        """
        A span is known by any of its marks, and may be written in several dialects at once.
        """
        assert set(read_span(**given).dialects) == names

    @pytest.mark.parametrize(
        "attributes",
        [
            pytest.param({}, id="nothing"),
            pytest.param({"http.request.method": "POST", "url.full": "https://x/v1"}, id="HTTP"),
            pytest.param({"db.system.name": "postgresql", "db.query.text": "SELECT"}, id="database"),
            pytest.param({"user.id": "u", "session.id": "s", "app.question": "Rome?"}, id="the app's own"),
        ],
    )
    def test_other_spans(self, read_span: ReadSpan, make_span: MakeSpan, attributes: dict[str, Any]) -> None:
        """
        HTTP, database and app spans are no GenAI steps: only their place in the tree counts.
        """
        step = read_span(attributes, name="GET /x")

        assert step.kind is Kind.NONE
        assert step.dialects == ()
        assert not is_genai(make_span(attributes))

    def test_a_genai_attribute_alone_is_no_model_call(self, read_span: ReadSpan) -> None:
        """
        A conversation id that somebody puts on HTTP and queue spans does not make them model calls.
        """
        assert read_span({"gen_ai.conversation.id": "c", "http.route": "/chat"}).kind is Kind.NONE

    def test_dropped_attributes(self, make_span: Callable[..., Span]) -> None:
        """
        Where the SDK's limit on their number took attributes away, what is left is marked as a part of the content.
        """
        whole = make_span(
            {"gen_ai.operation.name": "chat", "gen_ai.input.messages": '[{"role": "user", "content": "Hi"}]'}
        )
        step = read(replace(whole, dropped_attributes=2))

        assert read(whole).input_state is ContentState.PRESENT
        assert (step.input_state, step.output_state) == (ContentState.TRUNCATED, ContentState.ABSENT)

    def test_a_skeleton(self, read_span: ReadSpan) -> None:
        """
        A span of which only the structure was kept is no GenAI step, whatever its name.
        """
        assert read_span({}, name="raw_gen_ai_request", is_skeleton=True).kind is Kind.NONE

    def test_more_span_names_than_are_remembered(self, make_span: MakeSpan) -> None:
        """
        Attribute keys, scopes and names without end (ids in them) do not fill the memory.
        """
        readers = Readers(DIALECTS)
        for n in range(0, 50_000, 10):
            attributes = {f"app.{n + m}": 1 for m in range(10)} | {"gen_ai.system": "x"}
            assert readers.mask(make_span(attributes, name=f"name {n}", scope=f"scope {n}"))

        remembered = (readers._key_memo, readers._scope_memo, readers._name_memo)
        assert all(len(memo) <= 20_000 for memo in remembered)

    def test_names_of_dialects(self) -> None:
        """
        Each dialect has a name of its own, and says where it was read.
        """
        names = [dialect.name for dialect in DIALECTS]

        assert len(set(names)) == len(names)
        assert all(dialect.source for dialect in DIALECTS)

    def test_prefixes_end_where_a_name_ends(self) -> None:
        """
        A prefix that marks a dialect does not mark keys that only begin with the same letters.
        """
        for dialect in DIALECTS:
            for prefix in dialect.prefixes:
                assert prefix[-1] in ".:_" or prefix[-1].isdigit()

    def test_own_set(self, make_span: MakeSpan) -> None:
        """
        A reader of dialects that somebody adds reads with these, in their order.
        """
        mine = Dialect(
            "mine",
            "test",
            prefixes=("mine.",),
            kind=kind_by("mine.kind", {"ask": Kind.LLM}),
            inputs=(text("mine.question", "user"),),
            outputs=(text("mine.answer", "assistant"),),
            facts={"model": ("mine.model",)},
        )
        span = make_span({"mine.kind": "ask", "mine.question": "Rome?", "mine.answer": "Sunny.", "mine.model": "m"})

        step = Readers([mine, *DIALECTS]).read(span)

        assert (step.kind, step.input[0].text, step.output[0].text, step.model) == (Kind.LLM, "Rome?", "Sunny.", "m")
        assert READERS.read(span).kind is Kind.NONE


class TestKind:
    @pytest.mark.parametrize(
        ("operation", "kind"),
        [
            ("chat", Kind.LLM),
            ("generate_content", Kind.LLM),
            ("text_completion", Kind.LLM),
            ("invoke_agent", Kind.AGENT),
            ("create_agent", Kind.OTHER),
            ("invoke_workflow", Kind.WORKFLOW),
            ("execute_tool", Kind.TOOL),
            ("embeddings", Kind.EMBEDDING),
            ("retrieval", Kind.RETRIEVER),
            ("rerank", Kind.RERANK),
            ("handoff", Kind.HANDOFF),
            ("search_memory", Kind.MEMORY),
            ("CHAT", Kind.LLM),
            ("an operation of next year", Kind.OTHER),
        ],
    )
    def test_operation(self, read_span: ReadSpan, operation: str, kind: Kind) -> None:
        """
        The operation's name says what kind of work it is; one that nobody knows is work of no known kind.
        """
        assert read_span({"gen_ai.operation.name": operation}).kind is kind

    def test_the_framework_knows_best(self, read_span: ReadSpan) -> None:
        """
        Where a framework's own word and the conventions' differ, the framework's counts.
        """
        step = read_span(CHAT | {"openinference.span.kind": "AGENT"})

        assert step.kind is Kind.AGENT

    def test_the_conventions_where_the_framework_says_nothing(self, read_span: ReadSpan) -> None:
        """
        OpenLLMetry calls everything a task; that a task is a model call, the conventions' word says.
        """
        assert read_span(CHAT | {"traceloop.span.kind": "task"}).kind is Kind.LLM
        assert read_span({"traceloop.span.kind": "task"}).kind is Kind.CHAIN

    def test_kind_before_content(self, read_span: ReadSpan) -> None:
        """
        A tool span's result is not read as an answer, although it stands in the same event as a model's (Strands).
        """
        step = read_span(
            {"gen_ai.operation.name": "execute_tool"},
            events=[("gen_ai.choice", {"message": '[{"text": "21 degrees"}]'})],
        )

        assert step.kind is Kind.TOOL
        assert step.output == ()

    def test_a_guess_from_content(self, read_span: ReadSpan) -> None:
        """
        A span that says no kind is a model call if an assistant speaks in it.
        """
        step = read_span({key: CHAT[key] for key in ("gen_ai.input.messages", "gen_ai.output.messages")})

        assert step.kind is Kind.LLM

    def test_a_guess_from_values(self, read_span: ReadSpan) -> None:
        """
        A span that an app made by hand, with an input and an output, is a chain; with one of them it is nothing known.
        """
        assert read_span({"input.value": "Rome?", "output.value": "Sunny."}).kind is Kind.CHAIN
        assert read_span({"input.value": "Rome?"}).kind is Kind.OTHER

    def test_of_any_type(self, read_span: ReadSpan) -> None:
        """
        A kind that is no text is no kind.
        """
        for value in (3, True, None, ["LLM"], {"a": "b"}, b"LLM"):
            read_span({"openinference.span.kind": value, "gen_ai.operation.name": value})


class TestContentState:
    @pytest.mark.parametrize(
        ("more", "came", "went"),
        [
            pytest.param({}, ContentState.PRESENT, ContentState.PRESENT, id="present"),
            pytest.param(
                {"gen_ai.input.messages": None, "gen_ai.output.messages": None},
                ContentState.ABSENT,
                ContentState.ABSENT,
                id="attributes missing",
            ),
            pytest.param(
                {
                    "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text"}]}]',
                    "gen_ai.output.messages": '[{"role": "assistant", "parts": [], "finish_reason": "stop"}]',
                },
                ContentState.ABSENT,
                ContentState.ABSENT,
                id="skeletons without text",
            ),
            pytest.param(
                {"gen_ai.input.messages": "[]", "gen_ai.output.messages": "[]"},
                ContentState.ABSENT,
                ContentState.ABSENT,
                id="empty lists",
            ),
            pytest.param(
                {
                    "gen_ai.input.messages": messages("user", "__REDACTED__"),
                    "gen_ai.output.messages": messages("assistant", "[REDACTED]"),
                },
                ContentState.REDACTED,
                ContentState.REDACTED,
                id="placeholders",
            ),
            pytest.param(
                {"gen_ai.output.messages": messages("assistant", "Sunny and warm.")[:-15]},
                ContentState.PRESENT,
                ContentState.TRUNCATED,
                id="cut",
            ),
            pytest.param(
                {
                    "gen_ai.input.messages": None,
                    "gen_ai.output.messages": None,
                    "gen_ai.input.messages_ref": "s3://x/1",
                    "gen_ai.output.messages_ref": "s3://x/2",
                },
                ContentState.EXTERNAL,
                ContentState.EXTERNAL,
                id="stored elsewhere",
            ),
            pytest.param(
                {"gen_ai.output.messages": None, "gen_ai.output.messages_ref": "s3://x/2"},
                ContentState.PRESENT,
                ContentState.EXTERNAL,
                id="only the answer stored elsewhere",
            ),
        ],
    )
    def test_of_each_side(
        self, read_span: ReadSpan, more: dict[str, Any], came: ContentState, went: ContentState
    ) -> None:
        """
        Of each side it is known whether its content is there, was not captured, was taken away, cut, or put elsewhere.
        """
        step = read_span({key: value for key, value in (CHAT | more).items() if value is not None})

        assert (step.input_state, step.output_state) == (came, went)

    @pytest.mark.parametrize(
        "mark", ["__REDACTED__", "<REDACTED>", "[REDACTED]", "<replaced>", "[Filtered]", "<elided>"]
    )
    @pytest.mark.parametrize(
        ("attributes", "asked"),
        [
            pytest.param({"openinference.span.kind": "CHAIN"}, "input.value", id="openinference value"),
            pytest.param(
                {"openinference.span.kind": "LLM"}, "llm.input_messages.0.message.content", id="openinference"
            ),
            pytest.param({"llm.request.type": "chat"}, "gen_ai.prompt.0.content", id="openllmetry"),
            pytest.param({"traceloop.span.kind": "workflow"}, "traceloop.entity.input", id="entity"),
            pytest.param({"gen_ai.operation.name": "chat"}, "gen_ai.input.messages", id="conventions"),
            pytest.param({}, "user_prompt", id="claude code"),
        ],
    )
    def test_placeholders_are_never_text(
        self, read_span: ReadSpan, attributes: dict[str, Any], asked: str, mark: str
    ) -> None:
        """
        A placeholder is never shown as what somebody said, in whatever dialect it stands.
        """
        step = read_span(attributes | {asked: mark}, name="claude_code.interaction" if asked == "user_prompt" else "x")

        assert step.input_text is None
        assert all(m.text == "" for m in step.input)
        assert step.input_state is ContentState.REDACTED

    def test_one_placeholder_among_texts(self, read_span: ReadSpan) -> None:
        """
        Where only one message was taken away, the others stay.
        """
        step = read_span(CHAT | {"gen_ai.input.messages": messages("user", "__REDACTED__", "Rome?")})

        assert [m.text for m in step.input] == ["", "Rome?"]
        assert step.input_state is ContentState.PRESENT

    def test_a_cut_opaque_value(self, read_span: ReadSpan) -> None:
        """
        A chain's input that was cut is shown as far as it came, and is known as cut.
        """
        step = read_span(
            {"traceloop.span.kind": "workflow", "traceloop.entity.input": '{"question": "Is it warm in Ro'}
        )

        assert (step.input_text, step.input_state) == ("Is it warm in Ro", ContentState.TRUNCATED)


class TestContent:
    def test_first_that_has_something(self, read_span: ReadSpan) -> None:
        """
        Where one dialect has only empty messages, those of another one on the same span are read.
        """
        step = read_span(
            {
                "openinference.span.kind": "LLM",
                "llm.input_messages.0.message.role": "user",
                "gen_ai.input.messages": messages("user", "Rome?"),
            }
        )

        assert [m.text for m in step.input] == ["Rome?"]

    def test_the_longer_conversation_of_a_run(self, read_span: ReadSpan) -> None:
        """
        Where a graph's span indexes only the first message of its state, the whole state is read.
        """
        state = {"messages": [{"role": "user", "content": "Rome?"}, {"role": "assistant", "content": "Sunny."}]}

        step = read_span(
            {
                "openinference.span.kind": "CHAIN",
                "llm.output_messages.0.message.role": "user",
                "llm.output_messages.0.message.content": "Rome?",
                "output.value": json.dumps(state),
            }
        )

        assert [m.text for m in step.output] == ["Rome?", "Sunny."]

    def test_what_a_call_was_really_sent(self, read_span: ReadSpan) -> None:
        """
        Of a model call the recorded messages count, also where a framework's value beside them is longer.
        """
        step = read_span(
            CHAT
            | {
                "langfuse.observation.type": "generation",
                "langfuse.observation.input": '{"messages": [{"role": "user", "content": "Hi"}, {"role": "ai"}]}',
            }
        )

        assert [m.text for m in step.input] == ["Rome?"]

    def test_messages_in_the_raw_value(self, read_span: ReadSpan) -> None:
        """
        Where a call's indexed messages have no content, those in its raw value are read.
        """
        step = read_span(
            {
                "openinference.span.kind": "LLM",
                "llm.input_messages.0.message.role": "user",
                "input.value": '{"messages": [{"role": "user", "content": "Rome?"}]}',
            }
        )

        assert [m.text for m in step.input] == ["Rome?"]

    def test_the_framework_says_most(self, read_span: ReadSpan) -> None:
        """
        Where two dialects both have content on a span, the framework's counts, for values and for messages.
        """
        step = read_span(
            {
                "langfuse.observation.type": "span",
                "langfuse.observation.input": "The app's question?",
                "traceloop.entity.input": "Another question?",
                "ai.prompt.messages": '[{"role": "user", "content": "The SDK\'s question?"}]',
                "ai.operationId": "ai.generateText.doGenerate",
                "gen_ai.input.messages": messages("user", "The conventions' question?"),
            }
        )

        assert step.input_text == "The app's question?"
        assert [m.text for m in step.input] == ["The SDK's question?"]

    def test_a_list_that_only_looks_like_messages(self, read_span: ReadSpan) -> None:
        """
        A JSON list with roles of another kind, which the user typed, stays as typed.
        """
        typed = '[{"role": "king", "name": "Lear"}]'

        assert read_span(CHAT | {"gen_ai.input.messages": messages("user", typed)}).input[0].text == typed

    def test_a_list_of_messages_inside_a_text(self, read_span: ReadSpan) -> None:
        """
        A Responses input that was written as the JSON text of one user message is read as its messages.
        """
        inner = json.dumps([{"role": "user", "content": "Who wrote Faust?"}, {"role": "user", "content": "When?"}])

        assert [m.text for m in read_span(CHAT | {"gen_ai.input.messages": messages("user", inner)}).input] == [
            "Who wrote Faust?",
            "When?",
        ]

    def test_a_state_inside_a_text(self, read_span: ReadSpan) -> None:
        """
        A graph's state that was written as the text of one user message is looked into.
        """
        step = read_span(
            {
                "gen_ai.operation.name": "invoke_workflow",
                "gen_ai.input.messages": messages("user", '{"question": "Rome?", "steps": 0}'),
            }
        )

        assert (step.input, step.input_text) == ((), "Rome?")

    def test_json_that_a_user_typed(self, read_span: ReadSpan) -> None:
        """
        In a model call, JSON that the user typed stays as typed.
        """
        step = read_span(CHAT | {"gen_ai.input.messages": messages("user", '{"question": "Rome?"}')})

        assert step.input[0].text == '{"question": "Rome?"}'

    @pytest.mark.parametrize("operation", ["execute_tool", "embeddings", "retrieval", "rerank", "search_memory"])
    def test_tools_and_retrievers_say_nothing(self, read_span: ReadSpan, operation: str) -> None:
        """
        What goes through a tool, a retriever or an embedding is never a question or an answer.
        """
        step = read_span(CHAT | {"gen_ai.operation.name": operation, "input.value": "Rome?", "output.value": "Sunny."})

        assert (step.input, step.output, step.input_text, step.output_text) == ((), (), None, None)

    @pytest.mark.parametrize(
        "written",
        [
            pytest.param('[{"type": "text", "content": "Be brief."}]', id="parts"),
            pytest.param("Be brief.", id="plain text"),
            pytest.param(
                '[{"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}]', id="whole messages"
            ),
            pytest.param([{"type": "text", "content": "Be brief."}], id="structured"),
            pytest.param('"Be brief."', id="JSON text"),
        ],
    )
    def test_system_instructions(self, read_span: ReadSpan, written: Any) -> None:
        """
        System instructions are read in each of the forms that instrumentations give them.
        """
        assert read_span(CHAT | {"gen_ai.system_instructions": written}).system == "Be brief."

    def test_several_system_instructions(self, read_span: ReadSpan) -> None:
        """
        Several instructions are kept apart by an empty line.
        """
        written = '[{"type": "text", "content": "Be brief."}, {"type": "text", "content": "Be kind."}]'

        assert read_span(CHAT | {"gen_ai.system_instructions": written}).system == "Be brief.\n\nBe kind."


class TestFacts:
    def test_of_a_model_call(self, read_span: ReadSpan) -> None:
        """
        Model, provider, tokens, finish reasons, conversation and user are read beside the messages.
        """
        step = read_span(
            CHAT
            | {
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
                "gen_ai.provider.name": "openai",
                "gen_ai.system": "az.ai.openai",
                "gen_ai.response.id": "chatcmpl-1",
                "gen_ai.usage.input_tokens": 12,
                "gen_ai.usage.output_tokens": "3",
                "gen_ai.response.finish_reasons": '["stop"]',
                "gen_ai.conversation.id": "c1",
                "user.id": "u1",
            },
            status=Status.ERROR,
        )

        assert (step.operation, step.model, step.provider) == ("chat", "gpt-4o-mini-2024-07-18", "openai")
        assert (step.response_id, step.conversation_id, step.user_id) == ("chatcmpl-1", "c1", "u1")
        assert step.usage == Usage(12, 3)
        assert step.finish_reasons == ("stop",)
        assert step.is_error

    def test_older_names(self, read_span: ReadSpan) -> None:
        """
        The names that the conventions had before are read where the new ones are missing.
        """
        step = read_span(
            {
                "gen_ai.system": "openai",
                "gen_ai.request.model": "gpt-4",
                "gen_ai.usage.prompt_tokens": 5,
                "gen_ai.usage.completion_tokens": 2,
            }
        )

        assert (step.provider, step.model, step.usage) == ("openai", "gpt-4", Usage(5, 2))

    def test_zero_tokens_are_a_count(self, read_span: ReadSpan) -> None:
        """
        No tokens is a count; a missing count is none.
        """
        assert read_span(CHAT | {"gen_ai.usage.input_tokens": 0}).usage == Usage(0, None)

    @pytest.mark.parametrize("value", [True, 1.5, "many", None, [3], {}, -0.5], ids=repr)
    def test_odd_counts(self, read_span: ReadSpan, value: Any) -> None:
        """
        What is no whole number is no count.
        """
        assert read_span(CHAT | {"gen_ai.usage.input_tokens": value}).usage.input_tokens is None

    @pytest.mark.parametrize(
        "reasons", [["stop", "tool_calls"], ("stop", "tool_calls"), '["stop", "tool_calls"]', "stop,tool_calls"]
    )
    def test_finish_reasons(self, read_span: ReadSpan, reasons: Any) -> None:
        """
        Finish reasons are read as a list, as JSON text and as words with commas, in the conventions' words.
        """
        assert read_span(CHAT | {"gen_ai.response.finish_reasons": reasons}).finish_reasons == ("stop", "tool_call")

    def test_finish_reason_of_the_message(self, read_span: ReadSpan) -> None:
        """
        Where the span has no finish reason, that of its messages counts.
        """
        went = '[{"role": "assistant", "parts": [{"type": "text", "content": "x"}], "finish_reason": "length"}]'

        assert read_span(CHAT | {"gen_ai.output.messages": went}).finish_reasons == ("length",)

    def test_text_in_quotes(self, read_span: ReadSpan) -> None:
        """
        Facts that were encoded as JSON text (MLflow encodes everything) come without their quotes.
        """
        step = read_span({"mlflow.spanType": '"LLM"', "mlflow.llm.model": '"gpt-4o"', "mlflow.trace.session": '"s 1"'})

        assert (step.kind, step.model, step.conversation_id) == (Kind.LLM, "gpt-4o", "s 1")

    def test_tags_and_metadata(self, read_span: ReadSpan) -> None:
        """
        Tags and further facts that the app set are kept, opened where they are JSON.
        """
        step = read_span(
            {
                "openinference.span.kind": "CHAIN",
                "tag.tags": ("beta", "eu"),
                "metadata": '{"tenant": "x", "n": 1}',
                "traceloop.association.properties.plan": "pro",
            }
        )

        assert step.tags == ("beta", "eu")
        assert step.metadata == {"tenant": "x", "n": 1, "plan": "pro"}


class TestOwnMarks:
    @pytest.mark.parametrize(
        ("value", "hint"),
        [(True, True), ("true", True), ("1", True), (False, False), ("False", False), ("x", None), (7, None)],
    )
    def test_root(self, read_span: ReadSpan, value: Any, hint: bool | None) -> None:
        """
        `spanlabel.root` may be a boolean or a word; what is neither says nothing.
        """
        step = read_span({"spanlabel.root": value})

        assert step.root_hint is hint
        assert step.kind is Kind.CHAIN

    def test_prompt_and_answer(self, read_span: ReadSpan) -> None:
        """
        An app span with our own attributes counts, and keeps the kind that another dialect gives it.
        """
        step = read_span(CHAT | {"spanlabel.prompt": "Shown?", "spanlabel.answer": "Shown."})

        assert (step.kind, step.given_prompt, step.given_answer) == (Kind.LLM, "Shown?", "Shown.")

    @pytest.mark.parametrize(("value", "skipped"), [(True, True), ("TRUE", True), (False, False), ("no", False)])
    def test_skip(self, read_span: ReadSpan, value: Any, skipped: bool) -> None:
        """
        `spanlabel.skip` takes a span out.
        """
        assert read_span({"spanlabel.skip": value}).is_skipped is skipped
