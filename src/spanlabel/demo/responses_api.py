"""`POST /v1/responses` of the scripted provider: text answers, no tools and no stored state."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from .loopback import Response
from .refusal import Refused
from .said import VERSION, count_tokens, in_pieces, new_id, read_messages
from .script import Said, Script


def answer(asked: dict[str, Any], script: Script) -> Response:
    """Answer one request, as a whole or as a stream of server-sent events.

    Args:
        asked: The request's JSON body.
        script: Says what is answered.

    Raises:
        Refused: The input makes no sense, or asks for what is not served here.
    """
    if asked.get("previous_response_id"):
        raise Refused(400, "This provider stores no responses; send the history.", param="previous_response_id")
    said = _read_input(asked.get("input"))
    reply = script.reply(said)
    if reply.calls:
        raise Refused(400, "This provider calls tools in chat completions only.", param="tools")
    instructions = asked.get("instructions") or ""
    body = _body(asked, reply.texts[0], heard=sum(4 + count_tokens(text) for text in _texts(said, instructions)))
    if asked.get("stream"):
        return Response(200, _stream(body), "text/event-stream")
    return Response(200, json.dumps(body).encode())


def _read_input(given: Any) -> list[Said]:
    if isinstance(given, str):
        return [Said("user", given)]
    return read_messages(given, param="input")


def _texts(said: list[Said], instructions: str) -> list[str]:
    return [text for text in (instructions, *(one.text for one in said)) if text]


def _body(asked: dict[str, Any], text: str, *, heard: int) -> dict[str, Any]:
    spoken = 3 + count_tokens(text)
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": None,
        "metadata": {},
        "model": asked["model"] + VERSION,
        "output": [
            {
                "id": new_id("msg_"),
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
            }
        ],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": heard,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": spoken,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": heard + spoken,
        },
        "user": None,
    }


def _stream(body: dict[str, Any]) -> Iterator[bytes]:
    for number, event in enumerate(_events(body)):
        data = json.dumps({**event, "sequence_number": number})
        yield f"event: {event['type']}\ndata: {data}\n\n".encode()


def _events(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what happens to the response until it is *body*."""
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    item = body["output"][0]
    part = item["content"][0]
    yield {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {**item, "status": "in_progress", "content": []},
    }
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    for piece in in_pieces(part["text"]):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": part}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": body}
