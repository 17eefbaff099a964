"""Our own attributes, by which an app says what the root, the question and the answer are.

`spanlabel.root`, `spanlabel.prompt`, `spanlabel.answer` and `spanlabel.skip` are read on every span (see `_read`); this
table makes a span count that carries nothing else.
"""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Source


def _kind(source: Source) -> Kind | None:
    return Kind.CHAIN


OWN_MARKS = Dialect(
    name="own_marks",
    source="spanlabel",
    keys=("spanlabel.root", "spanlabel.prompt", "spanlabel.answer", "spanlabel.skip"),
    kind=_kind,
)
