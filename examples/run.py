"""Run an example against a scripted provider, and show its records: `python examples/run.py agent.py`.

The provider speaks the OpenAI API on this machine and knows the answers below. With OPENAI_API_KEY set to a real key
the examples run without this file, too: `python examples/agent.py`.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from spanlabel.demo.provider import CHAT_MODEL, ScriptedProvider
from spanlabel.demo.script import Line, Reply, Script, ToolCall, answered
from spanlabel.platforms.local import LocalStore

SPANLABEL = [str(Path(sys.executable).with_name("spanlabel"))]

LINES = [
    answered(
        "Do you have anything short about the sea?",
        "Yes: The Old Man and the Sea, about 130 pages. We have three copies at the counter.",
    ),
    answered("Which of your novels has the best ending?", "Many of our readers say: The Remains of the Day."),
    answered("And without spoilers, why?", "Because it says almost nothing, and you understand everything."),
    Line(
        "Can I pick up The Old Man and the Sea today?",
        (
            Reply(("",), (ToolCall("copies_in_stock", {"title": "The Old Man and the Sea"}),)),
            Reply(("Yes, three copies are here. We keep one for you until we close at seven.",)),
        ),
    ),
    answered("When do you open on Sundays?", "At eleven, and we close at five."),
    answered("Do you wrap presents?", "With pleasure, and without a charge."),
    answered("Can I return a book that I have read?", "If one cannot see it, yes: within fourteen days."),
]

ZERO_CODE = {
    "SPANLABEL_AUTO_PROCESSOR": "1",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}
"""What switches spanlabel on in an application under opentelemetry-instrument, and the other exporters off."""


@contextmanager
def receiver(environment: dict[str, str]) -> Iterator[str]:
    """`spanlabel serve`, for this block; it ends when all that it got is delivered."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    serve = [*SPANLABEL, "serve", "--grpc", "off", "--http", f"127.0.0.1:{port}"]
    with subprocess.Popen(serve, env=environment, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with suppress(OSError), urlopen(f"{url}/readyz"):  # noqa: S310  on this machine
                break
            time.sleep(0.1)
        yield url
        process.terminate()


def main(example: str) -> int:
    """Run one."""
    program = [sys.executable, str(Path(__file__).with_name(example))]
    with ScriptedProvider(Script(LINES)) as provider, TemporaryDirectory() as folder:
        environment = os.environ | {
            "OPENAI_BASE_URL": provider.base_url,
            "OPENAI_API_KEY": "none",
            "OPENAI_MODEL": CHAT_MODEL,
            "NO_PROXY": "127.0.0.1",
            "OTEL_SERVICE_NAME": "bookshop",
            "SPANLABEL_HOME": folder,
        }
        if example == "zero_code.py":
            program = [str(Path(sys.executable).with_name("opentelemetry-instrument")), *program]
            environment |= ZERO_CODE
        with receiver(environment) if example == "otlp.py" else nullcontext("") as url:
            done = subprocess.run(program, env=environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": url}, check=False)
        with LocalStore(Path(folder, "records.db")) as store:
            for record in store.records(newest_first=False):
                print(flush=True)
                subprocess.run([*SPANLABEL, "records", "show", record.id], env=environment, check=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
