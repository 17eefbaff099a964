"""The measure of redact: of 500 seeded secrets none is left in any byte that is written, whatever goes wrong."""

from __future__ import annotations

import base64
import json
import logging
import random
import string
import sys
from collections.abc import Sequence, Set
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from spanlabel import registry
from spanlabel.assembly import Limits
from spanlabel.compose import Running
from spanlabel.config.loading import load
from spanlabel.errors import Rejected
from spanlabel.metrics import Counts, Metric, check_conservation
from spanlabel.model import Record, Span
from spanlabel.ports import Outcome
from spanlabel.records import to_json
from spanlabel.rules.redaction import hiding
from spanlabel.testing import MemoryWriter, llm_span

SECRETS = 500
EACH = 5
"""Secrets of one run."""


class Secret(NamedTuple):
    """What somebody writes, and what of it nobody must find."""

    written: str
    hidden: str


class Draw(random.Random):
    """Secrets of all kinds, drawn from a seed."""

    def secrets(self, n: int) -> list[Secret]:
        """Draw *n*, each another one, of each kind about as many."""
        kinds = (self.email, self.phone, self.card, self.key)
        made: dict[str, Secret] = {}
        while len(made) < n:
            secret = kinds[len(made) % len(kinds)]()
            made[secret.hidden] = secret
        return list(made.values())

    def some(self, n: int, letters: str = string.ascii_letters + string.digits) -> str:
        return "".join(self.choices(letters, k=n))

    def digits(self, n: int) -> str:
        return self.some(n, string.digits)

    def email(self) -> Secret:
        name = self.choice(("anna", "bo.li", "chen_wei", "d.okafor+news", "f-x", "jürgen", "o%x"))
        domain = self.choice(
            ("example.com", "mail.example.org", "uni.example.ac.uk", "a-b.example.io", "müller.example")
        )
        return _bare(f"{name}{self.digits(5)}@{domain}")

    def phone(self) -> Secret:
        a, b = self.randrange(200, 1_000), self.randrange(200, 1_000)
        forms = (
            f"+1 ({a}) {b}-{self.digits(4)}",
            f"{a}-{b}-{self.digits(4)}",
            f"({a}) {b}-{self.digits(4)}",
            f"{a}{b}{self.digits(4)}",
            f"+49 {self.randrange(30, 999)} {self.randrange(10**6, 10**8)}",
            f"+44 20 {self.digits(4)} {self.digits(4)}",
            f"0{self.randrange(151, 180)}/{self.digits(7)}",
            f"0{self.randrange(1, 10)} {self.digits(2)} {self.digits(2)} {self.digits(2)} {self.digits(2)}",
            f"0044{self.randrange(10**9, 10**10)}",
        )
        return _bare(self.choice(forms))

    def card(self) -> Secret:
        start, length = self.choice((("4", 16), ("51", 16), ("37", 15), ("6011", 16), ("2221", 16), ("62", 19)))
        digits = start + self.digits(length - len(start) - 1)
        doubled = [int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(reversed(digits))]
        digits += str(-sum(n - 9 if n > 9 else n for n in doubled) % 10)
        separator = self.choice(("", "", " ", "-"))
        return _bare(separator.join(digits[at : at + 4] for at in range(0, length, 4)))

    def key(self) -> Secret:
        password = self.some(10)
        forms = (
            _bare(f"sk-{self.some(48)}"),
            _bare(f"sk-proj-{self.some(20)}_{self.some(20)}-{self.some(10)}"),
            _bare(f"sk_live_{self.some(24)}"),
            _bare(f"AKIA{self.some(16, string.ascii_uppercase + string.digits)}"),
            _bare(f"ghp_{self.some(36)}"),
            _bare(f"xoxb-{self.digits(12)}-{self.some(24)}"),
            _bare(f"AIza{self.some(35)}"),
            _bare(f"hf_{self.some(34)}"),
            _bare(f"eyJ{self.some(30)}.eyJ{self.some(60)}.{self.some(43)}"),
            _bare(f"a1{self.getrandbits(120):030x}"),
            _bare(base64.b64encode(self.randbytes(48)).decode()),
            Secret(f"password={password}", password),
            Secret(f'"client_secret": "{password}"', password),
            Secret(f"Authorization: Basic {password}", password),
            Secret(f"postgres://app:{password}@db/app", password),
            Secret(f"-----BEGIN PRIVATE KEY-----\n{password}\n-----END PRIVATE KEY-----", password),
        )
        return self.choice(forms)


def _bare(text: str) -> Secret:
    return Secret(text, text)


