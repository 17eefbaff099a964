"""A chat of two turns: two records that know that they belong together, each with what was said before."""

import os

from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider

from spanlabel import AnnotationSpanProcessor

provider = TracerProvider()
provider.add_span_processor(AnnotationSpanProcessor())
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("bookshop")

messages: list[ChatCompletionMessageParam] = []
with OpenAI() as client:
    for question in ("Which of your novels has the best ending?", "And without spoilers, why?"):
        # The application's own span of a request; spanlabel takes the conversation from it.
        with tracer.start_as_current_span("POST /chat", attributes={"session.id": "visitor-81"}):
            messages.append({"role": "user", "content": question})
            completion = client.chat.completions.create(
                model=os.environ.get("OPENAI_MODEL", "gpt-4.1-mini"), messages=messages
            )
            answer = completion.choices[0].message.content
            messages.append({"role": "assistant", "content": answer})
            print(answer)
