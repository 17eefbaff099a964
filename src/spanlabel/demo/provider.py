"""An OpenAI-compatible provider on loopback that answers from a script."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Final, Self

from . import chat_api, embeddings_api, responses_api
from .loopback import Loopback, Request, Response
from .refusal import Refused
from .script import Script

CHAT_MODEL: Final = "scripted-mini"
"""The model that speaks."""

EMBEDDING_MODEL: Final = "scripted-embedding"
"""The model that embeds."""

_ROUTES = {
    "/v1/chat/completions": (chat_api.answer, CHAT_MODEL),
    "/v1/responses": (responses_api.answer, CHAT_MODEL),
    "/v1/embeddings": (embeddings_api.answer, EMBEDDING_MODEL),
}


class ScriptedProvider:
    """Speaks enough of the OpenAI API for the real `openai` SDK: chat completions, Responses and embeddings.

    Chat completions come plain or streamed, with several choices (`n`) and with tool calls; responses come plain
    or streamed. A request that makes no sense is refused as the real provider does it: with a 4xx status and the
    same error body. Use it as a context manager.

    Args:
        script: What it answers.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._loopback = Loopback(self._answer)
        self.base_url = self._loopback.url + "/v1"

    def __enter__(self) -> Self:
        """Start answering."""
        self._loopback.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; answers that are being written end first."""
        self._loopback.__exit__(kind, error, trace)

    def _answer(self, request: Request) -> Response:
        try:
            return self._route(request)
        except Refused as refused:
            return Response(refused.status, json.dumps(refused.body).encode())

    def _route(self, request: Request) -> Response:
        route = _ROUTES.get(request.path)
        if route is None or request.method != "POST":
            raise Refused(404, f"Unknown request URL: {request.method} {request.path}.", code="unknown_url")
        answer, served = route
        asked = _read(request)
        if asked.get("model") != served:
            raise Refused(
                404, f"The model `{asked.get('model')}` does not exist.", code="model_not_found", param="model"
            )
        return answer(asked, self._script)


def _read(request: Request) -> dict[str, Any]:
    try:
        asked = json.loads(request.body)
    except ValueError as error:
        raise Refused(400, "We could not parse the JSON body of your request.") from error
    if not isinstance(asked, dict):
        raise Refused(400, "The JSON body of your request must be an object.")
    return asked
