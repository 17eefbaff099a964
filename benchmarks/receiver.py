"""What the receiver takes, beside a bare server: `python benchmarks/receiver.py [acknowledged | sustained | memory]`.

Requests hold 100 GenAI spans of 10 KB: 20 runs of an agent with five spans each, ids new in every request.

acknowledged [ROUNDS [plain | gzip | zstd]]
    Spans a second that are answered with success, journal on (`batch`), for HTTP protobuf plain, gzip and zstd, and
    gRPC plain and gzip. The yardstick is a bare uvicorn app, or a bare grpc.aio server, that only decompresses and
    parses the same bodies with the stock protobuf classes. Both take turns, ROUNDS times; medians are compared.
    Target: 1/2 of the yardstick.
sustained [SECONDS [N]]
    Offers 1/N (8) of the yardstick's plain HTTP rate, measured just before, and looks whether the journal's backlog
    stays flat and every run becomes a record in the local store.
memory
    Resident memory with 40 000 open spans (target: 600 MB), and what a hundred gzip bombs of 20 MB that unfold to
    20 GB add to it (target: 100 MB), while others are answered.

Exit code 1 if a target is missed. Client and server share the machine's cores.
"""

from __future__ import annotations

import gzip
import http.client
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

RUNS, SPANS_OF_RUN, SPAN_BYTES = 20, 5, 10_000
SPANS = RUNS * SPANS_OF_RUN
SECONDS = 4.0
CONNECTIONS = 4
START = "import sys; from spanlabel.cli import main; sys.exit(main())"


def words(n: int, seed: int) -> str:
    """Text of about *n* characters that compresses about as prose does."""
    chosen = random.Random(seed)  # noqa: S311 - the same text each time
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    vocabulary = ["".join(chosen.choices(letters, range(26, 0, -1), k=chosen.randint(2, 9))) for _ in range(2_000)]
    made: list[str] = []
    size = 0
    while size < n:
        made.append(chosen.choice(vocabulary))
        size += len(made[-1]) + 1
    return " ".join(made)[:n]


class Template:
    """A request in protobuf whose ids can be made new without encoding it again."""

    def __init__(self, seed: int = 1) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        _put(group.resource, {"service.name": "bench"})
        scoped = group.scope_spans.add()
        scoped.scope.name = "bench"
        self._ids: list[bytes] = []
        for run in range(RUNS):
            for n in range(SPANS_OF_RUN):
                span = scoped.spans.add()
                span.trace_id = self._id(16, run, 255)
                span.span_id = self._id(8, run, n)
                if n:
                    span.parent_span_id = self._id(8, run, 0)
                span.start_time_unix_nano = 1_790_000_000_000_000_000 + n * 1_000_000
                span.end_time_unix_nano = span.start_time_unix_nano + (900_000 if n else 9_000_000)
                span.name, attributes = _content(n, seed * 1000 + run * 10 + n)
                _put(span, attributes)
        self._body = request.SerializeToString()
        self._places = [(place, len(one)) for one in dict.fromkeys(self._ids) for place in self._found(one)]
        self._of = [self._body[place : place + size] for place, size in self._places]

    def _id(self, size: int, run: int, n: int) -> bytes:
        made = random.Random(run * 256 + n).randbytes(size)  # noqa: S311 - only a placeholder
        self._ids.append(made)
        return made

    def _found(self, one: bytes) -> Iterator[int]:
        place = self._body.find(one)
        while place >= 0:
            yield place
            place = self._body.find(one, place + 1)

    def new(self) -> bytes:
        """The request with ids that never were."""
        body, fresh = bytearray(self._body), {one: os.urandom(len(one)) for one in set(self._of)}
        for (place, size), one in zip(self._places, self._of, strict=True):
            body[place : place + size] = fresh[one]
        return bytes(body)


