"""How a request lies in the journal: one byte says what it is, and the name of its token may stand before it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from spanlabel.sources.request import Encoding, Request, Signal
from spanlabel.wire.keeping import kept_json, kept_logs, kept_traces

_LOGS: Final = 1
_JSON: Final = 2
_TOKEN: Final = 4
"""Bits of the kind. Files of earlier versions are read again: a bit keeps its meaning for ever."""


def packed(request: Request) -> tuple[int, bytes]:
    """Kind and body of a request."""
    kind = (_LOGS if request.signal is Signal.LOGS else 0) | (_JSON if request.encoding is Encoding.JSON else 0)
    if not request.token:
        return kind, request.body
    name = request.token.encode()[:255]
    return kind | _TOKEN, bytes([len(name)]) + name + request.body


def unpacked(kind: int, body: bytes) -> Request:
    """The request again.

    Raises:
        ValueError: A later version wrote it.
    """
    if kind > _LOGS | _JSON | _TOKEN:
        raise ValueError(f"was written by a later version of spanlabel (kind {kind})")
    token = ""
    if kind & _TOKEN:
        length = body[0]
        token, body = body[1 : 1 + length].decode(errors="replace"), body[1 + length :]
    return Request(
        Signal.LOGS if kind & _LOGS else Signal.TRACES,
        Encoding.JSON if kind & _JSON else Encoding.PROTOBUF,
        body,
        token,
    )


def shortened(kind: int, body: bytes, trace_ids: Collection[str]) -> bytes:
    """The body of the same kind that holds these traces only; *body* itself if that would not be shorter.

    Raises:
        ValueError: A later version wrote it, or it cannot be read.
    """
    request = unpacked(kind, body)
    if request.encoding is Encoding.JSON:
        kept = kept_json(request.body, trace_ids)
    elif request.signal is Signal.LOGS:
        kept = kept_logs(request.body, trace_ids)
    else:
        kept = kept_traces(request.body, trace_ids)
    _, made = packed(replace(request, body=kept))
    return made if len(made) < len(body) else body
