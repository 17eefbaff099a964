"""`POST /v1/chat/completions` of the scripted provider."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from .loopback import Response
from .refusal import Refused
from .said import VERSION, count_tokens, in_pieces, new_id, read_messages
from .script import Reply, Script


def answer(asked: dict[str, Any], script: Script) -> Response:
    """Answer one request, as a whole or as a stream of server-sent events.

    Args:
        asked: The request's JSON body.
        script: Says what is answered.

    Raises:
        Refused: The messages or the number of choices make no sense.
    """
    said = read_messages(asked.get("messages"), param="messages")
    choices = asked.get("n") or 1
    if not isinstance(choices, int) or not 1 <= choices <= 8:
        raise Refused(400, "'n' must be a number from 1 to 8.", param="n")
    reply = script.reply(said)
    messages = [_message(reply, k) for k in range(choices)]
    spoken = sum(_tokens(message) for message in messages)
    usage = _usage(sum(4 + count_tokens(one.text) for one in said), spoken)
    head = {
        "id": new_id("chatcmpl-"),
        "created": int(time.time()),
        "model": asked["model"] + VERSION,
        "service_tier": "default",
        "system_fingerprint": "fp_5c41b7e0d2",
    }
    if asked.get("stream"):
        wants_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        return Response(200, _stream(head, messages, usage if wants_usage else None), "text/event-stream")
    body = {
        **head,
        "object": "chat.completion",
        "choices": [
            {"index": k, "message": message, "logprobs": None, "finish_reason": _finish_reason(message)}
            for k, message in enumerate(messages)
        ],
        "usage": usage,
    }
    return Response(200, json.dumps(body).encode())


def _message(reply: Reply, choice: int) -> dict[str, Any]:
    text = reply.texts[choice % len(reply.texts)]
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None, "annotations": []}
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": new_id("call_"),
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in reply.calls
        ]
    return message


def _finish_reason(message: dict[str, Any]) -> str:
    return "tool_calls" if "tool_calls" in message else "stop"


def _tokens(message: dict[str, Any]) -> int:
    calls = "".join(call["function"]["name"] + call["function"]["arguments"] for call in message.get("tool_calls", ()))
    return 3 + count_tokens(message["content"] or "") + count_tokens(calls)


def _usage(heard: int, spoken: int) -> dict[str, Any]:
    return {
        "prompt_tokens": heard,
        "completion_tokens": spoken,
        "total_tokens": heard + spoken,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _stream(head: dict[str, Any], messages: list[dict[str, Any]], usage: dict[str, Any] | None) -> Iterator[bytes]:
    """Chunk by chunk; with several choices one after the other."""

    def chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
        body = {**head, "object": "chat.completion.chunk", "choices": choices, **more}
        return b"data: " + json.dumps(body).encode() + b"\n\n"

    # Who asked for usage gets the field in every chunk, null until the last one.
    waiting = {} if usage is None else {"usage": None}
    for k, message in enumerate(messages):
        for delta, finish_reason in _deltas(message):
            choice = {"index": k, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
            yield chunk([choice], **waiting)
    if usage is not None:
        yield chunk([], usage=usage)
    yield b"data: [DONE]\n\n"


def _deltas(message: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Yield what each chunk adds to the message, and the finish reason with the last one."""
    yield {"role": "assistant", "content": "" if message["content"] else None, "refusal": None}, None
    for piece in in_pieces(message["content"] or ""):
        yield {"content": piece}, None
    for k, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        opening = {**call, "index": k, "function": {"name": function["name"], "arguments": ""}}
        yield {"tool_calls": [opening]}, None
        for piece in in_pieces(function["arguments"]):
            yield {"tool_calls": [{"index": k, "function": {"arguments": piece}}]}, None
    yield {}, _finish_reason(message)
