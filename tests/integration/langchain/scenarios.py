"""The three scenarios of LangChain's documentation of its handlers, in current LangChain, instrumented from outside.

Run with the Python of `servers.langchain`: `python scenarios.py INSTRUMENTATION [SCENARIO...]`. It takes the provider
from OPENAI_BASE_URL and spanlabel's settings from `spanlabel.yaml`; it says itself only that there is a processor.
"""

from __future__ import annotations

import sys

from langchain.agents import create_agent
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import PromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openinference.instrumentation import using_attributes
from opentelemetry.sdk.trace import TracerProvider

from spanlabel import AnnotationSpanProcessor

PLAY = (
    "You are a playwright. Given the title of play, it is your job to write a synopsis for that title.\n"
    "Title: {title}\nPlaywright: This is a synopsis for the above play:"
)


@tool
def search(query: str) -> str:
    """Search the web."""
    return "George Washington (1732-1799) was the first president of the United States, from 1789 to 1797."


def six_prompts(model: ChatOpenAI) -> None:
    """Two prompts three times over, all under way at once."""
    model.batch(["Tell me a joke", "Tell me a poem"] * 3)


def chain(model: ChatOpenAI) -> None:
    """A prompt template, the model and a parser; whose it is, said as OpenInference has it."""
    written = PromptTemplate.from_template(PLAY) | model | StrOutputParser()
    with using_attributes(user_id="u-1", session_id="s-1", tags=["beta"], metadata={"team": "web"}):
        written.invoke({"title": "Documentary about Bigfoot in Paris"})


def agent(model: ChatOpenAI) -> None:
    """An agent that searches and then answers; whose it is, said as LangChain has it."""
    question = "Who was the first president of the United States of America?"
    facts = {"user_id": "u-2", "session_id": "s-2", "team": "web"}
    asked = {"messages": [{"role": "user", "content": question}]}
    create_agent(model, tools=[search]).invoke(asked, config={"metadata": facts})


SCENARIOS = {"six-prompts": six_prompts, "chain": chain, "agent": agent}


def main(instrumentation: str, *names: str) -> None:
    """Play these, or all three."""
    provider = TracerProvider()
    provider.add_span_processor(AnnotationSpanProcessor())
    if instrumentation == "openinference":
        from openinference.instrumentation.langchain import LangChainInstrumentor
    else:
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor as LangChainInstrumentor
    LangChainInstrumentor().instrument(tracer_provider=provider)

    model = ChatOpenAI(model="scripted-mini", temperature=0.9)
    for name in names or SCENARIOS:
        SCENARIOS[name](model)
    if not provider.force_flush(60_000):
        raise SystemExit("not delivered in time")
    provider.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
