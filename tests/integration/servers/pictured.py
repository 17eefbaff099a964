"""What the documentation's pictures show: one answer of a help desk, with all that the presets have a place for."""

from __future__ import annotations

import time
from dataclasses import replace

from spanlabel.model import Document, Message, Part, Record, Text, ToolCall, ToolResult
from spanlabel.testing import make_record

QUESTION = "The zip of the lid pocket is broken. Can I still send it back, and who pays for the parcel?"
ANSWER = """I'm sorry about the zip! Yes, you can:

1. **Send it back within 30 days** of delivery, so until 14 December 2026.
2. We pay for the parcel. Print the label here: https://acme.example.com/returns

Tell me whether you want your money back or a new backpack, and I will start it for order `A-1047`."""
OTHER_ANSWER = "Please contact support. A zip can often be repaired at home with a pair of pliers and some patience."

_DOCUMENTS = (
    Document("Goods with a fault may be sent back within 30 days of delivery. We pay for the parcel.", "returns", 0.91),
    Document("The Ridge 45 has two main compartments and a pocket in its lid. It weighs 1.6 kg.", "ridge-45", 0.43),
)


def help_desk(*, answers: tuple[str, ...] = (ANSWER,)) -> Record:
    """The record of the help desk.

    Args:
        answers: What the model said; several where it was asked for several.
    """

    def said(role: str, *parts: Part | str) -> Message:
        return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))

    found = {"order": "A-1047", "delivered": "2026-11-14"}
    messages = (
        said("system", "You are the help desk of Acme Outdoor. Be brief and friendly."),
        said("user", "Hi, I bought the Ridge 45 backpack last week."),
        said("assistant", ToolCall("find_order", {"product": "Ridge 45"}, "1")),
        said("tool", ToolResult(found, "1")),
        said("assistant", "Thanks! I can see your order A-1047, delivered on 14 November. How can I help?"),
        said("user", QUESTION),
    )
    record = make_record(1, prompt=QUESTION, conversation="chat-2291", service="help-desk")
    return replace(record, messages=messages, documents=_DOCUMENTS, answers=answers, time_ns=time.time_ns())
