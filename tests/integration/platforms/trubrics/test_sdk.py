"""Trubrics' real SDK beside ours, in front of the same fake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from servers.trubrics import FakeTrubrics, send_with_sdk

from spanlabel.model import Record
from spanlabel.platforms.trubrics.mapping import to_event
from spanlabel.platforms.trubrics.writer import TrubricsWriter
from spanlabel.testing import make_record

pytestmark = pytest.mark.integration

KNOWN = make_record(1, conversation="talk-7", answer="日本語 <b>&amp;</b>\n")
CASES = [
    pytest.param(replace(KNOWN, metadata=KNOWN.metadata | {"user_id": "ada", "tags": ("a", "b")}), id="all is known"),
    pytest.param(replace(make_record(2), metadata={}), id="nothing is known"),
]


@pytest.mark.parametrize("record", CASES)
def test_the_same_event(fake: FakeTrubrics, make_writer: Callable[..., TrubricsWriter], record: Record) -> None:
    """
    From the same facts the SDK makes the event that we send.
    """
    writer = make_writer()
    writer.open()
    writer.write([record], timeout_s=60)
    send_with_sdk(fake.url, to_event(record, default_user_id="unknown"))

    ours, theirs = fake.events
    assert ours == theirs
    assert fake.requests == [0, 1, 1]
