"""The demo's environment: what is set for the user's own applications must not make another demo of this one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Final

from spanlabel.compose import local_store
from spanlabel.config.loading import load

_ASIDE: Final = ("OTEL_", "TRACELOOP_", "SPANLABEL_")
_ASIDE_FROM_SCRIPT: Final = ("OPENAI_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@contextmanager
def own_environment(*, live: bool) -> Iterator[None]:
    """Set aside, for this block, what would disturb the demo.

    These are the variables of OpenTelemetry, of its instrumentations and of spanlabel: a switched-off SDK, a sampler,
    a length limit, another platform. A spanlabel.yaml is set aside too. Only the place of the local store stays what
    it is for the other commands. The outbox is the demo's own, because one that is shared with a running application
    is emptied by that application, when it comes to it.

    The scripted demo needs neither proxies nor the provider's variables. With *live* these stay, and only what goes to
    127.0.0.1 passes the proxy by.

    Args:
        live: A real provider is asked.

    Raises:
        ConfigError: A setting of spanlabel is wrong, so that no command knows where the store is.
    """
    file = local_store(load().settings)
    before = dict(os.environ)
    prefixes = _ASIDE if live else _ASIDE + _ASIDE_FROM_SCRIPT
    for name in before:
        if name.upper().startswith(prefixes):
            del os.environ[name]
    # Clients differ in which of the two they read first.
    bypassed = ",".join(filter(None, (before.get("no_proxy") or before.get("NO_PROXY"), "127.0.0.1")))
    try:
        with TemporaryDirectory(prefix="spanlabel-demo-") as home:
            os.environ |= {
                "NO_PROXY": bypassed,
                "no_proxy": bypassed,
                "SPANLABEL_CONFIG": os.devnull,
                "SPANLABEL_HOME": home,
                "SPANLABEL_LOCAL_PATH": str(file),
            }
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
