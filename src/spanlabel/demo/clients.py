"""The provider's clients: of the scripted provider, or with --live of a real one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from openai import AsyncOpenAI, OpenAI
from opentelemetry.trace import Tracer

from spanlabel.errors import ConfigError

from .provider import CHAT_MODEL, EMBEDDING_MODEL, ScriptedProvider
from .scenes import SCENES, App
from .script import Script

LIVE_MODEL = "gpt-4.1-mini"
"""Asked with --live unless OPENAI_MODEL names another one."""

_LIVE_EMBEDDING_MODEL = "text-embedding-3-small"


@contextmanager
def scripted_app(tracer: Tracer) -> Iterator[App]:
    """The application with the scripted provider, which runs for this block."""
    script = Script(line for scene in SCENES for line in scene.script)
    with ScriptedProvider(script) as provider:
        url = provider.base_url
        with OpenAI(base_url=url, api_key="none", timeout=10) as client:
            yield App(
                client=client,
                new_async_client=lambda: AsyncOpenAI(base_url=url, api_key="none", timeout=10),
                tracer=tracer,
                model=CHAT_MODEL,
                embedding_model=EMBEDDING_MODEL,
            )


@contextmanager
def live_app(tracer: Tracer) -> Iterator[App]:
    """The application with a real provider: OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL say which.

    Raises:
        ConfigError: There is neither a key nor the address of a provider that may need none.
    """
    key = os.environ.get("OPENAI_API_KEY")
    if not key and not os.environ.get("OPENAI_BASE_URL"):
        raise ConfigError("must be set for --live", setting="OPENAI_API_KEY", source="environment variable")
    key = key or "none"
    with OpenAI(api_key=key, timeout=60) as client:
        yield App(
            client=client,
            new_async_client=lambda: AsyncOpenAI(api_key=key, timeout=60),
            tracer=tracer,
            model=os.environ.get("OPENAI_MODEL") or LIVE_MODEL,
            embedding_model=_LIVE_EMBEDDING_MODEL,
        )
