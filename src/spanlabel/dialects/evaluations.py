"""Judgements on spans of any dialect; what they say is read in `_judgements`."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, Source
from ._judgements import EVENT, FEEDBACK


def _feedback(source: Source) -> Kind | None:
    return Kind.EVALUATOR


LOGFIRE_FEEDBACK = Dialect(
    name="logfire_feedback",
    source="logfire 5.2.0, logfire.experimental.annotations.record_feedback",
    keys=(FEEDBACK,),
    kind=_feedback,
)

EVALUATION_EVENT = Dialect(
    name="evaluation_event",
    source="semantic conventions 1.38 and newer",
    events=(EVENT,),
)
