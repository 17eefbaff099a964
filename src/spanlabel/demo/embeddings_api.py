"""`POST /v1/embeddings` of the scripted provider."""

from __future__ import annotations

import json
from array import array
from base64 import b64encode
from hashlib import shake_256
from math import sqrt
from typing import Any

from .loopback import Response
from .refusal import Refused
from .said import count_tokens
from .script import Script

_DIMENSIONS = 256


def answer(asked: dict[str, Any], _script: Script) -> Response:
    """Answer one request: the same text has the same vector, of length 1; nothing else is true of it.

    Args:
        asked: The request's JSON body.

    Raises:
        Refused: The input is not a text or a list of texts.
    """
    given = asked.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Refused(400, "'input' must be a text or a list of texts.", param="input")
    as_base64 = asked.get("encoding_format") == "base64"  # what the SDK asks for unless it is told otherwise
    tokens = sum(count_tokens(text) for text in texts)
    body = {
        "object": "list",
        "model": asked["model"],
        "data": [
            {"object": "embedding", "index": k, "embedding": _encoded(text) if as_base64 else _vector(text)}
            for k, text in enumerate(texts)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return Response(200, json.dumps(body).encode())


def _vector(text: str) -> list[float]:
    raw = [byte - 127.5 for byte in shake_256(text.encode()).digest(_DIMENSIONS)]
    length = sqrt(sum(x * x for x in raw))
    return [x / length for x in raw]


def _encoded(text: str) -> str:
    return b64encode(array("f", _vector(text)).tobytes()).decode()
