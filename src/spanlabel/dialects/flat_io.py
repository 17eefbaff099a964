"""Smaller tracers with one input and one output attribute, and spans made by hand."""

from __future__ import annotations

from spanlabel.model import Kind

from ._dialect import Dialect, io, kind_by, messages

FLAT_IO = Dialect(
    name="flat_io",
    source="lmnr, braintrust 0.48.1, flue, voltagent, weave: read",
    keys=(
        "lmnr.span.type",
        "braintrust.input_json",
        "braintrust.input",
        "flue.turn.input",
        "agent.messages",
        "weave.input.messages",
    ),
    kind=kind_by(
        "lmnr.span.type",
        {
            "llm": Kind.LLM,
            "tool": Kind.TOOL,
            "default": Kind.CHAIN,
            "executor": Kind.AGENT,
            "evaluator": Kind.EVALUATOR,
        },
    ),
    inputs=(
        io("lmnr.span.input", is_input=True),
        io("braintrust.input_json", is_input=True),
        io("braintrust.input", is_input=True),
        io("flue.turn.input", is_input=True),
        messages("agent.messages"),
        messages("weave.input.messages"),
    ),
    outputs=(
        io("lmnr.span.output", is_input=False),
        io("braintrust.output_json", is_input=False),
        io("braintrust.output", is_input=False),
        io("flue.turn.output", is_input=False),
        messages("weave.output.messages", "assistant"),
    ),
)


_CALLED = ("gen_ai.request.model", "gen_ai.system")
"""Where a model was called, "input" and "output" are something else: a transcription's format is no question."""

BY_HAND = Dialect(
    name="by_hand",
    source="spans that apps make themselves, as trace viewers show them",
    keys=("input", "output", "input.value", "output.value"),
    inputs=(io("input.value", is_input=True, unless=_CALLED), io("input", is_input=True, unless=_CALLED)),
    outputs=(io("output.value", is_input=False, unless=_CALLED), io("output", is_input=False, unless=_CALLED)),
)
