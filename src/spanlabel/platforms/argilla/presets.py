"""The named shapes of a dataset: what a reviewer reads, is asked, and may filter by. Data only.

`review` is ours. The others have the names that users of earlier tools know: LangChain's Argilla handler,
argilla-llama-index 2.1 and distilabel 1.5.3, so that what reads those datasets goes on reading them.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase

from .guidelines import LANGCHAIN, LLAMA_INDEX, PREFERENCE, REVIEW, TEXT_GENERATION
from .shape import Field, Property, Question


@dataclass(frozen=True, slots=True)
class Preset:
    """A named shape of a dataset.

    Attributes:
        name: As in the setting `preset`.
        guidelines: Markdown that tells the reviewer what to do.
        fields: What records fill.
        questions: What the reviewer is asked.
        properties: What can be filtered by.
        takes_any_metadata: Further facts of a record are kept beside it.
        answers: How many answers one item shows; a record with more becomes several items.
        is_distinct: Of equal answers only the first is shown.
    """

    name: str
    guidelines: str
    fields: tuple[Field, ...]
    questions: tuple[Question, ...]
    properties: tuple[Property, ...] = ()
    takes_any_metadata: bool = False
    answers: int = 1
    is_distinct: bool = False


def preset_of(name: str, *, num_generations: int = 2, number_of_retrievals: int = 2) -> Preset:
    """Make a preset.

    Args:
        name: One of the names that the setting `preset` allows.
        num_generations: Answers that an item of `distilabel-preference` shows.
        number_of_retrievals: Documents that an item of `llama-index` shows.

    Raises:
        KeyError: There is no such preset.
    """
    if name == "llama-index":
        return _llama_index(number_of_retrievals)
    if name == "distilabel-preference":
        return _preference(num_generations)
    return {preset.name: preset for preset in (_REVIEW, _LANGCHAIN, _TEXT_GENERATION)}[name]


def _scale(most: int) -> tuple[tuple[int, str], ...]:
    return tuple((value, str(value)) for value in range(1, most + 1))


_MEANING = "1 useless or harmful · 2 poor · 3 usable with effort · 4 good · 5 could not be better"

_PROPERTIES = (
    Property("model", "Model"),
    Property("service", "Application"),
    Property("conversation_id", "Conversation"),
    Property("latency_ms", "Time to answer (ms)", "integer"),
    Property("input_tokens", "Tokens in", "integer"),
    Property("output_tokens", "Tokens out", "integer"),
    Property("confidence", "Sure that question and answer belong together (0 to 1)", "float"),
    Property("trace_id", "Trace id"),
    Property("span_id", "Span id"),
)

_REVIEW = Preset(
    "review",
    REVIEW,
    fields=(
        Field("messages", "What was asked (the last message is the question)", "chat"),
        Field("response", "The answer to judge"),
    ),
    questions=(
        Question(
            "quality",
            "How good is the answer? (1 useless … 5 perfect)",
            "rating",
            _scale(5),
            _MEANING,
            is_required=True,
        ),
        Question(
            "verdict",
            "Should an answer like this go out?",
            "label_selection",
            (("good", "👍 Good, send it"), ("bad", "👎 Bad, do not"), ("unsure", "🤔 Unsure")),
            "Unsure if you would have to ask somebody who knows the subject.",
        ),
        Question(
            "issues",
            "What is wrong with it? (leave empty if nothing is)",
            "multi_label_selection",
            (
                ("incorrect", "Wrong or made up"),
                ("off_topic", "Does not answer the question"),
                ("incomplete", "Something is missing"),
                ("unsafe", "Harmful or inappropriate"),
                ("style", "Hard to read, wrong tone or language"),
            ),
        ),
        Question(
            "correction",
            "How should the answer read instead? (optional)",
            "text",
            description="The whole answer as it should be sent to the person who asked.",
        ),
        Question("feedback", "Anything else? (optional)", "text", description="A remark for those who run the app."),
    ),
    properties=_PROPERTIES,
    takes_any_metadata=True,
)

_LANGCHAIN = Preset(
    "langchain",
    LANGCHAIN,
    fields=(Field("prompt", "The question"), Field("response", "The answer to judge")),
    questions=(
        Question(
            "response-rating",
            "How would you rate the quality of the response? (1 useless … 5 perfect)",
            "rating",
            _scale(5),
            _MEANING,
            is_required=True,
        ),
        Question(
            "response-feedback",
            "What feedback do you have for the response? (optional)",
            "text",
            description="What is wrong with it, or how it should read.",
        ),
    ),
    properties=_PROPERTIES,
    takes_any_metadata=True,
)

# distilabel's datasets begin with the id, which no reviewer needs; the names are what their readers go by.
_INSTRUCTION = Field("instruction", "The question")
_ID = Field("id", "For programs: id of the question (nothing to judge)")

_TEXT_GENERATION = Preset(
    "distilabel-text-generation",
    TEXT_GENERATION,
    fields=(_INSTRUCTION, Field("generation", "The answer to judge"), _ID),
    questions=(
        Question(
            "quality",
            "Is this a good answer to the question?",
            "label_selection",
            (("bad", "👎"), ("good", "👍")),
            is_required=True,
        ),
    ),
    is_distinct=True,
)


def _preference(num_generations: int) -> Preset:
    fields = [_INSTRUCTION]
    questions = []
    for i, letter in zip(range(num_generations), ascii_uppercase, strict=False):
        name, is_first = f"generations-{i}", i == 0
        title = f"Answer {letter}"
        hint = None if is_first else f"Leave it empty if there is no answer {letter}."
        rating, rationale = f"How good is answer {letter}? (1 the worst … 5 the best)", f"Why? ({letter}, optional)"
        fields.append(Field(name, title, is_required=is_first))
        questions.append(Question(f"{name}-rating", rating, "rating", _scale(5), hint, is_required=is_first))
        questions.append(Question(f"{name}-rationale", rationale, "text", description=hint))
    return Preset(
        "distilabel-preference",
        PREFERENCE,
        fields=(*fields, _ID),
        questions=tuple(questions),
        answers=num_generations,
    )


def _llama_index(number_of_retrievals: int) -> Preset:
    fields = [Field("chat", "The conversation; its last message is the answer to judge", "chat")]
    questions = [
        Question(
            "response-rating",
            "How good is the answer? (1 the worst … 7 the best)",
            "rating",
            _scale(7),
            is_required=True,
        ),
        Question("response-feedback", "What feedback do you have for the answer? (optional)", "text"),
    ]
    if number_of_retrievals:
        title = "How well the search thought each document fits"
        fields.append(Field("retrieved_document_scores", title, is_required=False))
    for i in range(1, number_of_retrievals + 1):
        title = f"Document {i} that the application looked up"
        fields.append(Field(f"retrieved_document_{i}", title, is_required=False))
        questions.append(
            Question(
                f"rating_retrieved_document_{i}",
                f"How much does document {i} help? (1 not at all … 7 very much, optional)",
                "rating",
                _scale(7),
                f"It stands below the conversation. Leave it empty if there is no document {i}.",
            )
        )
    return Preset(
        "llama-index",
        LLAMA_INDEX,
        fields=tuple(fields),
        questions=tuple(questions),
        properties=_PROPERTIES,
        takes_any_metadata=True,
    )