def run_with(number: int, secrets: Sequence[Secret], *, trace: int) -> Span:
    """A model call that is full of them: said in sentences, in JSON, to tools, and beside the messages."""
    a, b, c, d, e = (secret.written for secret in secrets)
    everything = {"list": [a, b], "within": {"text": f"({c})", d: f"{e}; 12 {c}"}}
    messages = [
        {"role": "user", "name": a, "parts": [{"type": "text", "content": f"I am {a}, reach me: {b}."}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "name": "find", "id": "1", "arguments": everything}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": json.dumps(everything)}]},
        {"role": "user", "parts": [{"type": "text", "content": f"Case {number}: <{a}>\n{b}\n'{c}'\t{d} and\n{e}"}]},
    ]
    more = {
        "gen_ai.input.messages": json.dumps(messages),
        "user.id": a,
        "gen_ai.conversation.id": b,
        "langfuse.trace.tags": [c, d],
        "langfuse.trace.metadata.note": e,
        "traceloop.association.properties.note": f"{a} {b} {c}",
    }
    return llm_span("", f"You said {a}, {b}, {c}, {d}, {e}!", trace=trace, system=f"Known: {c} {d}", more=more)


class QuotingWriter(MemoryWriter):
    """A platform that refuses some records and quotes them when it does, as many do."""

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        bad = [place for place, record in enumerate(batch) if int(record.trace_id, 16) % 10 == 3]
        if bad:
            raise Rejected(
                f"cannot parse: {to_json(batch[bad[0]])[-1_500:]}", culprits=tuple(bad), nothing_written=True
            )
        return super().write(batch, timeout_s=timeout_s, maybe_there=maybe_there)


@pytest.fixture
def quoting(monkeypatch: pytest.MonkeyPatch) -> QuotingWriter:
    """A platform of the name "quoting"."""

    class QuotingSettings(BaseSettings):
        model_config = SettingsConfigDict(frozen=True, extra="forbid")

    def mask(text: str) -> str:
        if "Case 17:" in text or "Case 40:" in text:
            raise ValueError(f"too much at once: {text}")
        return text

    writer = QuotingWriter()
    module = ModuleType("quoting_platform")
    vars(module).update(Settings=QuotingSettings, make_writer=lambda settings, home: writer, mask=mask)
    monkeypatch.setitem(sys.modules, "quoting_platform", module)
    platform = registry.Platform("quoting_platform:Settings", "quoting_platform:make_writer")
    monkeypatch.setitem(registry.PLATFORMS, "quoting", platform)  # type: ignore[arg-type] # it is a dictionary
    return writer


def found_in(content: bytes, secrets: Sequence[Secret]) -> list[str]:
    """Those that stand in *content*, plain or as JSON writes them."""
    forms = {
        secret.hidden: (
            secret.hidden.encode(),
            json.dumps(secret.hidden)[1:-1].encode(),
            secret.hidden.encode("utf-16-le"),
        )
        for secret in secrets
    }
    return [hidden for hidden, written in forms.items() if any(form in content for form in written)]


RULES = """
redact: [key, email, card, phone]
redact_with: quoting_platform:mask
dedup: 3600
destinations:
  - platform: local
  - platform: quoting
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_left(
    home: Path, quoting: QuotingWriter, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], seed: int
) -> None:
    """
    500 secrets in 100 runs, of which some are refused by a platform that quotes them, some are asked twice, some are
    never delivered, and some are dropped because the app's own function fails: no file, no log line, nothing printed
    and no platform holds any of them.
    """
    caplog.set_level(logging.DEBUG)
    secrets = Draw(seed).secrets(SECRETS)
    (home.parent / "spanlabel.yaml").write_text(RULES)
    runs = {at // EACH + 1: secrets[at : at + EACH] for at in range(0, SECRETS, EACH)}
    spans = [run_with(number, of, trace=number) for number, of in runs.items()]
    assert len(found_in(repr(spans).encode(), secrets)) > 0.95 * SECRETS  # repr writes a line's end in its own way
    counts = Counts()
    running = Running(load().settings, Limits.for_files(), counts)

    running.pipeline.accept(spans[:80], now_s=0)
    running.flush(0, everything=True)
    running.deliver(10)
    again = [run_with(number, of, trace=1_000 + number) for number, of in runs.items() if number % 10 == 1]
    running.pipeline.accept([*again, *spans[80:]], now_s=100)
    running.flush(100, everything=True)  # these wait

    logged = (
        "\n".join(f"{record.getMessage()} {record.exc_text} {record.args}" for record in caplog.records) + caplog.text
    )
    written = {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert {"outbox.db", "outbox.db-wal", "rules.db", "records.db"} <= {Path(name).name for name in written}
    platform = "\n".join(map(to_json, quoting.platform.records.values()))
    printed = capfd.readouterr()
    for name, content in {
        **written,
        "platform": platform.encode(),
        "log": logged.encode(),
        "printed": f"{printed.out}{printed.err}".encode(),
    }.items():
        assert found_in(content, secrets) == [], name
    dead = running.outbox.dead_letters("quoting")
    assert len(dead) == 8
    assert any("[email]" in letter.error for letter in dead)
    assert counts.total(Metric.PAIRS_DROPPED, rule="redact") == 2
    assert counts.total(Metric.PAIRS_DROPPED, rule="dedup") == counts.total(Metric.RECORDS_RECOUNTED) + 2 == 10
    assert "A pair is dropped (redact): ValueError was raised" in logged
    assert counts.total(Metric.RECORDS_WAITING, destination="quoting") > 0
    assert check_conservation(counts) == []
    running.close()


AROUND = (
    "see {}.",
    '"{}"',
    "({})",
    "<b>{}</b>",
    "x={}&y",
    "x: {};",
    "{}, {}",
    "/{}/",
    "_{}_",
    "**{}**",
    "-{}-",
    "%20{}%20",
    r"\n{}\n",
    r"{{\"a\": \"{}\"}}",
    "12 {} 13",
    "2026-11-21 {} 13:01",
    "12.5 {}",
    "@{}",
    "#{}",
    "id_{}",
    "..{}..",
    "\N{NO-BREAK SPACE}{}\N{NO-BREAK SPACE}",
    "\N{ZERO WIDTH SPACE}{}\N{ZERO WIDTH SPACE}",
    "\u65e5\u672c{}\u65e5\u672c",
)


@pytest.mark.parametrize("around", AROUND)
def test_whatever_stands_around(around: str) -> None:
    """
    In sentences, JSON, addresses, markup and between other numbers: other secrets than those above are hidden too.
    """
    hide = hiding(("key", "email", "card", "phone"), (), None)

    left = [
        secret for secret in Draw(1_000).secrets(SECRETS) if secret.hidden in hide(around.replace("{}", secret.written))
    ]

    assert left == []