def _content(n: int, seed: int) -> tuple[str, dict[str, str]]:
    text = words(SPAN_BYTES - 400, seed)
    third = len(text) // 3

    def said(role: str, text: str) -> dict[str, object]:
        return {"role": role, "parts": [{"type": "text", "content": text}]}

    if n == 0:
        operation, name = "invoke_agent", "invoke_agent helper"
    elif n == 2:
        return "execute_tool look", {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "look",
            "gen_ai.tool.call.arguments": json.dumps({"q": text[:third]}),
            "gen_ai.tool.call.result": text[third:],
        }
    else:
        operation, name = "chat", "chat gpt-4o"
    return name, {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": text[:third]}]),
        "gen_ai.input.messages": json.dumps([said("user", f"question {seed} " + text[third : 2 * third])]),
        "gen_ai.output.messages": json.dumps([said("assistant", f"answer {seed} " + text[2 * third :])]),
    }


def _put(holder: Any, attributes: dict[str, str]) -> None:
    for key, value in attributes.items():
        one = holder.attributes.add()
        one.key = key
        one.value.string_value = value


# --- the yardsticks, each in a process of its own


def bare_http(port: int) -> None:
    """Parse and answer."""
    import zlib

    import uvicorn
    from backports import zstd
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    async def app(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        pieces = []
        while True:
            message = await receive()
            pieces.append(message["body"])
            if not message["more_body"]:
                break
        body = b"".join(pieces)
        how = dict(scope["headers"]).get(b"content-encoding")
        if how == b"gzip":
            body = zlib.decompress(body, 31)
        elif how == b"zstd":
            body = zstd.decompress(body)
        ExportTraceServiceRequest.FromString(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    uvicorn.run(app, port=port, log_level="error", lifespan="off")


def bare_grpc(port: int) -> None:
    """Parse and answer."""
    import asyncio

    import grpc
    import uvloop
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    async def export(body: bytes, _context: object) -> bytes:
        ExportTraceServiceRequest.FromString(body)
        return b""

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(export)

    async def serve() -> None:
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 << 20)])
        server.add_generic_rpc_handlers((Handler(),))
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        await server.wait_for_termination()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


@dataclass
class Server:
    """A server under load.

    Attributes:
        pid: Its process.
        http: Port for HTTP.
        grpc: Port for gRPC.
    """

    pid: int
    http: int
    grpc: int

    @property
    def cpu_s(self) -> float:
        """CPU seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def rss_mb(self) -> float:
        """Its resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("the server does not listen")


@contextmanager
def receiver(home: Path, **settings: object) -> Iterator[Server]:
    """The real thing, in a process of its own."""
    http, grpc = free_port(), free_port()
    environment = {f"SPANLABEL_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPANLABEL_")} | environment
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "serve", "--http", f"127.0.0.1:{http}", "--grpc", f"127.0.0.1:{grpc}"],
            env=environment | {"SPANLABEL_HOME": str(home)},
            stderr=log,
        )
        try:
            wait_for(http)
            yield Server(process.pid, http, grpc)
        finally:
            process.terminate()
            process.wait()


@contextmanager
def yardstick() -> Iterator[Server]:
    http, grpc = free_port(), free_port()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=bare_http, args=(http,)), context.Process(target=bare_grpc, args=(grpc,))]
    for process in processes:
        process.start()
    try:
        wait_for(http)
        wait_for(grpc)
        yield Server(processes[0].pid or 0, http, grpc)
    finally:
        for process in processes:
            process.kill()
            process.join()


# --- the client


def bodies(n: int, coding: str) -> list[bytes]:
    """Requests with ids of their own, as they go over the wire."""
    template = Template()
    made = [template.new() for _ in range(n)]
    if coding == "gzip":
        return [gzip.compress(body, 6) for body in made]
    if coding == "zstd":
        from backports import zstd

        return [zstd.compress(body) for body in made]
    return made


