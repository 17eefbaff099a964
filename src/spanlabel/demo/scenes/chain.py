"""A chain of two steps: what the first call answers goes into the second one's prompt."""

from __future__ import annotations

from spanlabel.demo.script import answered

from .scene import App, Expected, Scene

_TASK = "Write the synopsis of a play in one act, called “The Last Ferry to Elsewhere”."
_SYNOPSIS = (
    "Three strangers wait on a quay for a ferry that all timetables deny. A ticket seller without tickets lets each of "
    "them pay with the reason why they want to leave. When the ferry does come, nobody has a reason left."
)
_REVIEW_TASK = (
    "You are the critic of a small-town newspaper. Review the play with this synopsis in three sentences.\n\n{}"
)
_REVIEW = (
    "It takes courage to let a ferry be late for fifty minutes, and more to make us hope that it never comes. The "
    "ticket seller, who owns nothing but other people's reasons, is the finest part that our stage has seen in years. "
    "Go, but leave your own reasons at home."
)


def _write_and_review(app: App) -> None:
    with app.tracer.start_as_current_span("write and review"):
        synopsis = app.ask({"role": "user", "content": _TASK})
        app.ask({"role": "user", "content": _REVIEW_TASK.format(synopsis)})


CHAIN = Scene(
    name="A chain of two",
    story="A synopsis, then a review of it: one record, the first question and the last answer.",
    run=_write_and_review,
    script=(answered(_TASK, _SYNOPSIS), answered(_REVIEW_TASK.format(_SYNOPSIS), _REVIEW)),
    expected=(Expected(_TASK, (_REVIEW,), skipped_steps=1),),
)
