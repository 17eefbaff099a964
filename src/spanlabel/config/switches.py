"""Switches that are read before anything else, at no cost: no file, no pydantic.

The hook of auto-instrumentation runs in every program of an environment where spanlabel is installed, also in
those that never asked for it. So what it asks first must be free.
"""

from __future__ import annotations

import os

_ON = frozenset({"1", "on", "t", "true", "y", "yes"})


def is_switched_on(variable: str) -> bool:
    """Tell whether an environment variable says yes.

    Args:
        variable: Its name, such as "SPANLABEL_AUTO_PROCESSOR".

    Returns:
        True for 1, true, t, yes, y, on in any case. Unset, no and nonsense are False: `load` complains about
        nonsense later, where it is asked at all.
    """
    return os.environ.get(variable, "").strip().lower() in _ON


def is_disabled() -> bool:
    """Tell whether the environment switches spanlabel off (`disabled` in spanlabel.yaml is not looked at).

    Returns:
        True if SPANLABEL_DISABLED says yes, or if that is not set and OTEL_SDK_DISABLED is "true".
    """
    if os.environ.get("SPANLABEL_DISABLED"):
        return is_switched_on("SPANLABEL_DISABLED")
    return is_sdk_disabled()


def is_sdk_disabled() -> bool:
    """Tell whether OTEL_SDK_DISABLED is "true"; by OpenTelemetry's rule every other value means no."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
