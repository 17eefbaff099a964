"""An application that sends its traces by OTLP, to a Collector or straight to `spanlabel serve`; no spanlabel in it."""

import os

from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))  # where to: OTEL_EXPORTER_OTLP_ENDPOINT
OpenAIInstrumentor().instrument(tracer_provider=provider)

with OpenAI() as client, provider.get_tracer("bookshop").start_as_current_span("POST /ask"):
    completion = client.chat.completions.create(
        model=os.environ.get("OPENAI_MODEL", "gpt-4.1-mini"),
        messages=[{"role": "user", "content": "Can I return a book that I have read?"}],
    )
print(completion.choices[0].message.content)
