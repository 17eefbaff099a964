"""An application that knows nothing of tracing: opentelemetry-instrument and environment variables do it all."""

import os

from openai import OpenAI

with OpenAI() as client:
    for question in ("When do you open on Sundays?", "Do you wrap presents?"):
        completion = client.chat.completions.create(
            model=os.environ.get("OPENAI_MODEL", "gpt-4.1-mini"), messages=[{"role": "user", "content": question}]
        )
        print(completion.choices[0].message.content)
