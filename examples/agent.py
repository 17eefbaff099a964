"""An agent with a tool: the model asks twice, the application looks something up, and there is one record."""

import json
import os

from openai import OpenAI
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider

from spanlabel import AnnotationSpanProcessor

provider = TracerProvider()
provider.add_span_processor(AnnotationSpanProcessor())
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("bookshop")

STOCK = {"Moby-Dick": 0, "The Old Man and the Sea": 3}
TOOL: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "copies_in_stock",
        "description": "How many copies of a title the shop has.",
        "parameters": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
    },
}


def copies_in_stock(title: str) -> int:
    """The application's tool."""
    with tracer.start_as_current_span("copies_in_stock"):
        return STOCK.get(title, 0)


messages: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "Can I pick up The Old Man and the Sea today?"}
]
with OpenAI() as client, tracer.start_as_current_span("answer a customer"):
    while True:
        completion = client.chat.completions.create(
            model=os.environ.get("OPENAI_MODEL", "gpt-4.1-mini"), messages=messages, tools=[TOOL]
        )
        said = completion.choices[0].message
        messages.append(said.to_dict())  # type: ignore[arg-type]  # what the model said goes back to it as it is
        if not said.tool_calls:
            break
        for call in said.tool_calls:
            if call.type == "function":
                copies = copies_in_stock(**json.loads(call.function.arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": str(copies)})
print(said.content)
