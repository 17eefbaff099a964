"""The smallest application: one question through the OpenAI SDK, with spanlabel in its tracer provider."""

import os

from openai import OpenAI
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider

from spanlabel import AnnotationSpanProcessor

provider = TracerProvider()
provider.add_span_processor(AnnotationSpanProcessor())  # this line is spanlabel
OpenAIInstrumentor().instrument(tracer_provider=provider)

with OpenAI() as client:
    completion = client.chat.completions.create(
        model=os.environ.get("OPENAI_MODEL", "gpt-4.1-mini"),
        messages=[
            {"role": "system", "content": "You serve the customers of a bookshop."},
            {"role": "user", "content": "Do you have anything short about the sea?"},
        ],
    )
print(completion.choices[0].message.content)
