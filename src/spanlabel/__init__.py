"""spanlabel: the question and the final answer out of GenAI traces, as records that people review.

Importing this costs next to nothing: each public name is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spanlabel.compose import read_pairs
    from spanlabel.exporter import AnnotationLogExporter, AnnotationSpanExporter
    from spanlabel.model import Message, Pair, Record
    from spanlabel.processor import AnnotationLogProcessor, AnnotationSpanProcessor

_HOMES = {
    "AnnotationLogExporter": "spanlabel.exporter",
    "AnnotationLogProcessor": "spanlabel.processor",
    "AnnotationSpanExporter": "spanlabel.exporter",
    "AnnotationSpanProcessor": "spanlabel.processor",
    "Message": "spanlabel.model",
    "Pair": "spanlabel.model",
    "Record": "spanlabel.model",
    "read_pairs": "spanlabel.compose",
}

__all__ = [
    "AnnotationLogExporter",
    "AnnotationLogProcessor",
    "AnnotationSpanExporter",
    "AnnotationSpanProcessor",
    "Message",
    "Pair",
    "Record",
    "read_pairs",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("spanlabel")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'spanlabel' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
