"""The demo's environment: what is set for the user's own applications must not make another demo of this one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_KEPT: Final = frozenset({"SPANLABEL_HOME"})
_ASIDE: Final = ("OTEL_", "TRACELOOP_", "SPANLABEL_")
_ASIDE_FROM_SCRIPT: Final = ("OPENAI_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@contextmanager
def own_environment(*, live: bool) -> Iterator[None]:
    """Set aside, for this block, what would disturb the demo.

    These are the variables of OpenTelemetry, of its instrumentations and of spanlabel, except SPANLABEL_HOME: a
    switched-off SDK, a sampler, a length limit, another destination. The scripted demo also needs neither proxies
    nor the provider's variables; with *live* these stay, and only what goes to 127.0.0.1 passes the proxy by. A
    spanlabel.yaml in this folder is not read.

    Args:
        live: A real provider is asked.
    """
    before = dict(os.environ)
    prefixes = _ASIDE if live else _ASIDE + _ASIDE_FROM_SCRIPT
    for name in before:
        if name.upper().startswith(prefixes) and name not in _KEPT:
            del os.environ[name]
    # Clients differ in which of the two they read first.
    bypassed = ",".join(filter(None, (before.get("no_proxy") or before.get("NO_PROXY"), "127.0.0.1")))
    os.environ.update({"NO_PROXY": bypassed, "no_proxy": bypassed, "SPANLABEL_CONFIG": os.devnull})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
