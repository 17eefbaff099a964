"""Each dialect by its documented attribute names: a model call, and a run and a tool where the dialect has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from spanlabel.dialects import DIALECTS
from spanlabel.model import Evaluation, Kind, Message, Step, Text, Usage
from spanlabel.pairing._text import call_answer, question_of, run_answer

ReadSpan = Callable[..., Step]

SPEAKING = {Kind.LLM, Kind.AGENT, Kind.WORKFLOW, Kind.CHAIN}
"""Only what these say is ever shown."""


@dataclass(frozen=True)
class Case:
    """A span of one dialect, and what must be read from it; None means that it has none.

    Attributes:
        dialect: The dialect whose table is tested.
        span: Attributes, or keyword arguments for `read_span` under the key "given".
        kind: Kind of work.
        asked: The question.
        answered: The answer.
        facts: Further fields of the step.
    """

    dialect: str
    span: Mapping[str, Any]
    kind: Kind
    asked: str | None = None
    answered: str | None = None
    facts: Mapping[str, Any] | None = None


def js(value: Any) -> str:
    """A value as instrumentations write it into one attribute."""
    return json.dumps(value)


def parts(role: str, text: str) -> str:
    """One message of the GenAI conventions."""
    return js([{"role": role, "parts": [{"type": "text", "content": text}]}])


def constructor(name: str, text: str) -> dict[str, Any]:
    """One LangChain message as LangChain writes it."""
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", name], "kwargs": {"content": text}}


GEMINI_REQUEST = {
    "model": "gemini-2.0-flash",
    "config": {"system_instruction": "Be brief."},
    "contents": [{"role": "user", "parts": [{"text": "Rome?"}]}],
}
GEMINI_RESPONSE = {"content": {"role": "model", "parts": [{"text": "Sunny."}]}, "finish_reason": "STOP"}

CASES = {
    "otel_genai: call": Case(
        "otel_genai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.input.messages": parts("user", "Rome?"),
            "gen_ai.output.messages": parts("assistant", "Sunny."),
            "gen_ai.usage.input_tokens": 5,
            "gen_ai.usage.output_tokens": 2,
            "gen_ai.conversation.id": "c1",
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "gpt-4o", "provider": "openai", "conversation_id": "c1", "usage": Usage(5, 2)},
    ),
    "otel_genai: agent": Case(
        "otel_genai",
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "helper",
            "gen_ai.input.messages": parts("user", "Rome?"),
            "gen_ai.output.messages": js(
                [
                    {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "w"}]},
                    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "21"}]},
                    {"role": "assistant", "parts": [{"type": "text", "content": "Sunny."}]},
                ]
            ),
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
        {"agent": "helper"},
    ),
    "otel_genai: tool": Case(
        "otel_genai",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "weather",
            "gen_ai.tool.call.id": "call_1",
            "gen_ai.tool.call.arguments": '{"city": "Rome"}',
            "gen_ai.tool.call.result": "sunny",
        },
        Kind.TOOL,
        facts={"tool_name": "weather", "tool_call_id": "call_1"},
    ),
    "otel_genai: Sentry's older keys": Case(
        "otel_genai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.messages": js([{"role": "user", "content": "Rome?"}]),
            "gen_ai.response.text": "Sunny.",
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "otel_genai: any-agent": Case(
        "otel_genai",
        {
            "gen_ai.operation.name": "call_llm",
            "gen_ai.input.messages": js([{"role": "user", "content": "Rome?"}]),
            "gen_ai.output": "Sunny.",
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "otel_genai_details: call": Case(
        "otel_genai_details",
        {
            "given": {
                "attributes": {"gen_ai.operation.name": "chat"},
                "logs": [
                    (
                        "gen_ai.client.inference.operation.details",
                        {
                            "gen_ai.input.messages": json.loads(parts("user", "Rome?")),
                            "gen_ai.output.messages": json.loads(parts("assistant", "Sunny.")),
                        },
                    )
                ],
            }
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "otel_genai_events: call": Case(
        "otel_genai_events",
        {
            "given": {
                "attributes": {"gen_ai.operation.name": "chat", "gen_ai.system": "openai"},
                "logs": [
                    ("gen_ai.user.message", {"content": "Rome?"}),
                    ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "Sunny."}}),
                ],
            }
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"finish_reasons": ("stop",)},
    ),
    "otel_genai_events: azure-ai-projects": Case(
        "otel_genai_events",
        {
            "given": {
                "attributes": {"gen_ai.operation.name": "responses"},
                "events": [
                    ("gen_ai.input.messages", {"gen_ai.event.content": parts("user", "Rome?")}),
                    ("gen_ai.output.messages", {"gen_ai.event.content": parts("assistant", "Sunny.")}),
                ],
            }
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "otel_genai_flat: call": Case(
        "otel_genai_flat",
        {
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4",
            "gen_ai.prompt": js([{"role": "user", "content": "Rome?"}]),
            "gen_ai.completion": "Sunny.",
            "gen_ai.usage.prompt_tokens": 5,
            "gen_ai.usage.completion_tokens": 2,
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "gpt-4", "usage": Usage(5, 2)},
    ),
    "otel_genai_flat: span events": Case(
        "otel_genai_flat",
        {
            "given": {
                "attributes": {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4"},
                "events": [
                    ("gen_ai.content.prompt", {"gen_ai.prompt": js([{"role": "user", "content": "Rome?"}])}),
                    (
                        "gen_ai.content.completion",
                        {"gen_ai.completion": js([{"role": "assistant", "content": "Sunny."}])},
                    ),
                ],
            }
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "gen_ai_indexed: call": Case(
        "gen_ai_indexed",
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Rome?",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Sunny.",
            "gen_ai.usage.prompt_tokens": 5,
            "gen_ai.usage.completion_tokens": 2,
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "gpt-4o", "provider": "OpenAI", "usage": Usage(5, 2)},
    ),
    "aws_logs: call": Case(
        "aws_logs",
        {
            "given": {
                "attributes": {"gen_ai.operation.name": "chat"},
                "logs": [
                    (
                        "app",
                        {
                            "input": {"messages": [{"role": "user", "content": "Rome?"}]},
                            "output": {"messages": [{"role": "assistant", "content": "Sunny."}]},
                        },
                    )
                ],
            }
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "traceloop: workflow": Case(
        "traceloop",
        {
            "traceloop.span.kind": "workflow",
            "traceloop.entity.name": "shop",
            "traceloop.entity.input": js({"args": [], "kwargs": {"question": "Rome?"}}),
            "traceloop.entity.output": js("Sunny."),
            "traceloop.association.properties.session_id": "s1",
            "traceloop.association.properties.user_id": "u1",
        },
        Kind.WORKFLOW,
        "Rome?",
        "Sunny.",
        {"conversation_id": "s1", "user_id": "u1", "metadata": {"session_id": "s1", "user_id": "u1"}},
    ),
    "traceloop: LangChain": Case(
        "traceloop",
        {
            "traceloop.span.kind": "workflow",
            "gen_ai.operation.name": "invoke_agent",
            "traceloop.entity.input": js({"inputs": {"messages": [constructor("HumanMessage", "Rome?")]}, "tags": []}),
            "traceloop.entity.output": js(
                {"outputs": {"messages": [constructor("AIMessage", "Sunny.")]}, "kwargs": {}}
            ),
        },
        Kind.WORKFLOW,
        "Rome?",
        "Sunny.",
    ),
    "traceloop: tool": Case(
        "traceloop",
        {"traceloop.span.kind": "tool", "traceloop.entity.name": "weather", "traceloop.entity.output": "sunny"},
        Kind.TOOL,
        facts={"tool_name": "weather"},
    ),
    "traceloop: MCP traffic": Case(
        "traceloop",
        {
            "given": {
                "attributes": {
                    "traceloop.entity.input": '{"method": "tools/list"}',
                    "traceloop.entity.output": '{"tools": []}',
                },
                "name": "tools/list.mcp",
            }
        },
        Kind.OTHER,
    ),
    "openinference: call": Case(
        "openinference",
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-4o",
            "llm.provider": "openai",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "Rome?",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "Sunny.",
            "llm.token_count.prompt": 5,
            "llm.token_count.completion": 2,
            "session.id": "s1",
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "gpt-4o", "provider": "openai", "usage": Usage(5, 2), "conversation_id": "s1"},
    ),
    "openinference: agent": Case(
        "openinference",
        {
            "openinference.span.kind": "AGENT",
            "agent.name": "helper",
            "input.value": js({"task": "Rome?"}),
            "output.value": "Sunny.",
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
        {"agent": "helper"},
    ),
    "openinference: graph": Case(
        "openinference",
        {
            "openinference.span.kind": "CHAIN",
            "input.value": js({"messages": [{"role": "user", "content": "Rome?"}]}),
            "output.value": js(
                {
                    "messages": [
                        {"type": "human", "data": {"content": "Rome?"}},
                        {"type": "ai", "data": {"content": "Sunny."}},
                    ]
                }
            ),
        },
        Kind.CHAIN,
        "Rome?",
        "Sunny.",
    ),
    "openinference: tool": Case(
        "openinference",
        {"openinference.span.kind": "TOOL", "tool.name": "weather", "input.value": "{}", "output.value": "sunny"},
        Kind.TOOL,
        facts={"tool_name": "weather"},
    ),
    "openinference_crewai: crew": Case(
        "openinference_crewai",
        {
            "openinference.span.kind": "CHAIN",
            "crew_inputs": "",
            "crew_tasks": js([{"description": "Rome?", "expected_output": "a sentence"}]),
            "output.value": js({"raw": "Sunny.", "tasks_output": [{"messages": []}]}),
        },
        Kind.CHAIN,
        "Rome?",
        "Sunny.",
    ),
    "vercel_ai: run": Case(
        "vercel_ai",
        {
            "ai.operationId": "ai.generateText",
            "ai.prompt": js({"system": "Be brief.", "prompt": "Rome?"}),
            "ai.response.text": "Sunny.",
            "ai.response.toolCalls": js([{"toolCallId": "1", "toolName": "weather", "input": {}}]),
            "ai.telemetry.functionId": "helper",
            "ai.telemetry.metadata.userId": "u1",
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
        {"agent": "helper", "user_id": "u1"},
    ),
    "vercel_ai: call": Case(
        "vercel_ai",
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.model.id": "gpt-4o",
            "ai.model.provider": "openai.chat",
            "ai.prompt.messages": js([{"role": "user", "content": [{"type": "text", "text": "Rome?"}]}]),
            "ai.response.text": "Sunny.",
            "ai.usage.promptTokens": 5,
            "ai.usage.completionTokens": 2,
            "ai.response.finishReason": "stop",
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "gpt-4o", "provider": "openai.chat", "usage": Usage(5, 2), "finish_reasons": ("stop",)},
    ),
    "vercel_ai: call that wants a tool": Case(
        "vercel_ai",
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.prompt.messages": js([{"role": "user", "content": "Rome?"}]),
            "ai.response.text": "Now Rome.",
            "ai.response.toolCalls": js([{"toolCallId": "1", "toolName": "weather", "args": '{"city": "Rome"}'}]),
        },
        Kind.LLM,
        "Rome?",
    ),
    "vercel_ai: object": Case(
        "vercel_ai",
        {
            "ai.operationId": "ai.generateObject",
            "ai.prompt": js({"messages": [{"role": "user", "content": "Rome?"}]}),
            "ai.response.object": '{"sky": "clear"}',
        },
        Kind.AGENT,
        "Rome?",
        '{"sky": "clear"}',
    ),
    "vercel_ai: tool": Case(
        "vercel_ai",
        {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "weather", "ai.toolCall.id": "1"},
        Kind.TOOL,
        facts={"tool_name": "weather", "tool_call_id": "1"},
    ),
    "pydantic_ai: agent": Case(
        "pydantic_ai",
        {
            "gen_ai.operation.name": "invoke_agent",
            "agent_name": "helper",
            "model_name": "gpt-4o",
            "final_result": "Sunny.",
            "pydantic_ai.all_messages": js(
                [
                    {"role": "user", "parts": [{"type": "text", "content": "Who wrote Faust?"}]},
                    {"role": "assistant", "parts": [{"type": "text", "content": "Goethe."}]},
                    {"role": "user", "parts": [{"type": "text", "content": "Rome?"}]},
                    {"role": "assistant", "parts": [{"type": "text", "content": "sunny"}]},
                    {"role": "user", "parts": [{"type": "text", "content": "Fix the errors and try again."}]},
                    {"role": "assistant", "parts": [{"type": "text", "content": "Sunny."}]},
                ]
            ),
            "pydantic_ai.new_message_index": 2,
            "gen_ai.aggregated_usage.input_tokens": 5,
            "gen_ai.aggregated_usage.output_tokens": 2,
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
        {"agent": "helper", "model": "gpt-4o", "usage": Usage(5, 2)},
    ),
    "pydantic_ai: agent, format 1": Case(
        "pydantic_ai",
        {
            "agent_name": "helper",
            "all_messages_events": js(
                [
                    {"event.name": "gen_ai.user.message", "content": "Rome?", "role": "user"},
                    {"event.name": "gen_ai.assistant.message", "content": "Sunny.", "role": "assistant"},
                ]
            ),
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
        {"agent": "helper"},
    ),
    "pydantic_ai: tool": Case(
        "pydantic_ai",
        {"given": {"attributes": {"gen_ai.tool.name": "weather", "tool_arguments": "{}"}, "scope": "pydantic-ai"}},
        Kind.TOOL,
        facts={"tool_name": "weather"},
    ),
    "langsmith: graph": Case(
        "langsmith",
        {
            "langsmith.span.kind": "chain",
            "gen_ai.prompt": js({"messages": [{"role": "user", "content": "Rome?"}]}),
            "gen_ai.completion": js(
                {"messages": [{"type": "human", "content": "Rome?"}, {"type": "ai", "content": "Sunny."}]}
            ),
            "langsmith.metadata.thread_id": "t1",
            "langsmith.span.tags": "beta, eu",
        },
        Kind.CHAIN,
        "Rome?",
        "Sunny.",
        {"conversation_id": "t1", "tags": ("beta", "eu")},
    ),
    "langsmith: call": Case(
        "langsmith",
        {
            "langsmith.span.kind": "llm",
            "gen_ai.operation.name": "chat",
            "langsmith.metadata.ls_provider": "openai",
            "langsmith.metadata.ls_model_name": "gpt-4o",
            "gen_ai.prompt": js({"messages": [[constructor("HumanMessage", "Rome?")]]}),
            "gen_ai.completion": js(
                {"generations": [[{"text": "Sunny.", "message": constructor("AIMessage", "Sunny.")}]]}
            ),
            "gen_ai.usage.input_tokens": 5,
            "gen_ai.usage.output_tokens": 2,
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "gpt-4o", "provider": "openai", "usage": Usage(5, 2)},
    ),
    "langsmith: tool": Case(
        "langsmith", {"langsmith.span.kind": "tool", "gen_ai.prompt": "{}", "gen_ai.completion": "sunny"}, Kind.TOOL
    ),
    "mlflow: call": Case(
        "mlflow",
        {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.llm.model": '"gpt-4o"',
            "mlflow.spanInputs": js({"messages": [{"role": "user", "content": "Rome?"}]}),
            "mlflow.spanOutputs": js({"choices": [{"message": {"role": "assistant", "content": "Sunny."}}]}),
            "mlflow.trace.session": '"s1"',
            "mlflow.chat.tokenUsage": js({"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}),
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "gpt-4o", "conversation_id": "s1", "usage": Usage(5, 2)},
    ),
    "mlflow: function": Case(
        "mlflow",
        {
            "mlflow.spanType": '"CHAIN"',
            "mlflow.spanInputs": js({"question": "Rome?"}),
            "mlflow.spanOutputs": '"Sunny."',
        },
        Kind.CHAIN,
        "Rome?",
        "Sunny.",
    ),
    "google_adk: call": Case(
        "google_adk",
        {
            "given": {
                "attributes": {
                    "gen_ai.system": "gcp.vertex.agent",
                    "gen_ai.request.model": "gemini-2.0-flash",
                    "gcp.vertex.agent.llm_request": js(GEMINI_REQUEST),
                    "gcp.vertex.agent.llm_response": js(GEMINI_RESPONSE),
                    "gcp.vertex.agent.session_id": "s1",
                },
                "name": "call_llm",
            }
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "gemini-2.0-flash", "conversation_id": "s1"},
    ),
    "google_adk: tool": Case(
        "google_adk",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "weather",
            "gcp.vertex.agent.llm_request": "{}",
            "gcp.vertex.agent.tool_response": '{"result": "sunny"}',
        },
        Kind.TOOL,
        facts={"tool_name": "weather"},
    ),
    "google_adk: agent without content": Case(
        "google_adk",
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper", "gcp.vertex.agent.llm_request": "{}"},
        Kind.AGENT,
        facts={"agent": "helper"},
    ),
    "livekit: turn": Case(
        "livekit",
        {
            "given": {
                "attributes": {
                    "lk.pii.user_input": "Rome?",
                    "lk.pii.response.text": "Sunny.",
                    "lk.agent_name": "helper",
                },
                "name": "agent_turn",
                "scope": "livekit-agents",
            }
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
        {"agent": "helper"},
    ),
    "livekit: turn, before 2.0": Case(
        "livekit",
        {"given": {"attributes": {"lk.user_input": "Rome?", "lk.response.text": "Sunny."}, "name": "agent_turn"}},
        Kind.AGENT,
        "Rome?",
        "Sunny.",
    ),
    "livekit: tool": Case(
        "livekit",
        {"given": {"attributes": {"lk.function_tool.name": "weather"}, "name": "function_tool"}},
        Kind.TOOL,
        facts={"tool_name": "weather"},
    ),
    "genkit: call": Case(
        "genkit",
        {
            "genkit:metadata:subtype": "model",
            "genkit:input": js({"messages": [{"role": "user", "content": [{"text": "Rome?"}]}]}),
            "genkit:output": js(
                {"message": {"role": "model", "content": [{"text": "Sunny."}]}, "finishReason": "stop"}
            ),
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "genkit: flow": Case(
        "genkit",
        {"genkit:metadata:subtype": "flow", "genkit:input": '"Rome?"', "genkit:output": '"Sunny."'},
        Kind.WORKFLOW,
        "Rome?",
        "Sunny.",
    ),
    "genkit: tool": Case("genkit", {"genkit:metadata:subtype": "tool", "genkit:output": '"sunny"'}, Kind.TOOL),
    "claude_code: interaction": Case(
        "claude_code",
        {"given": {"attributes": {"user_prompt": "Rome?", "session.id": "s1"}, "name": "claude_code.interaction"}},
        Kind.AGENT,
        "Rome?",
        None,
        {"conversation_id": "s1"},
    ),
    "claude_code: request": Case(
        "claude_code",
        {
            "given": {
                "attributes": {
                    "model": "claude",
                    "new_context": js([{"role": "user", "content": "Rome?"}]),
                    "response.model_output": "Sunny.",
                    "input_tokens": 5,
                    "output_tokens": 2,
                },
                "name": "claude_code.llm_request",
            }
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "claude", "usage": Usage(5, 2)},
    ),
    "claude_code: tool": Case(
        "claude_code",
        {"given": {"attributes": {"tool_name": "Bash", "new_context": "files"}, "name": "claude_code.tool"}},
        Kind.TOOL,
        facts={"tool_name": "Bash"},
    ),
    "haystack: pipeline": Case(
        "haystack",
        {
            "given": {
                "attributes": {
                    "haystack.pipeline.input_data": js({"prompt_builder": {"question": "Rome?"}}),
                    "haystack.pipeline.output_data": js({"llm": {"replies": ["Sunny."]}}),
                },
                "name": "haystack.pipeline.run",
            }
        },
        Kind.WORKFLOW,
        "Rome?",
        "Sunny.",
    ),
    "haystack: call": Case(
        "haystack",
        {
            "given": {
                "attributes": {
                    "haystack.component.type": "OpenAIChatGenerator",
                    "haystack.component.input": js({"messages": [{"role": "user", "content": [{"text": "Rome?"}]}]}),
                    "haystack.component.output": js(
                        {"replies": [{"role": "assistant", "content": [{"text": "Sunny."}]}]}
                    ),
                },
                "name": "haystack.component.run",
            }
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "haystack: tool": Case(
        "haystack",
        {"given": {"attributes": {"haystack.tool.name": "weather"}, "name": "haystack.agent.step.tool"}},
        Kind.TOOL,
        facts={"tool_name": "weather"},
    ),
    "mastra: agent": Case(
        "mastra",
        {
            "mastra.span.type": "agent_run",
            "mastra.agent_run.input": js([{"role": "user", "content": "Rome?"}]),
            "mastra.agent_run.output": js({"text": "Sunny.", "files": []}),
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
    ),
    "mastra: call": Case(
        "mastra",
        {
            "mastra.span.type": "model_generation",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.output.messages": parts("assistant", "Sunny."),
            "gen_ai.response.finish_reasons": '["stop"]',
        },
        Kind.LLM,
        None,
        "Sunny.",
        {"model": "gpt-4o", "finish_reasons": ("stop",)},
    ),
    "mastra: tool": Case("mastra", {"mastra.span.type": "tool_call"}, Kind.TOOL),
    "crewai: crew": Case(
        "crewai",
        {
            "given": {
                "attributes": {
                    "crewai.conversation.user_message": "Rome?",
                    "crewai.crew.result": "Sunny.",
                    "crewai.crew.tasks_output": "[TaskOutput(raw='Sunny.')]",
                },
                "name": "crewai.workflow",
            }
        },
        Kind.WORKFLOW,
        "Rome?",
        "Sunny.",
    ),
    "crewai: crew whose result is printed": Case(
        "crewai",
        {
            "given": {
                "attributes": {
                    "crewai.crew.result": "city='Paris' country='France'",
                    "crewai.crew.tasks_output": "[TaskOutput(description='a', raw='no', pydantic=None), "
                    """TaskOutput(description='b', raw='{"city": "Paris"}', pydantic=Place(city='Paris'))]""",
                },
                "name": "crewai.workflow",
            }
        },
        Kind.WORKFLOW,
        None,
        '{"city": "Paris"}',
    ),
    "crewai: crew, by its own tracer": Case(
        "crewai",
        {
            "given": {
                "attributes": {
                    "gen_ai.operation.name": "invoke_workflow",
                    "crewai.crew.inputs": "null",
                    "gen_ai.input.messages": parts("user", "null"),
                    "crewai.crew.output": "Sunny.",
                    "gen_ai.output.messages": parts("assistant", "Sunny."),
                },
                "name": "execute crew",
            }
        },
        Kind.WORKFLOW,
        None,
        "Sunny.",
    ),
    "crewai: crew with inputs, by its own tracer": Case(
        "crewai",
        {
            "given": {
                "attributes": {
                    "gen_ai.operation.name": "invoke_workflow",
                    "crewai.crew.inputs": js({"city": "Rome"}),
                    "gen_ai.input.messages": parts("user", js({"city": "Rome"})),
                    "gen_ai.output.messages": parts("assistant", "Sunny."),
                },
                "name": "execute crew",
            }
        },
        Kind.WORKFLOW,
        "Rome",
        "Sunny.",
        {"input_key": "city"},
    ),
    "crewai: task, by its own tracer": Case(
        "crewai",
        {
            "given": {
                "attributes": {
                    "gen_ai.operation.name": "execute_task",
                    "crewai.task.description": "Rome?",
                    "gen_ai.input.messages": parts("user", "Rome?"),
                    "crewai.task.output": "Sunny.",
                },
                "name": "execute task",
            }
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
    ),
    "openinference_crewai: agent of a task": Case(
        "openinference_crewai",
        {
            "given": {
                "attributes": {
                    "openinference.span.kind": "AGENT",
                    "task_key": "k",
                    "input.value": js({"agent": {"role": "Guide"}, "context": "", "tools": []}),
                    "output.value": js({"description": "Rome?", "raw": "Sunny.", "agent": "Guide"}),
                },
                "scope": "openinference.instrumentation.crewai",
            }
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
    ),
    "traceloop: LlamaIndex's retriever": Case(
        "traceloop",
        {
            "given": {
                "attributes": {
                    "traceloop.span.kind": "task",
                    "traceloop.entity.input": js({"query_bundle": {"query_str": "Rome?"}}),
                    "traceloop.entity.output": js(["{}"]),
                },
                "name": "VectorIndexRetriever.task",
            }
        },
        Kind.RETRIEVER,
    ),
    "mlflow: DSPy's predictor": Case(
        "mlflow",
        {
            "given": {
                "attributes": {
                    "mlflow.spanType": '"LLM"',
                    "mlflow.spanInputs": js({"question": "Rome?"}),
                    "mlflow.spanOutputs": js({"answer": "Sunny."}),
                },
                "name": "Predict.forward",
            }
        },
        Kind.CHAIN,
        "Rome?",
        "Sunny.",
    ),
    "mlflow: request with instructions": Case(
        "mlflow",
        {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.spanInputs": js({"model": "m", "instructions": "Be brief.", "input": "Rome?"}),
            "mlflow.spanOutputs": '"Sunny."',
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"input": (Message("system", (Text("Be brief."),)), Message("user", (Text("Rome?"),)))},
    ),
    "otel_genai: Gemini CLI": Case(
        "otel_genai",
        {
            "gen_ai.operation.name": "llm_call",
            "gen_ai.request.model": "gemini-2.5-pro",
            "gen_ai.input.messages": js([{"role": "user", "parts": [{"text": "Rome?"}]}]),
            "gen_ai.output.messages": js([{"content": {"role": "model", "parts": [{"text": "Sunny."}]}}]),
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "otel_genai: Gemini CLI's agent": Case(
        "otel_genai",
        {"gen_ai.operation.name": "agent_call", "gen_ai.agent.name": "researcher"},
        Kind.AGENT,
        facts={"agent": "researcher"},
    ),
    "otel_genai: Azure's agents": Case(
        "otel_genai",
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": "microsoft.foundry",
            "gen_ai.input.messages": parts("user", "Rome?"),
            "gen_ai.output.messages": parts("assistant", "Sunny."),
            "gen_ai.conversation.id": "conv_1",
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
        {"conversation_id": "conv_1"},
    ),
    "openinference: Bedrock's agents": Case(
        "openinference",
        {
            "openinference.span.kind": "AGENT",
            "input.value": "Rome?",
            "llm.invocation_parameters": js({"agentId": "A1", "sessionId": "s"}),
            "output.value": "Sunny.",
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
    ),
    "semantic_kernel: function that the app invokes": Case(
        "semantic_kernel",
        {
            "given": {
                "attributes": {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Ask"},
                "name": "execute_tool Ask",
                "scope": "semantic_kernel.functions.kernel_function",
            }
        },
        Kind.CHAIN,
    ),
    "semantic_kernel: function that the model calls": Case(
        "semantic_kernel",
        {
            "given": {
                "attributes": {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.id": "call_1"},
                "name": "execute_tool W-weather",
                "scope": "semantic_kernel.functions.kernel_function",
            }
        },
        Kind.TOOL,
    ),
    "litellm: the call of a tool is not among the messages": Case(
        "otel_genai",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": parts("user", "Rome?"),
            "gen_ai.output.messages": parts("assistant", "I will look."),
            "gen_ai.response.finish_reasons": js(["tool_calls"]),
        },
        Kind.LLM,
        "Rome?",
        None,
    ),
    "crewai: task": Case(
        "crewai",
        {
            "given": {
                "attributes": {"crewai.task.description": "Rome?", "traceloop.entity.output": "Sunny."},
                "name": "Rome?.task",
            }
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
    ),
    "logfire: call": Case(
        "logfire",
        {
            "request_data": js({"model": "gpt-4o", "messages": [{"role": "user", "content": "Rome?"}]}),
            "response_data": js({"message": {"role": "assistant", "content": "Sunny."}, "usage": {}}),
            "gen_ai.request.model": "gpt-4o",
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "logfire: stream": Case(
        "logfire",
        {
            "request_data": js({"model": "gpt-4o", "messages": [{"role": "user", "content": "Rome?"}], "stream": True}),
            "response_data": js({"combined_chunk_content": "Sunny.", "chunk_count": 3}),
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "logfire: Responses API": Case(
        "logfire",
        {
            "request_data": js({"model": "gpt-4o", "input": "Rome?", "stream": False}),
            "events": js(
                [
                    {"event.name": "gen_ai.user.message", "content": "Rome?", "role": "user"},
                    {"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": "Sunny."}},
                ]
            ),
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "logfire: embedding": Case(
        "logfire", {"request_data": js({"model": "text-embedding-3-small", "input": "Rome?"})}, Kind.EMBEDDING
    ),
    "langfuse: call": Case(
        "langfuse",
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "gpt-4o",
            "langfuse.observation.input": js([{"role": "user", "content": "Rome?"}]),
            "langfuse.observation.output": js({"role": "assistant", "content": "Sunny."}),
            "langfuse.observation.usage_details": js({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}),
            "session.id": "s1",
            "user.id": "u1",
            "langfuse.trace.tags": ("beta",),
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"model": "gpt-4o", "conversation_id": "s1", "user_id": "u1", "tags": ("beta",), "usage": Usage(5, 2)},
    ),
    "langfuse: span": Case(
        "langfuse",
        {
            "langfuse.observation.type": "span",
            "langfuse.observation.input": js({"args": ["Rome?"], "kwargs": {}}),
            "langfuse.observation.output": "Sunny.",
            "langfuse.trace.metadata.plan": "pro",
        },
        Kind.CHAIN,
        "Rome?",
        "Sunny.",
        {"metadata": {"plan": "pro"}},
    ),
    "langfuse: tool": Case(
        "langfuse", {"langfuse.observation.type": "tool", "langfuse.observation.output": "sunny"}, Kind.TOOL
    ),
    "litellm: raw request": Case(
        "litellm",
        {
            "given": {
                "attributes": {
                    "llm.openai.messages": "[{'role': 'user', 'content': \"What's up in Rome?\"}]",
                    "llm.openai.choices": str(
                        [{"index": 0, "message": {"role": "assistant", "content": "Sunny.", "tool_calls": None}}]
                    ),
                },
                "name": "raw_gen_ai_request",
            }
        },
        Kind.LLM,
        "What's up in Rome?",
        "Sunny.",
    ),
    "litellm: v2": Case(
        "otel_genai",
        {
            "gen_ai.operation.name": "acompletion",
            "gen_ai.input.messages": js([{"role": "user", "content": "Rome?"}]),
            "gen_ai.output.messages": js([{"role": "assistant", "content": "Sunny.", "tool_calls": None}]),
            "gen_ai.response.finish_reasons": '["stop"]',
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"finish_reasons": ("stop",)},
    ),
    "semantic_kernel: agent": Case(
        "semantic_kernel",
        {
            "given": {
                "attributes": {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": "helper",
                    "gen_ai.input.messages": js([{"role": "user", "content": "Rome?"}]),
                    "gen_ai.output.messages": js(
                        [{"role": "assistant", "items": [{"content_type": "text", "text": "Sunny."}]}]
                    ),
                },
                "scope": "semantic_kernel.utils.telemetry.agent_diagnostics.decorators",
            }
        },
        Kind.AGENT,
        "Rome?",
        "Sunny.",
        {"agent": "helper"},
    ),
    "semantic_kernel: call": Case(
        "semantic_kernel",
        {
            "given": {
                "attributes": {"gen_ai.operation.name": "chat", "gen_ai.response.finish_reason": "FinishReason.STOP"},
                "scope": "semantic_kernel.utils.telemetry.model_diagnostics.decorators",
                "logs": [
                    ("gen_ai.user.message", '{"role": "user", "content": "Rome?"}'),
                    (
                        "gen_ai.choice",
                        '{"message": {"role": "assistant", "content": "Sunny."}, "finish_reason": "stop", "index": 0}',
                    ),
                ],
            }
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
        {"finish_reasons": ("stop",)},
    ),
    "spring_ai: client": Case(
        "spring_ai",
        {"spring.ai.kind": "chat_client", "gen_ai.system": "openai", "spring.ai.chat.client.conversation.id": "c1"},
        Kind.AGENT,
        facts={"conversation_id": "c1"},
    ),
    "spring_ai: tool": Case(
        "spring_ai",
        {"spring.ai.kind": "tool_call", "spring.ai.tool.definition.name": "weather"},
        Kind.TOOL,
        facts={"tool_name": "weather"},
    ),
    "flat_io: Laminar": Case(
        "flat_io",
        {
            "lmnr.span.type": "LLM",
            "lmnr.span.input": js([{"role": "user", "content": "Rome?"}]),
            "lmnr.span.output": js([{"role": "assistant", "content": "Sunny."}]),
        },
        Kind.LLM,
        "Rome?",
        "Sunny.",
    ),
    "flat_io: Braintrust": Case(
        "flat_io",
        {"braintrust.input_json": js({"question": "Rome?"}), "braintrust.output_json": '"Sunny."'},
        Kind.CHAIN,
        "Rome?",
        "Sunny.",
    ),
    "by_hand: input and output": Case("by_hand", {"input": "Rome?", "output": "Sunny."}, Kind.CHAIN, "Rome?", "Sunny."),
    "by_hand: beside a model": Case(
        "by_hand",
        {"gen_ai.system": "openai", "gen_ai.request.model": "whisper-1", "input": "wav", "output": "json"},
        Kind.LLM,
    ),
    "own_marks: app span": Case(
        "own_marks",
        {"spanlabel.prompt": "Rome?", "spanlabel.answer": "Sunny."},
        Kind.CHAIN,
        "Rome?",
        "Sunny.",
    ),
    "logfire_feedback: a span below the judged one": Case(
        "logfire_feedback",
        {"logfire.span_type": "annotation", "logfire.feedback.name": "tone", "tone": 1},
        Kind.EVALUATOR,
        facts={"evaluations": (Evaluation("tone", 1.0, source="logfire"),)},
    ),
    "evaluation_event: on the app's own span": Case(
        "evaluation_event",
        {
            "given": {
                "attributes": {"http.route": "/chat"},
                "events": [
                    (
                        "gen_ai.evaluation.result",
                        {"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.label": "kind"},
                    )
                ],
            }
        },
        Kind.OTHER,
        facts={"evaluations": (Evaluation("tone", label="kind", source="otel_genai"),)},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_span(read_span: ReadSpan, case: Case) -> None:
    """
    A span with the dialect's documented attributes gives the question, the answer and the facts that a reviewer sees.
    """
    step = read_span(**case.span["given"]) if "given" in case.span else read_span(case.span)

    assert case.dialect in step.dialects
    assert step.kind is case.kind
    if step.kind in SPEAKING:
        asked = question_of(step)
        answered = call_answer(step) if step.kind is Kind.LLM else run_answer(step)
        assert (asked.text if asked else None, answered.text if answered else None) == (case.asked, case.answered)
    for name, value in (case.facts or {}).items():
        assert (name, getattr(step, name)) == (name, value)


def test_no_dialect_is_missing() -> None:
    """
    Each dialect has at least one span here.
    """
    assert {dialect.name for dialect in DIALECTS} - {case.dialect for case in CASES.values()} == set()