def load_http(
    port: int, ready: list[bytes], coding: str, seconds: float, rate: float = 0.0
) -> tuple[int, int, list[float]]:
    """Send from `CONNECTIONS` connections.

    Args:
        port: Where to.
        ready: What is sent, round and round with ids made new if it is not compressed.
        coding: Content-Encoding, "" for none.
        seconds: How long.
        rate: Requests a second in all; 0 for as many as are answered.

    Returns:
        Requests answered with success, others, and the seconds each answer took.
    """
    head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
    head += f"content-encoding: {coding}\r\n" if coding else ""
    good, bad, took = [0] * CONNECTIONS, [0] * CONNECTIONS, [list[float]() for _ in range(CONNECTIONS)]
    end = time.monotonic() + seconds

    def run(k: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            n, begun = 0, time.monotonic()
            while (now := time.monotonic()) < end:
                if rate and n >= (now - begun) * rate / CONNECTIONS:
                    time.sleep(0.001)
                    continue
                body = ready[(k + n * CONNECTIONS) % len(ready)]
                connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                answer = connection.recv(65536)
                took[k].append(time.monotonic() - now)
                n += 1
                if answer.startswith(b"HTTP/1.1 200"):
                    good[k] += 1
                else:
                    bad[k] += 1

    threads = [threading.Thread(target=run, args=(k,)) for k in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(good), sum(bad), sorted(one for each in took for one in each)


def load_grpc(port: int, ready: list[bytes], coding: str, seconds: float) -> tuple[int, int, list[float]]:
    """As `load_http`."""
    import grpc

    how = grpc.Compression.Gzip if coding == "gzip" else grpc.Compression.NoCompression
    good, bad, took = [0] * CONNECTIONS, [0] * CONNECTIONS, [list[float]() for _ in range(CONNECTIONS)]
    end = time.monotonic() + seconds

    def run(k: int) -> None:
        options = [("grpc.max_send_message_length", 64 << 20), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=options, compression=how) as channel:
            export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            n = 0
            while (now := time.monotonic()) < end:
                try:
                    export(ready[(k + n * CONNECTIONS) % len(ready)])
                    good[k] += 1
                except grpc.RpcError:
                    bad[k] += 1
                took[k].append(time.monotonic() - now)
                n += 1

    threads = [threading.Thread(target=run, args=(k,)) for k in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(good), sum(bad), sorted(one for each in took for one in each)


def _in_child(load: Callable[..., Any], *arguments: object) -> Any:
    """Run a load in a process of its own, so that it shares no lock with whoever measures."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(load, arguments)


def _round(load: Callable[..., Any], port: int, coding: str) -> tuple[int, int, list[float]]:
    made = bodies(200, coding if load is load_http else "")
    load(port, made[:20], coding, 0.5)
    return load(port, made, coding, SECONDS)  # type: ignore[no-any-return]


WAYS = ((load_http, ""), (load_http, "gzip"), (load_http, "zstd"), (load_grpc, ""), (load_grpc, "gzip"))


def acknowledged(rounds: int, only: str = "") -> bool:
    """Compare what is answered."""
    is_good = True
    for load, coding in [one for one in WAYS if only in (one[1] or "plain")]:
        ours, theirs, cpu, slow, refused = [], [], [], [], 0
        for _ in range(rounds):
            with yardstick() as bare:
                good, _, _ = _in_child(_round, load, bare.http if load is load_http else bare.grpc, coding)
                theirs.append(good * SPANS / SECONDS)
            with tempfile.TemporaryDirectory() as home, receiver(Path(home), journal_max_bytes=64 << 30) as server:
                before = server.cpu_s
                good, bad, took = _in_child(_round, load, server.http if load is load_http else server.grpc, coding)
                ours.append(good * SPANS / SECONDS)
                cpu.append(good * SPANS / (server.cpu_s - before))
                slow.append(took[int(len(took) * 0.99)] * 1000)
                refused += bad
        ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
        name = f"{'HTTP' if load is load_http else 'gRPC'} {coding or 'plain'}"
        print(
            f"{name:10} {median(ours):8,.0f} spans/s acknowledged, {median(cpu):8,.0f} per CPU second; bare "
            f"{median(theirs):8,.0f}; ratio {ratio:.2f}; p99 {median(slow):.0f} ms; {refused} refused",
            flush=True,
        )
        is_good = is_good and ratio >= 0.5
    return is_good


def sustained(seconds: float, part: float = 8) -> bool:
    """Offer 1/*part* of the yardstick for a while."""
    with yardstick() as bare:
        good, _, _ = _in_child(_round, load_http, bare.http, "")
    bare_rate = good * SPANS / SECONDS
    with (
        tempfile.TemporaryDirectory() as home,
        receiver(Path(home), max_bytes=3 << 30, journal_max_bytes=64 << 30) as server,
    ):
        before, begun, backlog = server.cpu_s, time.monotonic(), []
        rate = bare_rate / part / SPANS
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            sent = pool.apply_async(fresh_load, (server.http, seconds, rate))
            while not sent.ready():
                sent.wait(5)
                backlog.append(report_of(Path(home)))
                print(f"{time.monotonic() - begun:5.0f} s  RSS {server.rss_mb:5.0f} MB  {backlog[-1]}", flush=True)
            good, bad, took = sent.get()
        expected = good * RUNS
        while time.monotonic() - begun < seconds + 120 and stored(Path(home)) < expected:
            time.sleep(1)
        took_s, found = time.monotonic() - begun, stored(Path(home))
        cpu = good * SPANS / (server.cpu_s - before)
    print(
        f"bare {bare_rate:,.0f} spans/s; offered 1/{part:.0f} of it for {seconds:.0f} s: {good * SPANS:,} spans taken, "
        f"{bad} requests refused, p99 {took[int(len(took) * 0.99)] * 1000:.0f} ms; {found:,} of {expected:,} records "
        f"after {took_s:.0f} s; {cpu:,.0f} spans per CPU second"
    )
    return found == expected and not bad


def fresh_load(port: int, seconds: float, rate: float) -> tuple[int, int, list[float]]:
    """As `load_http`, with ids that are new in every request."""
    template = Template()

    class Endless(list[bytes]):
        def __len__(self) -> int:
            return 1 << 60

        def __getitem__(self, _: Any) -> Any:
            return template.new()

    return load_http(port, Endless(), "", seconds, rate)


def report_of(home: Path) -> str:
    segments = list((home / "journal").glob("*.journal"))
    size = sum(one.stat().st_size for one in segments if one.exists()) / 1e6
    return f"journal {size:,.0f} MB  {stored(home):,} records"


def stored(home: Path) -> int:
    import sqlite3

    if not (home / "records.db").exists():
        return 0
    with sqlite3.connect(f"file:{home / 'records.db'}?mode=ro", uri=True, timeout=30) as db:
        return int(db.execute("SELECT count(*) FROM records").fetchone()[0])


def bomb(_: int = 0) -> bytes:
    import zlib

    squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    return b"".join([*(squeezed.compress(zeros) for _ in range(20_000)), squeezed.flush()])


def memory() -> bool:
    """Fill it, then try to blow it up."""
    with tempfile.TemporaryDirectory() as home, receiver(Path(home), root_grace_s=600) as server:
        template = Template()
        for _ in range(40_000 // SPANS):
            load_one(server.http, template.new())
        time.sleep(3)
        full = server.rss_mb
        thing, answered = bomb(), list[float]()
        peak, is_over = full, threading.Event()

        def neighbour() -> None:
            nonlocal peak
            while not is_over.is_set():
                begun = time.monotonic()
                load_one(server.http, b"")
                answered.append(time.monotonic() - begun)
                peak = max(peak, server.rss_mb)
                time.sleep(0.01)

        beside = threading.Thread(target=neighbour)
        beside.start()
        answers = {load_one(server.http, thing, "gzip") for _ in range(100)}
        is_over.set()
        beside.join()
    answered.sort()
    print(
        f"40 000 open spans: RSS {full:.0f} MB; 100 bombs of {len(thing) / 1e6:.0f} MB answered with {answers}: up to "
        f"{peak - full:+.0f} MB; {len(answered)} requests of others meanwhile, "
        f"p99 {answered[int(len(answered) * 0.99)] * 1000:.0f} ms"
    )
    return full <= 600 and peak - full <= 100


def load_one(port: int, body: bytes, coding: str = "") -> int:
    """Send one request; gives the status, 0 if nobody answered."""
    headers = {"content-type": "application/x-protobuf"} | ({"content-encoding": coding} if coding else {})
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        with suppress(OSError):  # it may answer and close before everything is sent
            connection.request("POST", "/v1/traces", body, headers)
        try:
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


if __name__ == "__main__":
    what, number = [*sys.argv, "acknowledged"][1], sys.argv[2:3]
    if what == "acknowledged":
        is_met = acknowledged(int(number[0]) if number else 5, *sys.argv[3:4])
    elif what == "sustained":
        is_met = sustained(float(number[0]) if number else 300, *map(float, sys.argv[3:4]))
    else:
        is_met = memory()
    sys.exit(0 if is_met else 1)
